"""Events: what starts, interrupts, resumes and ends.

BPMN 2.0.2 §13.5.1 (start), §13.5.2 (intermediate), §13.5.3 (boundary), §13.5.4 (event subprocess),
§13.5.6 (end). A trigger reaches an element through its wait; an error reaches its handler by
climbing the scopes (§10.5.7): event subprocess before boundary event, coded before catch-all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenuto.engine.catching import close_wait, rearm
from tenuto.engine.commands import BroadcastSignal, EndCall, PublishMessage
from tenuto.engine.elements.subprocesses import enter_scope
from tenuto.engine.jobs import create_job
from tenuto.engine.records import (
    ElementActivated,
    ElementCompleted,
    ElementPassed,
    InstanceFailed,
    SignalReceived,
    TokenPlaced,
)
from tenuto.engine.routines import wait_happened
from tenuto.engine.scopes import empty_scope, terminate, withdraw
from tenuto.engine.state import ROOT, SignalWait, TimerWait, Wait
from tenuto.engine.stored import Variables
from tenuto.engine.tokens import complete, flows_out, leave
from tenuto.engine.turn import Stuck, Turn, scope_chain, visible_variables
from tenuto.engine.variables import (
    decode_all,
    keep_all,
    map_values,
    propagate,
    set_local,
    text_of,
)
from tenuto.graph.nodes import (
    BoundaryEvent,
    CatchEvent,
    EndEvent,
    EventGateway,
    EventSubProcess,
    Node,
    ReceiveTask,
    ThrowEvent,
)
from tenuto.graph.triggers import (
    ErrorThrow,
    ErrorTrigger,
    JobThrow,
    MessageThrow,
    SignalThrow,
    TerminateThrow,
    Throw,
)
from tenuto.keys import Kind, named_key
from tenuto.schedules import first_due

if TYPE_CHECKING:
    from tenuto.values import Value

UNHANDLED_ERROR = "unhandled-error"


# --- waiting


def enter_wait(turn: Turn, number: int, node: Node) -> None:
    """A catch event, receive task or event-based gateway waits; its waits were opened on entry."""


def trigger_wait(turn: Turn, wait: Wait, variables: Variables) -> None:
    """An event happened for a wait: continue at the node that it names."""
    if turn.element(wait.owner).routine is not None:
        wait_happened(turn, wait, variables)
        return
    node = turn.graph.nodes[wait.node]
    if isinstance(node, BoundaryEvent):
        _trigger_boundary(turn, wait, node, variables)
    elif isinstance(node, EventSubProcess):
        _trigger_event_subprocess(turn, wait, node, variables)
    elif turn.element(wait.owner).id == wait.node:
        receive(turn, wait.owner, variables)
        leave(turn, wait.owner)
    else:
        _choose_branch(turn, wait, node, variables)


def stays_open(turn: Turn, wait: Wait) -> bool:
    """Tell whether a wait goes on after it was triggered: non-interrupting boundary or event
    subprocess.
    """
    node = turn.graph.nodes.get(wait.node)
    return isinstance(node, BoundaryEvent | EventSubProcess) and not node.interrupting


def receive(turn: Turn, number: int, variables: Variables) -> None:
    """Give an element what an event carried: local when it has output mappings, else to its
    scopes.
    """
    if turn.node(number).outputs:
        set_local(turn, number, variables)
    else:
        propagate(turn, turn.element(number).scope, variables)


def receive_at(turn: Turn, node: Node, scope: int, variables: Variables) -> None:
    """Give what an event carried to the scope of an event that has no element instance of its
    own.
    """
    if node.outputs:
        made = map_values(turn, node.outputs, scope, decode_all(turn, variables))
        propagate(turn, scope, keep_all(turn, made))
    else:
        propagate(turn, scope, variables)


def _choose_branch(turn: Turn, wait: Wait, node: Node, variables: Variables) -> None:
    """The first event behind an event-based gateway withdraws the others (§13.4.4)."""
    gateway = turn.node(wait.owner)
    assert isinstance(gateway, EventGateway), f"{gateway.id} is no event-based gateway"
    assert isinstance(node, CatchEvent | ReceiveTask), f"{node.id} waits for nothing"
    scope = turn.element(wait.owner).scope
    flow = next(flow.id for flow in gateway.outgoing if flow.target == node.id)
    complete(turn, wait.owner, (flow,))
    receive_at(turn, node, scope, variables)
    turn.emit(ElementPassed(scope, node.id, flow, flows_out(turn, node, scope)))
    turn.touch(scope)


def _trigger_boundary(turn: Turn, wait: Wait, node: BoundaryEvent, variables: Variables) -> None:
    """Interrupt the activity, or continue beside it (§13.5.3)."""
    scope = turn.element(wait.owner).scope
    receive_at(turn, node, scope, variables)
    if node.interrupting:
        terminate(turn, wait.owner, then=f"@{node.id}")
    else:
        turn.emit(TokenPlaced(scope, f"@{node.id}"))
        if isinstance(wait, TimerWait):
            rearm(turn, wait)


def _trigger_event_subprocess(
    turn: Turn, wait: Wait, node: EventSubProcess, variables: Variables
) -> None:
    """Start the event subprocess inside its scope (§13.5.4)."""
    start_event_subprocess(turn, wait.owner, node, variables)
    if not node.interrupting and isinstance(wait, TimerWait):
        rearm(turn, wait)


def start_event_subprocess(
    turn: Turn, scope: int, node: EventSubProcess, variables: Variables
) -> None:
    """Activate an event subprocess; an interrupting one withdraws everything else in the scope
    first.
    """
    if node.interrupting:
        for number in list(turn.element(scope).waits):
            if isinstance(turn.graph.nodes[turn.state.waits[number].node], EventSubProcess):
                close_wait(turn, number)
        empty_scope(turn, scope)
    number = turn.next_number()
    turn.emit(ElementActivated(number, node.id, scope, ""))
    set_local(turn, number, variables)
    enter_scope(turn, number, node.id, (f"@{node.start}",))


# --- throwing


def enter_throw(turn: Turn, number: int, node: ThrowEvent | EndEvent) -> None:
    """Do what a throw or end event says, then leave it."""
    throw = node.throw
    if isinstance(throw, JobThrow):
        create_job(turn, number, throw.job)
        return
    if isinstance(throw, TerminateThrow):
        _terminate_scope(turn, number)
        return
    if isinstance(throw, ErrorThrow):
        code = text_of(turn.evaluate(throw.code, number), what="the error code")
        throw_error(turn, number, code, f"thrown by {node.id}", {})
        return
    _publish(turn, number, throw)
    if number in turn.state.elements:
        leave(turn, number)


def _publish(turn: Turn, number: int, throw: Throw | None) -> None:
    if isinstance(throw, MessageThrow):
        name = text_of(turn.evaluate(throw.name, number), what="the message name")
        key_value, why = turn.explain(throw.correlation_key, number)
        key = text_of(key_value, what="the correlation key", why=why)
        lives = 0
        if throw.time_to_live is not None:
            span = turn.evaluate(throw.time_to_live, number)
            lives = first_due("duration", span, turn.now).at - turn.now
        carried = keep_all(turn, map_values(turn, throw.variables, number, {}))
        message = PublishMessage(name, key, turn.carry(carried), None, lives)
        turn.send(named_key(Kind.MAILBOX, name, key), message)
    elif isinstance(throw, SignalThrow):
        name = text_of(turn.evaluate(throw.name, number), what="the signal name")
        turn.send(named_key(Kind.BROADCAST, name), BroadcastSignal(name, {}))
        _interrupt_enclosing(turn, number, name)


def _interrupt_enclosing(turn: Turn, number: int, name: str) -> None:
    """A signal that interrupts a scope around its own throw does so at once: the throw is not left.

    Everyone else is reached by the broadcast, when the turn has opened what it opens.
    """
    for scope in scope_chain(turn.state, number)[1:]:
        if scope not in turn.state.elements:
            return
        for wait_number in list(turn.element(scope).waits):
            wait = turn.state.waits[wait_number]
            if isinstance(wait, SignalWait) and wait.name == name and not stays_open(turn, wait):
                turn.emit(SignalReceived(wait_number, close=True, name=name))
                trigger_wait(turn, wait, {})
                return


def _terminate_scope(turn: Turn, number: int) -> None:
    """End every other token of the scope; the scope itself completes normally (§13.5.6)."""
    scope = turn.element(number).scope
    withdraw(turn, number)
    turn.emit(ElementCompleted(number, ()))
    empty_scope(turn, scope)


# --- errors


def throw_error(turn: Turn, number: int, code: str, message: str, variables: Variables) -> None:
    """Bring an error from an element to its nearest handler; raise `Stuck` when nothing catches
    it.
    """
    source = number
    while True:
        if source != ROOT and _boundary_catches(turn, source, code, message, variables):
            return
        if source == ROOT:
            break
        scope = turn.element(source).scope
        if _event_subprocess_catches(turn, scope, source, code, message, variables):
            return
        source = scope
    _fail_instance(turn, code, message, variables)


def _matching(node: BoundaryEvent | EventSubProcess, code: str) -> int:
    """Return 2 for a handler of this very code, 1 for one that catches all, 0 for another."""
    if not isinstance(node.trigger, ErrorTrigger):
        return 0
    if node.trigger.code is None:
        return 1
    return 2 if node.trigger.code == code else 0


def _boundary_catches(turn: Turn, host: int, code: str, message: str, variables: Variables) -> bool:
    element = turn.element(host)
    node = turn.graph.nodes[element.id]
    if not node.boundaries or (element.item is not None):
        return False
    events = [turn.graph.nodes[id] for id in node.boundaries]
    handlers = [
        (rank, event)
        for event in events
        if isinstance(event, BoundaryEvent) and (rank := _matching(event, code))
    ]
    if not handlers:
        return False
    handler = max(handlers, key=lambda pair: pair[0])[1]
    assert isinstance(handler.trigger, ErrorTrigger), "only error events match a code"
    carried = {**variables, **_error_variables(turn, handler.trigger, code, message)}
    receive_at(turn, handler, element.scope, carried)
    terminate(turn, host, then=f"@{handler.id}")
    return True


def _event_subprocess_catches(
    turn: Turn, scope: int, source: int, code: str, message: str, variables: Variables
) -> bool:
    enclosing = turn.element(scope)
    if enclosing.loop is not None or isinstance(turn.node(source), EventSubProcess):
        return False
    ids = turn.graph.event_subprocesses.get(enclosing.id, ())
    handlers = []
    for id in ids:
        node = turn.graph.nodes[id]
        if isinstance(node, EventSubProcess) and (rank := _matching(node, code)):
            handlers.append((rank, node))
    if not handlers:
        return False
    handler = max(handlers, key=lambda pair: pair[0])[1]
    assert isinstance(handler.trigger, ErrorTrigger), "only error events match a code"
    carried = {**variables, **_error_variables(turn, handler.trigger, code, message)}
    start_event_subprocess(turn, scope, handler, carried)
    return True


def _error_variables(turn: Turn, trigger: ErrorTrigger, code: str, message: str) -> Variables:
    made: dict[str, Value] = {}
    if trigger.code_variable:
        made[trigger.code_variable] = code
    if trigger.message_variable:
        made[trigger.message_variable] = message
    return keep_all(turn, made)


def _fail_instance(turn: Turn, code: str, message: str, variables: Variables) -> None:
    """An uncaught error goes to the call activity of the parent, or becomes an incident."""
    state = turn.state
    if state.parent is None or state.parent_element is None:
        raise Stuck(
            UNHANDLED_ERROR,
            f"expected a handler for error `{code}` ({message}), but no boundary event or event "
            "subprocess catches it; mend the model or the data and retry",
        )
    empty_scope(turn, ROOT)
    withdraw(turn, ROOT)
    turn.emit(InstanceFailed(code, message))
    carried = {**visible_variables(state, ROOT), **variables}
    end = EndCall(state.parent_element, "failed", turn.carry(carried), code, message)
    turn.send(state.parent, end)
