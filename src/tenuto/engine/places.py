"""Places in queues: what a workflow, or a step of it, holds from its entry to its end."""

from __future__ import annotations

from tenuto import values
from tenuto.engine import queue_records as qr
from tenuto.engine.queue_commands import EnterQueue, LeaveQueue
from tenuto.engine.queue_options import PlaceAsk
from tenuto.engine.state import ROOT
from tenuto.engine.turn import Turn
from tenuto.engine.variables import decode_all
from tenuto.graph import nodes as n
from tenuto.keys import Kind, named_key

WHOLE = ""
WAITS = "@waits"


def waiting_timer(step: str) -> str:
    """Return what the timer is named that ends the wait of a step in its queue."""
    return f"{step}{WAITS}"


def enter_queue(turn: Turn, number: int, step: str, ask: PlaceAsk) -> None:
    """Let a step, or with `WHOLE` the workflow itself, wait until its queue admits it."""
    key = named_key(Kind.QUEUE, ask.queue)
    turn.emit(qr.PlaceTaken(number, step, ask.queue, key))
    not_before = turn.now + ask.delay_ms if ask.delay_ms else 0
    enter = EnterQueue(
        ask.queue,
        turn.state.key,
        step,
        ask.key,
        ask.priority,
        ask.fairness,
        ask.dedup_id,
        not_before,
    )
    turn.send(key, enter)


def leave_queue(turn: Turn, step: str) -> None:
    """Give the place of a step free, if it has one."""
    place = turn.state.places.get(step)
    if place is not None:
        turn.emit(qr.PlaceLeft(step))
        turn.send(place.queue, LeaveQueue(turn.state.key, step))


def leave_queues(turn: Turn, *, but_whole: bool = False) -> None:
    """Give all places free: the instance has ended, or with `but_whole` begins anew."""
    for step in list(turn.state.places):
        if step or not but_whole:
            leave_queue(turn, step)


def is_waiting(turn: Turn) -> bool:
    """Tell whether the instance waits in a queue and has not begun."""
    place = turn.state.places.get(WHOLE)
    return place is not None and not place.is_admitted


def place_of(turn: Turn, node: n.Routine) -> PlaceAsk | None:
    """Return where a workflow that begins has to wait: as its start says, or as it declares."""
    asked = turn.started_by.place if turn.started_by is not None else None
    if asked is not None or node.queue is None:
        return asked
    rule = node.queue
    known = decode_all(turn, turn.element(ROOT).variables)
    return PlaceAsk(
        rule.queue,
        _text(_at(known, rule.key)),
        rule.priority,
        _text(_at(known, rule.fairness)),
        _text(_at(known, rule.dedup_id)) or None,
        rule.delay_ms,
    )


def _at(known: dict[str, values.Value], path: str | None) -> values.Value:
    """Return what lies at a path such as `order.customer`; null where there is nothing."""
    if path is None:
        return None
    found: values.Value = dict(known)
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _text(value: values.Value) -> str:
    return "" if value is None else str(value)
