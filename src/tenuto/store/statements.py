"""Writing rows: few statements of many rows, with a bounded number of distinct texts.

A statement for each power of two rows keeps the driver's cache small; `executemany` would give up
the interpreter for every row and wait for it again (measured: 360 times slower beside a busy
thread).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from tenuto.engine.rows import KEY_WIDTH, TABLES

PARAMETERS_MAX = 32_000
NAMED_ROWS_MAX = 16
COLUMNS: dict[str, tuple[str, ...]] = {table: kind._fields for table, kind in TABLES}
KEYS: dict[str, tuple[str, ...]] = {
    table: kind._fields[: KEY_WIDTH[kind]] for table, kind in TABLES
}


def chunks(rows: Sequence[Any], width: int) -> Iterator[Sequence[Any]]:
    """Yield rows in pieces whose sizes are powers of two and fit the driver's parameter limit."""
    largest = 1 << max(0, (PARAMETERS_MAX // max(1, width)).bit_length() - 1)
    start = 0
    while start < len(rows):
        size = min(largest, 1 << ((len(rows) - start).bit_length() - 1))
        yield rows[start : start + size]
        start += size


@lru_cache(maxsize=512)
def upsert(table: str, count: int) -> str:
    """Return the statement that inserts or replaces `count` rows of a table."""
    columns, key = COLUMNS[table], KEYS[table]
    one = f"({', '.join('?' * len(columns))})"
    text = f"INSERT INTO {table} ({', '.join(columns)}) VALUES {', '.join([one] * count)}"
    if table == "payload":
        # A value that was erased may come again, in a turn of its own.
        return text + " ON CONFLICT DO UPDATE SET data = excluded.data WHERE payload.data IS NULL"
    changes = [f"{name} = excluded.{name}" for name in columns if name not in key]
    if table == "instance":
        changes = [
            "snapshot = coalesce(excluded.snapshot, snapshot)"
            if change.startswith("snapshot =")
            else change
            for change in changes
        ]
    return f"{text} ON CONFLICT ({', '.join(key)}) DO UPDATE SET {', '.join(changes)}"


@lru_cache(maxsize=512)
def delete(table: str, count: int) -> str:
    """Return the statement that deletes `count` rows by primary key.

    A few rows are named one by one (one row: 3 microseconds instead of 8). Of many, the first
    column alone drives the search: a list of row values would make the planner read the whole table
    (measured: 5.7 against 1.3 microseconds a row at 4,000 jobs).
    """
    key = KEYS[table]
    values = ", ".join("?" * count)
    if len(key) == 1:
        return f"DELETE FROM {table} WHERE {key[0]} IN ({values})"
    if count <= NAMED_ROWS_MAX:
        one = f"({' AND '.join(f'{name} = ?' for name in key)})"
        return f"DELETE FROM {table} WHERE {' OR '.join([one] * count)}"
    one = f"({', '.join('?' * len(key))})"
    rows = ", ".join([one] * count)
    names = ", ".join(key)
    return f"DELETE FROM {table} WHERE {key[0]} IN ({values}) AND ({names}) IN (VALUES {rows})"


def delete_parameters(table: str, keys: Sequence[Sequence[Any]]) -> list[Any]:
    """Return the parameters of `delete`."""
    flat = [field for key in keys for field in key]
    is_flat = len(KEYS[table]) == 1 or len(keys) <= NAMED_ROWS_MAX
    return flat if is_flat else [key[0] for key in keys] + flat


@lru_cache(maxsize=64)
def insert_journal(count: int) -> str:
    """Return the statement that appends `count` turns."""
    rows = ", ".join(["(?, ?, ?, ?, ?, ?, ?, ?)"] * count)
    return (
        f"INSERT INTO journal (log, seq, n, aggregate, version, leaf, header, blob) VALUES {rows}"
    )


@lru_cache(maxsize=64)
def select_keys(table: str, column: str, count: int) -> str:
    """Return the statement that reads rows of a table by `count` values of one column."""
    return f"SELECT * FROM {table} WHERE {column} IN ({', '.join('?' * count)})"


@lru_cache(maxsize=64)
def select_dedupe(count: int) -> str:
    """Return the statement that reads `count` used keys of one scope."""
    return f"SELECT * FROM dedupe WHERE scope = ? AND key IN ({', '.join('?' * count)})"
