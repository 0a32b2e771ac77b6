"""Batches for testing a store: rows with every field filled, and a pen that chains commits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tenuto.engine import rows as r
from tenuto.engine.stored import digest_of
from tenuto.store.chain import next_commit
from tenuto.store.codec import leaf_of, pack_blob
from tenuto.store.headers import Header, encode_header
from tenuto.store.port import Batch, InstanceQuery, JournalRow, Reader, Store

NAMES: dict[type[Any], str] = {kind: table for table, kind in r.TABLES}
EVERYTHING = 1 << 31
START = 1_000


def instance(key: int, **fields: Any) -> r.InstanceRow:
    """Return an instance row."""
    row = r.InstanceRow(key, "claim", 1, None, "active", 1, None, START, None, 0, None)
    return row._replace(**fields)


def job(key: int, element: int = 1, **fields: Any) -> r.JobRow:
    """Return the row of a ready job."""
    row = r.JobRow(
        key, element, "pay", "claim", "Pay", "ready", 3, None, START, 0, 0, log=None, crashes=0
    )
    return row._replace(**fields)


def user_task(key: int, element: int = 1, **fields: Any) -> r.UserTaskRow:
    """Return the row of a user task."""
    row = r.UserTaskRow(
        key, element, "claim", "Review", "Review", None, "[]", "[]", None, None, 50, None, START
    )
    return row._replace(**fields)


def timer(aggregate: int, number: int = 1, due_at: int = START) -> r.TimerRow:
    """Return the row of a timer."""
    return r.TimerRow(aggregate, number, due_at, "Wait")


def subscription(mailbox: int, key: int, position: int = 1, **fields: Any) -> r.SubscriptionRow:
    """Return the row of an element that waits for a message."""
    row = r.SubscriptionRow(mailbox, key, 1, "papers", "K-1", "claim", "Papers", position, None)
    return row._replace(**fields)


def message(mailbox: int, number: int = 1, expires_at: int = START) -> r.MessageRow:
    """Return the row of a kept message."""
    return r.MessageRow(mailbox, number, "papers", "K-1", None, START, expires_at, b"", b"")


def queue_entry(queue: int, number: int = 1, status: str = "waiting") -> r.QueueEntryRow:
    """Return the row of an entry of a queue."""
    return r.QueueEntryRow(queue, number, 1, "send#1", "K-1", 0, "", START, 0, None, None, status)


def signal(name: str, key: int, number: int = 1) -> r.SignalRow:
    """Return the row of an element that waits for a signal."""
    return r.SignalRow(name, key, number, "Alarm", START)


def incident(key: int, number: int = 1) -> r.IncidentRow:
    """Return the row of an incident."""
    return r.IncidentRow(key, number, "claim", 1, "Pay", "job-failed", "no answer", START)


def payload(aggregate: int, data: bytes) -> r.PayloadRow:
    """Return the row of a value that is kept by reference."""
    return r.PayloadRow(digest_of(data), aggregate, data)


def dedupe(key: str, owner: int) -> r.DedupeRow:
    """Return the row of an idempotency key that started an instance."""
    return r.DedupeRow("start:claim", key, b"same", b"", owner, START)


def natural_key(owner: int) -> r.NaturalKeyRow:
    """Return the row of a natural key."""
    return r.NaturalKeyRow("claim", b"digest", owner, None, None)


class Pen:
    """Opens a log of a store and writes commits after one another."""

    def __init__(self, store: Store, *, at: int = START) -> None:
        """Open a log; whoever wrote before is sealed."""
        self.store = store
        self.at = at
        self.head = store.open_log(node="pen", at=at)

    def batch(
        self,
        *rows: r.Row,
        turns: Iterable[tuple[int, int]] = (),
        deletes: dict[str, Sequence[tuple[object, ...]]] | None = None,
    ) -> Batch:
        """Return the next commit: rows to put, turns as (aggregate, version), keys to delete."""
        seq = self.head.seq + 1
        journal = [self._turn(seq, n, *turn) for n, turn in enumerate(turns)]
        chain = next_commit(self.head, self.at, [turn.leaf for turn in journal])
        puts: dict[str, list[r.Row]] = {}
        for row in rows:
            puts.setdefault(NAMES[type(row)], []).append(row)
        return Batch(chain, journal, dict(puts), deletes or {})

    def _turn(self, seq: int, n: int, aggregate: int, version: int) -> JournalRow:
        header = encode_header(Header("StartInstance", self.at, 1))
        blob = pack_blob(f"turn {version} of {aggregate}".encode())
        leaf = leaf_of(aggregate, version, header, blob)
        return JournalRow(self.head.log, seq, n, aggregate, version, leaf, header, blob)

    def write(self, batch: Batch) -> Batch:
        """Commit a batch and stand after it."""
        self.store.commit(batch)
        self.head = self.head._replace(seq=batch.chain.seq, hash=batch.chain.hash)
        return batch

    def commit(self, *rows: r.Row, **parts: Any) -> Batch:
        """Make a batch and commit it; takes what `batch` takes."""
        return self.write(self.batch(*rows, **parts))


def contents(store: Store) -> dict[str, list[Any]]:
    """Return everything that a reader sees of a store: tables, chains and journals in order."""
    reader = store.reader()
    try:
        return read_all(reader)
    finally:
        reader.close()


def read_all(reader: Reader) -> dict[str, list[Any]]:
    """Return everything that a reader sees."""
    found: dict[str, list[Any]] = {
        table: list(reader.rows(table, limit=EVERYTHING)) for table, _ in r.TABLES
    }
    logs = reader.logs()
    found["chain"] = [row for log in logs for row in reader.chain(log, 0, EVERYTHING)]
    found["journal"] = [
        turn for log in logs for turn in reader.turns_of_log(log, (0, -1), EVERYTHING)
    ]
    found["instances"] = list(reader.instances(InstanceQuery(limit=EVERYTHING)))
    return found
