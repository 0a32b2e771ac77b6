"""The state of a schedule: the fold of its records, and which ticks it has started.

Started ticks are kept as spans: of all ticks of a form from one instant to another. A schedule that
never leaves one out needs a single span. When there are too many, the oldest is forgotten, and
`forgotten` rises: what may have been started before that is never started again.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Struct, field

from tenuto import schedules
from tenuto.engine import schedule_records as r
from tenuto.engine.record import Record
from tenuto.engine.schedule_commands import Plan
from tenuto.schedules import Schedule

SPANS_MAX = 1_000
FAILED_MAX = 1_000


class Run(Struct, array_like=True):
    """An instance that goes on: its tick, how it came to start, whether it was asked to end."""

    tick: int
    how: str
    is_ending: bool = False


class Era(Struct, array_like=True):
    """While the schedule had one form: all its ticks from a first to a last one, in order."""

    form: str
    spans: list[list[int]] = field(default_factory=list)


class Backfilling(Struct, array_like=True):
    """A backfill under way: the range that is left, or the `ticks`; it goes on at `next_at`."""

    form: str
    start: int
    end: int
    reverse: bool
    count: int
    every: int
    next_at: int
    ticks: list[int] | None = None


class Counts(Struct, array_like=True):
    """How many ticks started, never started, or passed while nobody looked; how runs ended."""

    started: int = 0
    dropped: int = 0
    missed: int = 0
    completed: int = 0
    failed: int = 0
    terminated: int = 0


class ScheduleState(Struct, array_like=True):
    """A schedule; without a plan there is none. `runs` is by instance, `failed` holds ticks."""

    key: int
    version: int = 0
    name: str = ""
    plan: Plan | None = None
    is_paused: bool = False
    reason: str = ""
    last: int = 0
    due_at: int | None = None
    runs: dict[int, Run] = field(default_factory=dict)
    buffered: list[int] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)
    failures: int = 0
    triggered: int = 0
    eras: list[Era] = field(default_factory=list)
    forgotten: int | None = None
    backfills: dict[int, Backfilling] = field(default_factory=dict)
    next_backfill: int = 1
    counts: Counts = field(default_factory=Counts)


encode_state = msgspec.msgpack.Encoder().encode
decode_state = msgspec.msgpack.Decoder(ScheduleState).decode


@lru_cache(maxsize=1_000)
def schedule_of(form: str) -> Schedule:
    """Return the schedule that a JSON text describes. Raises `InputError`."""
    return schedules.read_schedule(json.loads(form))


def started(state: ScheduleState, first: int, last: int) -> set[int]:
    """Return the ticks from one instant to another that were started."""
    found: set[int] = set()
    for era in state.eras:
        for begin, end in era.spans:
            if begin <= last and first <= end:
                bounds = max(begin, first) - 1, min(end, last)
                found.update(schedules.ticks(schedule_of(era.form), *bounds))
    return found


def neighbours(state: ScheduleState, form: str, tick: int) -> tuple[bool, bool] | None:
    """Tell whether the ticks before and after a tick are started; nothing for what is no tick of
    the form.
    """
    schedule = schedule_of(form)
    if schedules.next_tick(schedule, tick - 1) != tick:
        return None
    spans = next((era.spans for era in state.eras if era.form == form), [])
    at = bisect_right(spans, tick, key=_first)
    extends = at > 0 and schedules.next_tick(schedule, spans[at - 1][1]) == tick
    reaches = at < len(spans) and schedules.next_tick(schedule, tick) == spans[at][0]
    return extends, reaches


# --- folding


def _put(state: ScheduleState, record: r.SchedulePut, at: int) -> None:
    state.name, state.plan, state.last = record.name, record.plan, record.last


def _paused(state: ScheduleState, record: r.SchedulePaused, at: int) -> None:
    state.is_paused, state.reason = True, record.reason


def _resumed(state: ScheduleState, record: r.ScheduleResumed, at: int) -> None:
    state.is_paused, state.reason, state.last, state.failures = False, "", record.last, 0


def _armed(state: ScheduleState, record: r.ScheduleArmed, at: int) -> None:
    state.last, state.due_at = record.last, record.due_at


def _started(state: ScheduleState, record: r.TickStarted, at: int) -> None:
    state.runs[record.instance] = Run(record.tick, record.how)
    state.counts.started += 1
    if record.how == "triggered":
        state.triggered = record.tick
    if record.tick in state.buffered:
        state.buffered.remove(record.tick)
    if record.tick in state.failed:
        state.failed.remove(record.tick)
    if record.form:
        _remember(state, record)


def _remember(state: ScheduleState, record: r.TickStarted) -> None:
    era = next((era for era in state.eras if era.form == record.form), None)
    if era is None:
        era = Era(record.form)
        state.eras.append(era)
    spans = era.spans
    at = bisect_right(spans, record.tick, key=_first)
    if at and spans[at - 1][1] >= record.tick:
        return
    if record.extends and record.reaches:
        spans[at - 1][1] = spans.pop(at)[1]
    elif record.extends:
        spans[at - 1][1] = record.tick
    elif record.reaches:
        spans[at][0] = record.tick
    else:
        spans.insert(at, [record.tick, record.tick])
        _forget(state)


def _forget(state: ScheduleState) -> None:
    """Forget the oldest span when there are too many."""
    if sum(len(era.spans) for era in state.eras) <= SPANS_MAX:
        return
    oldest = min((era for era in state.eras if era.spans), key=lambda era: era.spans[0])
    last = oldest.spans.pop(0)[1]
    state.forgotten = max(last, state.forgotten or last)
    state.eras = [era for era in state.eras if era.spans]


def _first(span: list[int]) -> int:
    return span[0]


def _buffered(state: ScheduleState, record: r.TickBuffered, at: int) -> None:
    state.buffered.append(record.tick)


def _dropped(state: ScheduleState, record: r.TickDropped, at: int) -> None:
    state.counts.dropped += 1
    if record.tick in state.buffered:
        state.buffered.remove(record.tick)


def _refused(state: ScheduleState, record: r.TickRefused, at: int) -> None:
    if record.tick in state.buffered:
        state.buffered.remove(record.tick)
    _fail(state, record.tick)


def _missed(state: ScheduleState, record: r.TicksMissed, at: int) -> None:
    state.counts.missed += record.count


def _run_ending(state: ScheduleState, record: r.RunEnding, at: int) -> None:
    state.runs[record.instance].is_ending = True


def _run_ended(state: ScheduleState, record: r.RunEnded, at: int) -> None:
    run = state.runs.pop(record.instance)
    if record.outcome == "completed":
        state.counts.completed += 1
        state.failures = 0
    elif run.is_ending:
        state.counts.terminated += 1
    else:
        _fail(state, run.tick)


def _fail(state: ScheduleState, tick: int) -> None:
    state.counts.failed += 1
    state.failures += 1
    state.failed = [*state.failed, tick][-FAILED_MAX:]


def _backfill_begun(state: ScheduleState, record: r.BackfillBegun, at: int) -> None:
    state.backfills[record.number] = Backfilling(
        record.form,
        record.start,
        record.end,
        record.reverse,
        record.count,
        record.every,
        record.next_at,
        None if record.ticks is None else list(record.ticks),
    )
    state.next_backfill = record.number + 1


def _backfill_advanced(state: ScheduleState, record: r.BackfillAdvanced, at: int) -> None:
    going = state.backfills[record.number]
    going.start, going.end, going.next_at = record.start, record.end, record.next_at
    going.ticks = None if record.ticks is None else list(record.ticks)


def _backfill_ended(state: ScheduleState, record: r.BackfillEnded, at: int) -> None:
    del state.backfills[record.number]


def _deleted(state: ScheduleState, record: r.ScheduleDeleted, at: int) -> None:
    state.plan, state.due_at = None, None
    state.is_paused, state.reason, state.failures = False, "", 0
    state.buffered, state.backfills = [], {}


APPLIERS: dict[type[Record], Callable[[ScheduleState, Any, int], None]] = {
    r.SchedulePut: _put,
    r.SchedulePaused: _paused,
    r.ScheduleResumed: _resumed,
    r.ScheduleArmed: _armed,
    r.TickStarted: _started,
    r.TickBuffered: _buffered,
    r.TickDropped: _dropped,
    r.TickRefused: _refused,
    r.TicksMissed: _missed,
    r.RunEnding: _run_ending,
    r.RunEnded: _run_ended,
    r.BackfillBegun: _backfill_begun,
    r.BackfillAdvanced: _backfill_advanced,
    r.BackfillEnded: _backfill_ended,
    r.ScheduleDeleted: _deleted,
}
