"""What a queue answers to those who stand in it: come in, you will not, make room."""

from __future__ import annotations

from tenuto.engine import commands as c
from tenuto.engine import queue_commands as q
from tenuto.engine import queue_records as qr
from tenuto.engine import rejections as why
from tenuto.engine import routine_records as rr
from tenuto.engine.catching import close_waits
from tenuto.engine.outcomes import offer, routine_of, take_outcome
from tenuto.engine.places import WHOLE, leave_queue, waiting_timer
from tenuto.engine.rejections import Rejection
from tenuto.engine.routines import fail_routine, give_up_step
from tenuto.engine.state import Place
from tenuto.engine.turn import Turn, Woken


def admit_entry(turn: Turn, command: q.AdmitEntry) -> Rejection | None:
    """Let the workflow or its step begin."""
    place = _place(turn, command.step)
    if isinstance(place, Rejection):
        return place
    turn.emit(qr.PlaceAdmitted(command.step))
    number = place.routine
    if command.step != WHOLE:
        close_waits(turn, number, node=waiting_timer(command.step))
        resumed = rr.StepResumed(number, command.step)
        turn.emit(resumed)
        attempt = routine_of(turn, number).steps[command.step]
        turn.woken.append(Woken(number, attempt, resumed))
    offer(turn, number)
    return None


def refuse_entry(turn: Turn, command: q.RefuseEntry) -> Rejection | None:
    """Fail the workflow that will not run, or let it see that its step will not."""
    place = _place(turn, command.step)
    if isinstance(place, Rejection):
        return place
    error = _refusal(command.reason, command.message, command.existing)
    turn.emit(qr.PlaceLeft(command.step))  # the queue has let it go
    if command.step == WHOLE:
        code = f"queue-{command.reason.value}"
        fail_routine(turn, place.routine, code, command.message, turn.keep(error))
    else:
        give_up_step(turn, place.routine, command.step)
        take_outcome(turn, place.routine, command.step, None, turn.keep(error))
    return None


def stop_entry(turn: Turn, command: q.StopEntry) -> Rejection | None:
    """End in favour of another: a workflow may clean up first, a step is given up."""
    place = _place(turn, command.step)
    if isinstance(place, Rejection):
        return place
    reason = f"instance {command.newer} of the same key took its place"
    if command.step == WHOLE:
        turn.send(turn.state.key, c.CancelInstance(reason))
        return None
    leave_queue(turn, command.step)
    error = _refusal(q.Refusal.CANCELED, reason, command.newer)
    give_up_step(turn, place.routine, command.step)
    take_outcome(turn, place.routine, command.step, None, turn.keep(error))
    return None


def _place(turn: Turn, step: str) -> Place | Rejection:
    place = turn.state.places.get(step)
    if place is not None:
        return place
    return Rejection(
        why.NOT_ACTIVE, f"`{step}` of instance {turn.state.key} stands in no queue any more"
    )


def _refusal(reason: q.Refusal, message: str, existing: int | None) -> dict[str, object]:
    """Return the error that code sees (`tenuto.workflows.failures.QueueRefused`)."""
    found = None if existing is None else str(existing)
    return {
        "type": "QueueRefused",
        "message": message,
        "args": [message, reason.value, found],
    }
