"""Broadcasts: a signal reaches everyone who waited when it was accepted, a page of subscribers a
turn.

BPMN 2.0.2 §10.5.5 (signal). It is not atomic across instances: each receiver is a command of its
own. The runtime gives `ContinueBroadcast` the next page of subscriptions, which are rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct, field

from tenuto.engine import commands as c
from tenuto.engine import records as r
from tenuto.engine import rejections as why
from tenuto.engine.named_turn import NamedTurn
from tenuto.engine.rejections import Rejection
from tenuto.engine.stored import Encoded
from tenuto.keys import slot_of

PAGE = 500


class Running(Struct, array_like=True):
    """A broadcast under way: its cursor is the last (instance, wait) reached."""

    name: str
    variables: Encoded
    accepted_at: int
    instance: int = 0
    wait: int = 0
    reached: int = 0


class BroadcastState(Struct, array_like=True):
    """The broadcasts of one signal name."""

    key: int
    version: int = 0
    next_number: int = 1
    running: dict[int, Running] = field(default_factory=dict)


encode_state = msgspec.msgpack.Encoder().encode
decode_state = msgspec.msgpack.Decoder(BroadcastState).decode

Broadcast = NamedTurn[BroadcastState]


def _accepted(state: BroadcastState, record: r.SignalAccepted, at: int) -> None:
    state.running[record.number] = Running(record.name, record.variables, record.accepted_at)
    state.next_number = record.number + 1


def _delivered(state: BroadcastState, record: r.SignalDelivered, at: int) -> None:
    running = state.running[record.number]
    running.instance, running.wait = record.instance, record.wait
    running.reached += record.count


def _ended(state: BroadcastState, record: r.BroadcastEnded, at: int) -> None:
    del state.running[record.number]


APPLIERS: dict[type[r.Record], Callable[[BroadcastState, Any, int], None]] = {
    r.SignalAccepted: _accepted,
    r.SignalDelivered: _delivered,
    r.BroadcastEnded: _ended,
}


def broadcast_signal(turn: Broadcast, command: c.BroadcastSignal) -> Rejection | None:
    """Accept the signal, start the processes that begin with it, and ask for the first page."""
    number = turn.state.next_number
    turn.emit(r.SignalAccepted(number, command.name, command.variables, turn.now))
    for start in turn.world.signal_starts.get(command.name, ()):
        key = turn.mint.mint(turn.now, slot_of(turn.state.key))
        turn.send(
            key,
            c.StartInstance(
                start.process, command.variables, definition=start.definition, node=start.node
            ),
        )
    turn.send(turn.state.key, c.ContinueBroadcast(number, (), last=False))
    turn.answer = {"status": "accepted", "broadcast": number}
    return None


def continue_broadcast(turn: Broadcast, command: c.ContinueBroadcast) -> Rejection | None:
    """Deliver to one page of subscribers and ask for the next."""
    running = turn.state.running.get(command.number)
    if running is None:
        return Rejection(why.NOT_ACTIVE, f"broadcast {command.number} has ended")
    for subscriber in command.subscribers:
        turn.send(subscriber.instance, c.DeliverSignal(subscriber.wait, running.variables))
    if command.subscribers:
        last = command.subscribers[-1]
        count = len(command.subscribers)
        turn.emit(r.SignalDelivered(command.number, count, last.instance, last.wait))
    if command.last:
        turn.emit(r.BroadcastEnded(command.number))
    else:
        turn.send(turn.state.key, c.ContinueBroadcast(command.number, (), last=False))
    return None


PROCESSORS: dict[type[c.Command], Callable[[Broadcast, Any], Rejection | None]] = {
    c.BroadcastSignal: broadcast_signal,
    c.ContinueBroadcast: continue_broadcast,
}
