"""The outcomes of routines: each has its place in one order, and a worker shows it to the
coroutine.
"""

from __future__ import annotations

from tenuto.engine import records as r
from tenuto.engine import routine_records as rr
from tenuto.engine.jobs import idempotency_key
from tenuto.engine.places import is_waiting
from tenuto.engine.state import Routine
from tenuto.engine.stored import Stored
from tenuto.engine.turn import Turn, Woken
from tenuto.graph import nodes as n

LIVES = 3


def routine_of(turn: Turn, number: int) -> Routine:
    """Return the progress of a routine."""
    routine = turn.element(number).routine
    assert routine is not None, f"element {number} is no routine"
    return routine


def live_routine(turn: Turn) -> int | None:
    """Return the routine of an instance, if it has one."""
    for number, element in turn.state.elements.items():
        if element.routine is not None:
            return number
    return None


def offer(turn: Turn, number: int) -> None:
    """Offer the routine to a worker, if it is not with one and has begun."""
    if number in turn.state.jobs or is_waiting(turn):
        return
    node = turn.node(number)
    assert isinstance(node, n.Routine), f"{node.id} is no routine"
    key = idempotency_key(turn.state.key, node.id, 1, None)
    turn.emit(r.JobCreated(number, node.job_type, LIVES, key))


def take_outcome(
    turn: Turn, number: int, key: str, value: Stored | None, error: Stored | None = None
) -> None:
    """Give an outcome its place, and the routine to a worker that shows it to the coroutine."""
    record = rr.OutcomeTaken(number, key, turn.now, value, error)
    turn.emit(record)
    turn.woken.append(Woken(number, routine_of(turn, number).ordered, record))
    offer(turn, number)
