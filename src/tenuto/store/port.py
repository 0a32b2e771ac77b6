"""The port between the runtime and a database: a commit, a few loads, and a reader for any thread.

The commit protocol is `docs/explanation/commit-protocol`; its short form: the primary key of
`chain` decides who may write; every row that a query can see is in the commit that causes it;
nothing leaves the loop before `commit` has returned.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from tenuto.engine.rows import (
    DedupeRow,
    InstanceRow,
    JobRow,
    MessageRow,
    NaturalKeyRow,
    OutboxRow,
    QueueEntryRow,
    Row,
    SignalRow,
    SubscriptionRow,
    TimerRow,
    UserTaskRow,
)
from tenuto.keys import key_floor

# What a commit passes through, in order; a store tells `on_phase` each of them.
PHASES = (
    "before_begin",
    "after_begin",
    "after_chain",
    "after_journal",
    "after_puts",
    "before_commit",
    "after_commit",
)


class ChainRow(NamedTuple):
    """One commit of one log.

    `kind` is commit, open, seal or restore; `note` is msgpack (open: identity; seal head: sealed
    log).
    """

    log: int
    seq: int
    kind: str
    at: int
    prev: bytes
    root: bytes
    hash: bytes
    note: bytes


class JournalRow(NamedTuple):
    """One turn of one aggregate. `blob` None is a tombstone: pruned or erased, its leaf stays."""

    log: int
    seq: int
    n: int
    aggregate: int
    version: int
    leaf: bytes
    header: bytes
    blob: bytes | None


class Batch(NamedTuple):
    """What one commit writes.

    `puts` are upserts by table name, `deletes` are primary keys by table name.
    """

    chain: ChainRow
    journal: Sequence[JournalRow]
    puts: dict[str, Sequence[Row]]
    deletes: dict[str, Sequence[tuple[object, ...]]]


class StoredInstance(NamedTuple):
    """An instance row with the journal after its snapshot: (header, blob) in version order.

    A blob None is a tombstone: what needs it cannot be folded.
    """

    row: InstanceRow
    tail: Sequence[tuple[bytes, bytes | None]]


class StoredAggregate(NamedTuple):
    """A named aggregate: its version and snapshot bytes (kept current in every commit)."""

    key: int
    version: int
    snapshot: bytes | None


class LogHead(NamedTuple):
    """A log that was opened: where its chain stands. `last_key_ms` continues the key mint."""

    log: int
    seq: int
    hash: bytes
    last_key_ms: int


class Versions(NamedTuple):
    """The turns of one aggregate: the lowest and the highest version, and how many there are."""

    aggregate: int
    lowest: int
    highest: int
    turns: int


class Store(Protocol):
    """What the corridor asks of a database.

    All methods run on the corridor's thread but `reader`.
    """

    def open_log(self, *, node: str, at: int) -> LogHead:
        """Begin a new log: seal the logs that died, take their slots, write the `open` row.

        Raises `StoreBusy` when another living process owns the database (SQLite: the lock file).
        """

    def commit(self, batch: Batch) -> None:
        """Write the batch durably, whole or not at all.

        Raises `Sealed`, `StoreFull`, `StoreBusy`, `OutcomeUnknown` (settle with `chain_hash`), or
        `StoreRefused` for what will never be accepted.
        """

    def chain_hash(self, log: int, seq: int) -> bytes | None:
        """Return the hash of a commit, or None if there is none: settles an unknown outcome."""

    def load_instances(self, keys: Sequence[int]) -> list[StoredInstance]:
        """Return those of `keys` that exist, in any order."""

    def load_aggregates(self, keys: Sequence[int]) -> list[StoredAggregate]:
        """Return those of `keys` that exist, in any order."""

    def load_mailbox(self, key: int) -> tuple[list[SubscriptionRow], list[MessageRow]]:
        """Return the rows of a mailbox, each in order of position and message number."""

    def load_queue(self, key: int) -> list[QueueEntryRow]:
        """Return the rows of a queue in order of their entries."""

    def load_payloads(self, aggregate: int, digests: Sequence[bytes]) -> dict[bytes, bytes | None]:
        """Return the bytes of payloads by digest; None for an erased one."""

    def load_jobs(self, keys: Sequence[tuple[int, int]]) -> list[JobRow]:
        """Return the job rows that exist, by (instance, element)."""

    def ready_jobs(self, types: Iterable[str], now: int, limit: int) -> list[JobRow]:
        """Return jobs that may be leased, type by type: those ready, oldest first, then those whose
        back-off has ended.
        """

    def expired_jobs(self, now: int, limit: int) -> list[JobRow]:
        """Return leased jobs whose lease ended, the earliest first."""

    def orphaned_jobs(self, log: int, limit: int) -> list[JobRow]:
        """Return jobs that are leased to another log than `log`, by a worker of its process, in
        order of their keys; a job without a log is leased from outside and keeps its lease.
        """

    def next_job_due(self, now: int) -> int | None:
        """Return the earliest end of a back-off after `now`."""

    def due_timers(self, now: int, limit: int) -> list[TimerRow]:
        """Return timers that are due, earliest first."""

    def next_timer_due(self) -> int | None:
        """Return the earliest `due_at` of all timers."""

    def outbox(self, limit: int) -> list[OutboxRow]:
        """Return undelivered commands in order of their numbers, so FIFO per (sender, receiver)."""

    def expired_messages(self, now: int, limit: int) -> list[MessageRow]:
        """Return buffered messages whose time to live ended, the earliest first."""

    def next_message_expiry(self) -> int | None:
        """Return the earliest `expires_at` of buffered messages."""

    def signal_subscribers(self, name: str, after: tuple[int, int], limit: int) -> list[SignalRow]:
        """Return subscribers of a signal with (instance, subscription) above `after`, in order."""

    def load_dedupe(self, keys: Sequence[tuple[str, str]]) -> list[DedupeRow]:
        """Return the used keys among `keys`."""

    def load_natural_keys(self, keys: Sequence[tuple[str, bytes]]) -> list[NaturalKeyRow]:
        """Return the rows of each (process, digest)."""

    def prune_turns(self, aggregate: int, upto: int) -> int:
        """Make tombstones of the turns of an aggregate up to a version; return how many.

        Turns that a running instance is loaded from stay. Leaves and headers stay always.
        """

    def prune_instances(
        self, keys: Sequence[int], deletes: dict[str, Sequence[tuple[object, ...]]]
    ) -> list[int]:
        """Delete the rows of instances that have ended, with their natural keys, and make
        tombstones of all their turns; return which instances.

        `deletes` are primary keys of further rows that are theirs. It happens whole or not at all;
        an instance that runs, or is not there, stays as it is with the rows that name it.
        """

    def erase_payload(self, aggregate: int, digest: bytes) -> bool:
        """Make a tombstone of a value that is kept by reference; tell whether it was there.

        Its bytes are overwritten in the database. Written again by a later turn, it is there again.
        """

    def reader(self) -> Reader:
        """Return a reader of committed rows for another thread; close it after use."""

    def close(self) -> None:
        """End the log's connection and free the lock."""


