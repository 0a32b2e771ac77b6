"""Memory: the store port without a file, for tests, the virtual clock and the simulator.

It keeps what SQLite keeps and refuses what SQLite refuses: a commit is checked, then applied whole
between the phases `before_commit` and `after_commit`, so that a fault before them leaves nothing
and a fault after them leaves everything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice, takewhile
from typing import Any

import msgspec

from tenuto.engine import rows as r
from tenuto.keys import COUNTER_BITS, SLOT_BITS
from tenuto.store.chain import next_commit
from tenuto.store.memory_disk import MemoryDisk
from tenuto.store.memory_reader import MemoryReader
from tenuto.store.ordered import Key
from tenuto.store.port import PHASES, Batch, LogHead, StoredAggregate, StoredInstance
from tenuto.store.tombstones import LAST_VERSION, prunable_version


class MemoryStore:
    """The store port on a memory disk. `on_phase` is told each phase of a commit (tests)."""

    def __init__(
        self, disk: MemoryDisk | None = None, *, on_phase: Callable[[str], None] | None = None
    ) -> None:
        """Open a disk, a new one unless it is given."""
        self.disk = disk if disk is not None else MemoryDisk()
        self._phase = on_phase
        self._tables = self.disk.tables

    # --- the life of a log

    def open_log(self, *, node: str, at: int) -> LogHead:
        """Begin a new log and seal every other one."""
        disk = self.disk
        with disk.lock:
            seals = [self._seal(log, at) for log in sorted(disk.opened) if log not in disk.sealed]
            log = max(disk.opened, default=0) + 1
            disk.opened[log] = node
            note = msgspec.msgpack.encode({"cluster": disk.cluster, "seals": seals})
            head = LogHead(log, 0, bytes(32), 0)
            opened = next_commit(head, at, (), kind="open", note=note)
            disk.append(opened)
        newest = next(self._tables["instance"].keys.below(), (0,))[0]
        return LogHead(log, opened.seq, opened.hash, newest >> (SLOT_BITS + COUNTER_BITS))

    def _seal(self, log: int, at: int) -> tuple[int, int, bytes]:
        last = self.disk.head(log)
        assert last is not None, f"log {log} has no opening row"
        seal = next_commit(LogHead(log, last.seq, last.hash, 0), at, (), kind="seal")
        self.disk.append(seal)
        self.disk.sealed[log] = at
        return log, seal.seq, seal.hash

    def commit(self, batch: Batch) -> None:
        """Write a batch whole or not at all; the chain row is the fence."""
        phase = self._phase
        if phase is None:
            self.disk.check(batch)
            self.disk.apply(batch)
            return
        for name in PHASES[:-1]:
            phase(name)
            if name == "after_begin":
                self.disk.check(batch)
        self.disk.apply(batch)
        phase(PHASES[-1])

    def chain_hash(self, log: int, seq: int) -> bytes | None:
        """Return the hash of a commit, or None."""
        found = self.disk.chain.get((log, seq))
        return None if found is None else found.hash

    # --- aggregates

    def load_instances(self, keys: Sequence[int]) -> list[StoredInstance]:
        """Return those of `keys` that exist."""
        found = (self.disk.instance(key) for key in keys)
        return [stored for stored in found if stored is not None]

    def load_aggregates(self, keys: Sequence[int]) -> list[StoredAggregate]:
        """Return those of `keys` that exist."""
        rows = self._tables["aggregate"].of((key,) for key in keys)
        return [StoredAggregate(row.key, row.version, row.snapshot) for row in rows]

    def load_mailbox(self, key: int) -> tuple[list[r.SubscriptionRow], list[r.MessageRow]]:
        """Return the rows of a mailbox in order."""
        waiting, kept = self._tables["subscription"], self._tables["message"]
        subscriptions = list(waiting.of(waiting.keys.begin_with((key,))))
        subscriptions.sort(key=lambda row: row.position)
        return subscriptions, list(kept.of(kept.keys.begin_with((key,))))

    def load_queue(self, key: int) -> list[r.QueueEntryRow]:
        """Return the rows of a queue in order."""
        entries = self._tables["queue_entry"]
        return list(entries.of(entries.keys.begin_with((key,))))

    def load_payloads(self, aggregate: int, digests: Sequence[bytes]) -> dict[bytes, bytes | None]:
        """Return the bytes of payloads by digest."""
        rows = self._tables["payload"].of((digest, aggregate) for digest in digests)
        return {row.digest: row.data for row in rows}

    # --- jobs

    def load_jobs(self, keys: Sequence[tuple[int, int]]) -> list[r.JobRow]:
        """Return the job rows that exist."""
        return list(self._tables["job"].of(keys))

    def ready_jobs(self, types: Iterable[str], now: int, limit: int) -> list[r.JobRow]:
        """Return jobs that may be leased, oldest first by type."""
        jobs = self._tables["job"]
        ready, waiting = jobs.indexes["ready"], jobs.indexes["waiting"]
        found: list[r.JobRow] = []
        for kind in types:
            found += islice(jobs.indexed(ready.begin_with((kind,))), limit - len(found))
            due = takewhile(lambda entry: entry[1] <= now, waiting.begin_with((kind,)))
            found += islice(jobs.indexed(due), limit - len(found))
            if len(found) >= limit:
                break
        return found

    def expired_jobs(self, now: int, limit: int) -> list[r.JobRow]:
        """Return leased jobs whose lease ended."""
        return self._due("job", "leased", now, limit)

    def orphaned_jobs(self, log: int, limit: int) -> list[r.JobRow]:
        """Return jobs leased to another log."""
        jobs = self._tables["job"]
        leased = jobs.indexed(jobs.indexes["holder"].above())
        return list(islice((row for row in leased if row.log != log), limit))

    def next_job_due(self, now: int) -> int | None:
        """Return when the next back-off after `now` ends."""
        return _first(self._tables["job"].indexes["back_off"].above((now + 1,)))

    # --- what is due

    def due_timers(self, now: int, limit: int) -> list[r.TimerRow]:
        """Return timers that are due, earliest first."""
        return self._due("timer", "due", now, limit)

    def next_timer_due(self) -> int | None:
        """Return when the next timer is due."""
        return _first(self._tables["timer"].indexes["due"].above())

    def outbox(self, limit: int) -> list[r.OutboxRow]:
        """Return undelivered commands in order."""
        commands = self._tables["outbox"]
        return list(islice(commands.indexed(commands.indexes["order"].above()), limit))

    def expired_messages(self, now: int, limit: int) -> list[r.MessageRow]:
        """Return kept messages past their time."""
        return self._due("message", "expiry", now, limit)

    def next_message_expiry(self) -> int | None:
        """Return when the next kept message expires."""
        return _first(self._tables["message"].indexes["expiry"].above())

    def _due(self, table: str, index: str, now: int, limit: int) -> list[Any]:
        held = self._tables[table]
        due = takewhile(lambda entry: entry[0] <= now, held.indexes[index].above())
        return list(islice(held.indexed(due), limit))

    # --- keys and subscribers

    def signal_subscribers(
        self, name: str, after: tuple[int, int], limit: int
    ) -> list[r.SignalRow]:
        """Return the next page of those who wait for a signal."""
        signals = self._tables["signal"]
        keys = signals.keys.begin_with((name,), (name, *after))
        return list(islice(signals.of(keys), limit))

    def load_dedupe(self, keys: Sequence[tuple[str, str]]) -> list[r.DedupeRow]:
        """Return the used keys among `keys`."""
        return list(self._tables["dedupe"].of(keys))

    def load_natural_keys(self, keys: Sequence[tuple[str, bytes]]) -> list[r.NaturalKeyRow]:
        """Return the rows of each natural key."""
        known = self._tables["natural_key"]
        return [row for key in keys for row in known.of(known.keys.begin_with(key))]

    # --- tombstones

    def prune_turns(self, aggregate: int, upto: int) -> int:
        """Make tombstones of the turns of an aggregate up to a version."""
        row = self._tables["instance"].rows.get((aggregate,))
        return self.disk.prune(aggregate, prunable_version(aggregate, row, upto))

    def prune_instances(
        self, keys: Sequence[int], deletes: dict[str, Sequence[tuple[object, ...]]]
    ) -> list[int]:
        """Delete instances that have ended, and make tombstones of their turns."""
        rows = self._tables["instance"].of((key,) for key in dict.fromkeys(keys))
        ended = [row.key for row in rows if row.ended_at is not None]
        for key in ended:
            self.disk.prune(key, LAST_VERSION)
        self.disk.forget(frozenset(ended), deletes)
        return ended

    def erase_payload(self, aggregate: int, digest: bytes) -> bool:
        """Make a tombstone of a value that is kept by reference."""
        return self.disk.erase((digest, aggregate))

    def reader(self) -> MemoryReader:
        """Return a reader of the disk."""
        return MemoryReader(self.disk)

    def close(self) -> None:
        """Nothing is held open."""


def _first(keys: Iterator[Key]) -> int | None:
    found: int | None = next(keys, (None,))[0]
    return found
