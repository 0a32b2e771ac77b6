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
    called = turn.state.calls.get(number)
    if called is not None:
        turn.send(called, CancelInstance("its call activity was withdrawn"))
    if called is not None or turn.element(number).alive:
        turn.emit(ElementTerminating(number, then))
    else:
        turn.emit(ElementTerminated(number, then))
        turn.touch(element.scope)
