"""Call activities: a process instance started by another, in the slot of its caller.

BPMN 2.0.2 §13.3.5. The called instance reports its end by a command; an error that leaves it
uncaught is thrown at the call activity.
"""

from __future__ import annotations

from tenuto.engine import routines
from tenuto.engine.commands import EndCall, StartInstance
from tenuto.engine.elements.events import throw_error
from tenuto.engine.incidents import ENTER, raise_incident
from tenuto.engine.lifecycle import Status
from tenuto.engine.records import CallEnded, CallStarted, ElementTerminated
from tenuto.engine.scopes import withdraw
from tenuto.engine.stored import Variables
from tenuto.engine.tokens import leave
from tenuto.engine.turn import Stuck, Turn, visible_variables
from tenuto.engine.variables import propagate, set_local, text_of
from tenuto.engine.world import ProcessDefinition, deployment_of
from tenuto.graph.nodes import CallActivity
from tenuto.keys import slot_of


def enter_call(turn: Turn, number: int, node: CallActivity) -> None:
    """Start the called process with the variables that the activity passes on."""
    value, why = turn.explain(node.process, number)
    process = text_of(value, what="the called process id", why=why)
    definition = _find(turn, process, node)
    key = turn.mint.mint(turn.now, slot_of(turn.state.key))
    variables = dict(turn.element(number).variables)
    if node.propagate_all_in:
        variables = visible_variables(turn.state, number)
    business_key = turn.state.business_key
    if node.business_key is not None:
        given = turn.evaluate(node.business_key, number)
        business_key = None if given is None else text_of(given, what="the business key")
    turn.emit(CallStarted(number, key))
    start = StartInstance(
        process,
        turn.carry(variables),
        business_key,
        definition.number,
        None,
        turn.state.key,
        number,
    )
    turn.send(key, start)


def _find(turn: Turn, process: str, node: CallActivity) -> ProcessDefinition:
    latest = turn.world.latest.get(process)
    if latest is None:
        raise Stuck(
            "unknown-process",
            f"expected a deployed process `{process}`, but there is none; deploy it, then retry",
        )
    if node.binding == "latest":
        return latest
    for definition in turn.world.definitions.values():
        if definition.graph.id != process:
            continue
        if node.binding == "deployment":
            matches = deployment_of(definition.number) == deployment_of(turn.state.definition)
        else:
            matches = definition.graph.version_tag == node.version_tag
        if matches:
            return definition
    raise Stuck(
        "unknown-process",
        f"expected process `{process}` bound by {node.binding} {node.version_tag or ''}, but no "
        "deployed version fits; deploy it, then retry",
    )


def end_call(turn: Turn, command: EndCall, variables: Variables) -> None:
    """The called instance ended: go on, throw its error, or finish a withdrawal."""
    number = command.element
    element = turn.element(number)
    turn.emit(CallEnded(number))
    if element.status is Status.TERMINATING:
        turn.emit(ElementTerminated(number, element.then))
        turn.touch(element.scope)
    elif routines.is_await(turn, number):
        if command.outcome == "completed":
            set_local(turn, number, variables)
            routines.child_ended(turn, number)
        else:
            code = command.code or "Canceled"
            message = command.message or "the called instance was canceled"
            routines.child_failed(turn, number, code, message, variables)
    elif command.outcome == "completed":
        node = turn.graph.nodes[element.id]
        if node.outputs:
            set_local(turn, number, variables)
        elif isinstance(node, CallActivity) and node.propagate_all_out:
            propagate(turn, element.scope, variables)
        leave(turn, number)
    elif command.outcome == "failed":
        try:
            throw_error(turn, number, command.code, command.message, variables)
        except Stuck as stuck:
            raise_incident(turn, number, stuck, ENTER)
    else:
        withdraw(turn, number)
        message = "the called instance was canceled; retry starts it again"
        raise_incident(turn, number, Stuck("call-canceled", message), ENTER)
