"""Many decisions in a row: a list of records, a Polars frame or an Arrow table.

Each record is decided alone, without a trace. Deciding whole columns at once was rejected: cells,
outputs and required decisions are FEEL, whose 34-digit decimals, nulls and warnings no column
library has; and one record costs little more than reading it (`docs/adr/0005-decision-tables.md`).
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

from tenuto.dmn.model import Model
from tenuto.values import DateAndTime

Record = Mapping[str, Any]


@runtime_checkable
class Frame(Protocol):
    """A table that gives its rows by name, as Polars frames do."""

    def iter_rows(self, *, named: bool) -> Iterator[dict[str, Any]]:
        """Return the rows."""


@runtime_checkable
class Batched(Protocol):
    """A table in batches of rows, as Arrow tables are."""

    def to_batches(self) -> Iterable[Any]:
        """Return what has its rows in `to_pylist()`."""


def decide_all(
    model: Model,
    decision: str,
    records: Iterable[Record] | Frame | Batched,
    *,
    now: DateAndTime | datetime.datetime | None = None,
) -> Iterator[Any]:
    """Yield the value of a decision for each record; columns of a table are input names.

    Raises as `Model.decide` does, at the record that is at fault.

    >>> from tenuto import dmn
    >>> model = dmn.load('''<definitions name="m" namespace="n"
    ...     xmlns="https://www.omg.org/spec/DMN/20230324/MODEL/"><inputData id="x" name="x"/>
    ...   <decision id="d" name="Twice"><informationRequirement><requiredInput href="#x"/>
    ...   </informationRequirement><literalExpression><text>x * 2</text></literalExpression>
    ...   </decision></definitions>''')
    >>> list(decide_all(model, "Twice", [{"x": 1}, {"x": 4}]))
    [2, 8]
    """
    model.find(decision)
    return (model.decide(decision, record, now=now) for record in rows_of(records))


def rows_of(records: Iterable[Record] | Frame | Batched) -> Iterator[Record]:
    """Yield the rows of a table as records; of records, themselves."""
    if isinstance(records, Frame):
        yield from records.iter_rows(named=True)
    elif isinstance(records, Batched):
        for batch in records.to_batches():
            yield from batch.to_pylist()
    else:
        yield from records
