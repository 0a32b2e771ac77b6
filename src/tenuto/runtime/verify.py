"""Verify: state is the fold of its records, and the rows say what the state says.

Refolds the journal of every aggregate from its first turn and compares: the snapshot's
continuation, the instance row, and every row that the state implies. Operational columns are not
compared. What was pruned or erased cannot be folded and is counted apart.

Reads go in pages, one aggregate at a time, also beside a node at work: an aggregate that moved
while it was looked at is looked at again, and counted apart if it never stands still.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import msgspec

from tenuto.engine import index
from tenuto.engine import rows as row
from tenuto.engine.aggregates import AGGREGATES, apply_named
from tenuto.engine.appliers import apply, close_turn
from tenuto.engine.mailbox import MailboxState
from tenuto.engine.queue_rows import queue_rows
from tenuto.engine.queue_state import QueueState
from tenuto.engine.records import decode_records
from tenuto.engine.state import InstanceState, SignalWait
from tenuto.keys import kind_of
from tenuto.runtime.warm import fold
from tenuto.store.codec import unpack_blob
from tenuto.store.headers import decode_header
from tenuto.store.port import InstanceQuery, JournalRow, Reader

PAGE: Final = 2_000
ROWS: Final = 200
TURNS: Final = 1_000
LOOKS_MAX: Final = 5


class Difference(NamedTuple):
    """Where rows and journal disagree."""

    aggregate: int
    table: str
    expected: str
    found: str

    def __str__(self) -> str:
        """Return the disagreement as a sentence."""
        return (
            f"{self.table} of {self.aggregate}: expected {self.expected} by its journal, "
            f"found {self.found}"
        )


class Report(NamedTuple):
    """What was checked, and what did not agree; `moved` aggregates never stood still."""

    instances: int
    aggregates: int
    turns: int
    pruned: int
    moved: int
    differences: list[Difference]


NOTHING: Final = Report(0, 0, 0, 0, 0, [])


class Place(NamedTuple):
    """Where a page ended: the last key of a table, `instance` or `aggregate`."""

    table: str
    key: int


def verify(reader: Reader) -> Report:
    """Refold every aggregate and compare it with its rows."""
    total, place = verify_page(reader)
    while place is not None:
        page, place = verify_page(reader, place)
        total = add(total, page)
    return total


def verify_page(
    reader: Reader, after: Place | None = None, *, turns_max: int = PAGE
) -> tuple[Report, Place | None]:
    """Verify some aggregates after a place; return the place of the next page, if there is one.

    A page ends with the aggregate that brings it to `turns_max` turns.
    """
    total = NOTHING
    for place, checked in _checked(reader, after):
        total = add(total, checked)
        if total.turns + total.pruned >= turns_max:
            return total, place
    return total, None


def add(one: Report, other: Report) -> Report:
    """Return what two pages found together."""
    return Report(
        one.instances + other.instances,
        one.aggregates + other.aggregates,
        one.turns + other.turns,
        one.pruned + other.pruned,
        one.moved + other.moved,
        [*one.differences, *other.differences],
    )


def _checked(reader: Reader, after: Place | None) -> Iterator[tuple[Place, Report]]:
    """Check one aggregate after the other, instances first."""
    is_past_instances = after is not None and after.table == "aggregate"
    key = None if after is None else after.key
    if not is_past_instances:
        for found in _instances(reader, key):
            yield Place("instance", found.key), _check_instance(reader, found)
    for aggregate in _aggregates(reader, key if is_past_instances else None):
        yield Place("aggregate", aggregate.key), _check_named(reader, aggregate)


def _instances(reader: Reader, after: int | None) -> Iterator[row.InstanceRow]:
    while page := reader.instances(InstanceQuery(after=after, limit=ROWS, newest_first=False)):
        yield from page
        after = page[-1].key


def _aggregates(reader: Reader, key: int | None) -> Iterator[row.AggregateRow]:
    after: tuple[object, ...] | None = None if key is None else (key,)
    while page := reader.rows("aggregate", after=after, limit=ROWS):
        for one in page:
            assert isinstance(one, row.AggregateRow), "the aggregate table holds aggregate rows"
            yield one
        after = (page[-1][0],)


def _check_instance(reader: Reader, found: row.InstanceRow) -> Report:
    """Compare an instance with its journal; look again if it moved meanwhile."""
    for _ in range(LOOKS_MAX):
        state, turns, is_whole = _fold_instance(reader, found.key)
        if not is_whole:
            return NOTHING._replace(instances=1, turns=turns, pruned=1)
        differences = _compare_instance(reader, found, state)
        now = reader.instance(found.key) if differences else None
        if now is None or now.row.version == found.version:
            return NOTHING._replace(instances=1, turns=turns, differences=differences)
        found = now.row
    return NOTHING._replace(instances=1, moved=1)


def _check_named(reader: Reader, found: row.AggregateRow) -> Report:
    """Compare a named aggregate with its journal; look again if it moved meanwhile."""
    for _ in range(LOOKS_MAX):
        state, turns, is_whole = _fold_named(reader, found.key)
        if not is_whole:
            return NOTHING._replace(aggregates=1, turns=turns, pruned=1)
        differences = _compare_named(reader, found, state)
        now = reader.rows("aggregate", instance=found.key) if differences else []
        if not now or now[0] == found:
            return NOTHING._replace(aggregates=1, turns=turns, differences=differences)
        assert isinstance(now[0], row.AggregateRow), "the aggregate table holds aggregate rows"
        found = now[0]
    return NOTHING._replace(aggregates=1, moved=1)


def _turns(reader: Reader, key: int) -> Iterator[JournalRow]:
    page = reader.journal_of(key, 0, TURNS)
    yield from page
    while len(page) == TURNS:
        page = reader.journal_of(key, page[-1].version, TURNS)
        yield from page


def _fold_instance(reader: Reader, key: int) -> tuple[InstanceState, int, bool]:
    state = InstanceState(key)
    count = 0
    for turn in _turns(reader, key):
        if turn.blob is None:
            return state, count, False
        at = decode_header(turn.header).now
        for record in decode_records(unpack_blob(turn.blob)):
            apply(state, record, at)
        close_turn(state, at)
        count += 1
    return state, count, True


def _fold_named(reader: Reader, key: int) -> tuple[Any, int, bool]:
    state = AGGREGATES[kind_of(key)].new(key)
    count = 0
    for turn in _turns(reader, key):
        if turn.blob is None:
            return state, count, False
        at = decode_header(turn.header).now
        for record in decode_records(unpack_blob(turn.blob)):
            apply_named(state, record, at)
        state.version += 1
        count += 1
    return state, count, True


def _compare_instance(
    reader: Reader, found: row.InstanceRow, state: InstanceState
) -> list[Difference]:
    differences = []
    expected = index.instance_row(state, found.snapshot, found.snapshot_version)
    if expected != found:
        differences.append(_difference("instance", found.key, expected, found))
    if found.snapshot is not None:
        stored = reader.instance(found.key)
        if stored is not None and fold(stored).state != state:
            differences.append(
                Difference(found.key, "snapshot", "the folded state", "another state")
            )
    implied = _implied_rows(state)
    for table in ("job", "user_task", "incident"):
        rows = reader.rows(table, instance=found.key, limit=1 << 31)
        differences += _compare_rows(table, found.key, implied.get(table, {}), rows)
    timers = reader.rows("timer", instance=found.key, limit=1 << 31)
    differences += _compare_rows("timer", found.key, implied.get("timer", {}), timers)
    return differences


def _implied_rows(state: InstanceState) -> dict[str, dict[Any, row.Row]]:
    """Return the rows that a state implies, by table and primary key."""
    key = state.key
    implied: dict[str, dict[Any, row.Row]] = {"job": {}, "user_task": {}, "incident": {}}
    for element in state.jobs:
        implied["job"][(key, element)] = index.job_row(state, element)
    for element in state.user_tasks:
        implied["user_task"][(key, element)] = index.user_task_row(state, element)
    for number, incident in state.incidents.items():
        implied["incident"][(key, number)] = row.IncidentRow(
            key,
            number,
            state.process,
            incident.element,
            incident.element_id,
            incident.code,
            incident.message,
            incident.created_at,
        )
    implied["timer"] = index.timer_rows(state)
    for number, wait in state.waits.items():
        if isinstance(wait, SignalWait):
            signal = row.SignalRow(wait.name, key, number, wait.node, wait.opened_at)
            implied.setdefault("signal", {})[(wait.name, key, number)] = signal
    return implied


def _compare_rows(
    table: str, key: int, expected: dict[Any, row.Row], found: list[row.Row]
) -> list[Difference]:
    differences = []
    have = {tuple(one[: row.KEY_WIDTH[type(one)]]): one for one in found}
    for name, one in expected.items():
        other = have.pop(name, None)
        if other is None:
            differences.append(Difference(key, table, _shown(one), "no row"))
        elif _comparable(one) != _comparable(other):
            differences.append(_difference(table, key, one, other))
    differences += [Difference(key, table, "no row", _shown(one)) for one in have.values()]
    return differences


def _comparable(one: row.Row) -> tuple[Any, ...]:
    operational = row.OPERATIONAL.get(type(one), ())
    return tuple(
        value for name, value in zip(one._fields, one, strict=True) if name not in operational
    )


def _compare_named(reader: Reader, found: row.AggregateRow, state: Any) -> list[Difference]:
    differences = []
    expected = index.aggregate_row(state)
    if expected.version != found.version or expected.snapshot != _in_this_format(found):
        differences.append(_difference("aggregate", found.key, expected, found))
    if isinstance(state, MailboxState):
        implied = index.mailbox_rows(state)
        for table in ("subscription", "message"):
            rows = reader.rows(table, instance=found.key, limit=1 << 31)
            differences += _compare_rows(table, found.key, implied[table], rows)
    if isinstance(state, QueueState):
        rows = reader.rows("queue_entry", instance=found.key, limit=1 << 31)
        differences += _compare_rows("queue_entry", found.key, queue_rows(state), rows)
    if isinstance(state, index.Timed):
        rows = reader.rows("timer", instance=found.key, limit=1 << 31)
        differences += _compare_rows("timer", found.key, index.timed_rows(state), rows)
    return differences


def _in_this_format(found: row.AggregateRow) -> bytes | None:
    """Return a stored snapshot as this release writes it: an older one has fewer fields."""
    aggregate = AGGREGATES[kind_of(found.key)]
    try:
        return aggregate.encode(aggregate.decode(found.key, unpack_blob(found.snapshot or b"")))
    except msgspec.DecodeError:
        return None


def _difference(table: str, key: int, expected: row.Row, found: row.Row) -> Difference:
    return Difference(key, table, _shown(expected), _shown(found))


def _shown(one: row.Row) -> str:
    return str(tuple(f"{len(v)} bytes" if isinstance(v, bytes) else v for v in one))
