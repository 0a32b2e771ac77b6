"""SIGKILL under load, again and again: nothing acknowledged is lost, no committed step runs
again.
"""

from __future__ import annotations

import os

import pytest

from tests.crash.http_ledger import HttpLedger
from tests.crash.ledger import Ledger

SEED = int(os.environ.get("TENUTO_SEED") or 20_261_122)


def kill_and_reconcile(ledger: Ledger, kills: int) -> None:
    """Kill that many lives, let one end, and reconcile."""
    for kill in range(kills):
        ledger.random_life(SEED + kill)
    assert ledger.live(seed=SEED)
    ledger.reconcile()


@pytest.mark.crash
@pytest.mark.timeout(240)
def test_ten_kills_lose_nothing(tmp_path):
    """Ten lives are killed at named phases and random instants; the eleventh ends the work."""
    kill_and_reconcile(Ledger(tmp_path / "crash.db", 1_500), 10)


@pytest.mark.crash
@pytest.mark.timeout(240)
def test_ten_kills_of_a_server_lose_nothing(tmp_path):
    """Every start that HTTP answered with 201 exists once, whenever the server was killed."""
    kill_and_reconcile(HttpLedger(tmp_path / "crash.db", 800), 10)


@pytest.mark.soak
@pytest.mark.timeout(3_600)
def test_a_hundred_kills_of_a_server_lose_nothing(tmp_path):
    """A hundred servers are killed; the next one ends the work."""
    kill_and_reconcile(HttpLedger(tmp_path / "crash.db", 5_000), 100)


@pytest.mark.soak
@pytest.mark.timeout(3_600)
def test_a_hundred_kills_lose_nothing(tmp_path):
    """A hundred lives are killed; the next one ends the work."""
    kill_and_reconcile(Ledger(tmp_path / "crash.db", 20_000), 100)
