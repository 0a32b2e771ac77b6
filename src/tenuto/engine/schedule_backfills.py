"""Backfills of a schedule: ticks of a past range start beside everything else, a part at a time.

What is left is kept as a range, not as ticks: a backfill of years is a few numbers. A tick that was
started before, or waits to start, is left out, so that to repeat a backfill starts nothing twice.
"""

from __future__ import annotations

from tenuto import schedules
from tenuto.engine import rejections as why
from tenuto.engine import schedule_commands as sc
from tenuto.engine import schedule_records as r
from tenuto.engine.rejections import Rejection
from tenuto.engine.schedule_runs import BACKFILLED, ScheduleTurn, arm, missing, plan_of, start_run
from tenuto.engine.schedule_state import Backfilling, ScheduleState, schedule_of, started
from tenuto.errors import InputError
from tenuto.schedules import Backfill, Latest, Rate
from tenuto.schedules.backfills import Which

PART_MAX = 500


def backfill_schedule(turn: ScheduleTurn, command: sc.BackfillSchedule) -> Rejection | None:
    """Begin to start the ticks of a past range; answer with their number, dry with the ticks."""
    state = turn.state
    if state.plan is None:
        return missing()
    if state.forgotten is not None and command.start <= state.forgotten:
        return Rejection(
            why.INVALID_VALUE,
            f"expected a range that begins after {state.forgotten}: which ticks were started "
            "before is forgotten, since the schedule often left some out",
        )
    form = state.plan.form
    try:
        wanted = _wanted(command)
        done = _done(state, command.start, command.end)
        found = schedules.backfill(
            schedule_of(form), wanted, turn.now, handled=done, failed=state.failed
        )
    except (InputError, ValueError) as error:
        return Rejection(why.INVALID_VALUE, f"backfill of {state.name}: {error}")
    is_again = wanted.which is Which.FAILED
    ticks = [tick for part in found for tick in part.ticks if is_again or tick not in done]
    turn.answer = {"count": len(ticks)}
    if command.dry_run:
        turn.answer["ticks"] = ticks
        return None
    if not ticks:
        return None
    number = state.next_backfill
    rest = tuple(ticks) if is_again else None
    begun = (form, command.start, command.end, command.reverse, command.count, command.every)
    turn.emit(r.BackfillBegun(number, *begun, len(ticks), turn.now, rest))
    turn.answer["backfill"] = number
    advance_backfill(turn, number, PART_MAX)
    arm(turn)
    return None


def _wanted(command: sc.BackfillSchedule) -> Backfill:
    rate = None
    if command.count or command.every:
        rate = Rate(command.count, command.every)
    return Backfill(
        start=command.start,
        end=command.end,
        which=Which(command.which),
        reverse=command.reverse,
        rate=rate,
    )


def _done(state: ScheduleState, first: int, last: int) -> set[int]:
    """Return the ticks of a range that were started or wait to."""
    return started(state, first, last).union(state.buffered)


def advance_backfill(turn: ScheduleTurn, number: int, room: int) -> int:
    """Start the next part of a backfill, at most `room` ticks; return how many it started."""
    state = turn.state
    going = state.backfills[number]
    plan_of(turn)
    wanted = min(going.count or room, room)
    ticks = _next_of_list(going, wanted) if going.ticks is not None else _next(state, going, wanted)
    form, reverse, end, start = going.form, going.reverse, going.end, going.start
    rest: tuple[int, ...] | None = None
    if going.ticks is not None:
        rest = tuple(going.ticks[len(ticks) :])
        is_over = not rest
    else:
        is_over = len(ticks) < wanted
        if ticks and reverse:
            end = ticks[-1] - 1
        elif ticks:
            start = ticks[-1] + 1
        is_over = is_over or start > end
    for tick in ticks:
        start_run(turn, tick, BACKFILLED, form)
    if is_over:
        turn.emit(r.BackfillEnded(number))
    else:
        turn.emit(r.BackfillAdvanced(number, start, end, turn.now + going.every, rest))
    return len(ticks)


def _next_of_list(going: Backfilling, wanted: int) -> list[int]:
    return (going.ticks or [])[:wanted]


def _next(state: ScheduleState, going: Backfilling, wanted: int) -> list[int]:
    """Return the next ticks of a range that were not started, in the order of the backfill."""
    schedule, start, end = schedule_of(going.form), going.start, going.end
    found: list[int] = []
    while len(found) < wanted and start <= end:
        if going.reverse:
            part = schedules.missed(schedule, start - 1, end, Latest(wanted))[::-1]
        else:
            part = schedules.ticks(schedule, start - 1, end, wanted)
        if not part:
            break
        done = _done(state, min(part), max(part))
        found += [tick for tick in part if tick not in done]
        if going.reverse:
            end = part[-1] - 1
        else:
            start = part[-1] + 1
    return found[:wanted]
