"""SQLite: one file, one writer, every commit on disk before it returns.

WAL with `synchronous = FULL`; the commit runs inline on the corridor's thread, and checkpoints of
the WAL run on a helper thread. A lock file beside the database keeps a second process out.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from tenuto.engine import rows as r
from tenuto.errors import (
    InputError,
    OutcomeUnknown,
    Sealed,
    StoreBusy,
    StoreCorrupt,
    StoreError,
    StoreFull,
    StoreRefused,
)
from tenuto.keys import COUNTER_BITS, SLOT_BITS, SLOTS
from tenuto.store import statements
from tenuto.store.chain import next_commit
from tenuto.store.driver import ERRORS, open_connection, write_copy
from tenuto.store.named_sql import load_queries, load_schema
from tenuto.store.port import Batch, ChainRow, LogHead, StoredAggregate, StoredInstance
from tenuto.store.sqlite_errors import is_refused_write, translate, translated
from tenuto.store.sqlite_reader import SqliteReader, rows_of
from tenuto.store.tombstones import LAST_VERSION, prunable_version

SQL = load_queries()
FORMAT_LEVEL = b"1"
CHECKPOINT_BYTES = 32 << 20
CHECKPOINT_SECONDS = 0.2

# Pages in memory beside those that the system keeps. They fill with the database: with 64 MB a
# hundred thousand instances cost 36 MB more than thirty thousand, and nothing was faster.
CACHE_BYTES = 16 << 20

# The WAL is made longer ahead of its frames, a piece after each commit, once a life is no mere
# visit: a sync that need not write the new length of the file takes a third less (190 instead of
# 290 microseconds).
WAL_AHEAD_BYTES = CHECKPOINT_BYTES
WAL_PIECE = bytes(256 << 10)
VISIT_COMMITS = 32
WAL_AHEAD_COMMITS = VISIT_COMMITS + WAL_AHEAD_BYTES // len(WAL_PIECE)
R = TypeVar("R")


class SqliteStore:
    """The store port on one SQLite file."""

    def __init__(
        self,
        path: Path,
        *,
        key: bytes | None = None,
        on_phase: Callable[[str], None] | None = None,
    ) -> None:
        """Open or create the database at `path`; with a key of 32 bytes it is encrypted.

        `on_phase` is told each phase of a commit (tests). Raises `StoreBusy` when another process
        owns it, `StoreCorrupt` when it is no database, or one of another key.
        """
        self.path = path
        self._key = key
        self._phase = on_phase or _nobody
        self._lock = _lock(path)
        try:
            self._connection = connect(path, key)
            try:
                self._prepare()
            except BaseException:
                self._connection.close()
                raise
        except BaseException:
            os.close(self._lock)
            raise
        self._commits = 0
        self._closing = threading.Event()
        self._may_restart = threading.Event()
        self._checkpointer = threading.Thread(
            target=self._checkpoint_often, name="tenuto-checkpoint", daemon=True
        )
        self._checkpointer.start()

    def _prepare(self) -> None:
        """Make the tables, once. A format that this release does not know is left as it is."""
        connection = self._connection
        with translated():
            is_new = not connection.execute(SQL["tables"]).fetchall()
            have = None if is_new else self._one(SQL["meta"], ("format",))
            if have is not None and have[0] != FORMAT_LEVEL:
                raise StoreError(
                    f"expected database format {FORMAT_LEVEL.decode()} in `{self.path}`, got "
                    f"{bytes(have[0]).decode(errors='replace')}; a newer release wrote it: use that"
                )
            connection.executescript("BEGIN IMMEDIATE;" + load_schema() + "COMMIT;")
            if have is None:
                connection.execute("BEGIN IMMEDIATE")
                meta = [("format", FORMAT_LEVEL), ("cluster", os.urandom(16))]
                for entry in meta:
                    connection.execute("INSERT INTO meta VALUES (?, ?)", entry)
                values = ", ".join(f"({slot}, 0)" for slot in range(SLOTS))
                connection.execute(f"INSERT INTO slot VALUES {values}")
                connection.execute("COMMIT")

    # --- the life of a log

    def open_log(self, *, node: str, at: int) -> LogHead:
        """Begin a new log; the lock file proves that every other log of this file is dead."""
        with translated():
            connection = self._connection
            connection.execute("BEGIN IMMEDIATE")
            try:
                log = self._value("next_log") or 1
                sealed = self._seal_dead_logs(at)
                connection.execute(SQL["insert_log"], (log, node, at))
                connection.execute(SQL["take_slots"], (log,))
                cluster = self._one(SQL["meta"], ("cluster",))
                note = msgspec.msgpack.encode({"cluster": cluster[0], "seals": sealed})
                head = LogHead(log, 0, bytes(32), 0)
                row = next_commit(head, at, (), kind="open", note=note)
                connection.execute(SQL["insert_chain"], row)
                connection.execute("COMMIT")
            except BaseException:
                _roll_back(connection)
                raise
        last = self._value("last_instance") or 0
        return LogHead(log, row.seq, row.hash, last >> (SLOT_BITS + COUNTER_BITS))

    def _seal_dead_logs(self, at: int) -> list[tuple[int, int, bytes]]:
        """Occupy the next number of every unsealed log; return their heads for the opening row."""
        heads = []
        for (log,) in self._connection.execute(SQL["unsealed_logs"]).fetchall():
            seq, digest = self._connection.execute(SQL["chain_head"], (log,)).fetchone()
            seal = next_commit(LogHead(log, seq, digest, 0), at, (), kind="seal")
            self._connection.execute(SQL["insert_chain"], seal)
            self._connection.execute(SQL["seal_log"], (at, log))
            heads.append((log, seal.seq, seal.hash))
        return heads

    def commit(self, batch: Batch) -> None:
        """Write a batch in one transaction, the chain row first: it is the fence."""
        connection, phase = self._connection, self._phase
        committing = False
        try:
            phase("before_begin")
            connection.execute("BEGIN IMMEDIATE")
            phase("after_begin")
            self._fence(batch.chain)
            phase("after_chain")
            self._write(batch)
            committing = True
            phase("before_commit")
            connection.execute("COMMIT")
            phase("after_commit")
            if self._may_restart.is_set():
                self._restart_wal()
            self._commits += 1
            if VISIT_COMMITS < self._commits <= WAL_AHEAD_COMMITS:
                self._lengthen_wal()
        except ERRORS.every as error:
            _roll_back(connection)
            raise self._failure(batch, error, committing=committing) from error
        except (UnicodeEncodeError, OverflowError) as error:
            # The driver could not even bind it: text with lone surrogates, a number over 64 bits.
            _roll_back(connection)
            raise StoreRefused(f"the database cannot keep a value: {error}") from error
        except BaseException:
            _roll_back(connection)
            raise

    def _fence(self, row: ChainRow) -> None:
        try:
            self._connection.execute(SQL["insert_chain"], row)
        except ERRORS.integrity as error:
            raise Sealed(
                f"expected commit {row.seq} of log {row.log} to be free, but another process has "
                "sealed the log; this one must stop"
            ) from error

    def _failure(self, batch: Batch, error: Exception, *, committing: bool) -> StoreError:
        """Return why a commit failed. One whose write was refused, by a quota for example, is
        looked for at once: the corridor repeats an unknown outcome, but waits while the disk is
        full.
        """
        failure = translate(error, committing=committing)
        if isinstance(failure, OutcomeUnknown) and is_refused_write(error):
            with suppress(StoreError):
                if self.chain_hash(batch.chain.log, batch.chain.seq) is None:
                    return StoreFull(f"expected the disk to take the write, but {error}")
        return failure

    def _lengthen_wal(self) -> None:
        """Write a piece of zeros behind the frames of the WAL; the next commit syncs it.

        Only this connection appends to the WAL, on this thread. Zeros are no frame: a reader and a
        recovery end before them.
        """
        with suppress(OSError), open(f"{self.path}-wal", "r+b", buffering=0) as wal:
            size = wal.seek(0, os.SEEK_END)
            if 0 < size < WAL_AHEAD_BYTES:
                try:
                    wal.write(WAL_PIECE)
                except OSError:
                    wal.truncate(size)
                    self._commits = WAL_AHEAD_COMMITS

    def _restart_wal(self) -> None:
        """Copy the few frames that came during the helper's checkpoint, so that the WAL begins
        anew.

        Without it a writer that never pauses keeps the helper from ever catching up, and the WAL
        grows without end (measured: 3.9 GB behind 340 MB of database).
        """
        self._may_restart.clear()
        with suppress(*ERRORS.every):
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def _write(self, batch: Batch) -> None:
        execute, phase = self._connection.execute, self._phase
        for part in statements.chunks(batch.journal, 8):
            values = list(chain.from_iterable(part))
            execute(statements.insert_journal(len(part)), values)
        phase("after_journal")
        for table, rows in batch.puts.items():
            for part in statements.chunks(rows, len(statements.COLUMNS[table])):
                values = list(chain.from_iterable(part))
                execute(statements.upsert(table, len(part)), values)
        for table, keys in batch.deletes.items():
            for part in statements.chunks(keys, len(statements.KEYS[table]) + 1):
                values = statements.delete_parameters(table, part)
                execute(statements.delete(table, len(part)), values)
        phase("after_puts")

    def chain_hash(self, log: int, seq: int) -> bytes | None:
        """Return the hash of a commit, read on a fresh connection: the old one may be broken."""
        with translated():
            with suppress(*ERRORS.every):
                self._connection.close()
            self._connection = connect(self.path, self._key)
            found = self._connection.execute(SQL["chain_hash"], (log, seq)).fetchone()
        return found[0] if found else None

    # --- loads

    def load_instances(self, keys: Sequence[int]) -> list[StoredInstance]:
        """Return those of `keys` that exist."""
        found = []
        for row in self._by_keys("instance", "key", keys, r.InstanceRow):
            tail = self._rows("journal_tail", (row.key, row.snapshot_version))
            found.append(StoredInstance(row, tail))
        return found

    def load_aggregates(self, keys: Sequence[int]) -> list[StoredAggregate]:
        """Return those of `keys` that exist."""
        rows = self._by_keys("aggregate", "key", keys, r.AggregateRow)
        return [StoredAggregate(row.key, row.version, row.snapshot) for row in rows]

    def load_mailbox(self, key: int) -> tuple[list[r.SubscriptionRow], list[r.MessageRow]]:
        """Return the rows of a mailbox in order."""
        return (
            rows_of(r.SubscriptionRow, self._rows("mailbox_subscriptions", (key,))),
            rows_of(r.MessageRow, self._rows("mailbox_messages", (key,))),
        )

    def load_queue(self, key: int) -> list[r.QueueEntryRow]:
        """Return the rows of a queue in order."""
        return rows_of(r.QueueEntryRow, self._rows("queue_entries", (key,)))

    def load_payloads(self, aggregate: int, digests: Sequence[bytes]) -> dict[bytes, bytes | None]:
        """Return the bytes of payloads by digest."""
        found: dict[bytes, bytes | None] = {}
        for digest in digests:
            rows = self._rows("payload", (digest, aggregate))
            if rows:
                found[digest] = rows[0][0]
        return found

    def load_jobs(self, keys: Sequence[tuple[int, int]]) -> list[r.JobRow]:
        """Return the job rows that exist."""
        return [row for key in keys for row in rows_of(r.JobRow, self._rows("job", key))]

    def ready_jobs(self, types: Iterable[str], now: int, limit: int) -> list[r.JobRow]:
        """Return jobs that may be leased, oldest first by type."""
        found: list[r.JobRow] = []
        for kind in types:
            found += rows_of(r.JobRow, self._rows("ready_jobs", (kind, limit - len(found))))
            found += rows_of(r.JobRow, self._rows("waiting_jobs", (kind, now, limit - len(found))))
            if len(found) >= limit:
                break
        return found

    def expired_jobs(self, now: int, limit: int) -> list[r.JobRow]:
        """Return leased jobs whose lease ended."""
        return rows_of(r.JobRow, self._rows("expired_jobs", (now, limit)))

    def orphaned_jobs(self, log: int, limit: int) -> list[r.JobRow]:
        """Return jobs leased to another log."""
        return rows_of(r.JobRow, self._rows("orphaned_jobs", (log, limit)))

    def next_job_due(self, now: int) -> int | None:
        """Return when the next back-off after `now` ends."""
        found: int | None = self._rows("next_job_due", (now,))[0][0]
        return found

    def due_timers(self, now: int, limit: int) -> list[r.TimerRow]:
        """Return timers that are due, earliest first."""
        return rows_of(r.TimerRow, self._rows("due_timers", (now, limit)))

    def next_timer_due(self) -> int | None:
        """Return when the next timer is due."""
        return self._value("next_timer_due")

    def outbox(self, limit: int) -> list[r.OutboxRow]:
        """Return undelivered commands in order."""
        return rows_of(r.OutboxRow, self._rows("outbox", (limit,)))

    def expired_messages(self, now: int, limit: int) -> list[r.MessageRow]:
        """Return kept messages past their time."""
        return rows_of(r.MessageRow, self._rows("expired_messages", (now, limit)))

    def next_message_expiry(self) -> int | None:
        """Return when the next kept message expires."""
        return self._value("next_message_expiry")

    def signal_subscribers(
        self, name: str, after: tuple[int, int], limit: int
    ) -> list[r.SignalRow]:
        """Return the next page of those who wait for a signal."""
        return rows_of(r.SignalRow, self._rows("signal_subscribers", (name, *after, limit)))

    def load_dedupe(self, keys: Sequence[tuple[str, str]]) -> list[r.DedupeRow]:
        """Return the used keys among `keys`."""
        scopes: dict[str, list[str]] = {}
        for scope, key in keys:
            scopes.setdefault(scope, []).append(key)
        found: list[r.DedupeRow] = []
        for scope, names in scopes.items():
            for part in statements.chunks(names, 1):
                with translated():
                    text = statements.select_dedupe(len(part))
                    rows = self._connection.execute(text, (scope, *part)).fetchall()
                found += rows_of(r.DedupeRow, rows)
        return found

    def load_natural_keys(self, keys: Sequence[tuple[str, bytes]]) -> list[r.NaturalKeyRow]:
        """Return the rows of each natural key."""
        return [
            row for key in keys for row in rows_of(r.NaturalKeyRow, self._rows("natural_keys", key))
        ]

    # --- tombstones

    def prune_turns(self, aggregate: int, upto: int) -> int:
        """Make tombstones of the turns of an aggregate up to a version."""
        rows = self._by_keys("instance", "key", [aggregate], r.InstanceRow)
        last = prunable_version(aggregate, rows[0] if rows else None, upto)
        return self._overwrite("prune_turns", (aggregate, last))

    def prune_instances(
        self, keys: Sequence[int], deletes: dict[str, Sequence[tuple[object, ...]]]
    ) -> list[int]:
        """Delete instances that have ended, and make tombstones of their turns, in one
        transaction.
        """
        rows = self._by_keys("instance", "key", list(dict.fromkeys(keys)), r.InstanceRow)
        ended = [row.key for row in rows if row.ended_at is not None]
        connection = self._connection
        with translated(), self._secure():
            connection.execute("BEGIN IMMEDIATE")
            try:
                for key in ended:
                    connection.execute(SQL["prune_turns"], (key, LAST_VERSION))
                    connection.execute(SQL["delete_instance"], (key,))
                    connection.execute(SQL["delete_natural_keys"], (key,))
                gone = frozenset(ended)
                for table, named in deletes.items():
                    self._delete_owned(table, named, gone)
                connection.execute("COMMIT")
            except BaseException:
                _roll_back(connection)
                raise
        return ended

    def _delete_owned(
        self, table: str, keys: Sequence[tuple[object, ...]], gone: frozenset[int]
    ) -> None:
        """Delete those rows that belong to instances which are gone."""
        for key in keys:
            owner = self._connection.execute(SQL[f"owner_of_{table}"], key).fetchone()
            if owner is not None and owner[0] in gone:
                self._connection.execute(SQL[f"delete_{table}"], key)

    def erase_payload(self, aggregate: int, digest: bytes) -> bool:
        """Make a tombstone of a value that is kept by reference."""
        return self._overwrite("erase_payload", (digest, aggregate)) > 0

    def _overwrite(self, name: str, parameters: Sequence[Any]) -> int:
        """Set bytes to NULL so that they leave the file too, not only its tables."""
        with translated(), self._secure():
            return self._connection.execute(SQL[name], parameters).rowcount

    @contextmanager
    def _secure(self) -> Iterator[None]:
        """Overwrite what is deleted meanwhile."""
        self._connection.execute("PRAGMA secure_delete = ON").fetchall()
        try:
            yield
        finally:
            self._connection.execute("PRAGMA secure_delete = OFF").fetchall()

    def reader(self) -> SqliteReader:
        """Return a reader for another thread."""
        return SqliteReader(self.path, self._key)

    def close(self) -> None:
        """End the connection and free the lock."""
        self._closing.set()
        self._checkpointer.join()
        with suppress(*ERRORS.every):
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._connection.close()
        os.close(self._lock)

    # --- below

    def _rows(self, name: str, parameters: Sequence[Any]) -> list[Any]:
        with translated():
            return self._connection.execute(SQL[name], parameters).fetchall()

    def _one(self, text: str, parameters: Sequence[Any] = ()) -> Any:
        return self._connection.execute(text, parameters).fetchone()

    def _value(self, name: str) -> int | None:
        with translated():
            found: int | None = self._connection.execute(SQL[name]).fetchone()[0]
        return found

    def _by_keys(
        self, table: str, column: str, keys: Sequence[int], kind: Callable[..., R]
    ) -> list[R]:
        found: list[R] = []
        for part in statements.chunks(keys, 1):
            with translated():
                text = statements.select_keys(table, column, len(part))
                found += [kind(*row) for row in self._connection.execute(text, part)]
        return found

    def _checkpoint_often(self) -> None:
        """Move the WAL into the database off the commit path, when it has grown."""
        wal = Path(f"{self.path}-wal")
        connection = connect(self.path, self._key)
        while not self._closing.wait(CHECKPOINT_SECONDS):
            with suppress(*ERRORS.every, OSError):
                if wal.stat().st_size > CHECKPOINT_BYTES:
                    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
                    self._may_restart.set()
        connection.close()


def connect(path: Path, key: bytes | None = None) -> sqlite3.Connection:
    """Return a connection with the settings that durability needs.

    Raises `StoreCorrupt` for what is no database, or that of another program or key; it stays as it
    is.
    """
    with translated(path, has_key=key is not None):
        connection = open_connection(
            path,
            key,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=512,
            timeout=5.0,
        )
        tables = {name for (name,) in connection.execute(SQL["tables"])}
        if tables and "meta" not in tables:
            connection.close()
            raise StoreCorrupt(
                f"expected a Tenuto database at `{path}`, but it is one of another program; name "
                "another file"
            )
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "wal_autocheckpoint = 0",
            f"cache_size = -{CACHE_BYTES >> 10}",
            "temp_store = MEMORY",
        ):
            connection.execute(f"PRAGMA {pragma}")
    return connection


def copy_database(
    source: Path, target: Path, *, key: bytes | None, target_key: bytes | None
) -> None:
    """Write a database anew as `target`, under another key, or under none.

    Raises `StoreBusy` when a process holds the source, `StoreCorrupt` when it is no database of
    that key, and `InputError` when there is a target already.
    """
    if not source.is_file():
        raise InputError(f"expected a database at `{source}`, but there is none")
    if target.exists():
        raise InputError(f"expected a new file for the copy, but `{target}` is there")
    handle = _lock(source)
    begun = target.with_name(f".{target.name}.begun")
    begun.unlink(missing_ok=True)
    try:
        connect(source, key).close()
        with translated(source, has_key=key is not None):
            write_copy(source, key, begun, target_key)
        with begun.open("rb+") as file:
            os.fsync(file.fileno())
        begun.rename(target)
    finally:
        begun.unlink(missing_ok=True)
        os.close(handle)


def _lock(path: Path) -> int:
    lock = Path(f"{path}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise StoreError(f"expected to open `{path}`: {error.strerror}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.pread(handle, 32, 0).decode(errors="replace").strip() or "unknown"
        os.close(handle)
        raise StoreBusy(
            f"expected `{path}` to be free, but process {holder} holds it; stop that process or "
            "use another database (--db)"
        ) from error
    with suppress(OSError):
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
    return handle


def _nobody(phase: str) -> None:
    """Hear the phases of commits where no test listens."""


def _roll_back(connection: sqlite3.Connection) -> None:
    with suppress(*ERRORS.every):
        if connection.in_transaction:
            connection.execute("ROLLBACK")
