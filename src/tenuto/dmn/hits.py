"""Hit policies: from the rules that hold to the value of a table (DMN 1.5 §8.2.8, §8.2.11)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tenuto.feel import Meter, Site
from tenuto.feel.arithmetic import add
from tenuto.feel.compare import compare, is_same

Row = list[Any]
Rank = Callable[[Row], tuple[int, ...]]


def unique(rows: list[Row]) -> Row | None:
    """Return the one row; nothing when there are several."""
    return rows[0] if len(rows) == 1 else None


def agreed(rows: list[Row]) -> Row | None:
    """Return the row that all are equal to; nothing when they differ."""
    first = rows[0]
    return first if all(is_same(first, row) for row in rows[1:]) else None


def by_priority(rows: list[Row], rank: Rank) -> list[Row]:
    """Return the rows by the order of their output values; equals stay in rule order."""
    return sorted(rows, key=rank)


def rank_of(orders: list[list[Any] | None]) -> Rank:
    """Return the rank of a row by the output values of its columns, the first column first."""

    def rank(row: Row) -> tuple[int, ...]:
        return tuple(
            next((at for at, known in enumerate(order) if is_same(known, value)), len(order))
            for order, value in zip(orders, row, strict=True)
            if order is not None
        )

    return rank


def aggregate(how: str, values: list[Any], meter: Meter, site: Site) -> Any:
    """Return the sum, least, greatest or number of the values."""
    if how == "COUNT":
        return len(values)
    if how == "SUM":
        total = values[0]
        for value in values[1:]:
            total = add(total, value, meter, site)
        return total
    chosen = values[0]
    for value in values[1:]:
        order = compare(value, chosen)
        if order is None:
            meter.warn("not-comparable", f"expected outputs that {how} can compare", site)
            return None
        if (order < 0) is (how == "MIN") and order:
            chosen = value
    return chosen
