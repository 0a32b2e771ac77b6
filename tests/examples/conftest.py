"""The claims process on a virtual clock, with a ledger of its own for each test."""

from collections.abc import Iterator

import pytest

from examples.claims import handlers
from tenuto.testing import Scenario
from tenuto.worker.handlers import handlers_of
from tests.examples.reports import CLAIMS


@pytest.fixture(autouse=True)
def ledger(tmp_path, monkeypatch):
    """Keep the payments of a test in a folder of its own."""
    monkeypatch.setenv("CLAIMS_LEDGER", str(tmp_path / "books" / "ledger.db"))


@pytest.fixture
def claims() -> Iterator[Scenario]:
    """Give the claims process, deployed, with its handlers."""
    scenario = Scenario(handlers=handlers_of(handlers))
    scenario.deploy(CLAIMS / "claims.bpmn", CLAIMS / "claims.dmn")
    yield scenario
    scenario.store.close()
