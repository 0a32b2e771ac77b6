"""Scopes: a process or subprocess with its nodes and sequence flows.

BPMN 2.0.2 §10.4 (what a scope may contain) and §10.5.3 (subprocesses). Nodes keep the order of the
file; so do the outgoing flows of a node, because the first condition that holds wins.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct, structs

from tenuto.bpmn import activities
from tenuto.bpmn.contradictions import note_contradictions
from tenuto.bpmn.declarations import with_declarations
from tenuto.bpmn.events import Position, throw_of, trigger_of
from tenuto.bpmn.formulas import BROKEN, expression
from tenuto.bpmn.mappings import mappings
from tenuto.bpmn.model import Model
from tenuto.bpmn.repetition import multi_instance
from tenuto.bpmn.report import Place
from tenuto.bpmn.vocabulary import DECORATIONS, UNSUPPORTED, review
from tenuto.bpmn.xml import Markup
from tenuto.graph.flows import Flow
from tenuto.graph.nodes import (
    AnyNode,
    BoundaryEvent,
    CallActivity,
    CatchEvent,
    EndEvent,
    EventGateway,
    EventSubProcess,
    ExclusiveGateway,
    InclusiveGateway,
    ParallelGateway,
    PassTask,
    StartEvent,
    SubProcess,
    ThrowEvent,
)
from tenuto.graph.triggers import SignalTrigger

Reader = Callable[[Model, Markup, Place, str], AnyNode]


class Draft(Struct):
    """A process graph in the making."""

    nodes: dict[str, AnyNode]
    flows: dict[str, Flow]
    event_subprocesses: dict[str, tuple[str, ...]]
    unnamed: dict[str, int] = {}


class Inside(Struct, frozen=True):
    """What was found directly in one scope: start events, and nodes that nothing leads to."""

    starts: tuple[StartEvent, ...]
    implicit_starts: tuple[str, ...]


class _Links(Struct, frozen=True):
    """The arrows of one scope, by the ids of the nodes that they join."""

    incoming: dict[str, list[str]]
    outgoing: dict[str, list[Flow]]
    boundaries: dict[str, list[str]]


def read_scope(model: Model, draft: Draft, scope: Markup, scope_id: str, start: Position) -> Inside:
    """Add the nodes and flows of a scope to the draft, those of inner scopes behind them."""
    members = [child for child in scope.children if child.name in READERS or _is_start(child)]
    _note_others(model, scope)
    known = {member.id for member in members if member.id}
    links = _links(model, draft, scope, known)
    starts: list[StartEvent] = []
    entered: list[str] = []
    event_subprocesses: list[str] = []
    for member in members:
        place = Place(member, member.id)
        if member.id is None:
            model.findings.refuse("id-missing", f"expected an id of the {_said(member)}", place)
            continue
        if member.id in draft.nodes:
            continue  # reported as a duplicate id; the first one stays
        review(model, member, place)
        node = _bare_node(model, member, place, (scope_id, start))
        node = _with_surroundings(model, member, node, links)
        draft.nodes[member.id] = node
        if isinstance(node, SubProcess | EventSubProcess):
            node = _read_inner(model, draft, member, node)
            draft.nodes[member.id] = node
        if isinstance(node, StartEvent):
            starts.append(node)
        elif isinstance(node, EventSubProcess):
            event_subprocesses.append(node.id)
        elif not node.incoming and not isinstance(node, BoundaryEvent):
            entered.append(node.id)
    if event_subprocesses:
        draft.event_subprocesses[scope_id] = tuple(event_subprocesses)
    return Inside(tuple(starts), () if starts else tuple(entered))


def _is_start(markup: Markup) -> bool:
    return markup.name == "bpmn:startEvent"


def _said(markup: Markup) -> str:
    return markup.name.partition(":")[2]


def _note_others(model: Model, scope: Markup) -> None:
    """Refuse what is drawn in a scope and not executable; list what changes nothing."""
    for child in scope.children:
        place = Place(child, child.id or scope.id)
        if child.name in UNSUPPORTED:
            model.findings.refuse(
                "unsupported-element", f"{UNSUPPORTED[child.name]}: not executable yet", place
            )
        elif child.name in DECORATIONS:
            model.findings.ignore("decoration", f"{_said(child)} {DECORATIONS[child.name]}", place)
        elif child.name not in READERS and child.name not in _STRUCTURE and not _is_start(child):
            model.findings.refuse(
                "unsupported-element", f"the element {child.name} is not executable", place
            )


_STRUCTURE = frozenset(
    [
        "bpmn:sequenceFlow",
        "bpmn:extensionElements",
        "bpmn:documentation",
        "bpmn:incoming",
        "bpmn:outgoing",
        "bpmn:multiInstanceLoopCharacteristics",
        "bpmn:standardLoopCharacteristics",
    ]
)


def _links(model: Model, draft: Draft, scope: Markup, known: set[str]) -> _Links:
    incoming: dict[str, list[str]] = {}
    outgoing: dict[str, list[Flow]] = {}
    boundaries: dict[str, list[str]] = {}
    for markup in scope.all("bpmn:sequenceFlow"):
        flow = _flow(model, draft, markup, known)
        if flow is not None:
            draft.flows[flow.id] = flow
            incoming.setdefault(flow.target, []).append(flow.id)
            outgoing.setdefault(flow.source, []).append(flow)
    for event in scope.all("bpmn:boundaryEvent"):
        attached = event.get("attachedToRef")
        if event.id and attached:
            boundaries.setdefault(attached, []).append(event.id)
    return _Links(incoming, outgoing, boundaries)


def _flow(model: Model, draft: Draft, markup: Markup, known: set[str]) -> Flow | None:
    source, target = markup.get("sourceRef"), markup.get("targetRef")
    id_ = markup.id or _flow_id(draft, f"{source}->{target}")
    place = Place(markup, id_)
    review(model, markup, place)
    for side, reference in (("sourceRef", source), ("targetRef", target)):
        if reference not in known:
            model.findings.refuse(
                "dangling-flow",
                f"expected a node of the same scope as {side}, but it is {reference!r}",
                place,
            )
    if source not in known or target not in known or id_ in draft.flows:
        return None
    assert source is not None, "known ids are texts"
    assert target is not None, "known ids are texts"
    written = markup.first("bpmn:conditionExpression")
    condition = expression(model, written, place)
    if written is not None and condition is None:
        model.findings.warn("condition-empty", "has an empty condition: it counts as none", place)
    if not markup.flag("isImmediate", default=True):
        model.findings.ignore("not-immediate", "every flow of an executable process is", place)
    name = markup.attributes.get("name", "")
    return Flow(id=id_, source=source, target=target, condition=condition, name=name)


def _flow_id(draft: Draft, wanted: str) -> str:
    """Return an id for a flow without one: the standard allows that, and tools do it."""
    count = draft.unnamed.get(wanted, 0) + 1
    draft.unnamed[wanted] = count
    return wanted if count == 1 else f"{wanted}#{count}"


def _bare_node(model: Model, member: Markup, place: Place, inside: tuple[str, Position]) -> AnyNode:
    scope_id, start = inside
    if _is_start(member):
        return StartEvent(
            id=member.id or "", scope=scope_id, trigger=trigger_of(model, member, start)
        )
    return READERS[member.name](model, member, place, scope_id)


def _with_surroundings(model: Model, member: Markup, node: AnyNode, links: _Links) -> AnyNode:
    """Return the node with what all nodes share: name, flows, mappings, boundaries, repetition."""
    place = Place(member, member.id)
    definition = member.first("bpmn:messageEventDefinition")
    inputs, outputs = mappings(model, member, definition or member, place)
    if isinstance(node, CallActivity):
        inputs, outputs = (*inputs, *node.inputs), (*outputs, *node.outputs)
        node = with_declarations(model, member, node)
    outgoing = tuple(links.outgoing.get(node.id, ()))
    incoming = tuple(links.incoming.get(node.id, ()))
    note_contradictions(model, member, set(incoming), {flow.id for flow in outgoing})
    default = member.get("default")
    if default is not None and default not in {flow.id for flow in outgoing}:
        model.findings.refuse(
            "default-flow", f"expected an outgoing flow as default, but it is {default!r}", place
        )
        default = None
    return structs.replace(
        node,
        name=member.attributes.get("name", ""),
        incoming=incoming,
        outgoing=outgoing,
        default_flow=default,
        inputs=inputs,
        outputs=outputs,
        boundaries=tuple(links.boundaries.get(node.id, ())),
        multi_instance=multi_instance(model, member, place),
        properties=_properties(member),
        line=member.line,
    )


def _properties(member: Markup) -> tuple[tuple[str, str], ...]:
    return tuple(
        (item.attributes.get("name", ""), item.attributes.get("value", ""))
        for holder in member.extensions
        if holder.name in {"zeebe:properties", "camunda:properties"}
        for item in holder.all("zeebe:property", "camunda:property")
    )


def _sub_process(model: Model, node: Markup, place: Place, scope: str) -> AnyNode:
    if node.flag("triggeredByEvent", default=False):
        # The start event is read with the inner scope; until then nothing triggers it.
        nothing = SignalTrigger(BROKEN)
        return EventSubProcess(id=node.id or "", scope=scope, start="", trigger=nothing)
    return SubProcess(id=node.id or "", scope=scope)


def _read_inner(
    model: Model, draft: Draft, member: Markup, node: SubProcess | EventSubProcess
) -> AnyNode:
    place = Place(member, node.id)
    if isinstance(node, SubProcess):
        inner = read_scope(model, draft, member, node.id, Position.INNER_START)
        starts = tuple(start.id for start in inner.starts) or inner.implicit_starts
        return structs.replace(node, starts=starts)
    inner = read_scope(model, draft, member, node.id, Position.EVENT_START)
    triggered = [start for start in inner.starts if start.trigger is not None]
    if len(inner.starts) != 1 or not triggered:
        model.findings.refuse(
            "event-subprocess",
            f"expected one start event with a trigger, but there are {len(inner.starts)}",
            place,
        )
        return node
    start = next(child for child in member.children if child.id == triggered[0].id)
    trigger = triggered[0].trigger
    assert trigger is not None, "only triggered starts were kept"
    interrupting = start.flag("isInterrupting", default=True)
    _refuse_soft_error(model, start, interrupting=interrupting)
    return structs.replace(node, start=triggered[0].id, trigger=trigger, interrupting=interrupting)


def _refuse_soft_error(model: Model, event: Markup, *, interrupting: bool) -> None:
    """An error always ends the scope it is caught on (§10.5.6)."""
    if not interrupting and event.first("bpmn:errorEventDefinition") is not None:
        model.findings.refuse(
            "event-position", "an error event always interrupts", Place(event, event.id)
        )


def _boundary_event(model: Model, node: Markup, place: Place, scope: str) -> AnyNode:
    interrupting = node.flag("cancelActivity", default=True)
    _refuse_soft_error(model, node, interrupting=interrupting)
    trigger = trigger_of(model, node, Position.BOUNDARY)
    assert trigger is not None, "a boundary event without definition has a stand-in"
    return BoundaryEvent(
        id=node.id or "",
        scope=scope,
        attached_to=node.get("attachedToRef") or "",
        trigger=trigger,
        interrupting=interrupting,
    )


def _catch_event(model: Model, node: Markup, place: Place, scope: str) -> AnyNode:
    trigger = trigger_of(model, node, Position.CATCH)
    assert trigger is not None, "a catch event without definition has a stand-in"
    return CatchEvent(id=node.id or "", scope=scope, trigger=trigger)


def _throw_event(model: Model, node: Markup, place: Place, scope: str) -> AnyNode:
    return ThrowEvent(id=node.id or "", scope=scope, throw=throw_of(model, node, Position.THROW))


def _end_event(model: Model, node: Markup, place: Place, scope: str) -> AnyNode:
    return EndEvent(id=node.id or "", scope=scope, throw=throw_of(model, node, Position.END))


def _exclusive(model: Model, node: Markup, place: Place, scope: str) -> AnyNode:
    return ExclusiveGateway(id=node.id or "", scope=scope)


def _parallel(model: Model, node: Markup, place: Place, scope: str) -> AnyNode:
    return ParallelGateway(id=node.id or "", scope=scope)


def _inclusive(model: Model, node: Markup, place: Place, scope: str) -> AnyNode:
    return InclusiveGateway(id=node.id or "", scope=scope)


def _event_gateway(model: Model, node: Markup, place: Place, scope: str) -> AnyNode:
    if node.flag("instantiate", default=False) or node.get("eventGatewayType") == "Parallel":
        model.findings.refuse(
            "unsupported-attribute",
            "an event-based gateway that starts a process is not executable yet",
            place,
        )
    return EventGateway(id=node.id or "", scope=scope)


def _stand_in(model: Model, node: Markup, place: Place, scope: str) -> AnyNode:
    """Take the place of what was refused, so that the flows around it can be checked."""
    return PassTask(id=node.id or "", scope=scope)


READERS: dict[str, Reader] = {
    "bpmn:task": activities.pass_task,
    "bpmn:manualTask": activities.pass_task,
    "bpmn:userTask": activities.user_task,
    "bpmn:serviceTask": activities.service_task,
    "bpmn:sendTask": activities.send_task,
    "bpmn:scriptTask": activities.script_task,
    "bpmn:businessRuleTask": activities.business_rule_task,
    "bpmn:receiveTask": activities.receive_task,
    "bpmn:callActivity": activities.call_activity,
    "bpmn:subProcess": _sub_process,
    "bpmn:boundaryEvent": _boundary_event,
    "bpmn:intermediateCatchEvent": _catch_event,
    "bpmn:intermediateThrowEvent": _throw_event,
    "bpmn:endEvent": _end_event,
    "bpmn:exclusiveGateway": _exclusive,
    "bpmn:parallelGateway": _parallel,
    "bpmn:inclusiveGateway": _inclusive,
    "bpmn:eventBasedGateway": _event_gateway,
    # Refused, and kept in the graph for the checks.
    "bpmn:complexGateway": _stand_in,
    "bpmn:transaction": _sub_process,
    "bpmn:adHocSubProcess": _sub_process,
    "bpmn:implicitThrowEvent": _stand_in,
    "bpmn:subChoreography": _stand_in,
    "bpmn:choreographyTask": _stand_in,
    "bpmn:callChoreography": _stand_in,
}
