"""The write-ahead log of SQLite does not grow without end under a writer that never pauses."""

from __future__ import annotations

from tenuto.engine.rows import PayloadRow
from tenuto.store import sqlite
from tenuto.store.chain import next_commit
from tenuto.store.port import Batch
from tenuto.store.sqlite import SqliteStore

LIMIT = 256 << 10


def test_wal_begins_anew_while_commits_go_on(tmp_path, monkeypatch):
    """After many times its limit in writes the WAL is near its limit still."""
    monkeypatch.setattr(sqlite, "CHECKPOINT_BYTES", LIMIT)
    monkeypatch.setattr(sqlite, "CHECKPOINT_SECONDS", 0.001)
    path = tmp_path / "t.db"
    store = SqliteStore(path)
    head = store.open_log(node="test", at=1)

    for number in range(2_000):
        row = PayloadRow(number.to_bytes(32, "big"), 1, bytes(4_000))
        chain = next_commit(head, number, ())
        store.commit(Batch(chain, [], {"payload": [row]}, {}))
        head = head._replace(seq=chain.seq, hash=chain.hash)

    written = path.stat().st_size
    wal = (tmp_path / "t.db-wal").stat().st_size
    store.close()
    assert written > 10 * LIMIT
    assert wal < 10 * LIMIT
