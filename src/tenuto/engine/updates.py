"""Updates and streams of routines: asked from outside and answered, written and read.

An update is no outcome until the coroutine's validator has let it pass, so that one which is
refused changes nothing that a replay sees. Its answer is kept with the routine: the same id gets it
again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tenuto.engine import rejections as why
from tenuto.engine import routine_commands as a
from tenuto.engine import update_records as ur
from tenuto.engine.outcomes import live_routine, offer, routine_of, take_outcome
from tenuto.engine.rejections import Rejection
from tenuto.engine.state import ACCEPTED, ASKED
from tenuto.engine.turn import Turn, Woken

if TYPE_CHECKING:
    from msgspec import Struct

UPDATES_MAX = 2_000


def ask_update(turn: Turn, command: a.AskUpdate) -> Rejection | None:
    """Let the validator of the coroutine see an update; one with a known id changes nothing."""
    number = live_routine(turn)
    if number is None:
        return Rejection(
            why.NOT_ACTIVE,
            f"expected instance {turn.state.key} to be a running workflow, but it is none",
        )
    updates = routine_of(turn, number).updates
    known = updates.get(command.id)
    if known is not None:
        if known.name == command.name:
            return None
        return Rejection(
            why.ALREADY_EXISTS,
            f"expected update id `{command.id}` to be new, but `{known.name}` has it",
        )
    if len(updates) >= UPDATES_MAX:
        return Rejection(
            why.INVALID_VALUE,
            f"expected at most {UPDATES_MAX} updates in one run of instance {turn.state.key}; let "
            "the workflow continue as new",
        )
    record = ur.UpdateAsked(number, command.id, command.name, turn.keep_bytes(command.value))
    turn.emit(record)
    turn.woken.append(Woken(number, 0, record))
    offer(turn, number)
    return None


def _accept(turn: Turn, number: int, ask: a.AcceptUpdate) -> None:
    update = routine_of(turn, number).updates.get(ask.id)
    if update is None or update.status != ASKED:
        return
    value = update.value
    turn.emit(ur.UpdateAccepted(number, ask.id))
    turn.updated.append((number, ask.id))
    take_outcome(turn, number, f"!{update.name}", value)


def _refuse(turn: Turn, number: int, ask: a.RefuseUpdate) -> None:
    update = routine_of(turn, number).updates.get(ask.id)
    if update is not None and update.status == ASKED:
        turn.emit(ur.UpdateRefused(number, ask.id, turn.keep_bytes(ask.error)))
        turn.updated.append((number, ask.id))


def _end(turn: Turn, number: int, ask: a.EndUpdate) -> None:
    update = routine_of(turn, number).updates.get(ask.id)
    if update is None or update.status != ACCEPTED:
        return
    value = None if ask.value is None else turn.keep_bytes(ask.value)
    error = None if ask.error is None else turn.keep_bytes(ask.error)
    turn.emit(ur.UpdateEnded(number, ask.id, value, error))
    turn.updated.append((number, ask.id))


def _write(turn: Turn, number: int, ask: a.WriteStream) -> None:
    offset = routine_of(turn, number).streams.get(ask.name, 0)
    turn.emit(ur.StreamWritten(number, ask.name, offset, turn.keep_bytes(ask.value)))


def _close(turn: Turn, number: int, ask: a.CloseStream) -> None:
    turn.emit(ur.StreamClosed(number, ask.name))


ASKS: dict[type[Struct], Callable[[Turn, int, Any], None]] = {
    a.AcceptUpdate: _accept,
    a.RefuseUpdate: _refuse,
    a.EndUpdate: _end,
    a.WriteStream: _write,
    a.CloseStream: _close,
}
