"""Records of a schedule (`engine.schedule`). A tick is a nominal instant in Unix milliseconds."""

from __future__ import annotations

from tenuto.engine.record import Record
from tenuto.engine.schedule_commands import Plan


class SchedulePut(Record, frozen=True, array_like=True, gc=False, tag=120):
    """A schedule was created or changed; ticks after `last` are still to be handled."""

    name: str
    plan: Plan
    last: int


class SchedulePaused(Record, frozen=True, array_like=True, gc=False, tag=121):
    """The schedule starts nothing more by itself."""

    reason: str


class ScheduleResumed(Record, frozen=True, array_like=True, gc=False, tag=122):
    """The schedule goes on with the ticks after `last`."""

    last: int


class ScheduleArmed(Record, frozen=True, array_like=True, gc=False, tag=123):
    """The ticks up to `last` are handled; the next thing to do is due at `due_at`, if any is."""

    last: int
    due_at: int | None


class TickStarted(Record, frozen=True, array_like=True, gc=False, tag=124):
    """A tick started an instance.

    `how` is due, triggered, waited or backfilled. `extends` tells that the tick before it, and
    `reaches` that the tick after it, is among the started ones already.
    """

    tick: int
    instance: int
    how: str
    form: str = ""
    extends: bool = False
    reaches: bool = False


class TickBuffered(Record, frozen=True, array_like=True, gc=False, tag=125):
    """A tick waits for the runs before it."""

    tick: int


class TickDropped(Record, frozen=True, array_like=True, gc=False, tag=126):
    """A tick never starts: others run or wait, or the schedule was changed."""

    tick: int


class TickRefused(Record, frozen=True, array_like=True, gc=False, tag=127):
    """A tick could not start what it should."""

    tick: int
    code: str
    message: str


class TicksMissed(Record, frozen=True, array_like=True, gc=False, tag=128):
    """Ticks passed while nobody looked and are not caught up with; from 10,000 on `count` stops."""

    after: int
    until: int
    count: int


class RunEnding(Record, frozen=True, array_like=True, gc=False, tag=129):
    """A run was asked to end because a newer tick takes its place."""

    instance: int


class RunEnded(Record, frozen=True, array_like=True, gc=False, tag=130):
    """A run has ended: completed, terminated or failed."""

    instance: int
    outcome: str


class BackfillBegun(Record, frozen=True, array_like=True, gc=False, tag=131):
    """A backfill of `total` ticks began; `ticks` names them if they are those that had failed."""

    number: int
    form: str
    start: int
    end: int
    reverse: bool
    count: int
    every: int
    total: int
    next_at: int
    ticks: tuple[int, ...] | None = None


class BackfillAdvanced(Record, frozen=True, array_like=True, gc=False, tag=132):
    """A backfill went on: what is left of its range, and when it goes on."""

    number: int
    start: int
    end: int
    next_at: int
    ticks: tuple[int, ...] | None = None


class BackfillEnded(Record, frozen=True, array_like=True, gc=False, tag=133):
    """A backfill has nothing more to start."""

    number: int


class ScheduleDeleted(Record, frozen=True, array_like=True, gc=False, tag=134):
    """The schedule is no more. Which ticks it started stays known, should it come again."""


ScheduleRecord = (
    SchedulePut
    | SchedulePaused
    | ScheduleResumed
    | ScheduleArmed
    | TickStarted
    | TickBuffered
    | TickDropped
    | TickRefused
    | TicksMissed
    | RunEnding
    | RunEnded
    | BackfillBegun
    | BackfillAdvanced
    | BackfillEnded
    | ScheduleDeleted
)
