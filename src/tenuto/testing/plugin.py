"""The pytest plugin: a fresh `scenario` or `durable` for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tenuto.testing.durable import Durable
from tenuto.testing.scenario import Scenario


@pytest.fixture
def scenario() -> Iterator[Scenario]:
    """Give a node in memory on a virtual clock."""
    one = Scenario()
    yield one
    one.store.close()


@pytest.fixture
def durable() -> Iterator[Durable]:
    """Give a node in memory on a virtual clock, for workflows."""
    one = Durable()
    yield one
    one.close()
