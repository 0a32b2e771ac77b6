"""Appliers of the records of updates and streams."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tenuto.engine import update_records as ur
from tenuto.engine.record import Record
from tenuto.engine.state import ACCEPTED, ASKED, DONE, REFUSED, InstanceState, Routine, Update


def _routine(state: InstanceState, number: int) -> Routine:
    routine = state.elements[number].routine
    assert routine is not None, f"element {number} of instance {state.key} is no routine"
    return routine


def _asked(state: InstanceState, record: ur.UpdateAsked, at: int) -> None:
    _routine(state, record.element).updates[record.id] = Update(record.name, ASKED, record.value)


def _accepted(state: InstanceState, record: ur.UpdateAccepted, at: int) -> None:
    update = _routine(state, record.element).updates[record.id]
    update.status, update.value = ACCEPTED, None


def _refused(state: InstanceState, record: ur.UpdateRefused, at: int) -> None:
    update = _routine(state, record.element).updates[record.id]
    update.status, update.value, update.error = REFUSED, None, record.error


def _ended(state: InstanceState, record: ur.UpdateEnded, at: int) -> None:
    update = _routine(state, record.element).updates[record.id]
    update.status, update.value, update.error = DONE, record.value, record.error


def _written(state: InstanceState, record: ur.StreamWritten, at: int) -> None:
    _routine(state, record.element).streams[record.name] = record.offset + 1


def _closed(state: InstanceState, record: ur.StreamClosed, at: int) -> None:
    """The record is history alone."""


APPLIERS: dict[type[Record], Callable[[InstanceState, Any, int], None]] = {
    ur.UpdateAsked: _asked,
    ur.UpdateAccepted: _accepted,
    ur.UpdateRefused: _refused,
    ur.UpdateEnded: _ended,
    ur.StreamWritten: _written,
    ur.StreamClosed: _closed,
}
