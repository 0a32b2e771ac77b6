"""The kinds of the columns: what a row may hold, read from the row structs themselves."""

from __future__ import annotations

from collections.abc import Sequence
from types import NoneType
from typing import Any, get_args, get_type_hints

from tenuto.engine import rows as r
from tenuto.errors import StoreRefused
from tenuto.store.port import ChainRow, JournalRow

INTEGER_MIN, INTEGER_MAX = -(1 << 63), (1 << 63) - 1


def _kinds(row: type[Any]) -> tuple[tuple[type, ...], ...]:
    hints = get_type_hints(row)
    return tuple(get_args(hints[name]) or (hints[name],) for name in row._fields)


KINDS: dict[str, tuple[tuple[type, ...], ...]] = {
    **{table: _kinds(row) for table, row in r.TABLES},
    "chain": _kinds(ChainRow),
    "journal": _kinds(JournalRow),
}


def fits(table: str, row: Sequence[Any]) -> bool:
    """Tell whether every field of a row is of its column's kind; altered files hold others."""
    return all(map(isinstance, row, KINDS[table]))


def refuse_unkeepable(table: str, rows: Sequence[Sequence[Any]]) -> None:
    """Raise `StoreRefused` for a row that no database could keep."""
    kinds = KINDS[table]
    for row in rows:
        for field, kind in zip(row, kinds, strict=True):
            if not isinstance(field, kind):
                expected = " or ".join(one.__name__ for one in kind if one is not NoneType)
                raise StoreRefused(f"expected {expected} in a row of {table}, got {field!r}")
            if isinstance(field, int):
                if not INTEGER_MIN <= field <= INTEGER_MAX:
                    raise StoreRefused(f"expected 64 bits in a row of {table}, got {field}")
            elif isinstance(field, str) and not field.isascii():
                _refuse_surrogates(table, field)


def _refuse_surrogates(table: str, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise StoreRefused(f"expected text in a row of {table}, got {text!r}: {error}") from error
