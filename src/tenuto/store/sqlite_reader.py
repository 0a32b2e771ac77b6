"""Reading committed rows of a SQLite database, from any thread and beside the process that
writes it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from tenuto.engine import rows as r
from tenuto.errors import StoreCorrupt
from tenuto.store import statements
from tenuto.store.driver import ERRORS, open_connection
from tenuto.store.feed import turns_after
from tenuto.store.named_sql import load_queries
from tenuto.store.port import (
    ChainRow,
    InstanceQuery,
    JournalRow,
    StoredInstance,
    Versions,
    first_after,
    task_order,
)
from tenuto.store.sqlite_errors import translated

SQL = load_queries()
BEFORE_ALL = (-1, 0, 0, 0)
KINDS: dict[str, Any] = dict(r.TABLES)
R = TypeVar("R")


def rows_of(kind: Callable[..., R], found: Iterable[Sequence[Any]]) -> list[R]:
    """Return tuples of the driver as row structs."""
    return [kind(*row) for row in found]


class SqliteReader:
    """The reader port; each call is a transaction of its own."""

    def __init__(self, path: Path, key: bytes | None = None) -> None:
        """Open the file for reading, with its key if it is encrypted.

        Raises `StoreError` when it is not there, `StoreCorrupt` when it is no database of ours.
        """
        with translated(path, has_key=key is not None):
            self._connection = open_connection(
                f"file:{quote(str(path))}?mode=ro",
                key,
                uri=True,
                isolation_level=None,
                check_same_thread=False,
            )
            try:
                self._connection.execute("SELECT count(*) FROM meta").fetchone()
            except ERRORS.every:
                self._connection.close()
                raise

    def _all(self, name: str, parameters: Sequence[Any] = ()) -> list[Any]:
        return self._query(SQL[name], parameters)

    def _query(self, text: str, parameters: Sequence[Any]) -> list[Any]:
        try:
            return self._connection.execute(text, parameters).fetchall()
        except ERRORS.reading as error:
            raise StoreCorrupt(f"expected to read the database: {error}") from error

    def instances(self, query: InstanceQuery) -> list[r.InstanceRow]:
        """Return a page of instances."""
        name = "instances" if query.business_key is None else "instances_by_business_key"
        if not query.newest_first:
            name += "_oldest_first"
        values = [
            query.process,
            query.status,
            first_after(query),
            query.limit,
            query.started_after,
            query.started_before,
            query.ended_after,
            query.ended_before,
        ]
        if query.business_key is not None:
            values.append(query.business_key)
        found = self._all(name, values)
        return rows_of(r.InstanceRow, found)

    def instance(self, key: int) -> StoredInstance | None:
        """Return one instance with its journal tail."""
        with self._one_view():
            rows = rows_of(r.InstanceRow, self._all("instance", (key,)))
            if not rows:
                return None
            tail = self._all("journal_tail", (key, rows[0].snapshot_version))
            return StoredInstance(rows[0], tail)

    @contextlib.contextmanager
    def _one_view(self) -> Iterator[None]:
        """Let several queries see the same commits."""
        self._query("BEGIN", ())
        try:
            yield
        finally:
            self._query("COMMIT", ())

    def count_instances(self) -> dict[tuple[str, str], int]:
        """Return counts by (process, status)."""
        return {(process, status): count for process, status, count in self._all("count_instances")}

    def count_queue(self, queue: int) -> dict[str, int]:
        """Return how many entries of a queue have which status."""
        return dict(self._all("count_queue", (queue,)))

    def journal_of(
        self, aggregate: int, after_version: int = 0, limit: int = 1000
    ) -> list[JournalRow]:
        """Return the turns of one aggregate."""
        return rows_of(JournalRow, self._all("journal_of", (aggregate, after_version, limit)))

    def versions(self, after: int | None, limit: int) -> list[Versions]:
        """Return which turns the aggregates above `after` have."""
        return rows_of(Versions, self._all("versions", (after, limit)))

    def feed(self, cursor: dict[int, int], limit: int) -> list[JournalRow]:
        """Return turns after the cursor; whole commits only."""
        return turns_after(self, cursor, limit)

    def turns_of_log(self, log: int, after: tuple[int, int], limit: int) -> list[JournalRow]:
        """Return turns of a log after a place, in order."""
        return rows_of(JournalRow, self._all("turns_of_log", (log, *after, limit)))

    def chain(self, log: int, after_seq: int = 0, limit: int = 1000) -> list[ChainRow]:
        """Return commits of a log in order."""
        return rows_of(ChainRow, self._all("chain", (log, after_seq, limit)))

    def logs(self) -> list[int]:
        """Return all logs, oldest first; also one whose row in `log` is gone."""
        return [log for (log,) in self._all("logs")]

    def cluster(self) -> bytes:
        """Return the identity of the database."""
        found = self._all("cluster")
        if not found:
            raise StoreCorrupt("expected the identity of the database in `meta`, but it is gone")
        identity: bytes = found[0][0]
        return identity

    def log_heads(self) -> list[ChainRow]:
        """Return the newest commit of every log."""
        heads = (self._all("head", (log,)) for log in self.logs())
        return [ChainRow(*rows[0]) for rows in heads if rows]

    def rows(
        self,
        table: str,
        *,
        instance: int | str | None = None,
        after: tuple[object, ...] | None = None,
        limit: int = 1000,
    ) -> list[r.Row]:
        """Return rows of a table in primary-key order."""
        key = statements.KEYS[table]
        names = ", ".join(key)
        where, values = [], []
        if instance is not None:
            where.append(f"{key[0]} = ?")
            values.append(instance)
        if after is not None:
            where.append(f"({names}) > ({', '.join('?' * len(key))})")
            values.extend(after)  # type: ignore[arg-type]  # key values
        condition = f"WHERE {' AND '.join(where)}" if where else ""
        text = f"SELECT * FROM {table} {condition} ORDER BY {names} LIMIT ?"
        return rows_of(KINDS[table], self._query(text, (*values, limit)))

    def user_tasks(
        self,
        *,
        assignee: str | None = None,
        group: str | None = None,
        after: r.UserTaskRow | None = None,
        limit: int = 100,
    ) -> list[r.UserTaskRow]:
        """Return open user tasks, earliest due first."""
        place = BEFORE_ALL if after is None else task_order(after)
        found = self._all("user_tasks", (assignee, group, *place, limit))
        return rows_of(r.UserTaskRow, found)

    def waiting(self) -> list[tuple[str, str, str, int]]:
        """Return (process, element id, what, count) of everything that waits."""
        return [tuple(row) for row in self._all("waiting")]

    def payload(self, aggregate: int, digest: bytes) -> bytes | None:
        """Return the bytes of a payload; None when erased."""
        found = self._all("payload", (digest, aggregate))
        return found[0][0] if found else None

    def close(self) -> None:
        """Free the connection."""
        self._connection.close()


@contextlib.contextmanager
def open_reader(path: Path, key: bytes | None = None) -> Iterator[SqliteReader]:
    """Read a database that is there, also beside the process that writes it.

    Raises `StoreError` when there is none.
    """
    reader = SqliteReader(path, key)
    try:
        yield reader
    finally:
        reader.close()
