"""Tokens: leaving an element, and choosing the flows that it is left by.

BPMN 2.0.2 §13.2.1 and §13.3.2: an activity is left by every outgoing flow without condition and by
those whose condition holds; its default flow is taken when no condition held.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenuto.engine import multi_instance
from tenuto.engine.incidents import LEAVE, raise_incident
from tenuto.engine.records import ElementCompleted, ElementPassed
from tenuto.engine.scopes import withdraw
from tenuto.engine.turn import Stuck, Turn
from tenuto.engine.variables import keep_all, map_values, propagate

if TYPE_CHECKING:
    from tenuto.graph.nodes import AnyNode, Node

NO_FLOW = "no-flow-qualifies"

Taken = tuple[str, ...]


def flows_out(turn: Turn, node: Node, scope: int) -> Taken:
    """Return the flows by which an activity or event is left."""
    outgoing = node.outgoing
    if len(outgoing) == 1 and outgoing[0].condition is None:
        return (outgoing[0].id,)
    taken = []
    held = False
    conditional = False
    for flow in outgoing:
        if flow.id == node.default_flow:
            continue
        if flow.condition is None:
            taken.append(flow.id)
            continue
        conditional = True
        if turn.evaluate(flow.condition, scope) is True:
            held = True
            taken.append(flow.id)
    if node.default_flow is not None and not held:
        taken.append(node.default_flow)
    if conditional and not taken:
        raise Stuck(NO_FLOW, f"expected one condition of {node.id} to hold, but none does")
    return tuple(taken)


def pass_through(turn: Turn, node: Node, scope: int, place: str, taken: Taken) -> None:
    """Enter and leave an element at once."""
    turn.emit(ElementPassed(scope, node.id, place, taken))
    if not taken:
        turn.touch(scope)


def leave(turn: Turn, number: int) -> None:
    """Complete an element: output mappings, then its flows.

    What it cannot do becomes an incident.
    """
    element = turn.element(number)
    node = turn.graph.nodes[element.id]
    try:
        apply_outputs(turn, number, node)
        if element.item is not None:
            output = multi_instance.item_output(turn, number, node)
            withdraw(turn, number)
            multi_instance.complete_item(turn, number, output)
            return
        taken = flows_out(turn, node, element.scope)
    except Stuck as stuck:
        raise_incident(turn, number, stuck, LEAVE)
        return
    complete(turn, number, taken)


def complete(turn: Turn, number: int, taken: Taken) -> None:
    """End an element normally and put tokens on the flows taken."""
    element = turn.element(number)
    if element.waits or element.incident is not None:
        withdraw(turn, number)
    turn.emit(ElementCompleted(number, taken))
    if not taken:
        turn.touch(element.scope)


def apply_outputs(turn: Turn, number: int, node: AnyNode) -> None:
    """Evaluate the output mappings of an element in its own scope and set their targets outside
    it.
    """
    if node.outputs and not (node.multi_instance and turn.element(number).item is None):
        made = map_values(turn, node.outputs, number, {})
        propagate(turn, turn.element(number).scope, keep_all(turn, made))
