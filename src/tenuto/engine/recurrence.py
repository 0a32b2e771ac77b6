"""Recurrences: timer start events, one aggregate for each start event of a process.

BPMN 2.0.2 §13.5.1. A new version of a process replaces the recurrence of the old one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from tenuto import schedules
from tenuto.engine import commands as c
from tenuto.engine import recurrence_records as r
from tenuto.engine import rejections as why
from tenuto.engine.named_turn import NamedTurn
from tenuto.engine.record import Record
from tenuto.engine.rejections import Rejection
from tenuto.engine.turn import instant_value
from tenuto.errors import InputError
from tenuto.graph.nodes import StartEvent
from tenuto.graph.triggers import TimerTrigger
from tenuto.keys import slot_of

TIMER = 1


class RecurrenceState(Struct, array_like=True):
    """When the start event fires next; `due_at` None when it is disarmed or exhausted."""

    key: int
    version: int = 0
    process: str = ""
    node: str = ""
    definition: int = 0
    due_at: int | None = None
    cycle: str = ""
    repeats: int = 0


encode_state = msgspec.msgpack.Encoder().encode
decode_state = msgspec.msgpack.Decoder(RecurrenceState).decode

Recurrence = NamedTurn[RecurrenceState]


def _set(state: RecurrenceState, record: r.RecurrenceSet, at: int) -> None:
    state.process, state.node = record.process, record.node
    state.definition, state.due_at = record.definition, record.due_at
    state.cycle, state.repeats = record.cycle, record.repeats


def _fired(state: RecurrenceState, record: r.RecurrenceFired, at: int) -> None:
    state.due_at, state.repeats = record.due_at, record.repeats


def _cleared(state: RecurrenceState, record: r.RecurrenceCleared, at: int) -> None:
    state.due_at = None


APPLIERS: dict[type[Record], Callable[[RecurrenceState, Any, int], None]] = {
    r.RecurrenceSet: _set,
    r.RecurrenceFired: _fired,
    r.RecurrenceCleared: _cleared,
}


def set_recurrence(turn: Recurrence, command: c.SetRecurrence) -> Rejection | None:
    """Arm the timer of a start event from now."""
    node = turn.world.definitions[command.definition].graph.nodes[command.node]
    assert isinstance(node, StartEvent), f"{command.node} is no start event"
    assert isinstance(node.trigger, TimerTrigger), f"{command.node} has no timer"
    source = node.trigger.value
    value = source.constant
    if source.expression is not None:
        value = source.expression.evaluate({}, now=instant_value(turn.now)).value
    try:
        due = schedules.first_due(node.trigger.kind.value, value, turn.now)
    except InputError as error:
        return Rejection(why.INVALID_VALUE, f"{command.node}: {error}")
    turn.emit(
        r.RecurrenceSet(
            command.process, command.node, command.definition, due.at, due.cycle, due.repeats
        )
    )
    return None


def clear_recurrence(turn: Recurrence, command: c.ClearRecurrence) -> Rejection | None:
    """Disarm the timer."""
    if turn.state.due_at is None:
        return Rejection(why.NOT_ACTIVE, "the timer is disarmed already")
    turn.emit(r.RecurrenceCleared())
    return None


def fire(turn: Recurrence, command: c.FireTimer) -> Rejection | None:
    """Start an instance and set the next firing."""
    state = turn.state
    if state.due_at is None or state.due_at > turn.now:
        return Rejection(why.NOT_ACTIVE, "the timer is not due")
    following = schedules.next_due(state.cycle, state.due_at, state.repeats, turn.now)
    key = turn.mint.mint(turn.now, slot_of(state.key))
    start = c.StartInstance(state.process, {}, definition=state.definition, node=state.node)
    turn.send(key, start)
    if following is None:
        turn.emit(r.RecurrenceFired(key, None, 0))
    else:
        turn.emit(r.RecurrenceFired(key, following.at, following.repeats))
    return None


PROCESSORS: dict[type[c.Command], Callable[[Recurrence, Any], Rejection | None]] = {
    c.SetRecurrence: set_recurrence,
    c.ClearRecurrence: clear_recurrence,
    c.FireTimer: fire,
}
