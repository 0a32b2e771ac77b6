"""Which instances: filters as callers write them, and the keys of those that match.

Keys come in ascending order, so that a page continues where the one before it ended, whatever was
done to the instances of that page.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Final

from msgspec import Meta, Struct

from tenuto import values
from tenuto.engine.rows import IncidentRow, InstanceRow
from tenuto.engine.state import ROOT
from tenuto.errors import InputError
from tenuto.runtime.warm import fold
from tenuto.schedules import parse_instant
from tenuto.store.port import InstanceQuery

if TYPE_CHECKING:
    from tenuto.client.reading import Reading

ROWS: Final = 200
STATES: Final = ("active", "paused", "completed", "terminated", "failed")
LAST: Final = 1 << 62
Text = Annotated[str, Meta(min_length=1, max_length=1_000)]


class Where(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which instances: all that is given must hold.

    Times are ISO 8601: at or after the one, before the other. `cause` is the code of an open
    incident or the error of a failed workflow, `element` where the incident is.
    """

    process: Text | None = None
    state: Text | None = None
    business_key: Text | None = None
    started_after: Text | None = None
    started_before: Text | None = None
    ended_after: Text | None = None
    ended_before: Text | None = None
    variables: dict[str, Any] = {}
    cause: Text | None = None
    element: Text | None = None

    def check(self) -> None:
        """Refuse what would match everything, or nothing. Raises `InputError`."""
        if self == Where():
            raise InputError(
                "expected at least one filter: process, state, business_key, started_after, "
                "started_before, ended_after, ended_before, variables, cause or element"
            )
        if self.state not in {None, *STATES}:
            raise InputError(f"expected a state of {', '.join(STATES)}, got `{self.state}`")
        self.query(None)

    def query(self, after: int | None) -> InstanceQuery:
        """Return what an index answers of this, for keys above `after`. Raises `InputError`."""
        return InstanceQuery(
            self.process,
            self.state,
            self.business_key,
            after,
            ROWS,
            newest_first=False,
            started_after=_instant(self.started_after),
            started_before=_instant(self.started_before),
            ended_after=_instant(self.ended_after),
            ended_before=_instant(self.ended_before),
        )


def matching(
    read: Reading, where: Where, limit: int, after: int | None = None, *, stuck: bool = False
) -> tuple[list[int], int | None]:
    """Return at most `limit` keys above `after`, and the last of them if there are more.

    With `stuck` only instances that have an open incident.
    """
    where.check()
    found: list[int] = []
    rows = _stuck(read, where, after) if stuck else _instances(read, where, after)
    fits = _tests(read, where, stuck=stuck)
    for row in rows:
        if all(test(row) for test in fits):
            if len(found) == limit:
                return found, found[-1]
            found.append(row.key)
    return found, None


def incidents_of(read: Reading, key: int, where: Where) -> list[IncidentRow]:
    """Return the open incidents of an instance that have the cause and the element."""
    rows = read.incidents(str(key), LAST)
    return [row for row in rows if _is_meant(row, where)]


def same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Tell whether data is equal as JSON writes it: dates as text, numbers by value."""
    return _plain(one) == _plain(other)


def _instances(read: Reading, where: Where, after: int | None) -> Iterator[InstanceRow]:
    while rows := read.instances(where.query(after)):
        yield from rows
        after = rows[-1].key


def _stuck(read: Reading, where: Where, after: int | None) -> Iterator[InstanceRow]:
    """Yield instances with an open incident, each once."""
    query = where.query(None)
    place: tuple[object, ...] | None = None if after is None else (after, LAST)
    last = None
    while page := read.reader.rows("incident", after=place, limit=ROWS):
        for row in page:
            assert isinstance(row, IncidentRow), "the incident table holds incidents"
            place = (row.instance, row.incident)
            if row.instance == last or not _is_meant(row, where):
                continue
            last = row.instance
            stored = read.reader.instance(row.instance)
            if stored is not None and _fits(stored.row, query):
                yield stored.row


def _is_meant(row: IncidentRow, where: Where) -> bool:
    return where.cause in {None, row.code} and where.element in {None, row.element_id}


def _fits(row: InstanceRow, query: InstanceQuery) -> bool:
    """Tell whether a row that was found by its key is one that a query means."""
    return (
        query.process in {None, row.process}
        and query.status in {None, row.status}
        and query.business_key in {None, row.business_key}
        and _within(row.started_at, query.started_after, query.started_before)
        and _within(row.ended_at, query.ended_after, query.ended_before)
    )


def _within(at: int | None, after: int | None, before: int | None) -> bool:
    if after is None and before is None:
        return True
    return at is not None and (after is None or at >= after) and (before is None or at < before)


Test = Callable[[InstanceRow], bool]


def _tests(read: Reading, where: Where, *, stuck: bool) -> list[Test]:
    """Return what no index answers."""
    tests: list[Test] = []
    if not stuck and (where.cause or where.element):
        tests.append(lambda row: _has_cause(read, row, where))
    if where.variables:
        wanted = {name: values.from_python(value) for name, value in where.variables.items()}
        tests.append(lambda row: _has_variables(read, row.key, wanted))
    return tests


def _has_cause(read: Reading, row: InstanceRow, where: Where) -> bool:
    if row.status != "failed":
        return bool(incidents_of(read, row.key, where))
    error = _variables(read, row.key, ("error",)).get("error")
    return where.element is None and isinstance(error, dict) and error.get("type") == where.cause


def _has_variables(read: Reading, key: int, wanted: Mapping[str, Any]) -> bool:
    found = _variables(read, key, wanted)
    return len(found) == len(wanted) and same(found, wanted)


def _variables(read: Reading, key: int, names: Any) -> dict[str, Any]:
    """Return variables of an instance that it has; none of one that was pruned."""
    stored = read.reader.instance(key)
    if stored is None or any(blob is None for _, blob in stored.tail):
        return {}
    variables = fold(stored).state.elements[ROOT].variables
    return {name: read.value(key, variables[name]) for name in names if name in variables}


def _plain(data: Mapping[str, Any]) -> dict[str, Any]:
    texts = {name: values.dumps(value) for name, value in data.items()}
    return {
        name: json.loads(text, parse_float=Decimal, parse_int=Decimal)
        for name, text in texts.items()
    }


def _instant(text: str | None) -> int | None:
    return None if text is None else parse_instant(text)
