"""The raw ceiling of the storage, in the same run: bare multi-row inserts with fsync, and one
commit alone.
"""

from __future__ import annotations

import sqlite3
import statistics
import time
from pathlib import Path

from bench.load import folder

ROWS = 256
ROUNDS = 200


def run() -> dict[str, float]:
    """Insert 200-byte rows, 256 a commit and one a commit."""
    with folder() as place:
        return {
            "storage.sqlite.ceiling_rows_per_second": _rows_per_second(place / "bare.db"),
            "storage.sqlite.commit1_p50_ms": _one_commit(place / "one.db"),
        }


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE bare (a INTEGER, b INTEGER, c BLOB, PRIMARY KEY (a, b))")
    return connection


def _rows_per_second(path: Path) -> float:
    connection = _connect(path)
    text = "INSERT INTO bare VALUES " + ", ".join(["(?, ?, ?)"] * ROWS)
    began = time.perf_counter()
    for round_number in range(ROUNDS):
        values = [value for n in range(ROWS) for value in (round_number, n, bytes(200))]
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(text, values)
        connection.execute("COMMIT")
    seconds = time.perf_counter() - began
    connection.close()
    return ROWS * ROUNDS / seconds


def _one_commit(path: Path) -> float:
    connection = _connect(path)
    times = []
    for n in range(500):
        began = time.perf_counter()
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO bare VALUES (?, 1, ?)", (n, bytes(200)))
        connection.execute("COMMIT")
        times.append(time.perf_counter() - began)
    connection.close()
    return statistics.median(times) * 1e3
