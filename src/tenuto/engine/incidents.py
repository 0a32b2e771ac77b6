"""Incidents: the instance is stuck and a person can repair it. State, not an exception."""

from __future__ import annotations

from tenuto.engine.records import IncidentRaised, IncidentResolved
from tenuto.engine.turn import Stuck, Turn

ENTER = "enter"
LEAVE = "leave"
JOB = "job"
JOIN = "join"
MESSAGE_LENGTH_MAX = 2_000


def raise_incident(turn: Turn, element: int, stuck: Stuck, phase: str) -> None:
    """Stop at an element; `phase` is what a retry repeats.

    An element has one incident at a time.
    """
    if turn.element(element).incident is not None:
        return
    message = stuck.message[:MESSAGE_LENGTH_MAX]
    turn.emit(IncidentRaised(turn.next_number(), element, stuck.code, message, phase))


def close_incident(turn: Turn, element: int) -> None:
    """Resolve what stands at an element, if anything does."""
    incident = turn.element(element).incident
    if incident is not None:
        turn.emit(IncidentResolved(incident))