class InstanceQuery(NamedTuple):
    """What `ps` asks for; every field None or empty matches all.

    Pages follow `after` (an instance key). Times are Unix milliseconds: at or after the one, before
    the other.
    """

    process: str | None = None
    status: str | None = None
    business_key: str | None = None
    after: int | None = None
    limit: int = 100
    newest_first: bool = True
    started_after: int | None = None
    started_before: int | None = None
    ended_after: int | None = None
    ended_before: int | None = None


# A key carries the instant at which it was minted; in a burst that may be ahead of the clock.
MINT_AHEAD_MS = 60_000


def first_after(query: InstanceQuery) -> int | None:
    """Return the key after which a page begins: keys rise with time, so a window of start times
    bounds them.
    """
    if not query.newest_first:
        if query.started_after is None:
            return query.after
        return max(query.after or -1, key_floor(query.started_after) - 1)
    if query.started_before is None:
        return query.after
    ahead = key_floor(query.started_before + MINT_AHEAD_MS)
    return ahead if query.after is None else min(query.after, ahead)


def task_order(row: UserTaskRow) -> tuple[bool, int, int, int]:
    """Return where a user task stands: the earliest due first, those without a due date last."""
    return (row.due_at is None, row.due_at or 0, row.instance, row.element)


class Reader(Protocol):
    """Reads committed rows from any one thread, in pages, with no transaction left open."""

    def instances(self, query: InstanceQuery) -> list[InstanceRow]:
        """Return a page of instances."""

    def instance(self, key: int) -> StoredInstance | None:
        """Return one instance with its journal tail."""

    def count_instances(self) -> dict[tuple[str, str], int]:
        """Return counts by (process, status)."""

    def count_queue(self, queue: int) -> dict[str, int]:
        """Return how many entries of a queue have which status."""

    def journal_of(
        self, aggregate: int, after_version: int = 0, limit: int = 1000
    ) -> list[JournalRow]:
        """Return the turns of one aggregate in version order."""

    def versions(self, after: int | None, limit: int) -> list[Versions]:
        """Return which turns the aggregates above `after` have, in order of their keys."""

    def feed(self, cursor: dict[int, int], limit: int) -> list[JournalRow]:
        """Return whole commits after the cursor (log -> seq), in seq order within each log.

        A page may be longer than `limit` by what its last commit still holds.
        """

    def turns_of_log(self, log: int, after: tuple[int, int], limit: int) -> list[JournalRow]:
        """Return turns of a log with (seq, n) above `after`, in that order."""

    def chain(self, log: int, after_seq: int = 0, limit: int = 1000) -> list[ChainRow]:
        """Return commits of a log in order."""

    def logs(self) -> list[int]:
        """Return all logs that have a commit or a turn, oldest first."""

    def cluster(self) -> bytes:
        """Return the identity of the database, drawn when it was made."""

    def log_heads(self) -> list[ChainRow]:
        """Return the newest commit of every log, oldest log first."""

    def rows(
        self,
        table: str,
        *,
        instance: int | str | None = None,
        after: tuple[object, ...] | None = None,
        limit: int = 1000,
    ) -> list[Row]:
        """Return rows of one of `engine.rows.TABLES` in primary-key order.

        `instance` matches the first key column.
        """

    def user_tasks(
        self,
        *,
        assignee: str | None = None,
        group: str | None = None,
        after: UserTaskRow | None = None,
        limit: int = 100,
    ) -> list[UserTaskRow]:
        """Return open user tasks, earliest due first; `after` ended the page before."""

    def waiting(self) -> list[tuple[str, str, str, int]]:
        """Return (process, element id, what, count).

        What is one of job:TYPE, user-task, timer, message:NAME, signal:NAME, incident.
        """

    def payload(self, aggregate: int, digest: bytes) -> bytes | None:
        """Return the bytes of a payload; None when erased."""

    def close(self) -> None:
        """Free the connection."""
