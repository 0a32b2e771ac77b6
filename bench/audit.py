"""Checking the chain: turns whose bytes, leaves and roots are recomputed in a second."""

from __future__ import annotations

import time

from bench.load import folder
from tenuto.store.audit import verify_chain
from tenuto.store.sqlite import SqliteStore
from tenuto.store.sqlite_reader import open_reader
from tenuto.testing.batches import Pen

COMMITS = 400
TURNS = 250


def run() -> dict[str, float]:
    """Audit 100,000 turns in commits of 250 on SQLite."""
    with folder() as place:
        path = place / "audit.db"
        store = SqliteStore(path)
        pen = Pen(store)
        for version in range(1, COMMITS + 1):
            pen.commit(turns=[(key, version) for key in range(1, TURNS + 1)])
        store.close()
        with open_reader(path) as reader:
            began = time.perf_counter()
            report = verify_chain(reader)
            seconds = time.perf_counter() - began
    assert report.is_sound, report.findings
    assert report.turns == COMMITS * TURNS, report
    return {"audit.turns_per_second": report.turns / seconds}
