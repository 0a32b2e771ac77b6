"""Commands to a schedule (`engine.schedule`). Instants are Unix milliseconds."""

from __future__ import annotations

from msgspec import Struct, field

from tenuto.engine.command import Command
from tenuto.engine.stored import Encoded


class Plan(Struct, frozen=True, array_like=True):
    """What a schedule starts and when.

    - `form`: the schedule as JSON (`schedules.write_schedule`), the same text for the same one.
    - `process`: a process or workflow, started with `variables` and `scheduled_at`.
    - `overlap` and `catch_up` (as JSON): see `tenuto.schedules`.
    - `pause_after`: so many failures in a row pause it; 0 never.
    """

    form: str
    process: str
    variables: Encoded = field(default_factory=dict)
    overlap: str = "skip"
    catch_up: str = '"last"'
    pause_after: int = 0


class PutSchedule(Command, frozen=True, array_like=True, gc=False, tag=70):
    """Create a schedule or change it; with `expected` only one that still has that plan."""

    name: str
    plan: Plan
    expected: Plan | None = None


class PauseSchedule(Command, frozen=True, array_like=True, gc=False, tag=71):
    """Start nothing more by the schedule itself."""

    reason: str = ""


class ResumeSchedule(Command, frozen=True, array_like=True, gc=False, tag=72):
    """Go on from now; what was due in the pause is gone."""


class TriggerSchedule(Command, frozen=True, array_like=True, gc=False, tag=73):
    """Act as if the schedule were due now, paused or not."""


class BackfillSchedule(Command, frozen=True, array_like=True, gc=False, tag=74):
    """Start the ticks of a past range, both ends included.

    `which` is all, missing or failed. `count` ticks start every `every` milliseconds; with a count
    of 0 all of them as fast as may be. `dry_run` answers with the ticks and starts nothing.
    """

    start: int
    end: int
    which: str = "all"
    reverse: bool = False
    count: int = 0
    every: int = 0
    dry_run: bool = False


class DeleteSchedule(Command, frozen=True, array_like=True, gc=False, tag=75):
    """Forget the schedule; what it started goes on."""


class EndRun(Command, frozen=True, array_like=True, gc=False, tag=76):
    """An instance that the schedule started has ended: completed, terminated or failed."""

    instance: int
    outcome: str


ScheduleCommand = (
    PutSchedule
    | PauseSchedule
    | ResumeSchedule
    | TriggerSchedule
    | BackfillSchedule
    | DeleteSchedule
    | EndRun
)
