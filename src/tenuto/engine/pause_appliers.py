"""Appliers of pause records: that an instance stands still, and what waits for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tenuto.engine import pause_records as r
from tenuto.engine.record import Record
from tenuto.engine.state import InstanceState, Pause


def _paused(state: InstanceState, record: r.InstancePaused, at: int) -> None:
    assert state.pause is None, f"instance {state.key} was paused twice"
    state.pause = Pause(at, record.reason)


def _resumed(state: InstanceState, record: r.InstanceResumed, at: int) -> None:
    assert state.pause is not None, f"instance {state.key} was not paused"
    state.pause = None


def _pause(state: InstanceState) -> Pause:
    assert state.pause is not None, f"instance {state.key} holds nothing: it is not paused"
    return state.pause


def _held(state: InstanceState, record: r.CommandHeld, at: int) -> None:
    pause = _pause(state)
    pause.held.append(record.command)
    if record.timer is not None:
        pause.timers.append(record.timer)


def _scopes(state: InstanceState, record: r.ScopesHeld, at: int) -> None:
    touched = _pause(state).touched
    touched += [scope for scope in record.scopes if scope not in touched]


APPLIERS: dict[type[Record], Callable[[InstanceState, Any, int], None]] = {
    r.InstancePaused: _paused,
    r.InstanceResumed: _resumed,
    r.CommandHeld: _held,
    r.ScopesHeld: _scopes,
}
