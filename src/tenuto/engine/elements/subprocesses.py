"""Subprocesses: scopes inside a scope.

BPMN 2.0.2 §13.3.4 (embedded subprocess) and §13.5.4 (event subprocess: its start event waits as
long as the enclosing scope is active).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenuto.engine.catching import open_waits, prepare_wait
from tenuto.engine.incidents import ENTER, raise_incident
from tenuto.engine.records import ScopeEntered
from tenuto.engine.turn import Stuck, Turn
from tenuto.graph.nodes import EventSubProcess

if TYPE_CHECKING:
    from tenuto.graph.nodes import SubProcess


def enter_subprocess(turn: Turn, number: int, node: SubProcess) -> None:
    """Open the scope and start at its none start event, or wherever nothing leads to (§13.3.4)."""
    enter_scope(turn, number, node.id, tuple(f"@{start}" for start in node.starts))


def enter_scope(turn: Turn, number: int, scope_id: str, places: tuple[str, ...]) -> None:
    """Let the event subprocesses of a scope wait, then put its first tokens."""
    try:
        open_event_subprocesses(turn, number, scope_id)
    except Stuck as stuck:
        raise_incident(turn, number, stuck, ENTER)
        return
    turn.emit(ScopeEntered(number, places))
    if not places:
        turn.touch(number)


def open_event_subprocesses(turn: Turn, number: int, scope_id: str) -> None:
    """Open the waits of the event subprocesses of a scope.

    Raises `Stuck` before anything is opened.
    """
    prepared = []
    for id in turn.graph.event_subprocesses.get(scope_id, ()):
        node = turn.graph.nodes[id]
        assert isinstance(node, EventSubProcess), f"{id} is no event subprocess"
        opening = prepare_wait(turn, number, number, id, node.trigger)
        if opening is not None:
            prepared.append(opening)
    open_waits(turn, prepared)
