"""Play: move tokens until none can move.

The loop takes the oldest token of the agenda, lets its node act, looks at scopes that may have
ended, and when no token moves asks the inclusive joins. It stops at rest, or after
`TRANSITIONS_MAX` transitions or `FEEL_STEPS_MAX` FEEL steps; what remains is the agenda, continued
by a command to the instance itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tenuto.engine import multi_instance, routines
from tenuto.engine.catching import close_wait, open_waits, prepare_wait
from tenuto.engine.commands import ContinueInstance, EndCall, EndRun, ReleaseStart
from tenuto.engine.elements import calls, events, gateways, subprocesses, tasks
from tenuto.engine.incidents import ENTER, raise_incident
from tenuto.engine.lifecycle import Status
from tenuto.engine.places import leave_queues
from tenuto.engine.records import (
    ElementActivated,
    ElementPassed,
    ElementTerminated,
    InstanceCompleted,
    InstanceTerminated,
    LoopItemsBegun,
)
from tenuto.engine.scopes import withdraw
from tenuto.engine.state import ROOT
from tenuto.engine.tokens import complete, flows_out, leave, pass_through
from tenuto.engine.turn import (
    ACTIVATIONS_MAX,
    FEEL_STEPS_MAX,
    TRANSITIONS_MAX,
    Stuck,
    Turn,
    visible_variables,
)
from tenuto.engine.variables import keep_all, map_values, set_local
from tenuto.graph import nodes as n

Enter = Callable[[Turn, int, Any], None]


def play(turn: Turn) -> None:
    """Run the instance to rest, or to the bound of a turn."""
    state = turn.state
    while state.ended_at is None:
        if turn.touched:
            settle(turn, turn.touched.pop())
        elif state.agenda:
            if turn.transitions >= TRANSITIONS_MAX or turn.steps >= FEEL_STEPS_MAX:
                turn.send(state.key, ContinueInstance())
                return
            turn.transitions += 1
            scope, place = state.agenda[0]
            move(turn, scope, place)
        elif not (state.joining and gateways.fire_inclusive_joins(turn)):
            return


def move(turn: Turn, scope: int, place: str) -> None:
    """Let one token reach the node that its place leads to."""
    mark = place[0]
    if mark == "*":
        begin_items(turn, scope)
        return
    node = turn.graph.nodes[place[1:] if mark == "@" else turn.graph.flows[place].target]
    kind = type(node)
    if kind in JOINS and len(node.incoming) > 1:
        gateways.arrive_at_join(turn, scope, place, node)  # type: ignore[arg-type]  # kinds of JOINS
        return
    if _passes(node):
        try:
            taken = _flows_of(turn, node, scope)
        except Stuck as stuck:
            _stop(turn, scope, place, node, stuck)
            return
        turn.emit(ElementPassed(scope, node.id, place, taken))
        if not taken:
            turn.touch(scope)
        return
    activate(turn, scope, place, node)


JOINS = frozenset({n.ParallelGateway, n.InclusiveGateway})
GATEWAYS = frozenset({n.ExclusiveGateway, n.ParallelGateway, n.InclusiveGateway})


def _passes(node: n.AnyNode) -> bool:
    """Tell whether a node is entered and left in one record, having nothing to wait for or to
    map.
    """
    kind = type(node)
    if kind in GATEWAYS or kind is n.StartEvent:
        return True
    if node.outputs and kind is not n.BoundaryEvent:
        return False
    if kind is n.BoundaryEvent:
        return True
    if isinstance(node, n.EndEvent | n.ThrowEvent):
        return node.throw is None
    return (
        kind is n.PassTask
        and not node.inputs
        and not node.boundaries
        and node.multi_instance is None
    )


def _flows_of(turn: Turn, node: n.AnyNode, scope: int) -> tuple[str, ...]:
    if type(node) in GATEWAYS:
        return gateways.split_flows(turn, node, scope)
    return flows_out(turn, node, scope)


def _stop(turn: Turn, scope: int, place: str, node: n.AnyNode, stuck: Stuck) -> None:
    """Let a node that only passes stand still with an incident."""
    number = turn.next_number()
    turn.emit(ElementActivated(number, node.id, scope, place))
    raise_incident(turn, number, stuck, ENTER)


def activate(turn: Turn, scope: int, place: str, node: n.AnyNode, item: int | None = None) -> None:
    """Begin an element instance: as a multi-instance body, or its own behaviour."""
    number = turn.next_number()
    turn.emit(ElementActivated(number, node.id, scope, place, item))
    enter(turn, number)


def enter(turn: Turn, number: int) -> None:
    """Do what an element does on entry: input mappings, waits, then its behaviour.

    Called again when an incident of this phase was resolved; nothing has happened before it raises.
    """
    element = turn.state.elements[number]
    node = turn.graph.nodes[element.id]
    try:
        if element.count > ACTIVATIONS_MAX:
            raise Stuck(
                "endless-loop",
                f"expected {node.id} to be entered at most {ACTIVATIONS_MAX} times in one instance",
            )
        if node.multi_instance is not None and element.item is None:
            open_waits(turn, _boundary_waits(turn, number, node))
            multi_instance.begin_loop(turn, number, node.multi_instance)
            return
        if element.item is not None or node.inputs:
            _set_inputs(turn, number, node)
        prepared = _boundary_waits(turn, number, node) if node.boundaries else []
        if type(node) in WAITING:
            prepared += _own_waits(turn, number, node)
        if prepared:
            open_waits(turn, prepared)
        ELEMENTS[type(node)](turn, number, node)
    except Stuck as stuck:
        for wait in list(turn.element(number).waits):
            close_wait(turn, wait)
        raise_incident(turn, number, stuck, ENTER)


WAITING = frozenset({n.CatchEvent, n.ReceiveTask, n.EventGateway})

Opening = list[Any]


def _set_inputs(turn: Turn, number: int, node: n.AnyNode) -> None:
    """Set what an element begins with: its item of a loop, then its input mappings."""
    element = turn.element(number)
    local = {}
    if element.item is not None and node.multi_instance is not None:
        local = multi_instance.item_variables(
            turn, element.scope, element.item, node.multi_instance
        )
    made = {**local, **map_values(turn, node.inputs, element.scope, local)}
    set_local(turn, number, keep_all(turn, made))


def _boundary_waits(turn: Turn, number: int, node: n.AnyNode) -> Opening:
    prepared: Opening = []
    if turn.element(number).item is not None:
        return prepared
    for id in node.boundaries:
        boundary = turn.graph.nodes[id]
        assert isinstance(boundary, n.BoundaryEvent), f"{id} is no boundary event"
        opening = prepare_wait(turn, number, number, id, boundary.trigger)
        if opening is not None:
            prepared.append(opening)
    return prepared


def _own_waits(turn: Turn, number: int, node: n.AnyNode) -> Opening:
    if isinstance(node, n.CatchEvent):
        opening = prepare_wait(turn, number, number, node.id, node.trigger)
        return [opening] if opening else []
    if isinstance(node, n.ReceiveTask):
        opening = prepare_wait(turn, number, number, node.id, node.message)
        return [opening] if opening else []
    if not isinstance(node, n.EventGateway):
        return []
    prepared = []
    for flow in node.outgoing:
        target = turn.graph.nodes[flow.target]
        if isinstance(target, n.CatchEvent):
            opening = prepare_wait(turn, number, number, target.id, target.trigger)
        else:
            assert isinstance(target, n.ReceiveTask), f"{target.id} waits for nothing"
            opening = prepare_wait(turn, number, number, target.id, target.message)
        if opening:
            prepared.append(opening)
    return prepared


def begin_items(turn: Turn, body: int) -> None:
    """Begin the next items of a multi-instance body: one, or a wave of parallel ones."""
    element = turn.element(body)
    node = turn.graph.nodes[element.id]
    loop = multi_instance.loop_of(turn, body)
    assert node.multi_instance is not None, f"{node.id} is no multi-instance"
    size = 1 if node.multi_instance.sequential else multi_instance.WAVE
    first = loop.begun
    upto = min(loop.total, first + size)
    more = upto < loop.total and not node.multi_instance.sequential
    turn.emit(LoopItemsBegun(body, upto, more))
    for item in range(first, upto):
        turn.transitions += 1
        activate(turn, body, "", node, item)


def settle(turn: Turn, scope: int) -> None:
    """End a scope in which nothing lives any more."""
    element = turn.state.elements.get(scope)
    if element is None or element.alive or element.incident is not None:
        return
    if element.status is Status.TERMINATING:
        _finish_terminating(turn, scope)
    elif scope == ROOT:
        _complete_instance(turn)
    elif element.loop is not None:
        _settle_loop(turn, scope)
    elif element.routine is not None:
        return
    else:
        leave(turn, scope)


def _settle_loop(turn: Turn, body: int) -> None:
    loop = multi_instance.loop_of(turn, body)
    node = turn.node(body)
    assert node.multi_instance is not None, f"{node.id} is no multi-instance"
    if loop.begun < loop.total:
        turn.emit(LoopItemsBegun(body, loop.begun, more=True))
        return
    try:
        taken = flows_out(turn, node, turn.element(body).scope)
        multi_instance.publish_outputs(turn, body, node.multi_instance)
    except Stuck as stuck:
        raise_incident(turn, body, stuck, "leave")
        return
    complete(turn, body, taken)


def _finish_terminating(turn: Turn, scope: int) -> None:
    element = turn.element(scope)
    if scope == ROOT:
        turn.emit(InstanceTerminated("canceled"))
        _report_end(turn, "terminated")
    elif scope not in turn.state.calls:
        turn.emit(ElementTerminated(scope, element.then))
        turn.touch(element.scope)


def _complete_instance(turn: Turn) -> None:
    withdraw(turn, ROOT)
    turn.emit(InstanceCompleted())
    _report_end(turn, "completed")


def _report_end(turn: Turn, outcome: str) -> None:
    """Tell the caller, and the mailbox or schedule that started the instance."""
    state = turn.state
    if state.places:
        leave_queues(turn)
    if state.parent is not None and state.parent_element is not None:
        variables = visible_variables(state, ROOT) if outcome == "completed" else {}
        turn.send(state.parent, EndCall(state.parent_element, outcome, turn.carry(variables)))
    if state.mailbox is not None:
        release = ReleaseStart(state.process, state.message_name, state.message_key)
        turn.send(state.mailbox, release)
    if state.schedule is not None:
        turn.send(state.schedule, EndRun(state.key, outcome))


def _enter_gateway(turn: Turn, number: int, node: n.AnyNode) -> None:
    """A gateway that was stuck is tried again."""
    taken = gateways.split_flows(turn, node, turn.element(number).scope)
    complete(turn, number, taken)


def _enter_passing(turn: Turn, number: int, node: n.AnyNode) -> None:
    """A start, boundary or none event that was stuck, or has mappings, is left at once."""
    leave(turn, number)


def _enter_event(turn: Turn, number: int, node: n.ThrowEvent | n.EndEvent) -> None:
    if node.throw is None:
        leave(turn, number)
    else:
        events.enter_throw(turn, number, node)


def _enter_event_subprocess(turn: Turn, number: int, node: n.EventSubProcess) -> None:
    subprocesses.enter_scope(turn, number, node.id, (f"@{node.start}",))


ELEMENTS: dict[type[n.Node], Enter] = {
    n.PassTask: tasks.enter_pass_task,
    n.JobTask: tasks.enter_job_task,
    n.ScriptTask: tasks.enter_script_task,
    n.DecisionTask: tasks.enter_decision_task,
    n.UserTask: tasks.enter_user_task,
    n.ReceiveTask: events.enter_wait,
    n.CatchEvent: events.enter_wait,
    n.EventGateway: events.enter_wait,
    n.CallActivity: calls.enter_call,
    n.Routine: routines.enter_routine,
    n.SubProcess: subprocesses.enter_subprocess,
    n.EventSubProcess: _enter_event_subprocess,
    n.ExclusiveGateway: _enter_gateway,
    n.ParallelGateway: _enter_gateway,
    n.InclusiveGateway: _enter_gateway,
    n.StartEvent: _enter_passing,
    n.BoundaryEvent: _enter_passing,
    n.ThrowEvent: _enter_event,
    n.EndEvent: _enter_event,
}

__all__ = ["activate", "enter", "pass_through", "play", "settle"]
