"""Static checks of a process graph: what cannot run, and what probably does not run as meant.

The rules of BPMN 2.0.2 that concern flows and nodes; what concerns the file (ids, references,
attributes) is found while it is read. An error keeps a graph from being deployed; a warning does
not.
"""

from __future__ import annotations

from collections.abc import Iterator

from tenuto.graph.findings import Finding, Severity
from tenuto.graph.nodes import (
    AnyNode,
    BoundaryEvent,
    CallActivity,
    CatchEvent,
    DecisionTask,
    EndEvent,
    EventGateway,
    EventSubProcess,
    ExclusiveGateway,
    InclusiveGateway,
    JobTask,
    ParallelGateway,
    PassTask,
    ReceiveTask,
    ScriptTask,
    StartEvent,
    SubProcess,
    ThrowEvent,
    UserTask,
)
from tenuto.graph.process import ProcessGraph
from tenuto.graph.triggers import MessageTrigger, SignalTrigger, TimerTrigger

ACTIVITIES = (
    PassTask,
    JobTask,
    ScriptTask,
    DecisionTask,
    UserTask,
    ReceiveTask,
    CallActivity,
    SubProcess,
)
# Bits, in the worst case: 128 MB.
JOIN_TABLE_MAX = 1 << 30
_GATEWAYS = (ExclusiveGateway, InclusiveGateway, ParallelGateway, EventGateway)


def check(graph: ProcessGraph) -> tuple[Finding, ...]:
    """Return what a process graph has against it, node by node in model order."""
    found: list[Finding] = []
    for node in graph.nodes.values():
        found += _check_ends(node)
        found += _check_default(node)
        found += _check_lone_condition(node)
        if isinstance(node, _GATEWAYS):
            found += _check_gateway(graph, node)
        elif isinstance(node, BoundaryEvent):
            found += _check_boundary(graph, node)
        elif isinstance(node, EventSubProcess):
            found += _check_event_subprocess(graph, node)
    found += _check_starts(graph)
    found += _check_balance(graph)
    found += _check_joins(graph)
    found += _unreachable(graph)
    return tuple(found)


def _error(code: str, message: str, node: AnyNode) -> Finding:
    return Finding(code, message, node.id, node.line, Severity.ERROR)


def _warning(code: str, message: str, node: AnyNode) -> Finding:
    return Finding(code, message, node.id, node.line, Severity.WARNING)


def _check_ends(node: AnyNode) -> Iterator[Finding]:
    """§10.5.2, §10.5.3: nothing leads into a start, nothing out of an end."""
    if isinstance(node, StartEvent) and node.incoming:
        yield _error("start-incoming", "a start event has no incoming flow", node)
    if isinstance(node, BoundaryEvent) and node.incoming:
        yield _error("boundary-incoming", "a boundary event has no incoming flow", node)
    if isinstance(node, EndEvent) and node.outgoing:
        yield _error("end-outgoing", "an end event has no outgoing flow", node)
    if isinstance(node, StartEvent | BoundaryEvent | CatchEvent | EndEvent) and (
        node.multi_instance is not None
    ):
        yield _error("event-repeated", "events do not repeat", node)


def _check_default(node: AnyNode) -> Iterator[Finding]:
    """§8.4.13: a default flow has no condition; only some nodes can have one."""
    if node.default_flow is None:
        return
    for flow in node.outgoing:
        if flow.id == node.default_flow and flow.condition is not None:
            yield Finding(
                "default-with-condition",
                "the default flow is taken when no condition holds: it has none itself",
                flow.id,
                node.line,
            )
    if not isinstance(node, (*ACTIVITIES, ExclusiveGateway, InclusiveGateway)):
        yield _warning("default-without-choice", "a default flow means nothing here", node)


def _check_lone_condition(node: AnyNode) -> Iterator[Finding]:
    """§8.4.13: a condition on an activity's only flow leaves no way when it does not hold."""
    if isinstance(node, ACTIVITIES) and len(node.outgoing) == 1 and node.outgoing[0].condition:
        message = "the only outgoing flow has a condition: there is no way when it does not hold"
        yield _warning("lone-condition", message, node)


def _check_gateway(graph: ProcessGraph, node: AnyNode) -> Iterator[Finding]:
    if not node.outgoing and not node.incoming:
        yield _error("gateway-unconnected", "expected flows at the gateway, but it has none", node)
        return
    if not node.outgoing:
        yield _warning("gateway-without-outgoing", "tokens end at this gateway", node)
    if isinstance(node, ExclusiveGateway | InclusiveGateway):
        yield from _check_choice(node)
    else:
        for flow in node.outgoing:
            if flow.condition is not None:
                message = f"the condition of {flow.id} has no effect: every flow is taken"
                yield _warning("condition-without-effect", message, node)
    if isinstance(node, EventGateway):
        yield from _check_event_gateway(graph, node)


def _check_choice(node: AnyNode) -> Iterator[Finding]:
    """§10.6.2, §10.6.3: a gateway that chooses needs a condition on every flow but the default."""
    if len(node.outgoing) < 2:
        return
    plain = [
        flow.id for flow in node.outgoing if flow.condition is None and flow.id != node.default_flow
    ]
    if plain and len(plain) == len(node.outgoing):
        taken = "the first flow is" if isinstance(node, ExclusiveGateway) else "all flows are"
        message = f"expected conditions on the flows, but there are none: {taken} always taken"
        yield _warning("conditions-missing", message, node)
    elif plain:
        names = ", ".join(plain)
        message = f"{names}: expected a condition or the default flow: it counts as true"
        yield _warning("condition-missing", message, node)


