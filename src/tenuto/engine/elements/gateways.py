"""Gateways: exclusive, parallel, inclusive and event-based.

BPMN 2.0.2 §13.4.1 (parallel), §13.4.2 (exclusive), §13.4.3 (inclusive), §13.4.4 (event-based).

The inclusive join is the hard one. It fires when at least one incoming flow holds a token and no
token elsewhere in the scope can still reach an empty incoming flow without passing the gateway,
unless that token can also reach a filled one. Which flows a node reaches is in the graph
(`InclusiveGateway.reach`); the question is asked again whenever the turn has come to rest, because
a token that was awaited may have been diverted by an error, an interruption or a dead end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenuto.engine.incidents import JOIN, raise_incident
from tenuto.engine.records import JoinFired, TokenWaiting
from tenuto.engine.scopes import children_of
from tenuto.engine.tokens import NO_FLOW, Taken, pass_through
from tenuto.engine.turn import Stuck, Turn
from tenuto.graph.nodes import ExclusiveGateway, InclusiveGateway, ParallelGateway

if TYPE_CHECKING:
    from tenuto.graph.nodes import Node

Join = ParallelGateway | InclusiveGateway


def exclusive_flows(turn: Turn, node: Node, scope: int) -> Taken:
    """Return the first flow whose condition holds, else the default flow (§13.4.2).

    Flows are tried in model order. Raises `Stuck` when none qualifies.
    """
    outgoing = node.outgoing
    if len(outgoing) == 1 and outgoing[0].condition is None:
        return (outgoing[0].id,)
    reasons = []
    for flow in outgoing:
        if flow.id == node.default_flow:
            continue
        if flow.condition is None:
            return (flow.id,)
        value, why = turn.explain(flow.condition, scope)
        if value is True:
            return (flow.id,)
        reasons.append(f"{flow.id} (`{flow.condition.source}`) is {_shown(value)}{_because(why)}")
    if node.default_flow is not None:
        return (node.default_flow,)
    if not outgoing:
        return ()
    raise Stuck(
        NO_FLOW,
        f"expected one condition of {node.id} to hold, but {'; '.join(reasons)}; "
        "change the variables and retry, or give the gateway a default flow",
    )


def inclusive_flows(turn: Turn, node: Node, scope: int) -> Taken:
    """Return every flow whose condition holds, else the default flow (§13.4.3)."""
    if not node.outgoing:
        return ()
    taken = []
    for flow in node.outgoing:
        if flow.id == node.default_flow:
            continue
        if flow.condition is None or turn.evaluate(flow.condition, scope) is True:
            taken.append(flow.id)
    if taken:
        return tuple(taken)
    if node.default_flow is not None:
        return (node.default_flow,)
    raise Stuck(NO_FLOW, f"expected at least one condition of {node.id} to hold, but none does")


def parallel_flows(node: Node) -> Taken:
    """Return all outgoing flows; conditions on them mean nothing here (§13.4.1)."""
    return tuple(flow.id for flow in node.outgoing)


def split_flows(turn: Turn, node: Node, scope: int) -> Taken:
    """Return the flows by which a gateway is left."""
    if isinstance(node, ExclusiveGateway):
        return exclusive_flows(turn, node, scope)
    if isinstance(node, InclusiveGateway):
        return inclusive_flows(turn, node, scope)
    return parallel_flows(node)


def arrive_at_join(
    turn: Turn, scope: int, place: str, node: ParallelGateway | InclusiveGateway
) -> None:
    """Let a token wait at a join; a parallel join fires when every incoming flow holds one."""
    if place not in node.incoming:
        pass_through(turn, node, scope, place, split_flows(turn, node, scope))
        return
    turn.emit(TokenWaiting(scope, place))
    waiting = turn.element(scope).waiting
    if isinstance(node, ParallelGateway) and all(flow in waiting for flow in node.incoming):
        turn.emit(JoinFired(scope, node.id, node.incoming, parallel_flows(node)))


def fire_inclusive_joins(turn: Turn) -> bool:
    """Fire every inclusive join that nothing can still reach; tell whether one fired.

    Called when no token moves. A scope in which only waiting tokens are left and no join fires is a
    deadlock: an incident names the joins.
    """
    fired = False
    for scope in list(turn.state.joining):
        gateways = _waiting_gateways(turn, scope)
        for node, filled in gateways:
            if isinstance(node, InclusiveGateway) and _may_fire(turn, scope, node, filled):
                fired = fire(turn, scope, node, filled) or fired
        if not fired:
            _report_deadlock(turn, scope, gateways)
    return fired


def fire(turn: Turn, scope: int, node: InclusiveGateway, filled: Taken) -> bool:
    """Consume one token of each filled flow and leave; an incident if no condition holds."""
    try:
        taken = inclusive_flows(turn, node, scope)
    except Stuck as stuck:
        raise_incident(turn, scope, stuck, JOIN)
        return False
    turn.emit(JoinFired(scope, node.id, filled, taken))
    if not taken:
        turn.touch(scope)
    return True


def _waiting_gateways(turn: Turn, scope: int) -> list[tuple[Join, Taken]]:
    found: dict[str, list[str]] = {}
    for place in turn.element(scope).waiting:
        found.setdefault(turn.graph.flows[place].target, []).append(place)
    gateways: list[tuple[Join, Taken]] = []
    for id, places in found.items():
        node = turn.graph.nodes[id]
        assert isinstance(node, ParallelGateway | InclusiveGateway), f"{id} is no join"
        gateways.append((node, tuple(flow for flow in node.incoming if flow in places)))
    return gateways


def _may_fire(turn: Turn, scope: int, node: InclusiveGateway, filled: Taken) -> bool:
    empty = frozenset(node.incoming) - frozenset(filled)
    if not empty:
        return True
    for id in _token_nodes(turn, scope, node):
        reached = node.reach.get(id, frozenset())
        if reached & empty and not reached & frozenset(filled):
            return False
    return True


def _token_nodes(turn: Turn, scope: int, node: InclusiveGateway) -> list[str]:
    """Return the nodes of the scope where tokens other than those at `node` stand."""
    nodes = [turn.element(child).id for child in children_of(turn, scope)]
    for place in turn.element(scope).waiting:
        target = turn.graph.flows[place].target
        if target != node.id:
            nodes.append(target)
    return nodes


def _report_deadlock(turn: Turn, scope: int, gateways: list[tuple[Join, Taken]]) -> None:
    element = turn.element(scope)
    if element.alive != sum(element.waiting.values()):
        return
    names = ", ".join(f"{node.id} (has {', '.join(filled)})" for node, filled in gateways)
    raise_incident(
        turn,
        scope,
        Stuck(
            "join-deadlock",
            f"expected more tokens at {names}, but nothing is left that could bring them",
        ),
        JOIN,
    )


def _shown(value: object) -> str:
    return "null" if value is None else str(value)


def _because(why: str) -> str:
    return f" ({why})" if why else ""
