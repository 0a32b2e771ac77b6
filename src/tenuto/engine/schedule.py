"""Schedules: one aggregate for each name, which starts an instance for each of its ticks.

`tenuto.schedules` works out the ticks and decides about overlap and catching up; here is what was
decided. A tick starts at most once: the turn that starts it also notes that it did. A timer row
says when there is something to do: a tick, or the next part of a backfill.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tenuto import schedules
from tenuto.engine import commands as c
from tenuto.engine import rejections as why
from tenuto.engine import schedule_commands as sc
from tenuto.engine import schedule_records as r
from tenuto.engine.rejections import Rejection
from tenuto.engine.schedule_backfills import advance_backfill, backfill_schedule
from tenuto.engine.schedule_runs import (
    DUE,
    TRIGGERED,
    ScheduleTurn,
    arm,
    is_tick,
    let_wait_begin,
    meet,
    missing,
    plan_of,
    unstartable,
)
from tenuto.engine.schedule_state import schedule_of, started
from tenuto.errors import InputError
from tenuto.schedules import CatchUp, Overlap, Younger

# A tick that is at most so late is in time, whatever the schedule does about missed ones.
IN_TIME_MS = 10_000
# So many ticks start in one turn; the others follow in the next ones.
STARTS_MAX = 500


# --- to make, change and end a schedule


def put_schedule(turn: ScheduleTurn, command: sc.PutSchedule) -> Rejection | None:
    """Create or change a schedule. With a new form it begins anew, now: what was due by the form
    before and has not started is gone.
    """
    state, plan = turn.state, command.plan
    refused = _unusable(turn, command)
    if refused is not None:
        return refused
    before = state.plan
    if command.expected is not None and command.expected != before:
        return Rejection(
            why.VERSION_MISMATCH,
            f"expected schedule {command.name} as it was read, but it was changed: read it again",
        )
    turn.answer = {"created": before is None, "changed": before != plan}
    if before == plan:
        return None
    is_new = before is None or before.form != plan.form
    last = turn.now if is_new else state.last
    turn.emit(r.SchedulePut(command.name, plan, last))
    if is_new and before is not None:
        for tick in list(state.buffered):
            if is_tick(before.form, tick):
                turn.emit(r.TickDropped(tick))
    let_wait_begin(turn)
    arm(turn)
    return None


def _unusable(turn: ScheduleTurn, command: sc.PutSchedule) -> Rejection | None:
    plan, known = command.plan, turn.state.name
    if known and known != command.name:
        return Rejection(
            why.ALREADY_EXISTS,
            f"expected another name than `{command.name}`: by chance its key is that of `{known}`",
        )
    try:
        schedule = schedule_of(plan.form)
        schedules.next_tick(schedule, turn.now)
        _catch_up(plan)
        Overlap(plan.overlap)
    except (InputError, ValueError) as error:
        return Rejection(why.INVALID_VALUE, f"schedule {command.name}: {error}")
    if plan.pause_after < 0:
        return Rejection(
            why.INVALID_VALUE,
            f"schedule {command.name}: expected a count of failures from 0 (never pause), "
            f"got {plan.pause_after}",
        )
    return unstartable(turn, plan.process)


def pause_schedule(turn: ScheduleTurn, command: sc.PauseSchedule) -> Rejection | None:
    """Start nothing more by itself. Backfills and triggers go on."""
    if turn.state.plan is None:
        return missing()
    if not turn.state.is_paused:
        turn.emit(r.SchedulePaused(command.reason[:2000]))
        arm(turn)
    return None


def resume_schedule(turn: ScheduleTurn, command: sc.ResumeSchedule) -> Rejection | None:
    """Go on from now; ticks that waited for a run go first."""
    if turn.state.plan is None:
        return missing()
    if turn.state.is_paused:
        turn.emit(r.ScheduleResumed(max(turn.now, turn.state.last)))
        let_wait_begin(turn)
        arm(turn)
    return None


def delete_schedule(turn: ScheduleTurn, command: sc.DeleteSchedule) -> Rejection | None:
    """Forget the schedule; what it started goes on."""
    if turn.state.plan is None:
        return missing()
    turn.emit(r.ScheduleDeleted())
    return None


# --- ticks


def fire(turn: ScheduleTurn, command: c.FireTimer) -> Rejection | None:
    """Do what is due: ticks, and the next part of each backfill."""
    state = turn.state
    if state.due_at is None:
        return Rejection(why.NOT_ACTIVE, "the schedule has nothing to do")
    if state.due_at > turn.now:
        return None
    room = STARTS_MAX
    for number, going in list(state.backfills.items()):
        if going.next_at <= turn.now and room > 0:
            room -= advance_backfill(turn, number, room)
    last = state.last if state.is_paused else _start_due(turn, max(room, 1))
    _pause_if_failing(turn)
    arm(turn, last)
    return None


def _start_due(turn: ScheduleTurn, room: int) -> int:
    """Start the ticks that are due; return the last one that is handled now."""
    state = turn.state
    plan = plan_of(turn)
    schedule, last = schedule_of(plan.form), state.last
    newest = schedules.missed(schedule, last, turn.now, schedules.LAST)
    if not newest:
        return last
    upto = newest[0]
    if schedules.due_at(schedule, state.name, upto) > turn.now:
        upto -= 1
    chosen = _chosen(turn, plan, last, upto)
    if len(chosen) > room:
        chosen = chosen[:room]
        upto = chosen[-1]
    passed = schedules.ticks(schedule, last, upto, schedules.MISSED_MAX)
    if len(passed) > len(chosen):
        turn.emit(r.TicksMissed(last, upto, len(passed) - len(chosen)))
    done = started(state, last, upto)
    for tick in chosen:
        if tick not in done:
            meet(turn, tick, DUE)
    return upto


def _chosen(turn: ScheduleTurn, plan: sc.Plan, last: int, upto: int) -> list[int]:
    """Return the due ticks that start: those in time, and what the schedule catches up with."""
    schedule, policy = schedule_of(plan.form), _catch_up(plan)
    since = last
    if isinstance(policy, Younger):
        since = max(last, turn.now - policy.age)
    chosen = set(schedules.missed(schedule, since, upto, policy)) if since < upto else set()
    recent = max(last, turn.now - IN_TIME_MS - schedule.jitter * 1000 - 1)
    for tick in schedules.ticks(schedule, recent, upto, schedules.MISSED_MAX):
        if turn.now - schedules.due_at(schedule, turn.state.name, tick) <= IN_TIME_MS:
            chosen.add(tick)
    return sorted(chosen)


def trigger_schedule(turn: ScheduleTurn, command: sc.TriggerSchedule) -> Rejection | None:
    """Let a tick happen now, beside those of the schedule."""
    state = turn.state
    if state.plan is None:
        return missing()
    tick = max(turn.now, state.triggered + 1)
    while tick in state.buffered or is_tick(state.plan.form, tick):
        tick += 1
    status = meet(turn, tick, TRIGGERED)
    turn.answer = {"status": status, "tick": tick}
    running = [str(key) for key, run in state.runs.items() if run.tick == tick]
    if running:
        turn.answer["instance"] = running[0]
    return None


def end_run(turn: ScheduleTurn, command: sc.EndRun) -> Rejection | None:
    """A run has ended: pause after too many failures, else let the next tick begin that waits."""
    state = turn.state
    if command.instance not in state.runs:
        return Rejection(why.NOT_ACTIVE, f"no run of instance {command.instance} goes on")
    turn.emit(r.RunEnded(command.instance, command.outcome))
    if state.plan is None:
        return None
    _pause_if_failing(turn)
    let_wait_begin(turn)
    arm(turn)
    return None


def _pause_if_failing(turn: ScheduleTurn) -> None:
    state, limit = turn.state, plan_of(turn).pause_after
    if limit and state.failures >= limit and not state.is_paused:
        turn.emit(r.SchedulePaused(f"{state.failures} runs failed in a row"))


def _catch_up(plan: sc.Plan) -> CatchUp:
    return schedules.read_catch_up(json.loads(plan.catch_up))


PROCESSORS: dict[type[c.Command], Callable[[ScheduleTurn, Any], Rejection | None]] = {
    sc.PutSchedule: put_schedule,
    sc.PauseSchedule: pause_schedule,
    sc.ResumeSchedule: resume_schedule,
    sc.DeleteSchedule: delete_schedule,
    sc.TriggerSchedule: trigger_schedule,
    sc.BackfillSchedule: backfill_schedule,
    sc.EndRun: end_run,
    c.FireTimer: fire,
}
