"""The write-ahead log of SQLite does not grow without end under a writer that never pauses."""

from __future__ import annotations

from tenuto.engine.rows import PayloadRow
from tenuto.store import sqlite
from tenuto.store.chain import next_commit
from tenuto.store.port import Batch
from tenuto.store.sqlite import SqliteStore

LIMIT = 256 << 10


def write(store, count):
    """Commit payloads one by one."""
    head = store.open_log(node="test", at=1)
    for number in range(count):
        row = PayloadRow(number.to_bytes(32, "big"), 1, bytes(4_000))
        chain = next_commit(head, number, ())
        store.commit(Batch(chain, [], {"payload": [row]}, {}))
        head = head._replace(seq=chain.seq, hash=chain.hash)


def test_wal_begins_anew_while_commits_go_on(tmp_path, monkeypatch):
    """After many times its limit in writes the WAL is near its limit still."""
    monkeypatch.setattr(sqlite, "CHECKPOINT_BYTES", LIMIT)
    monkeypatch.setattr(sqlite, "CHECKPOINT_SECONDS", 0.001)
    monkeypatch.setattr(sqlite, "WAL_AHEAD_BYTES", LIMIT)
    path = tmp_path / "t.db"
    store = SqliteStore(path)
    write(store, 2_000)

    written = path.stat().st_size
    wal = (tmp_path / "t.db-wal").stat().st_size
    store.close()
    assert written > 10 * LIMIT
    assert wal < 10 * LIMIT


def test_commits_before_the_zeros_of_a_longer_wal_are_there(tmp_path):
    """A process that dies with a WAL longer than its frames loses none of them."""
    path, copy = tmp_path / "t.db", tmp_path / "copy.db"
    store = SqliteStore(path)
    write(store, 100)
    wal = (tmp_path / "t.db-wal").read_bytes()
    copy.write_bytes(path.read_bytes())
    (tmp_path / "copy.db-wal").write_bytes(wal)
    store.close()

    other = SqliteStore(copy)
    reader = other.reader()
    found = len(reader.rows("payload"))
    reader.close()
    other.close()
    assert wal.endswith(bytes(len(sqlite.WAL_PIECE)))
    assert found == 100


def test_a_short_visit_leaves_the_wal_as_it_is(tmp_path):
    """A command that commits a few times does not pay for a long WAL."""
    store = SqliteStore(tmp_path / "t.db")
    write(store, 5)

    size = (tmp_path / "t.db-wal").stat().st_size
    store.close()
    assert size < len(sqlite.WAL_PIECE)