def _check_event_gateway(graph: ProcessGraph, node: EventGateway) -> Iterator[Finding]:
    """§10.6.6: only events that wait stand behind it, each with this one incoming flow."""
    if len(node.outgoing) == 1:
        yield _warning("event-gateway-single", "there is one event to wait for", node)
    kinds: set[str] = set()
    for flow in node.outgoing:
        target = graph.nodes[flow.target]
        if isinstance(target, ReceiveTask):
            kinds.add("task")
            if target.boundaries or target.multi_instance:
                message = (
                    f"{target.id} has boundary events or repeats: it cannot be waited for here"
                )
                yield _error("event-gateway-target", message, node)
        elif isinstance(target, CatchEvent) and isinstance(
            target.trigger, MessageTrigger | TimerTrigger | SignalTrigger
        ):
            if isinstance(target.trigger, MessageTrigger):
                kinds.add("message")
        else:
            message = f"expected an event that waits or a receive task, but {target.id} is neither"
            yield _error("event-gateway-target", message, node)
        if len(target.incoming) > 1:
            message = f"{target.id} is also reached without the gateway"
            yield _warning("event-gateway-target-shared", message, node)
    if len(kinds) > 1:
        message = "message events and receive tasks stand behind one gateway"
        yield _warning("event-gateway-mixed", message, node)


def _check_boundary(graph: ProcessGraph, node: BoundaryEvent) -> Iterator[Finding]:
    """§10.5.4: a boundary event sits on an activity of its scope and leads somewhere."""
    host = graph.nodes.get(node.attached_to)
    if not isinstance(host, (*ACTIVITIES, ThrowEvent)) or host.scope != node.scope:
        message = f"expected an activity of the same scope, but {node.attached_to!r} is none"
        yield _error("boundary-unattached", message, node)
    if not node.outgoing:
        yield _warning("boundary-without-outgoing", "nothing follows: its token ends", node)


def _check_event_subprocess(graph: ProcessGraph, node: EventSubProcess) -> Iterator[Finding]:
    """§10.4.4: an event subprocess stands apart; its start event alone starts it."""
    if node.incoming or node.outgoing:
        yield _error("event-subprocess-flow", "no flow leads to or from an event subprocess", node)
    if node.boundaries:
        yield _error("event-subprocess-boundary", "an event subprocess has no boundary", node)
    if node.multi_instance is not None:
        yield _error("event-subprocess-repeated", "an event subprocess does not repeat", node)


def _check_starts(graph: ProcessGraph) -> Iterator[Finding]:
    """§10.5.2, §13.3.4: something starts every scope, and it is clear what."""
    if not graph.starts and not graph.implicit_starts:
        fact = "every node has an incoming flow" if graph.nodes else "the process is empty"
        message = f"expected a start event or a node that nothing leads to, but {fact}"
        yield Finding("no-start", message, graph.id)
    occupied = {node.scope for node in graph.nodes.values()}
    by_scope: dict[str, list[StartEvent]] = {}
    for node in graph.nodes.values():
        if isinstance(node, StartEvent) and node.trigger is None:
            by_scope.setdefault(node.scope, []).append(node)
        if isinstance(node, SubProcess) and not node.starts:
            if node.id in occupied:
                yield _error("no-start", "every node inside has an incoming flow", node)
            else:
                yield _warning("empty-subprocess", "nothing is inside: it ends at once", node)
    for starts in by_scope.values():
        if len(starts) > 1:
            names = ", ".join(start.id for start in starts)
            message = f"expected one none start event in a scope, but there are {names}"
            yield _error("several-starts", message, starts[1])


def _check_balance(graph: ProcessGraph) -> Iterator[Finding]:
    """§10.5.2, §10.5.3: where starts are drawn ends are drawn, and the other way round."""
    started = {node.scope: node for node in graph.nodes.values() if isinstance(node, StartEvent)}
    ended = {node.scope: node for node in graph.nodes.values() if isinstance(node, EndEvent)}
    for scope, start in started.items():
        if scope not in ended:
            yield _warning("end-missing", "the scope has a start event, but no end event", start)
    for scope, end in ended.items():
        if scope not in started:
            yield _warning("start-missing", "the scope has an end event, but no start event", end)


def _check_joins(graph: ProcessGraph) -> Iterator[Finding]:
    """Bound the tables of the inclusive joins: their size is flows joined times nodes and flows."""
    joined = [len(n.incoming) for n in graph.nodes.values() if isinstance(n, InclusiveGateway)]
    size = sum(count for count in joined if count > 1) * (len(graph.nodes) + len(graph.flows))
    if size > JOIN_TABLE_MAX:
        message = (
            f"expected fewer than {len(joined):,} inclusive joins: part them by call activities"
        )
        yield Finding("joins-too-many", message, graph.id)


def _unreachable(graph: ProcessGraph) -> Iterator[Finding]:
    """Warn about nodes that no token ever reaches."""
    reached: set[str] = set()
    ways = [*graph.starts, *graph.implicit_starts]
    ways += [id_ for ids in graph.event_subprocesses.values() for id_ in ids]
    while ways:
        id_ = ways.pop()
        node = graph.nodes.get(id_)
        if node is None or id_ in reached:
            continue
        reached.add(id_)
        ways += [flow.target for flow in node.outgoing]
        ways += node.boundaries
        if isinstance(node, SubProcess):
            ways += node.starts
        elif isinstance(node, EventSubProcess):
            ways.append(node.start)
    for node in graph.nodes.values():
        if node.id not in reached:
            yield _warning("unreachable", "no sequence flow leads here from a start", node)
