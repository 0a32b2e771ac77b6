"""Pausing: an instance stands still, keeps what comes, and goes on in the same order.

A paused instance hands out no job and moves no token. What workers and people had in hand may
still be completed: its outcome is recorded and what follows waits. Timers that are due, messages,
signals and ends of calls are held as they came. A workflow orders its outcomes at once, but is not
offered to a worker.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tenuto.engine import commands as c
from tenuto.engine import pause_records as pr
from tenuto.engine import rejections as why
from tenuto.engine import routines
from tenuto.engine.rejections import Rejection
from tenuto.engine.state import TimerWait
from tenuto.engine.turn import Turn


def pause_instance(turn: Turn, command: c.PauseInstance) -> Rejection | None:
    """Let an instance stand still."""
    pause = turn.state.pause
    if pause is not None:
        because = f" ({pause.reason})" if pause.reason else ""
        return Rejection(
            why.PAUSED, f"expected instance {turn.state.key} to run, but it is paused{because}"
        )
    turn.emit(pr.InstancePaused(command.reason[:1_000]))
    return None


def resume_instance(turn: Turn, command: c.ResumeInstance) -> Rejection | None:
    """Go on: first what follows from what was completed, then what came meanwhile."""
    if turn.state.pause is None:
        return Rejection(
            why.NOT_PAUSED, f"expected instance {turn.state.key} to be paused, but it runs"
        )
    release(turn)
    return None


def release(turn: Turn) -> None:
    """Let a paused instance go on: it sends itself what it held."""
    pause = turn.state.pause
    assert pause is not None, f"instance {turn.state.key} is not paused"
    turn.emit(pr.InstanceResumed())
    for scope in pause.touched:
        turn.touch(scope)
    for held in pause.held:
        turn.send(turn.state.key, c.decode_command(held))


def advance_paused(
    turn: Turn, command: c.Command, run: Callable[[Turn, Any], Rejection | None]
) -> Rejection | None:
    """Do what a paused instance does with a command; nothing moves on after it."""
    if isinstance(command, c.CancelInstance):
        return _cancel(turn, command, run)
    if isinstance(command, c.ContinueInstance | c.AdvanceRoutine):
        return Rejection(
            why.PAUSED, f"expected instance {turn.state.key} to run, but it is paused; resume it"
        )
    if isinstance(command, HELD) and not _is_workflow(turn):
        return _hold(turn, command)
    rejection = run(turn, command)
    pause = turn.state.pause
    if rejection is not None or pause is None:
        return rejection
    if not turn.state.is_live:
        release(turn)
        turn.touched.clear()
    elif turn.touched:
        turn.emit(pr.ScopesHeld(tuple(dict.fromkeys(turn.touched))))
        turn.touched.clear()
    return None


HELD = c.FireTimer | c.OfferMessage | c.DeliverSignal | c.EndCall


def _cancel(
    turn: Turn, command: c.CancelInstance, run: Callable[[Turn, Any], Rejection | None]
) -> Rejection | None:
    """End a paused instance: it goes on to its end, and what it held finds that it has ended."""
    rejection = run(turn, command)
    if rejection is None:
        release(turn)
    return rejection


def _is_workflow(turn: Turn) -> bool:
    return any(element.routine is not None for element in turn.state.elements.values())


def _hold(turn: Turn, command: c.Command) -> Rejection | None:
    pause = turn.state.pause
    assert pause is not None, f"instance {turn.state.key} is not paused"
    timer = None
    if isinstance(command, c.FireTimer):
        wait = turn.state.waits.get(command.wait)
        if not isinstance(wait, TimerWait) or wait.due_at > turn.now:
            return Rejection(why.NOT_ACTIVE, f"timer {command.wait} is not due or was withdrawn")
        timer = command.wait
        if timer in pause.timers:
            return Rejection(why.NOT_ACTIVE, f"timer {command.wait} waits for the instance")
    turn.emit(pr.CommandHeld(c.encode_command(command), timer))
    return None


def report_steps(turn: Turn, command: c.ReportSteps) -> Rejection | None:
    """Take outcomes of steps that ran on while the routine was paused.

    With the last it is taken back, unless it goes on already.
    """
    number = command.element
    element = turn.state.elements.get(number)
    if element is None or element.routine is None or number not in turn.state.jobs:
        return Rejection(
            why.NOT_ACTIVE,
            f"expected routine {turn.state.key}-{number} to be with a worker, but it is not",
        )
    for report in command.reports:
        if report.key in element.routine.steps:
            routines.take_report(turn, number, report)
    if command.is_last and turn.state.pause is not None:
        routines.take_back(turn, number)
    return None


PROCESSORS: dict[type[c.Command], Callable[[Turn, Any], Rejection | None]] = {
    c.PauseInstance: pause_instance,
    c.ResumeInstance: resume_instance,
    c.ReportSteps: report_steps,
}
