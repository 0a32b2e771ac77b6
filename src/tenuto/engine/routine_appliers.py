"""Appliers of routine records: progress of the coroutine, and what it waits for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tenuto.engine import queue_records as qr
from tenuto.engine import routine_records as r
from tenuto.engine.record import Record
from tenuto.engine.state import ASKED, InstanceState, Place, Routine


def _routine(state: InstanceState, number: int) -> Routine:
    routine = state.elements[number].routine
    assert routine is not None, f"element {number} of instance {state.key} is no routine"
    return routine


def _began(state: InstanceState, record: r.RoutineBegan, at: int) -> None:
    element = state.elements[record.element]
    before = element.routine
    element.routine = made = Routine(began_at=at, since=state.version + 1)
    if before is not None:  # it continues as new: what nobody has looked at yet goes on with it
        made.streams = before.streams
        made.updates = {id: one for id, one in before.updates.items() if one.status == ASKED}


def _advanced(state: InstanceState, record: r.RoutineAdvanced, at: int) -> None:
    routine = _routine(state, record.element)
    routine.seen = record.seen
    routine.advances += 1
    for key in record.steps:
        routine.steps[key] = 1


def _outcome(state: InstanceState, record: r.OutcomeTaken, at: int) -> None:
    routine = _routine(state, record.element)
    routine.ordered += 1
    routine.steps.pop(record.key, None)


def _child(state: InstanceState, record: r.AwaitChildBegun, at: int) -> None:
    _routine(state, record.element).children[record.child] = record.key


def _delayed(state: InstanceState, record: r.StepDelayed, at: int) -> None:
    routine = _routine(state, record.element)
    del routine.steps[record.key]
    routine.delayed[record.key] = record.attempt


def _resumed(state: InstanceState, record: r.StepResumed, at: int) -> None:
    routine = _routine(state, record.element)
    routine.steps[record.key] = routine.delayed.pop(record.key) + 1


def _withdrawn(state: InstanceState, record: r.AwaitWithdrawn, at: int) -> None:
    routine = _routine(state, record.element)
    routine.steps.pop(record.key, None)
    routine.delayed.pop(record.key, None)


def _nothing(state: InstanceState, record: Record, at: int) -> None:
    """The record is history alone."""


def _canceled(state: InstanceState, record: r.CancelRequested, at: int) -> None:
    _routine(state, record.element).is_canceled = True


def _place_taken(state: InstanceState, record: qr.PlaceTaken, at: int) -> None:
    state.places[record.step] = Place(record.queue, record.name, record.element)
    if record.step:
        routine = _routine(state, record.element)
        routine.delayed[record.step] = routine.steps.pop(record.step) - 1


def _place_admitted(state: InstanceState, record: qr.PlaceAdmitted, at: int) -> None:
    place = state.places[record.step]
    place.is_admitted = True
    if not record.step:
        _routine(state, place.routine).began_at = at  # its time begins now


def _place_left(state: InstanceState, record: qr.PlaceLeft, at: int) -> None:
    del state.places[record.step]


APPLIERS: dict[type[Record], Callable[[InstanceState, Any, int], None]] = {
    r.RoutineBegan: _began,
    r.RoutineAdvanced: _advanced,
    r.OutcomeTaken: _outcome,
    r.AwaitChildBegun: _child,
    r.StepDelayed: _delayed,
    r.StepResumed: _resumed,
    r.AwaitWithdrawn: _withdrawn,
    r.PatchMarked: _nothing,
    r.CancelRequested: _canceled,
    qr.PlaceTaken: _place_taken,
    qr.PlaceAdmitted: _place_admitted,
    qr.PlaceLeft: _place_left,
}
