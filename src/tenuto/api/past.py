"""What happened to an instance, read from its journal: turns, path and decisions.

Every answer is bounded: a page of turns by what it weighs, a path or the decisions by how many
turns are read for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
from msgspec import Struct

from tenuto.api.elements import type_of
from tenuto.api.rendering import moment, stored_json
from tenuto.engine import records as r
from tenuto.engine import routine_records as rr
from tenuto.engine.stored import PayloadRef
from tenuto.store.codec import unpack_blob
from tenuto.store.headers import Header, decode_header

if TYPE_CHECKING:
    from tenuto.client.reading import Reading
    from tenuto.engine.rows import InstanceRow
    from tenuto.engine.world import World
    from tenuto.graph.process import ProcessGraph

TURNS_AT_ONCE: Final = 500
TURNS_MAX: Final = 100_000
PAGE_BYTES_MAX: Final = 4 * 1024 * 1024
_encode = msgspec.json.Encoder(decimal_format="number").encode


class Happened(Struct):
    """One turn: which command, when and by whom, and what followed. What was pruned has no
    records.
    """

    version: int
    at: str | None
    command: str
    actor: str
    records: list[dict[str, Any]]
    is_pruned: bool = msgspec.field(name="pruned", default=False)


class Visit(Struct):
    """An element that was entered, or an await of a workflow; `state` is passed, active, completed,
    terminated or failed.

    `via` are the sequence flows by which it was entered.
    """

    element: str
    name: str
    type: str
    entered_at: str | None
    left_at: str | None
    state: str
    via: list[str]


class MatchedRule(Struct):
    """A rule that held: its id, its number as drawn from 1, what is written beside it."""

    rule: str
    index: int
    annotations: dict[str, str]
    outputs: dict[str, Any]


class MadeDecision(Struct):
    """A decision: what it read, which rules held and what it gave."""

    decision: str
    name: str
    inputs: dict[str, Any]
    outputs: Any
    matched: list[MatchedRule]


class Warned(Struct):
    """What an expression met that it could not use; it became null."""

    code: str
    message: str
    line: int
    column: int
    text: str


class DecisionAtElement(MadeDecision):
    """A decision that an element made. `required` are those made on the way."""

    element: str
    at: str | None
    result: Any
    required: list[MadeDecision]
    warnings: list[Warned]
    error: str | None


class Turn(NamedTuple):
    """One turn of the journal; no records when it was pruned."""

    version: int
    header: Header
    records: list[r.AnyRecord] | None


def turns_of(read: Reading, key: int, after: int = 0) -> Iterator[Turn]:
    """Yield the turns of an instance above a version, oldest first, at most 100,000."""
    for _ in range(TURNS_MAX // TURNS_AT_ONCE):
        rows = read.reader.journal_of(key, after, TURNS_AT_ONCE)
        for row in rows:
            records = None if row.blob is None else r.decode_records(unpack_blob(row.blob))
            yield Turn(row.version, decode_header(row.header), records)
        if len(rows) < TURNS_AT_ONCE:
            return
        after = rows[-1].version


# --- turns


def history_page(
    read: Reading, key: int, after: int, limit: int
) -> tuple[list[msgspec.Raw], int | None]:
    """Return turns as JSON, and the version after which the next page begins, if there is one."""
    items: list[msgspec.Raw] = []
    size, last = 0, after
    for turn in turns_of(read, key, after):
        if len(items) == limit or size > PAGE_BYTES_MAX:
            return items, last
        item = msgspec.Raw(_encode(_happened(read, key, turn)))
        items.append(item)
        size += len(bytes(item))
        last = turn.version
    return items, None


def _happened(read: Reading, key: int, turn: Turn) -> Happened:
    header = turn.header
    records = [_record(read, key, record) for record in turn.records or ()]
    is_pruned = turn.records is None
    return Happened(
        turn.version, moment(header.now), header.command, header.actor, records, is_pruned
    )


def _record(read: Reading, key: int, record: r.AnyRecord) -> dict[str, Any]:
    """Return a record with its values read and its kind as `record`; bytes in records of instances
    are encoded values.
    """
    found: dict[str, Any] = {"record": type(record).__name__}
    for name in record.__struct_fields__:
        found[name] = _field(read, key, getattr(record, name))
    return found


def _field(read: Reading, key: int, value: Any) -> Any:
    if isinstance(value, bytes | PayloadRef):
        return stored_json(read, key, value)
    if isinstance(value, dict):
        return {name: _field(read, key, member) for name, member in value.items()}
    if isinstance(value, tuple):
        return [_field(read, key, item) for item in value]
    return value


# --- the path


def path_of(read: Reading, row: InstanceRow, world: World) -> list[Visit]:
    """Return the elements of an instance in the order in which they were entered."""
    definition = world.definitions.get(row.definition)
    graph = None if definition is None else definition.graph
    visits: list[Visit] = []
    live: dict[int, Visit] = {}
    asked: dict[str, Visit] = {}
    for turn in turns_of(read, row.key):
        at = moment(turn.header.now)
        for record in turn.records or ():
            if isinstance(record, r.ElementPassed):
                visits.append(_visit(graph, record.id, at, record.place))
            elif isinstance(record, r.JoinFired):
                visits.append(_visit(graph, record.id, at, *record.consumed))
            elif isinstance(record, r.ElementActivated):
                live[record.element] = _visit(graph, record.id, at, record.place)
                live[record.element].left_at, live[record.element].state = None, "active"
                visits.append(live[record.element])
            elif isinstance(record, r.ElementCompleted | r.ElementTerminated):
                visit = live.pop(record.element, None)
                if visit is not None:
                    has_ended = isinstance(record, r.ElementTerminated)
                    visit.left_at, visit.state = at, "terminated" if has_ended else "completed"
            elif isinstance(record, rr.AwaitChildBegun):
                visits.remove(live.pop(record.child))  # it is shown under the key of its await
            else:
                _follow_await(asked, visits, record, at)
    return visits


def _follow_await(
    asked: dict[str, Visit], visits: list[Visit], record: r.Record, at: str | None
) -> None:
    if isinstance(record, rr.RoutineAdvanced):
        for key in record.asked:
            asked[key] = Visit(key, "", "await", at, None, "active", [])
            visits.append(asked[key])
    elif isinstance(record, rr.OutcomeTaken | rr.AwaitWithdrawn):
        _end_await(asked, visits, record, at)


def _end_await(
    asked: dict[str, Visit],
    visits: list[Visit],
    record: rr.OutcomeTaken | rr.AwaitWithdrawn,
    at: str | None,
) -> None:
    """Say how an await of a workflow ended; what it did not ask for is a message or
    a wish to end."""
    visit = asked.pop(record.key, None)
    if visit is None and isinstance(record, rr.OutcomeTaken):
        visits.append(Visit(record.key, "", "await", at, at, "passed", []))
    elif visit is not None:
        visit.left_at, visit.state = at, "terminated"
        if isinstance(record, rr.OutcomeTaken):
            visit.state = "completed" if record.error is None else "failed"


def _visit(graph: ProcessGraph | None, id: str, at: str | None, *places: str) -> Visit:
    """Return a visit that ended at once; places that are no flow (`@`, `*`) are left out."""
    node = None if graph is None else graph.nodes.get(id)
    name, kind = ("", "") if node is None else (node.name, type_of(node))
    via = [place for place in places if place and place[0] not in "@*"]
    return Visit(id, name, kind, at, at, "passed", via)


# --- decisions


def decisions_of(read: Reading, key: int) -> list[DecisionAtElement]:
    """Return the decisions that an instance made, oldest first."""
    ids: dict[int, str] = {}
    found = []
    for turn in turns_of(read, key):
        for record in turn.records or ():
            if isinstance(record, r.ElementActivated):
                ids[record.element] = record.id
            elif isinstance(record, r.DecisionEvaluated):
                kept = stored_json(read, key, record.result)
                element = ids.get(record.element, "")
                found.append(explained(record.decision, kept, element, moment(turn.header.now)))
    return found


def explained(decision: str, kept: Any, element: str, at: str | None) -> DecisionAtElement:
    """Return what an evaluation left, with the decision that was asked for in front.

    Of an erased one only the text that says so is left.
    """
    if not isinstance(kept, dict):
        return DecisionAtElement(decision, decision, {}, kept, [], element, at, kept, [], [], None)
    made = [made_decision(one) for one in kept.get("decisions") or ()]
    asked = made.pop() if made else MadeDecision(decision, decision, {}, kept["value"], [])
    return DecisionAtElement(
        asked.decision,
        asked.name,
        asked.inputs,
        asked.outputs,
        asked.matched,
        element,
        at,
        kept["value"],
        made,
        [Warned(**one) for one in kept.get("warnings") or ()],
        kept.get("error"),
    )


def made_decision(one: dict[str, Any]) -> MadeDecision:
    """Return one decision of an evaluation, from what was kept of it."""
    rules = [
        MatchedRule(
            rule.get("id") or "",
            rule["index"],
            rule.get("annotations") or {},
            rule.get("outputs") or {},
        )
        for rule in one.get("matched") or ()
    ]
    name = one.get("name") or one["id"]
    return MadeDecision(one["id"], name, one.get("inputs") or {}, one.get("value"), rules)
