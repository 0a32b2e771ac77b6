"""A schedule: what starts again and again, as a value.

A schedule is due at the instants of all its cron texts, intervals, rules and instants together,
less what it skips, moved by its business calendar. `forms` reads and writes it, `nominal` gives its
instants.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

import msgspec

from tenuto.errors import InputError
from tenuto.schedules.cron import EPOCH_ORDINAL, cron_times
from tenuto.schedules.rrule import RuleTimes, rule_times
from tenuto.schedules.zones import DAY, SECONDS_MAX, SECONDS_MIN, reach, require_zone, wall

JITTER_SECONDS_MAX = 86_400
_EPOCH_UTC = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a local time is counted from the local 1970


class Roll(StrEnum):
    """What becomes of a tick outside of working time."""

    SKIP = "skip"
    NEXT = "next"
    PREVIOUS = "previous"


class Interval(msgspec.Struct, frozen=True):
    """Every so many milliseconds of real time, counted from 1970 in UTC plus an offset."""

    every: int
    offset: int = 0


class Rule(msgspec.Struct, frozen=True):
    """A recurrence rule of RFC 5545 and the local time it starts at; without one, the schedule's
    start.
    """

    text: str
    start: datetime | None = None


class Business(msgspec.Struct, frozen=True):
    """Working days (Monday is 0), holidays, working hours with both ends, and what becomes of a
    tick outside. An `end` of midnight is the end of the day.
    """

    days: tuple[int, ...] = (0, 1, 2, 3, 4)
    holidays: tuple[date, ...] = ()
    begin: time = time(0)
    end: time = time(0)
    roll: Roll = Roll.SKIP


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """When something starts. Instants are Unix milliseconds; an `instants` entry without offset,
    and every cron text and rule, is local to `tz`. `start` and `end` both belong to the schedule.

    Raises `InputError` for what can never be a schedule.
    """

    cron: tuple[str, ...] = ()
    intervals: tuple[Interval, ...] = ()
    rules: tuple[Rule, ...] = ()
    instants: tuple[datetime, ...] = ()
    tz: str = "UTC"
    start: int | None = None
    end: int | None = None
    jitter: int = 0
    skip_dates: tuple[date, ...] = ()
    skip_schedule: Schedule | None = None
    business: Business | None = None

    def __post_init__(self) -> None:
        """Refuse what can never be a schedule."""
        require_zone(self.tz)
        if not (self.cron or self.intervals or self.rules or self.instants):
            raise InputError(
                "expected a schedule with cron, intervals, rules or instants, got none"
            )
        _check_years(self)
        for text in self.cron:
            cron_times(text)
        for interval in self.intervals:
            _check_interval(interval)
        for rule in self.rules:
            times_of_rule(self, rule)
        if self.start is not None and self.end is not None and self.end < self.start:
            raise InputError("expected a schedule that ends after its start, got an earlier end")
        if not 0 <= self.jitter <= JITTER_SECONDS_MAX:
            raise InputError(
                f"expected a jitter from 0 to {JITTER_SECONDS_MAX} seconds, got {self.jitter}"
            )
        if self.skip_schedule and (self.skip_schedule.skip_schedule or self.skip_schedule.jitter):
            raise InputError(
                "expected a schedule to skip without a skipped schedule or jitter of its own"
            )
        if self.business:
            _check_business(self.business)


def times_of_rule(schedule: Schedule, rule: Rule) -> RuleTimes:
    """Return the local times of a rule of a schedule. Raises `InputError`."""
    if rule.start is not None:
        start = local_seconds(rule.start)
    elif schedule.start is not None:
        start = wall(schedule.tz, schedule.start // 1000)
    else:
        raise InputError(
            f"expected the rule `{rule.text}` or its schedule to have a start, got none; "
            "a rule counts from there"
        )
    return rule_times(rule.text, start)


def local_seconds(moment: datetime) -> int:
    """Return a local date and time as seconds since the local 1970."""
    since = moment - _EPOCH
    return since.days * DAY + since.seconds


def instant_of(zone: str, moment: datetime) -> int:
    """Return the milliseconds of a date and time; without offset it is local to the zone."""
    if moment.tzinfo is not None:
        return (moment - _EPOCH_UTC) // timedelta(milliseconds=1)
    return reach(zone, local_seconds(moment)) * 1000 + moment.microsecond // 1000


def day_of(zone: str, instant: int) -> date:
    """Return the local day of an instant in milliseconds."""
    return date.fromordinal(wall(zone, instant // 1000) // DAY + EPOCH_ORDINAL)


def _check_years(schedule: Schedule) -> None:
    starts = [rule.start for rule in schedule.rules if rule.start is not None]
    years = [moment.year for moment in (*schedule.instants, *starts)]
    bounds = [at for at in (schedule.start, schedule.end) if at is not None]
    if not all(1 < year < 9990 for year in years) or not all(
        SECONDS_MIN <= at // 1000 < SECONDS_MAX for at in bounds
    ):
        raise InputError("expected times of the years 2 to 9989, got one outside")


def _check_interval(interval: Interval) -> None:
    if interval.every < 1000:
        raise InputError(f"expected an interval of a second or more, got {interval.every} ms")
    if not 0 <= interval.offset < interval.every:
        raise InputError(
            f"expected an offset from 0 up to its interval of {interval.every} ms, "
            f"got {interval.offset} ms"
        )


def _check_business(business: Business) -> None:
    if not business.days or not all(0 <= day <= 6 for day in business.days):
        raise InputError(
            f"expected working days, one at least, from 0 (Monday) to 6, got {business.days}"
        )
    if business.end != time(0) and business.end <= business.begin:
        raise InputError(
            f"expected working hours that end later than {business.begin:%H:%M}, "
            f"got {business.end:%H:%M}"
        )
