"""Batches: each record of a list or table is decided as if it were alone."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pytest

from tenuto import dmn, values
from tenuto.dmn import decide_all
from tenuto.errors import ModelError

from .models import decision, definitions, inputs, literal, reads, table

GRADES = dmn.load(
    definitions(
        inputs("x"), decision("d", reads("x"), table("x", "", ['< 10 => "low"', '>= 10 => "high"']))
    )
)
SAME = dmn.load(definitions(inputs("x"), decision("d", reads("x"), literal("x"))))
ROWS = [{"x": 3}, {"x": 12.5}, {"x": None}, {"x": 10, "other": 1}]


class Frame:
    """A table as Polars gives it."""

    def iter_rows(self, *, named):
        assert named, "rows by place have no names"
        return iter(ROWS)


class Arrow:
    """A table, and a batch of it, as Arrow gives them."""

    def __init__(self, rows):
        self.rows = rows

    def to_batches(self):
        return [Arrow(self.rows[:1]), Arrow(self.rows[1:])]

    def to_pylist(self):
        return self.rows


@pytest.mark.parametrize("records", [ROWS, iter(ROWS), Frame(), Arrow(ROWS)])
def test_every_kind_of_table_is_decided_row_by_row(records):
    """Lists, iterators, frames and batches give the same values in the same order."""
    assert list(decide_all(GRADES, "d", records)) == ["low", "high", None, "high"]


def test_cells_of_tables_become_values_of_feel():
    """Dates, fractions and lists come as the types that expressions compare."""
    given = [{"x": datetime.date(2024, 2, 29)}, {"x": 0.1}, {"x": [1, 2]}, {}]

    found = list(decide_all(SAME, "d", given))

    assert found == [values.Date(2024, 2, 29), Decimal("0.1"), [1, 2], None]


def test_an_unknown_decision_is_refused_before_any_record_is_read():
    """The error comes with the call, not with the first value."""
    with pytest.raises(ModelError, match="'gone' is none"):
        decide_all(GRADES, "gone", Frame())


def test_polars_and_arrow_are_read_as_they_are():
    """The libraries themselves, where they are installed."""
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"x": [3, 12, None]})

    assert list(decide_all(GRADES, "d", frame)) == ["low", "high", None]
    assert list(decide_all(GRADES, "d", frame.to_arrow())) == ["low", "high", None]
