"""The ticks of a schedule: the nominal instants at which it is due, in order and without gaps.

A nominal instant names a tick for good. When it really starts may differ: `due_at` adds the jitter.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING

from tenuto.errors import InputError
from tenuto.schedules.business import WorkingTime
from tenuto.schedules.cron import cron_times
from tenuto.schedules.recurrence import (
    Interval,
    Rule,
    Schedule,
    day_of,
    instant_of,
    local_seconds,
    times_of_rule,
)
from tenuto.schedules.rrule import rule_times
from tenuto.schedules.zones import DAY, SECONDS_MAX, SECONDS_MIN, instants, reach

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tenuto.schedules.business import Between
    from tenuto.schedules.rrule_text import Pattern
    from tenuto.schedules.zones import LocalTimes

SKIPPED_MAX = 100_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CENTURY_MS = 100 * 366 * DAY * 1000
_FIRST_MS = SECONDS_MIN * 1000
_LAST_MS = SECONDS_MAX * 1000


def ticks(
    schedule: Schedule, after: int, until: int | None = None, limit: int | None = None
) -> list[int]:
    """Return the nominal instants after `after`, up to `until` itself, at most `limit` of them.

    One of `until` and `limit` has to be given. Without `until`, a schedule that is not due for a
    hundred years is over. Raises `InputError` for a schedule that skips whatever it brings.
    """
    if until is None and limit is None:
        raise InputError("expected `until` or `limit`, got neither; a schedule may have no end")
    found = each_tick(schedule, after) if until is None else between(schedule, after, until)
    return list(found if limit is None else islice(found, max(limit, 0)))


def next_tick(schedule: Schedule, after: int) -> int | None:
    """Return the first nominal instant after `after`, or nothing when none follows in a hundred
    years.
    """
    return next(each_tick(schedule, after), None)


def each_tick(schedule: Schedule, after: int) -> Iterator[int]:
    """Yield the nominal instants after `after`, one at a time and maybe without end."""
    return _endless(partial(between, schedule), after)


def tick_key(name: str, nominal: int) -> str:
    """Return the identity of a tick: the same text for the same schedule and instant, everywhere.

    Whatever is started for a tick is started under this key, so it is started once.
    """
    moment = _EPOCH + timedelta(milliseconds=nominal)
    return f"{name}@{moment:%Y-%m-%dT%H:%M:%S}.{nominal % 1000:03d}Z"


def due_at(schedule: Schedule, name: str, nominal: int) -> int:
    """Return when a tick really starts: its nominal instant and its share of the jitter.

    The share comes from the name and the instant, so it is the same wherever it is worked out. It
    ends before the next tick: ticks keep their order.
    """
    if not schedule.jitter:
        return nominal
    following = next_tick(schedule, nominal)
    room = schedule.jitter * 1000
    if following is not None:
        room = min(room, following - nominal)
    digest = hashlib.sha256(tick_key(name, nominal).encode()).digest()
    return nominal + int.from_bytes(digest[:8], "big") % room


def between(schedule: Schedule, after: int, until: int) -> Iterator[int]:
    """Yield the nominal instants after `after`, up to `until` itself, one at a time."""
    after = max(after, _FIRST_MS)
    until = min(until, _LAST_MS)
    if schedule.start is not None:
        after = max(after, schedule.start - 1)
    if schedule.end is not None:
        until = min(until, schedule.end)
    if after >= until:
        return iter(())
    nominal = partial(_unskipped, schedule, partial(_nominal, schedule))
    if schedule.business is None:
        return nominal(after, until)
    working = WorkingTime(schedule.business, schedule.tz)
    # What is moved may land on a day that is skipped, too.
    return _unskipped(schedule, partial(working.ticks, nominal), after, until)


def _unskipped(schedule: Schedule, nominal: Between, after: int, until: int) -> Iterator[int]:
    found = nominal(after, until)
    if schedule.skip_dates:
        dates = frozenset(schedule.skip_dates)
        found = (tick for tick in found if day_of(schedule.tz, tick) not in dates)
    if schedule.skip_schedule is not None:
        found = _without(found, between(schedule.skip_schedule, after, until))
    return found


def _without(found: Iterator[int], skipped: Iterator[int]) -> Iterator[int]:
    skip = next(skipped, None)
    in_a_row = 0
    for tick in found:
        while skip is not None and skip < tick:
            skip = next(skipped, None)
        if tick != skip:
            in_a_row = 0
            yield tick
            continue
        in_a_row += 1
        if in_a_row == SKIPPED_MAX:
            raise InputError(
                f"expected a schedule that leaves ticks, but it skips {SKIPPED_MAX} in a row; "
                "mend its `skip`"
            )


def _nominal(schedule: Schedule, after: int, until: int) -> Iterator[int]:
    """Yield what cron texts, intervals, rules and instants bring together, each instant once."""
    if schedule.start is not None:
        after = max(after, schedule.start - 1)
    if schedule.end is not None:
        until = min(until, schedule.end)
    last = after
    for tick in merge(*_streams(schedule, after, until)):
        if tick > last:
            yield tick
            last = tick


def _streams(schedule: Schedule, after: int, until: int) -> Iterator[Iterable[int]]:
    for text in schedule.cron:
        yield _wall_ticks(cron_times(text), schedule.tz, after, until)
    for interval in schedule.intervals:
        yield _interval_ticks(interval, after, until)
    for rule in schedule.rules:
        yield _rule_ticks(schedule, rule, after, until)
    if schedule.instants:
        moments = (instant_of(schedule.tz, moment) for moment in schedule.instants)
        yield sorted(moment for moment in moments if after < moment <= until)


def _wall_ticks(times: LocalTimes, zone: str, after: int, until: int) -> Iterator[int]:
    return (second * 1000 for second in instants(times, zone, after // 1000, until // 1000))


def _interval_ticks(interval: Interval, after: int, until: int) -> range:
    passed = (after - interval.offset) // interval.every + 1
    return range(passed * interval.every + interval.offset, until + 1, interval.every)


def _rule_ticks(schedule: Schedule, rule: Rule, after: int, until: int) -> Iterator[int]:
    times = times_of_rule(schedule, rule)
    pattern = times.pattern
    if pattern.count:
        counted = _counted(pattern.text, times.start, schedule.tz)
        return (at for at in counted if after < at <= until)
    if pattern.until:
        until = min(until, _last_second(pattern, schedule.tz) * 1000)
    return _wall_ticks(times, schedule.tz, after, until)


@lru_cache(maxsize=64)
def _counted(text: str, start: int, zone: str) -> tuple[int, ...]:
    """Return all instants of a rule with COUNT, which have to be counted from its start."""
    times = rule_times(text, start)
    found = _endless(partial(_wall_ticks, times, zone), reach(zone, start) * 1000 - 1)
    return tuple(islice(found, times.pattern.count))


def _last_second(pattern: Pattern, zone: str) -> int:
    """Return the last instant that UNTIL allows: in UTC, local, or the end of a local day."""
    until = datetime.fromisoformat(pattern.until)
    if until.tzinfo is not None:
        return int(until.timestamp())
    if "T" in pattern.until:
        return reach(zone, local_seconds(until))
    return reach(zone, local_seconds(until) + DAY) - 1


def _endless(between: Between, after: int) -> Iterator[int]:
    """Yield on and on, one century after the other, until one brings nothing."""
    after = max(after, _FIRST_MS)
    is_over = False
    while not is_over and after < _LAST_MS:
        is_over = True
        for tick in between(after, after + _CENTURY_MS):
            yield tick
            is_over = False
        after += _CENTURY_MS
