"""Overlap: what to do with a tick while a run of the same schedule is still going.

Two pure functions decide, whoever keeps the state acts: `overlap` when a tick is due, `run_ended`
when a run has ended. Ticks that wait are kept by the caller and handed in again.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

BUFFER_MAX = 1000


class Overlap(StrEnum):
    """What a schedule does with a tick while one of its runs is going."""

    SKIP = "skip"
    BUFFER_ONE = "buffer_one"
    BUFFER_ALL = "buffer_all"
    CANCEL_OTHER = "cancel_other"
    TERMINATE_OTHER = "terminate_other"
    ALLOW = "allow"


class Act(StrEnum):
    """What happens now."""

    START = "start"
    BUFFER = "buffer"
    DROP = "drop"
    CANCEL_THEN_START = "cancel_then_start"
    TERMINATE_THEN_START = "terminate_then_start"
    WAIT = "wait"


class Decision(msgspec.Struct, frozen=True):
    """What happens now, which ticks start at once, which wait from now on, which never start."""

    act: Act
    start: tuple[int, ...] = ()
    buffered: tuple[int, ...] = ()
    dropped: tuple[int, ...] = ()


def overlap(policy: Overlap, running: int, buffered: tuple[int, ...], tick: int) -> Decision:
    """Return what to do with a tick that is due, beside so many running runs and waiting ticks.

    A tick that cancels waits until the cancelled runs have ended, since they may take their time;
    of several such ticks the newest starts. A tick that terminates starts at once.
    """
    if not running and policy in (Overlap.SKIP, Overlap.BUFFER_ONE, Overlap.BUFFER_ALL):
        return _beside_none(policy, buffered, tick)
    match policy:
        case Overlap.ALLOW:
            return Decision(Act.START, start=(*buffered, tick))
        case Overlap.SKIP:
            return Decision(Act.DROP, buffered=buffered, dropped=(tick,))
        case Overlap.BUFFER_ONE | Overlap.BUFFER_ALL:
            room = 1 if policy == Overlap.BUFFER_ONE else BUFFER_MAX
            if len(buffered) < room:
                return Decision(Act.BUFFER, buffered=(*buffered, tick))
            return Decision(Act.DROP, buffered=buffered, dropped=(tick,))
        case Overlap.CANCEL_OTHER if running:
            return Decision(Act.CANCEL_THEN_START, buffered=(tick,), dropped=buffered)
        case Overlap.TERMINATE_OTHER if running:
            return Decision(Act.TERMINATE_THEN_START, start=(tick,), dropped=buffered)
        case _:
            return Decision(Act.START, start=(tick,), dropped=buffered)


def run_ended(policy: Overlap, running: int, buffered: tuple[int, ...]) -> Decision:
    """Return what to do when a run has ended and so many others are still going.

    Ticks wait in order and start one by one. Under `allow` none has to wait, so all start that an
    earlier policy had left.
    """
    if not buffered:
        return Decision(Act.WAIT)
    if policy == Overlap.ALLOW:
        return Decision(Act.START, start=buffered)
    if running:
        return Decision(Act.WAIT, buffered=buffered)
    return Decision(Act.START, start=buffered[:1], buffered=buffered[1:])


def _beside_none(policy: Overlap, buffered: tuple[int, ...], tick: int) -> Decision:
    """Let what waits go first; the new tick then meets a run."""
    first = run_ended(policy, 0, buffered)
    if not first.start:
        return Decision(Act.START, start=(tick,))
    then = overlap(policy, 1, first.buffered, tick)
    return Decision(then.act, start=first.start, buffered=then.buffered, dropped=then.dropped)
