"""Scopes: withdrawing what lives in them.

Termination is bottom-up (BPMN 2.0.2 §13.3.2): children first, then the element. What an element
called must report its end before the element is gone, so a call activity stays `terminating` until
then, and the path that interrupted it waits in `then`.
"""

from __future__ import annotations

from tenuto.engine.catching import close_waits
from tenuto.engine.commands import CancelInstance
from tenuto.engine.incidents import close_incident
from tenuto.engine.jobs import cancel_job
from tenuto.engine.lifecycle import Status
from tenuto.engine.records import (
    ABANDON,
    TERMINATE,
    CallEnded,
    ElementTerminated,
    ElementTerminating,
    TokensRemoved,
    UserTaskCanceled,
)
from tenuto.engine.state import ROOT
from tenuto.engine.turn import Turn


def children_of(turn: Turn, scope: int) -> list[int]:
    """Return the live elements directly inside a scope, oldest first."""
    elements = turn.state.elements
    return [number for number, child in elements.items() if child.scope == scope and number != ROOT]


def withdraw(turn: Turn, number: int) -> None:
    """End everything that an element waits for: events, its job, its user task, its incident."""
    close_waits(turn, number)
    cancel_job(turn, number)
    if number in turn.state.user_tasks:
        turn.emit(UserTaskCanceled(number))
    close_incident(turn, number)


def empty_scope(turn: Turn, scope: int, *, but: int | None = None) -> None:
    """Withdraw every token and child of a scope; `but` is a child that stays."""
    element = turn.element(scope)
    if element.waiting or any(token[0] == scope for token in turn.state.agenda):
        turn.emit(TokensRemoved(scope))
    for child in children_of(turn, scope):
        if child != but:
            terminate(turn, child)
    turn.touch(scope)


def leave_called(turn: Turn, number: int, reason: str) -> bool:
    """Ask what an element called to end, end it at once, or leave it alone, as its call says.

    Tell whether it called anything that has not ended.
    """
    called = turn.state.calls.get(number)
    if called is None:
        return False
    when_left = turn.state.when_left.get(number)
    if when_left != ABANDON:
        turn.send(called, CancelInstance(reason, at_once=when_left == TERMINATE))
    return True


def terminate(turn: Turn, number: int, then: str | None = None) -> None:
    """Withdraw an element and all inside it; its scope continues at `then`, if given, once it is
    gone.
    """
    element = turn.element(number)
    if element.status is Status.TERMINATING:
        return
    withdraw(turn, number)
    if element.alive:
        empty_scope(turn, number)
    is_called = leave_called(turn, number, "its call activity was withdrawn")
    if is_called and turn.state.when_left.get(number) == ABANDON:
        turn.emit(CallEnded(number))
        is_called = False
    if is_called or turn.element(number).alive:
        turn.emit(ElementTerminating(number, then))
    else:
        turn.emit(ElementTerminated(number, then))
        turn.touch(element.scope)
