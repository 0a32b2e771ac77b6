"""Queues: which of those who wait may run, and when. One aggregate for each queue name.

An instance sends `EnterQueue` for itself or for one of its steps; the queue answers with
`AdmitEntry` when it may run, or `RefuseEntry` if it will not. Who came in sends `LeaveQueue` at its
end, or when it gives up. An entry counts against the limits from its admission until it leaves, so
no limit is ever passed: a lower limit lets nobody in until enough have ended, and who is asked to
stop counts until it has.

Among those who are due and whose key has room, a lower priority goes first, then the fairness key
with the lowest pass (`engine.queue_state`), then the entry that came first. A queue that is not
declared, or was removed, holds what it is given.

Time alone may let something run, by a delay or the rate: `wake_at` says when, and is a timer of the
queue.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

from tenuto.engine import commands as c
from tenuto.engine import queue_commands as q
from tenuto.engine import queue_records as r
from tenuto.engine import rejections as why
from tenuto.engine.named_turn import NamedTurn
from tenuto.engine.queue_commands import Refusal
from tenuto.engine.queue_options import WAITING_MAX, Busy, Duplicates, find_fault
from tenuto.engine.queue_state import APPLIERS as APPLIERS
from tenuto.engine.queue_state import QueueState
from tenuto.engine.queue_state import decode_state as decode_state
from tenuto.engine.queue_state import encode_state as encode_state
from tenuto.engine.rejections import Rejection

TIMER = 1
ADMITTED_PER_TURN_MAX = 500

Queue = NamedTurn[QueueState]

_MESSAGES: dict[Refusal, str] = {
    Refusal.QUEUE_FULL: f"expected fewer than {WAITING_MAX} waiting entries; enqueue later, or "
    "raise the limits of the queue",
    Refusal.DUPLICATE: "expected a dedup id that no live entry has; enqueue it again later",
    Refusal.EXISTING: "an entry with the same dedup id stands in the queue; it goes on",
    Refusal.REPLACED: "a later entry took the place of this one",
    Refusal.KEY_BUSY: "expected a key with room; the queue cancels the newest of a busy key",
    Refusal.CANCELED: "a later entry of the same key canceled this one, which had not begun",
}


# --- commands


def set_queue(turn: Queue, command: q.SetQueue) -> Rejection | None:
    """Take options and pause or resume; what may run now is let in."""
    kept = turn.state.kept
    if command.options is not None:
        fault = find_fault(command.options)
        if fault is not None:
            return Rejection(why.INVALID_VALUE, f"queue `{command.name}`: {fault}")
        known = kept.declared if command.is_declared else kept.options
        if (command.name, command.options) != (kept.name, known):
            turn.emit(r.QueueSet(command.name, command.options, command.is_declared))
    if command.is_paused is not None and command.is_paused is not kept.is_paused:
        turn.emit(r.QueuePaused() if command.is_paused else r.QueueResumed())
    _settle(turn)
    return None


def remove_queue(turn: Queue, command: q.RemoveQueue) -> Rejection | None:
    """Forget the options; entries stay."""
    if turn.state.kept.options is None:
        return Rejection(why.NOT_FOUND, "expected a declared queue, but it is not")
    turn.emit(r.QueueRemoved())
    _settle(turn)
    return None


def enter(turn: Queue, command: q.EnterQueue) -> Rejection | None:
    """Take an entry in, or refuse it; the answer says admitted, waiting or refused."""
    state = turn.state
    known = state.numbers.get((command.instance, command.step))
    if known is not None:
        return Rejection(
            why.ALREADY_EXISTS,
            f"`{command.step}` of instance {command.instance} stands in the queue as entry {known}",
        )
    if not state.kept.name:
        turn.emit(r.QueueNamed(command.name))
    window = _open_window(turn, command.key)
    holder = state.holders.get(command.dedup_id) if command.dedup_id is not None else None
    if holder == window:
        holder = None
    refused = _find_refusal(turn, command, window, holder)
    if refused is not None:
        reason, existing = refused
        number = state.kept.next_entry
        _refuse(turn, number, command.instance, command.step, reason, existing)
        turn.answer = {"status": "refused", "entry": number, "reason": reason.value}
        if existing is not None:
            turn.answer["instance"] = str(existing)
        _settle(turn)
        return None
    entered = _entered(turn, command, window)
    _make_room(turn, command, window, holder)
    turn.emit(entered)
    _settle(turn)
    status = "admitted" if entered.entry in state.running else "waiting"
    turn.answer = {"status": status, "entry": entered.entry}
    return None


def leave(turn: Queue, command: q.LeaveQueue) -> Rejection | None:
    """Let a step go, whether it waits, has ended, or was admitted while it changed its mind."""
    number = turn.state.numbers.get((command.instance, command.step))
    if number is None:
        return Rejection(
            why.NOT_ACTIVE,
            f"`{command.step}` of instance {command.instance} is not in the queue",
        )
    turn.emit(r.EntryLeft(number))
    _settle(turn)
    return None


def tick(turn: Queue, command: q.TickQueue) -> Rejection | None:
    """Let in what may run now."""
    _settle(turn)
    return None


def fire(turn: Queue, command: c.FireTimer) -> Rejection | None:
    """The timer is due. One that was moved meanwhile fires again at its new time."""
    if turn.state.kept.wake_at is None:
        return Rejection(why.NOT_ACTIVE, "the queue waits for no time")
    _settle(turn)
    return None


# --- entering


def _open_window(turn: Queue, key: str) -> int | None:
    """Return the entry that waits for the calls of a key to end."""
    state = turn.state
    number = state.windows.get(key)
    if number is None or state.options.debounce is None:
        return None
    return number if state.waiting[number].not_before > turn.now else None


def _find_refusal(
    turn: Queue, command: q.EnterQueue, window: int | None, holder: int | None
) -> tuple[Refusal, int | None] | None:
    """Return why an entry is refused, with the instance that stands in its way."""
    state = turn.state
    options = state.options
    if holder is not None and options.duplicates is not Duplicates.REPLACE:
        is_rejected = options.duplicates is Duplicates.REJECT
        reason = Refusal.DUPLICATE if is_rejected else Refusal.EXISTING
        return reason, state.entry(holder).instance
    leaving = {number for number in (window, holder) if number in state.waiting}
    if options.busy is Busy.CANCEL_NEWEST:
        live = state.live.get(command.key, {})
        limit = options.key_limit
        if limit is not None and len(live) - sum(n in live for n in leaving) >= limit:
            return Refusal.KEY_BUSY, state.entry(next(iter(live))).instance
    if len(state.waiting) - len(leaving) >= WAITING_MAX:
        return Refusal.QUEUE_FULL, None
    return None


def _entered(turn: Queue, command: q.EnterQueue, window: int | None) -> r.EntryQueued:
    """Return the record of an entry that is taken in, with its time."""
    state = turn.state
    not_before, since = max(0, command.not_before), None
    debounce = state.options.debounce
    if debounce is not None:
        since = turn.now if window is None else state.waiting[window].since
        assert since is not None, f"entry {window} has a window without a beginning"
        until = turn.now + debounce.delay_ms
        if debounce.max_wait_ms is not None:
            until = min(until, since + debounce.max_wait_ms)
        not_before = max(not_before, until)
    return r.EntryQueued(
        state.kept.next_entry,
        command.instance,
        command.step,
        command.key,
        command.priority,
        command.fairness,
        command.dedup_id,
        not_before,
        since,
    )


def _make_room(turn: Queue, command: q.EnterQueue, window: int | None, holder: int | None) -> None:
    """Refuse those whose place the new entry takes; ask those to stop that it cancels."""
    state = turn.state
    for number in dict.fromkeys((window, holder)):
        if number is not None and number in state.waiting:
            _refuse_waiting(turn, number, Refusal.REPLACED, command.instance)
    options = state.options
    if options.busy is not Busy.CANCEL_IN_PROGRESS or options.key_limit is None:
        return
    live = state.live.get(command.key, {})
    for number in list(islice(live, max(0, len(live) - options.key_limit + 1))):
        if number in state.waiting:
            _refuse_waiting(turn, number, Refusal.CANCELED, command.instance)
        else:
            entry = state.running[number]
            turn.emit(r.EntryStopRequested(number, command.instance))
            turn.send(entry.instance, q.StopEntry(entry.step, command.instance))


def _refuse_waiting(turn: Queue, number: int, reason: Refusal, existing: int) -> None:
    entry = turn.state.waiting[number]
    _refuse(turn, number, entry.instance, entry.step, reason, existing)


def _refuse(
    turn: Queue, number: int, instance: int, step: str, reason: Refusal, existing: int | None
) -> None:
    turn.emit(r.EntryRefused(number, instance, step, reason.value, existing))
    turn.send(instance, q.RefuseEntry(step, reason, _MESSAGES[reason], existing))


# --- admitting


def _settle(turn: Queue) -> None:
    """Let in what may run now, and note when time alone lets more in. Every turn ends with it."""
    state = turn.state
    state.let_in_due(turn.now)
    admitted = 0
    while (number := _next(turn)) is not None:
        if admitted == ADMITTED_PER_TURN_MAX:
            turn.send(state.key, q.TickQueue())
            break
        entry = state.waiting[number]
        turn.emit(r.EntryAdmitted(number))
        turn.send(entry.instance, q.AdmitEntry(entry.step))
        admitted += 1
    wake_at = _wake_at(turn)
    if wake_at != state.kept.wake_at:
        turn.emit(r.QueueWakeSet(wake_at))


def _has_room(state: QueueState) -> bool:
    """Return whether the queue as a whole lets another entry run, the rate left aside."""
    limit = state.options.concurrency
    is_working = state.kept.options is not None and not state.kept.is_paused
    return is_working and (limit is None or len(state.running) < limit)


def _next(turn: Queue) -> int | None:
    state = turn.state
    if not _has_room(state) or state.rate_opens_at(turn.now) is not None:
        return None
    return state.first()


def _wake_at(turn: Queue) -> int | None:
    state = turn.state
    if not _has_room(state):
        return None
    due_at = state.delays.next_at()
    opens_at = state.rate_opens_at(turn.now)
    if opens_at is None:
        return due_at
    if state.first() is not None:
        return opens_at
    return None if due_at is None else max(due_at, opens_at)


PROCESSORS: dict[type[c.Command], Callable[[Queue, Any], Rejection | None]] = {
    q.SetQueue: set_queue,
    q.RemoveQueue: remove_queue,
    q.EnterQueue: enter,
    q.LeaveQueue: leave,
    q.TickQueue: tick,
    c.FireTimer: fire,
}
