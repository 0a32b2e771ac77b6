"""Commands that let an instance stand still and go on again (`engine.pausing`)."""

from __future__ import annotations

from tenuto.engine.command import Command
from tenuto.engine.routine_commands import StepReport


class PauseInstance(Command, frozen=True, array_like=True, gc=False, tag=80):
    """Stand still: no job is handed out, nothing moves on until it is resumed."""

    reason: str


class ResumeInstance(Command, frozen=True, array_like=True, gc=False, tag=81):
    """Go on where the instance stands, with what came meanwhile, in order."""


class ReportSteps(Command, frozen=True, array_like=True, gc=False, tag=82):
    """Outcomes of steps that a paused routine had begun.

    With the last its worker gives it back, until the instance goes on.
    """

    element: int
    token: int | None
    reports: tuple[StepReport, ...]
    is_last: bool


PauseCommand = PauseInstance | ResumeInstance | ReportSteps
