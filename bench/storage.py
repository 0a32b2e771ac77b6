"""The storage alone, in the same run: the raw ceiling of bare inserts with fsync, and what a commit
of the store costs, of one turn and of 256 turns of the benchmark process.
"""

from __future__ import annotations

import sqlite3
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from bench.load import folder
from tenuto.engine.rows import InstanceRow, JobRow
from tenuto.keys import SLOTS, KeyMint
from tenuto.store.chain import next_commit
from tenuto.store.codec import leaf_of
from tenuto.store.port import Batch, JournalRow, LogHead
from tenuto.store.sqlite import SqliteStore

ROWS = 256
ROUNDS = 200
SINGLE_ROUNDS = 500
WARM_UP = 20
IN_FLIGHT = 2_000
TURNS_OF_ONE = 4
NOW = 1_790_000_000_000
BLOB, HEADER = bytes(150), bytes(50)


def run() -> dict[str, float]:
    """Insert 200-byte rows bare, and commit turns through the store."""
    with folder() as place:
        return {
            "storage.sqlite.ceiling_rows_per_second": _rows_per_second(place / "bare.db"),
            "storage.sqlite.commit1_p50_ms": _one_commit(place / "one.db"),
            "storage.sqlite.commit256_ms": _store_commit(place / "many.db", ROWS, ROUNDS),
            "storage.sqlite.commit1_ms": _store_commit(place / "single.db", 1, SINGLE_ROUNDS),
        }


# --- bare


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


# --- through the store


def _store_commit(path: Path, turns: int, rounds: int) -> float:
    """Return the median of a commit: for each turn a journal row, an instance, a job put and one
    deleted.
    """
    store = SqliteStore(path)
    head = store.open_log(node="bench", at=NOW)
    work = _turns()
    times = []
    for _ in range(rounds + WARM_UP):
        batch = _batch(head, [next(work) for _ in range(turns)])
        began = time.perf_counter()
        store.commit(batch)
        times.append(time.perf_counter() - began)
        head = head._replace(seq=batch.chain.seq, hash=batch.chain.hash)
    store.close()
    return statistics.median(times[WARM_UP:]) * 1e3


def _turns() -> Iterator[tuple[int, int]]:
    """Yield (instance, version) as 2,000 instances in flight would, one turn each in turn."""
    mint = KeyMint()
    now = NOW
    while True:
        now += 1
        keys = [mint.mint(now, number * 7 % SLOTS) for number in range(IN_FLIGHT)]
        for version in range(1, TURNS_OF_ONE + 1):
            yield from ((key, version) for key in keys)


def _batch(head: LogHead, turns: list[tuple[int, int]]) -> Batch:
    leaves = [leaf_of(key, version, HEADER, BLOB) for key, version in turns]
    chain = next_commit(head, NOW, leaves)
    journal = [
        JournalRow(chain.log, chain.seq, n, *turn, leaf, HEADER, BLOB)
        for n, (turn, leaf) in enumerate(zip(turns, leaves, strict=True))
    ]
    instances = [_instance(key, version) for key, version in turns]
    jobs = [_job(key, version) for key, version in turns if version < TURNS_OF_ONE]
    done = [(key, version - 1) for key, version in turns if version > 1]
    return Batch(chain, journal, {"instance": instances, "job": jobs}, {"job": done})


def _instance(key: int, version: int) -> InstanceRow:
    is_live = version < TURNS_OF_ONE
    status, ended = ("active", None) if is_live else ("completed", NOW)
    return InstanceRow(key, "w1", 1, None, status, version, None, NOW, ended, 0, None)


def _job(key: int, version: int) -> JobRow:
    name, due = f"Step_{version}", NOW + 60_000
    return JobRow(key, version, "step", "w1", name, "leased", 3, due, NOW, 1, version, 1, 0)
