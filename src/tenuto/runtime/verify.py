"""Verify: state is the fold of its records, and the rows say what the state says.

Refolds the journal of every aggregate from its first turn and compares: the snapshot's
continuation, the instance row, and every row that the state implies. Operational columns are not
compared. What was pruned or erased cannot be folded and is counted apart. Reads go in pages, one
aggregate at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from tenuto.engine import index
from tenuto.engine import rows as row
from tenuto.engine.aggregates import AGGREGATES, apply_named
from tenuto.engine.appliers import apply, close_turn
from tenuto.engine.mailbox import MailboxState
from tenuto.engine.records import decode_records
from tenuto.engine.recurrence import RecurrenceState
from tenuto.engine.state import InstanceState, SignalWait, TimerWait
from tenuto.keys import kind_of
from tenuto.runtime.warm import fold
from tenuto.store.codec import unpack_blob
from tenuto.store.headers import decode_header
from tenuto.store.port import InstanceQuery, JournalRow, Reader

PAGE = 1_000


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
    """What was checked, and what did not agree."""

    instances: int
    aggregates: int
    turns: int
    pruned: int
    differences: list[Difference]


def verify(reader: Reader) -> Report:
    """Refold every aggregate and compare it with its rows."""
    instances = aggregates = turns = pruned = 0
    differences: list[Difference] = []
    for found in _instances(reader):
        instances += 1
        state, count, whole = _fold_instance(reader, found.key)
        turns += count
        if whole:
            differences += _compare_instance(reader, found, state)
        else:
            pruned += 1
    for aggregate in _aggregates(reader):
        aggregates += 1
        state, count, whole = _fold_named(reader, aggregate.key)
        turns += count
        if whole:
            differences += _compare_named(reader, aggregate, state)
        else:
            pruned += 1
    return Report(instances, aggregates, turns, pruned, differences)


def _instances(reader: Reader) -> Iterator[row.InstanceRow]:
    after: int | None = None
    while page := reader.instances(InstanceQuery(after=after, limit=PAGE, newest_first=False)):
        yield from page
        after = page[-1].key


def _aggregates(reader: Reader) -> Iterator[row.AggregateRow]:
    after: tuple[object, ...] | None = None
    while page := reader.rows("aggregate", after=after, limit=PAGE):
        for one in page:
            assert isinstance(one, row.AggregateRow), "the aggregate table holds aggregate rows"
            yield one
        after = (page[-1][0],)


def _turns(reader: Reader, key: int) -> Iterator[JournalRow]:
    after = 0
    while page := reader.journal_of(key, after, PAGE):
        yield from page
        after = page[-1].version


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
    implied["timer"] = {}
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
    for number, wait in state.waits.items():
        if isinstance(wait, TimerWait):
            implied["timer"][(key, number)] = row.TimerRow(key, number, wait.due_at, wait.node)
        elif isinstance(wait, SignalWait):
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
    if isinstance(state, RecurrenceState):
        rows = reader.rows("timer", instance=found.key, limit=1 << 31)
        differences += _compare_rows("timer", found.key, index.recurrence_rows(state), rows)
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
