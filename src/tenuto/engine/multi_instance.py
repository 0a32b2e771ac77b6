"""Multi-instance activities: a body that begins an item for each element of a collection.

BPMN 2.0.2 §13.3.7. The collection is fixed at entry. Items are element instances of the same node
inside the body; outputs keep the order of the inputs. Parallel items begin in waves of `WAVE`, so
that a turn is bounded; the completion condition is tested after each item and, when true, withdraws
the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenuto.engine.records import (
    ElementCompleted,
    LoopItemCompleted,
    LoopItemsBegun,
    LoopStarted,
)
from tenuto.engine.scopes import children_of, terminate
from tenuto.engine.state import Loop
from tenuto.engine.stored import Stored
from tenuto.engine.turn import Stuck, Turn
from tenuto.engine.variables import keep_all, propagate

if TYPE_CHECKING:
    from tenuto.graph.nodes import Node
    from tenuto.graph.policy import MultiInstance
    from tenuto.values import Value

WAVE = 100
ITEMS_MAX = 10_000


def begin_loop(turn: Turn, number: int, policy: MultiInstance) -> None:
    """Fix the items of a body that was just activated, or raise `Stuck`."""
    scope = turn.element(number).scope
    items: list[Value] | None = None
    if policy.collection is not None:
        value, why = turn.explain(policy.collection, scope)
        if not isinstance(value, list):
            shown = "null" if value is None else repr(value)[:80]
            raise Stuck("bad-collection", f"expected a list of items, got {shown}. {why}".strip())
        items = value
        total = len(value)
    else:
        assert policy.cardinality is not None, "a multi-instance has a collection or a cardinality"
        value, why = turn.explain(policy.cardinality, scope)
        try:
            total = int(str(value))
        except ValueError:
            raise Stuck(
                "bad-cardinality", f"expected a count of items, got {value!r}. {why}"
            ) from None
    if not 0 <= total <= ITEMS_MAX:
        raise Stuck("too-many-items", f"expected 0 to {ITEMS_MAX} items, got {total}")
    turn.emit(LoopStarted(number, total, None if items is None else turn.keep(items)))
    if total:
        upto = 0
        turn.emit(LoopItemsBegun(number, upto, more=True))
    else:
        turn.touch(number)


def loop_of(turn: Turn, number: int) -> Loop:
    """Return the progress of a body."""
    loop = turn.element(number).loop
    assert loop is not None, f"element {number} is no multi-instance body"
    return loop


def item_variables(turn: Turn, body: int, item: int, policy: MultiInstance) -> dict[str, Value]:
    """Return the variables that an item begins with: its element and its counter."""
    loop = loop_of(turn, body)
    made: dict[str, Value] = {"loopCounter": item + policy.counter_base}
    if loop.items is not None and policy.element:
        items = turn.decode(loop.items)
        assert isinstance(items, list), "the collection of a body is a list"
        made[policy.element] = items[item]
    return made


def item_output(turn: Turn, number: int, node: Node) -> Stored | None:
    """Return what an item adds to the output collection, evaluated in its scope."""
    policy = node.multi_instance
    if policy is None or policy.output_element is None:
        return None
    return turn.keep(turn.evaluate(policy.output_element, number))


def complete_item(turn: Turn, number: int, output: Stored | None) -> None:
    """End an item, test the completion condition, and withdraw the rest if it holds."""
    element = turn.element(number)
    body = element.scope
    policy = turn.graph.nodes[element.id].multi_instance
    assert element.item is not None, f"{element.id} is no item"
    assert policy is not None, f"{element.id} is no multi-instance"
    counters = _counters(turn, body)
    satisfied = False
    if policy.completion is not None:
        local: dict[str, Value] = {**counters}
        satisfied = turn.evaluate(policy.completion, number, local) is True
    turn.emit(LoopItemCompleted(body, element.item, output))
    turn.emit(ElementCompleted(number, ()))
    turn.touch(body)
    if satisfied:
        loop = loop_of(turn, body)
        if loop.begun < loop.total or (body, f"*{body}") in turn.state.agenda:
            turn.emit(LoopItemsBegun(body, loop.total, more=False))
        for child in children_of(turn, body):
            terminate(turn, child)


def _counters(turn: Turn, body: int) -> dict[str, Value]:
    """Return the counters of the completion condition, counting the item that ends now (both
    dialects).
    """
    loop = loop_of(turn, body)
    active = len(children_of(turn, body)) - 1
    return {
        "numberOfInstances": loop.total,
        "numberOfActiveInstances": active,
        "numberOfCompletedInstances": loop.done + 1,
        "numberOfTerminatedInstances": 0,
        "nrOfInstances": loop.total,
        "nrOfActiveInstances": active,
        "nrOfCompletedInstances": loop.done + 1,
    }


def publish_outputs(turn: Turn, body: int, policy: MultiInstance) -> None:
    """Set the output collection in the enclosing scope, in the order of the inputs."""
    if policy.output_collection is None:
        return
    loop = loop_of(turn, body)
    outputs: list[Value] = [
        turn.decode(loop.outputs[index]) if index in loop.outputs else None
        for index in range(loop.total)
    ]
    kept = keep_all(turn, {policy.output_collection: outputs})
    propagate(turn, turn.element(body).scope, kept)
