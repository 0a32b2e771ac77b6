"""Reading committed rows of a memory disk, from any thread: each call sees whole commits."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice

from tenuto.engine import rows as r
from tenuto.store.feed import turns_after
from tenuto.store.memory_disk import MemoryDisk
from tenuto.store.port import (
    ChainRow,
    InstanceQuery,
    JournalRow,
    StoredInstance,
    Versions,
    task_order,
)


class MemoryReader:
    """The reader port on a memory disk."""

    def __init__(self, disk: MemoryDisk) -> None:
        """Read a disk."""
        self._disk = disk
        self._tables = disk.tables

    # --- instances

    def instances(self, query: InstanceQuery) -> list[r.InstanceRow]:
        """Return a page of instances."""
        with self._disk.lock:
            rows = self._candidates(query)
            return list(islice((row for row in rows if _matches(query, row)), query.limit))

    def _candidates(self, query: InstanceQuery) -> Iterator[r.InstanceRow]:
        table = self._tables["instance"]
        if query.business_key is not None:
            index = table.indexes["business_key"]
            named = list(index.begin_with((query.business_key,)))
            return table.indexed(reversed(named) if query.newest_first else named)
        if query.newest_first:
            after = None if query.after is None else (query.after,)
            return table.of(table.keys.below(after))
        return table.of(table.keys.above(() if query.after is None else (query.after,)))

    def instance(self, key: int) -> StoredInstance | None:
        """Return one instance with its journal tail."""
        with self._disk.lock:
            return self._disk.instance(key)

    def count_instances(self) -> dict[tuple[str, str], int]:
        """Return counts by (process, status)."""
        with self._disk.lock:
            rows = self._tables["instance"].rows.values()
            counts = Counter((row.process, row.status) for row in rows)
        return dict(sorted(counts.items()))

    def count_queue(self, queue: int) -> dict[str, int]:
        """Return how many entries of a queue have which status."""
        with self._disk.lock:
            entries = self._tables["queue_entry"]
            rows = entries.of(entries.keys.begin_with((queue,)))
            return dict(Counter(row.status for row in rows))

    # --- the journal and its chain

    def journal_of(
        self, aggregate: int, after_version: int = 0, limit: int = 1000
    ) -> list[JournalRow]:
        """Return the turns of one aggregate."""
        with self._disk.lock:
            return list(self._disk.turns_after(aggregate, after_version)[:limit])

    def versions(self, after: int | None, limit: int) -> list[Versions]:
        """Return which turns the aggregates above `after` have."""
        journal = self._disk.journal
        with self._disk.lock:
            keys = sorted(key for key in journal if after is None or key > after)[:limit]
            found = [(key, journal[key]) for key in keys]
            return [Versions(key, t[0].version, t[-1].version, len(t)) for key, t in found]

    def feed(self, cursor: dict[int, int], limit: int) -> list[JournalRow]:
        """Return turns after the cursor; whole commits only."""
        return turns_after(self, cursor, limit)

    def turns_of_log(self, log: int, after: tuple[int, int], limit: int) -> list[JournalRow]:
        """Return turns of a log after a place, in order."""
        disk = self._disk
        with disk.lock:
            places = disk.places.begin_with((log,), (log, *after))
            return [disk.turns[place] for place in islice(places, limit)]

    def chain(self, log: int, after_seq: int = 0, limit: int = 1000) -> list[ChainRow]:
        """Return commits of a log in order."""
        disk = self._disk
        with disk.lock:
            places = disk.commits.begin_with((log,), (log, after_seq))
            return [disk.chain[place] for place in islice(places, limit)]

    def logs(self) -> list[int]:
        """Return all logs, oldest first."""
        with self._disk.lock:
            return sorted(self._disk.opened)

    def cluster(self) -> bytes:
        """Return the identity of the database."""
        return self._disk.cluster

    def log_heads(self) -> list[ChainRow]:
        """Return the newest commit of every log."""
        with self._disk.lock:
            heads = [self._disk.head(log) for log in sorted(self._disk.opened)]
        return [head for head in heads if head is not None]

    # --- rows

    def rows(
        self,
        table: str,
        *,
        instance: int | str | None = None,
        after: tuple[object, ...] | None = None,
        limit: int = 1000,
    ) -> list[r.Row]:
        """Return rows of a table in primary-key order."""
        held = self._tables[table]
        with self._disk.lock:
            if instance is None:
                keys = held.keys.above(after or ())
            elif r.KEY_WIDTH[dict(r.TABLES)[table]] == 1:
                found = held.rows.get((instance,))
                return [] if found is None or after == (instance,) else [found]
            else:
                keys = held.keys.begin_with((instance,), after or ())
            return list(islice(held.of(keys), limit))

    def user_tasks(
        self,
        *,
        assignee: str | None = None,
        group: str | None = None,
        after: r.UserTaskRow | None = None,
        limit: int = 100,
    ) -> list[r.UserTaskRow]:
        """Return open user tasks, earliest due first."""
        tasks = self._tables["user_task"]
        with self._disk.lock:
            entries = tasks.indexes["order"].above(() if after is None else task_order(after))
            found = (
                row
                for row in tasks.indexed(entries)
                if (assignee is None or row.assignee == assignee)
                and (group is None or group in json.loads(row.candidate_groups))
            )
            return list(islice(found, limit))

    def waiting(self) -> list[tuple[str, str, str, int]]:
        """Return (process, element id, what, count) of everything that waits."""
        with self._disk.lock:
            counts = Counter(self._waiting_places())
        return [(*place, count) for place, count in sorted(counts.items())]

    def _waiting_places(self) -> Iterable[tuple[str, str, str]]:
        tables = self._tables
        for row in tables["job"].rows.values():
            if row.status != "failed":
                yield row.process, row.element_id, f"job:{row.type}"
        for row in tables["subscription"].rows.values():
            yield row.process, row.element_id, f"message:{row.name}"
        for table, what in (("user_task", "user-task"), ("incident", "incident")):
            for row in tables[table].rows.values():
                yield row.process, row.element_id, what
        for row in tables["timer"].rows.values():
            owner = tables["instance"].rows.get((row.aggregate,))
            if owner is not None:
                yield owner.process, row.element_id, "timer"
        for row in tables["signal"].rows.values():
            owner = tables["instance"].rows.get((row.instance,))
            if owner is not None:
                yield owner.process, row.element_id, f"signal:{row.name}"

    def payload(self, aggregate: int, digest: bytes) -> bytes | None:
        """Return the bytes of a payload; None when erased."""
        with self._disk.lock:
            row = self._tables["payload"].rows.get((digest, aggregate))
        return None if row is None else row.data

    def close(self) -> None:
        """Nothing is held open."""


def _matches(query: InstanceQuery, row: r.InstanceRow) -> bool:
    if query.after is not None:
        beyond = row.key < query.after if query.newest_first else row.key > query.after
        if not beyond:
            return False
    return (
        query.process in {None, row.process}
        and query.status in {None, row.status}
        and _is_within(row.started_at, query.started_after, query.started_before)
        and _is_within(row.ended_at, query.ended_after, query.ended_before)
    )


def _is_within(at: int | None, after: int | None, before: int | None) -> bool:
    if after is None and before is None:
        return True
    return at is not None and (after is None or at >= after) and (before is None or at < before)
