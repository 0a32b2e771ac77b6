"""Waiting for events: timers, messages and signals of an element or scope.

A *wait* belongs to an owner (an element instance) and names the node that it triggers: the owner's
own node, a boundary event, a catch event behind an event-based gateway, or an event subprocess.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenuto import schedules
from tenuto.engine.commands import CloseSubscription, OpenSubscription
from tenuto.engine.records import SignalAwaited, SubscriptionRequested, TimerSet, WaitClosed
from tenuto.engine.state import MessageWait, SignalWait, TimerWait
from tenuto.engine.turn import Stuck, Turn
from tenuto.engine.variables import text_of
from tenuto.errors import InputError
from tenuto.graph.triggers import MessageTrigger, SignalTrigger, TimerTrigger, Trigger
from tenuto.keys import Kind, named_key

if TYPE_CHECKING:
    from tenuto.engine.records import Record

Opening = list["tuple[Record, tuple[int, OpenSubscription] | None]"]


def prepare_wait(
    turn: Turn, owner: int, scope: int, node: str, trigger: Trigger
) -> tuple[Record, tuple[int, OpenSubscription] | None] | None:
    """Return the record that opens a wait, and what to ask of a mailbox; nothing for an error
    trigger.

    Formulas are evaluated in `scope`. Raises `Stuck` before anything has happened.
    """
    if isinstance(trigger, TimerTrigger):
        return _timer(turn, owner, scope, node, trigger), None
    if isinstance(trigger, MessageTrigger):
        return _subscription(turn, owner, scope, node, trigger)
    if isinstance(trigger, SignalTrigger):
        name = text_of(turn.evaluate(trigger.name, scope), what=f"the signal name of {node}")
        return SignalAwaited(turn.next_number(), owner, node, name), None
    return None


def _timer(turn: Turn, owner: int, scope: int, node: str, trigger: TimerTrigger) -> TimerSet:
    value, why = turn.explain(trigger.value, scope)
    try:
        due = schedules.first_due(trigger.kind.value, value, turn.now)
    except InputError as error:
        raise Stuck("bad-timer", f"{error} ({node}: `{trigger.value.source}`) {why}") from error
    return TimerSet(turn.next_number(), owner, node, due.at, due.repeats, due.cycle)


def _subscription(
    turn: Turn, owner: int, scope: int, node: str, trigger: MessageTrigger
) -> tuple[Record, tuple[int, OpenSubscription]]:
    name = text_of(turn.evaluate(trigger.name, scope), what=f"the message name of {node}")
    key = ""
    if trigger.correlation_key is not None:
        value, why = turn.explain(trigger.correlation_key, scope)
        key = text_of(value, what=f"the correlation key of {node}", why=why)
    mailbox = named_key(Kind.MAILBOX, name, key)
    wait = turn.next_number()
    record = SubscriptionRequested(wait, owner, node, mailbox, name, key)
    ask = OpenSubscription(name, key, turn.state.key, wait, turn.state.process, node)
    return record, (mailbox, ask)


def open_waits(turn: Turn, prepared: Opening) -> None:
    """Emit what `prepare_wait` returned."""
    for record, ask in prepared:
        turn.emit(record)
        if ask is not None:
            turn.send(*ask)


def close_wait(turn: Turn, number: int) -> None:
    """End one wait; a mailbox is told."""
    wait = turn.state.waits[number]
    if isinstance(wait, MessageWait):
        turn.send(wait.mailbox, CloseSubscription(turn.state.key, number))
        turn.emit(WaitClosed(number, "message"))
    elif isinstance(wait, SignalWait):
        turn.emit(WaitClosed(number, "signal", wait.name))
    else:
        turn.emit(WaitClosed(number, "timer"))


def close_waits(turn: Turn, owner: int, *, node: str | None = None) -> None:
    """End the waits of an element; with `node` only those that trigger it."""
    for number in list(turn.element(owner).waits):
        if node is None or turn.state.waits[number].node == node:
            close_wait(turn, number)


def rearm(turn: Turn, wait: TimerWait) -> None:
    """Set the next firing of a repeating timer."""
    due = schedules.next_due(wait.cycle, wait.due_at, wait.repeats, turn.now)
    if due is not None:
        turn.emit(
            TimerSet(turn.next_number(), wait.owner, wait.node, due.at, due.repeats, due.cycle)
        )
