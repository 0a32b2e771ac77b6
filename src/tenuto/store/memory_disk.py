"""The memory disk: committed rows with their indexes, changed by whole batches only.

It survives the store that writes it, so that a test can lose the process and open the disk again.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from tenuto.engine import rows as r
from tenuto.errors import Sealed, StoreRefused
from tenuto.store.kinds import refuse_unkeepable
from tenuto.store.ordered import Key, SortedKeys
from tenuto.store.port import Batch, ChainRow, JournalRow, StoredInstance, task_order
from tenuto.store.tombstones import OWNER

CLUSTER = b"memory"
Index = Callable[[Any], Key | None]


def _job_ready(row: r.JobRow) -> Key | None:
    return (row.type, row.created_at, *row[:2]) if row.status == "ready" else None


def _job_waiting(row: r.JobRow) -> Key | None:
    waits = row.status == "waiting" and row.due_at is not None
    return (row.type, row.due_at, *row[:2]) if waits else None


def _job_back_off(row: r.JobRow) -> Key | None:
    waits = row.status == "waiting" and row.due_at is not None
    return (row.due_at, *row[:2]) if waits else None


def _job_leased(row: r.JobRow) -> Key | None:
    return (row.due_at, *row[:2]) if row.status == "leased" and row.due_at is not None else None


def _job_holder(row: r.JobRow) -> Key | None:
    return row[:2] if row.status == "leased" and row.log is not None else None


def _business_key(row: r.InstanceRow) -> Key | None:
    return None if row.business_key is None else (row.business_key, row.key)


INDEXES: dict[str, dict[str, Index]] = {
    "job": {
        "ready": _job_ready,
        "waiting": _job_waiting,
        "back_off": _job_back_off,
        "leased": _job_leased,
        "holder": _job_holder,
    },
    "instance": {"business_key": _business_key},
    "user_task": {"order": task_order},
    "timer": {"due": lambda row: (row.due_at, *row[:2])},
    "message": {"expiry": lambda row: (row.expires_at, *row[:2])},
    "outbox": {"order": lambda row: (row.number, *row[:3])},
}


class MemoryTable:
    """The rows of one table by primary key, with its indexes; an entry ends with the key."""

    def __init__(self, table: str) -> None:
        """Begin empty."""
        self.name = table
        self.width = r.KEY_WIDTH[dict(r.TABLES)[table]]
        self.rows: dict[Key, Any] = {}
        self.keys = SortedKeys()
        self.indexes = {name: SortedKeys() for name in INDEXES.get(table, {})}
        self._entries = tuple(
            (self.indexes[name], entry) for name, entry in INDEXES.get(table, {}).items()
        )

    def put(self, row: Any) -> None:
        """Insert a row or replace the one with its key."""
        key = tuple(row[: self.width])
        before = self.rows.get(key)
        if before is None:
            self.keys.add(key)
        elif self.name == "instance" and row.snapshot is None:
            row = row._replace(snapshot=before.snapshot)
        elif self.name == "payload" and before.data is not None:
            return
        self.rows[key] = row
        for index, entry in self._entries:
            old = None if before is None else entry(before)
            new = entry(row)
            if old != new:
                if old is not None:
                    index.remove(old)
                if new is not None:
                    index.add(new)

    def delete(self, key: Key) -> None:
        """Remove a row if it is there."""
        row = self.rows.pop(key, None)
        if row is None:
            return
        self.keys.remove(key)
        for index, entry in self._entries:
            old = entry(row)
            if old is not None:
                index.remove(old)

    def of(self, keys: Iterable[Key]) -> Iterator[Any]:
        """Yield the rows of those keys that are there."""
        for key in keys:
            row = self.rows.get(key)
            if row is not None:
                yield row

    def indexed(self, entries: Iterable[Key]) -> Iterator[Any]:
        """Yield the rows that index entries lead to."""
        for entry in entries:
            yield self.rows[entry[-self.width :]]


class MemoryDisk:
    """What stays when the process is lost. Readers of other threads hold `lock` while they read."""

    def __init__(self, cluster: bytes = CLUSTER) -> None:
        """Begin empty."""
        self.cluster = cluster
        self.lock = threading.Lock()
        self.chain: dict[Key, ChainRow] = {}
        self.commits = SortedKeys()
        self.opened: dict[int, str] = {}
        self.sealed: dict[int, int] = {}
        self.turns: dict[Key, JournalRow] = {}
        self.places = SortedKeys()
        self.journal: dict[int, list[JournalRow]] = {}
        self.tables = {table: MemoryTable(table) for table, _ in r.TABLES}

    # --- what would be refused

    def check(self, batch: Batch) -> None:
        """Refuse what a database refuses, before anything is changed."""
        chain = batch.chain
        if chain[:2] in self.chain:
            raise Sealed(
                f"expected commit {chain.seq} of log {chain.log} to be free, but another process "
                "has sealed the log; this one must stop"
            )
        refuse_unkeepable("chain", [chain])
        refuse_unkeepable("journal", batch.journal)
        for table, rows in batch.puts.items():
            refuse_unkeepable(table, rows)
        places: set[Key] = set()
        versions: set[tuple[int, int]] = set()
        for turn in batch.journal:
            turn_of = (turn.aggregate, turn.version)
            if turn_of in versions or self._has_turn(turn):
                raise StoreRefused(f"turn {turn.version} of {turn.aggregate} exists already")
            if turn[:3] in places or turn[:3] in self.turns:
                raise StoreRefused(f"turn {turn.n} of commit {turn.seq} exists already")
            versions.add(turn_of)
            places.add(turn[:3])

    def _has_turn(self, turn: JournalRow) -> bool:
        known = self.journal.get(turn.aggregate)
        if not known or known[-1].version < turn.version:
            return False
        at = bisect_left(known, turn.version, key=_version)
        return at < len(known) and known[at].version == turn.version

    # --- what changes

    def apply(self, batch: Batch) -> None:
        """Make a checked batch part of what is there."""
        with self.lock:
            self.append(batch.chain)
            for turn in batch.journal:
                self._keep(turn)
            for table, rows in batch.puts.items():
                put = self.tables[table].put
                for row in rows:
                    put(row)
            for table, keys in batch.deletes.items():
                delete = self.tables[table].delete
                for key in keys:
                    delete(tuple(key))

    def append(self, row: ChainRow) -> None:
        """Add a commit to its log."""
        self.chain[row[:2]] = row
        self.commits.add(row[:2])

    def _keep(self, turn: JournalRow) -> None:
        self.turns[turn[:3]] = turn
        self.places.add(turn[:3])
        known = self.journal.setdefault(turn.aggregate, [])
        if not known or known[-1].version < turn.version:
            known.append(turn)
        else:
            known.insert(bisect_left(known, turn.version, key=_version), turn)

    def prune(self, aggregate: int, upto: int) -> int:
        """Forget the bytes of turns up to a version; return of how many."""
        known = self.journal.get(aggregate, [])
        count = 0
        with self.lock:
            for at, turn in enumerate(known):
                if turn.version <= upto and turn.blob is not None:
                    known[at] = self.turns[turn[:3]] = turn._replace(blob=None)
                    count += 1
        return count

    def forget(self, ended: frozenset[int], deletes: dict[str, Sequence[Key]]) -> None:
        """Delete the rows of instances, their natural keys, and those further rows that are
        theirs.
        """
        with self.lock:
            for key in ended:
                self.tables["instance"].delete((key,))
            natural = self.tables["natural_key"]
            for named in [name for name, row in natural.rows.items() if row.instance in ended]:
                natural.delete(named)
            for table, keys in deletes.items():
                held, owner = self.tables[table], OWNER[table]
                for row in list(held.of(keys)):
                    if getattr(row, owner) in ended:
                        held.delete(row[: held.width])

    def erase(self, key: Key) -> bool:
        """Forget the bytes of a payload; tell whether they were there."""
        payloads = self.tables["payload"].rows
        row = payloads.get(key)
        if row is None or row.data is None:
            return False
        with self.lock:
            payloads[key] = row._replace(data=None)
        return True

    # --- what is read

    def head(self, log: int) -> ChainRow | None:
        """Return the newest commit of a log."""
        place = next(self.commits.below((log + 1,)), None)
        return self.chain[place] if place is not None and place[0] == log else None

    def turns_after(self, aggregate: int, version: int) -> Sequence[JournalRow]:
        """Return the turns of an aggregate above a version, in order."""
        known = self.journal.get(aggregate, [])
        return known[bisect_left(known, version + 1, key=_version) :]

    def instance(self, key: int) -> StoredInstance | None:
        """Return one instance with the journal after its snapshot."""
        row = self.tables["instance"].rows.get((key,))
        if row is None:
            return None
        later = self.turns_after(key, row.snapshot_version)
        return StoredInstance(row, [(turn.header, turn.blob) for turn in later])


def _version(turn: JournalRow) -> int:
    return turn.version
