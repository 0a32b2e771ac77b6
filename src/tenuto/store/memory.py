"""Memory: the store port on dicts, for tests, the virtual clock and the simulator.

A `MemoryDisk` survives its store, so that a test can lose the process and open the disk again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from tenuto.engine import rows as r
from tenuto.errors import Sealed, StoreRefused
from tenuto.keys import COUNTER_BITS, SLOT_BITS
from tenuto.store.chain import next_commit
from tenuto.store.port import (
    Batch,
    ChainRow,
    InstanceQuery,
    JournalRow,
    LogHead,
    StoredAggregate,
    StoredInstance,
)

CLUSTER = b"memory"
Key = tuple[Any, ...]
WIDTH: dict[str, int] = {table: r.KEY_WIDTH[kind] for table, kind in r.TABLES}


class MemoryDisk:
    """What stays when the process is lost: the chain, the journal and the rows."""

    def __init__(self) -> None:
        """Begin empty."""
        self.chain: dict[tuple[int, int], ChainRow] = {}
        self.heads: dict[int, ChainRow] = {}
        self.sealed: dict[int, int] = {}
        self.journal: dict[int, list[JournalRow]] = {}
        self.turns: dict[tuple[int, int], list[JournalRow]] = {}
        self.tables: dict[str, dict[Key, Any]] = {table: {} for table, _ in r.TABLES}
        self.groups: dict[str, dict[Any, dict[Key, None]]] = {table: {} for table, _ in r.TABLES}


class MemoryStore:
    """The store port on a memory disk. `on_phase` is told each phase of a commit (tests)."""

    def __init__(
        self, disk: MemoryDisk | None = None, *, on_phase: Callable[[str], None] | None = None
    ) -> None:
        """Open a disk, a new one unless it is given."""
        self.disk = disk if disk is not None else MemoryDisk()
        self._phase = on_phase or _no_phase

    def open_log(self, *, node: str, at: int) -> LogHead:
        """Begin a new log and seal every other one."""
        disk = self.disk
        sealed = []
        for log, last in list(disk.heads.items()):
            if log not in disk.sealed:
                head = LogHead(log, last.seq, last.hash, 0)
                seal = next_commit(head, at, (), kind="seal")
                self._append(seal)
                disk.sealed[log] = at
                sealed.append((log, seal.seq, seal.hash))
        log = max(disk.heads, default=0) + 1
        note = msgspec.msgpack.encode({"cluster": CLUSTER, "seals": sealed})
        opened = next_commit(LogHead(log, 0, bytes(32), 0), at, (), kind="open", note=note)
        self._append(opened)
        newest = max((key[0] for key in disk.tables["instance"]), default=0)
        return LogHead(log, opened.seq, opened.hash, newest >> (SLOT_BITS + COUNTER_BITS))

    def _append(self, row: ChainRow) -> None:
        self.disk.chain[(row.log, row.seq)] = row
        self.disk.heads[row.log] = row

    def commit(self, batch: Batch) -> None:
        """Write a batch whole or not at all; the chain row is the fence."""
        for phase in ("before_begin", "after_begin"):
            self._phase(phase)
        chain = batch.chain
        if (chain.log, chain.seq) in self.disk.chain:
            raise Sealed(
                f"expected commit {chain.seq} of log {chain.log} to be free, but another process "
                "has sealed the log; this one must stop"
            )
        self._check(batch)
        for phase in ("after_chain", "after_journal", "after_puts", "before_commit"):
            self._phase(phase)
        self._append(chain)
        if batch.journal:
            self.disk.turns[(chain.log, chain.seq)] = list(batch.journal)
        for turn in batch.journal:
            self.disk.journal.setdefault(turn.aggregate, []).append(turn)
        for table, rows in batch.puts.items():
            for row in rows:
                self._put(table, row)
        for table, keys in batch.deletes.items():
            for key in keys:
                self._delete(table, tuple(key))
        self._phase("after_commit")

    def _check(self, batch: Batch) -> None:
        """Refuse what the unique index over (aggregate, version) refuses."""
        newest: dict[int, int] = {}
        for turn in batch.journal:
            last = newest.get(turn.aggregate)
            if last is None:
                known = self.disk.journal.get(turn.aggregate)
                last = known[-1].version if known else 0
            if turn.version <= last:
                raise StoreRefused(f"turn {turn.version} of {turn.aggregate} exists already")
            newest[turn.aggregate] = turn.version

    def _put(self, table: str, row: Any) -> None:
        key = tuple(row[: WIDTH[table]])
        held = self.disk.tables[table]
        before = held.get(key)
        if table == "instance" and row.snapshot is None and before is not None:
            row = row._replace(snapshot=before.snapshot)
        if table == "payload" and before is not None:
            return
        held[key] = row
        group = _group(table, row)
        if before is not None and _group(table, before) != group:
            self._ungroup(table, key, before)
        self.disk.groups[table].setdefault(group, {})[key] = None

    def _delete(self, table: str, key: Key) -> None:
        row = self.disk.tables[table].pop(key, None)
        if row is not None:
            self._ungroup(table, key, row)

    def _ungroup(self, table: str, key: Key, row: Any) -> None:
        groups = self.disk.groups[table]
        group = _group(table, row)
        members = groups[group]
        del members[key]
        if not members:
            del groups[group]

    def chain_hash(self, log: int, seq: int) -> bytes | None:
        """Return the hash of a commit, or None."""
        found = self.disk.chain.get((log, seq))
        return None if found is None else found.hash

    # --- loads

    def _members(self, table: str, group: Any) -> list[Any]:
        held = self.disk.tables[table]
        return [held[key] for key in self.disk.groups[table].get(group, ())]

    def load_instances(self, keys: Sequence[int]) -> list[StoredInstance]:
        """Return those of `keys` that exist."""
        found = (_stored_instance(self.disk, key) for key in keys)
        return [stored for stored in found if stored is not None]

    def load_aggregates(self, keys: Sequence[int]) -> list[StoredAggregate]:
        """Return those of `keys` that exist."""
        held = self.disk.tables["aggregate"]
        rows = (held.get((key,)) for key in keys)
        return [StoredAggregate(row.key, row.version, row.snapshot) for row in rows if row]

    def load_mailbox(self, key: int) -> tuple[list[r.SubscriptionRow], list[r.MessageRow]]:
        """Return the rows of a mailbox in order."""
        subscriptions = sorted(self._members("subscription", key), key=lambda row: row.position)
        return subscriptions, sorted(self._members("message", key))

    def load_payloads(self, aggregate: int, digests: Sequence[bytes]) -> dict[bytes, bytes | None]:
        """Return the bytes of payloads by digest."""
        held = self.disk.tables["payload"]
        rows = {digest: held.get((digest, aggregate)) for digest in digests}
        return {digest: row.data for digest, row in rows.items() if row is not None}

    def load_jobs(self, keys: Sequence[tuple[int, int]]) -> list[r.JobRow]:
        """Return the job rows that exist."""
        held = self.disk.tables["job"]
        return [held[key] for key in keys if key in held]

    def ready_jobs(self, types: Iterable[str], now: int, limit: int) -> list[r.JobRow]:
        """Return jobs that may be leased, oldest first by type."""
        found: list[r.JobRow] = []
        for kind in types:
            ready = self._members("job", (kind, "ready"))
            due = [
                row for row in self._members("job", (kind, "waiting")) if (row.due_at or 0) <= now
            ]
            found += sorted(ready, key=lambda row: row.created_at)
            found += sorted(due, key=lambda row: row.due_at or 0)
            if len(found) >= limit:
                break
        return found[:limit]

    def _jobs(self, status: str) -> list[r.JobRow]:
        groups = [group for group in self.disk.groups["job"] if group[1] == status]
        return [row for group in groups for row in self._members("job", group)]

    def expired_jobs(self, now: int, limit: int) -> list[r.JobRow]:
        """Return leased jobs whose lease ended."""
        due = [row for row in self._jobs("leased") if row.due_at is not None and row.due_at <= now]
        return sorted(due, key=lambda row: row.due_at or 0)[:limit]

    def orphaned_jobs(self, log: int, limit: int) -> list[r.JobRow]:
        """Return jobs leased to another log."""
        return sorted(row for row in self._jobs("leased") if row.log != log)[:limit]

    def next_job_due(self, now: int) -> int | None:
        """Return when the next back-off after `now` ends."""
        dues = (row.due_at for row in self._jobs("waiting") if row.due_at is not None)
        return min((due for due in dues if due > now), default=None)

    def due_timers(self, now: int, limit: int) -> list[r.TimerRow]:
        """Return timers that are due, earliest first."""
        due = sorted(at for at in self.disk.groups["timer"] if at <= now)
        rows = [row for at in due for row in self._members("timer", at)]
        return rows[:limit]

    def next_timer_due(self) -> int | None:
        """Return when the next timer is due."""
        return min(self.disk.groups["timer"], default=None)

    def outbox(self, limit: int) -> list[r.OutboxRow]:
        """Return undelivered commands in order."""
        rows = self.disk.tables["outbox"].values()
        return sorted(rows, key=lambda row: row.number)[:limit]

    def expired_messages(self, now: int, limit: int) -> list[r.MessageRow]:
        """Return kept messages past their time."""
        rows = self.disk.tables["message"].values()
        due = [row for row in rows if row.expires_at <= now]
        return sorted(due, key=lambda row: row.expires_at)[:limit]

    def next_message_expiry(self) -> int | None:
        """Return when the next kept message expires."""
        return min((row.expires_at for row in self.disk.tables["message"].values()), default=None)

    def signal_subscribers(
        self, name: str, after: tuple[int, int], limit: int
    ) -> list[r.SignalRow]:
        """Return the next page of those who wait for a signal."""
        waiting = self._members("signal", name)
        return sorted(row for row in waiting if (row.instance, row.subscription) > after)[:limit]

    def load_dedupe(self, keys: Sequence[tuple[str, str]]) -> list[r.DedupeRow]:
        """Return the used keys among `keys`."""
        held = self.disk.tables["dedupe"]
        return [held[key] for key in keys if key in held]

    def load_natural_keys(self, keys: Sequence[tuple[str, bytes]]) -> list[r.NaturalKeyRow]:
        """Return the rows of each natural key."""
        return [row for key in keys for row in self._members("natural_key", key)]

    def reader(self) -> MemoryReader:
        """Return a reader of the disk."""
        return MemoryReader(self.disk)

    def close(self) -> None:
        """Nothing is held open."""


class MemoryReader:
    """The reader port on a memory disk; a commit is seen whole because one thread makes it."""

    def __init__(self, disk: MemoryDisk) -> None:
        """Read a disk."""
        self._disk = disk

    def instances(self, query: InstanceQuery) -> list[r.InstanceRow]:
        """Return a page of instances."""
        held = self._disk.tables["instance"]
        keys = sorted(held, reverse=query.newest_first)
        found: list[r.InstanceRow] = []
        for key in keys:
            row = held[key]
            if _matches(query, row):
                found.append(row)
                if len(found) >= query.limit:
                    break
        return found

    def instance(self, key: int) -> StoredInstance | None:
        """Return one instance with its journal tail."""
        return _stored_instance(self._disk, key)

    def count_instances(self) -> dict[tuple[str, str], int]:
        """Return counts by (process, status)."""
        counts: dict[tuple[str, str], int] = {}
        for row in self._disk.tables["instance"].values():
            counts[(row.process, row.status)] = counts.get((row.process, row.status), 0) + 1
        return dict(sorted(counts.items()))

    def journal_of(
        self, aggregate: int, after_version: int = 0, limit: int = 1000
    ) -> list[JournalRow]:
        """Return the turns of one aggregate."""
        turns = self._disk.journal.get(aggregate, ())
        return [turn for turn in turns if turn.version > after_version][:limit]

    def feed(self, cursor: dict[int, int], limit: int) -> list[JournalRow]:
        """Return turns after the cursor; whole commits only."""
        found: list[JournalRow] = []
        for place, turns in sorted(self._disk.turns.items()):
            if len(found) >= limit:
                break
            if place[1] > cursor.get(place[0], 0):
                found += turns
        return found

    def turns_of_log(self, log: int, after: tuple[int, int], limit: int) -> list[JournalRow]:
        """Return turns of a log after a place, in order."""
        places = sorted(place for place in self._disk.turns if place[0] == log)
        turns = [turn for place in places for turn in self._disk.turns[place]]
        return [turn for turn in turns if (turn.seq, turn.n) > after][:limit]

    def chain(self, log: int, after_seq: int = 0, limit: int = 1000) -> list[ChainRow]:
        """Return commits of a log in order."""
        last = self._disk.heads[log].seq if log in self._disk.heads else 0
        upto = min(last, after_seq + limit)
        return [self._disk.chain[(log, seq)] for seq in range(after_seq + 1, upto + 1)]

    def logs(self) -> list[int]:
        """Return all logs, oldest first."""
        return sorted(self._disk.heads)

    def rows(
        self,
        table: str,
        *,
        instance: int | None = None,
        after: tuple[object, ...] | None = None,
        limit: int = 1000,
    ) -> list[r.Row]:
        """Return rows of a table in primary-key order."""
        held = self._disk.tables[table]
        keys: list[Any] = sorted(
            key
            for key in held
            if (instance is None or key[0] == instance) and (after is None or key > after)
        )
        return [held[key] for key in keys[:limit]]

    def user_tasks(
        self,
        *,
        assignee: str | None = None,
        group: str | None = None,
        after: tuple[int, int] | None = None,
        limit: int = 100,
    ) -> list[r.UserTaskRow]:
        """Return open user tasks, earliest due first."""
        found = [
            row
            for key, row in self._disk.tables["user_task"].items()
            if (assignee is None or row.assignee == assignee)
            and (group is None or group in json.loads(row.candidate_groups))
            and (after is None or key > after)
        ]
        found.sort(key=lambda row: (row.due_at is None, row.due_at or 0, row.instance, row.element))
        return found[:limit]

    def waiting(self) -> list[tuple[str, str, str, int]]:
        """Return (process, element id, what, count) of everything that waits."""
        counts: dict[tuple[str, str, str], int] = {}
        for place in self._waiting_places():
            counts[place] = counts.get(place, 0) + 1
        return [(*place, count) for place, count in sorted(counts.items())]

    def _waiting_places(self) -> Iterable[tuple[str, str, str]]:
        tables = self._disk.tables
        for row in tables["job"].values():
            if row.status != "failed":
                yield row.process, row.element_id, f"job:{row.type}"
        for table, what in (
            ("user_task", "user-task"),
            ("subscription", "message"),
            ("incident", "incident"),
        ):
            for row in tables[table].values():
                yield row.process, row.element_id, what
        for table, what, column in (("timer", "timer", 0), ("signal", "signal", 1)):
            for row in tables[table].values():
                owner = tables["instance"].get((row[column],))
                if owner is not None:
                    yield owner.process, row.element_id, what

    def payload(self, aggregate: int, digest: bytes) -> bytes | None:
        """Return the bytes of a payload; None when erased."""
        row = self._disk.tables["payload"].get((digest, aggregate))
        return None if row is None else row.data

    def close(self) -> None:
        """Nothing is held open."""


def _no_phase(phase: str) -> None:
    """Nobody watches."""


def _group(table: str, row: Any) -> Any:
    """Return what rows of a table are looked up by, beside their primary key."""
    if table == "job":
        return row.type, row.status
    if table == "timer":
        return row.due_at
    if table == "natural_key":
        return row.process, row.digest
    return row[0]


def _stored_instance(disk: MemoryDisk, key: int) -> StoredInstance | None:
    row = disk.tables["instance"].get((key,))
    if row is None:
        return None
    tail = [
        (turn.header, turn.blob)
        for turn in disk.journal.get(key, ())
        if turn.version > row.snapshot_version and turn.blob is not None
    ]
    return StoredInstance(row, tail)


def _matches(query: InstanceQuery, row: r.InstanceRow) -> bool:
    if query.after is not None and query.business_key is None:
        beyond = row.key < query.after if query.newest_first else row.key > query.after
        if not beyond:
            return False
    return (
        (query.process is None or row.process == query.process)
        and (query.status is None or row.status == query.status)
        and (query.business_key is None or row.business_key == query.business_key)
    )
