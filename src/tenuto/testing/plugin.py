"""The pytest plugin: a fresh `scenario` for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tenuto.testing.scenario import Scenario


@pytest.fixture
def scenario() -> Iterator[Scenario]:
    """Give a node in memory on a virtual clock."""
    one = Scenario()
    yield one
    one.store.close()
