"""The local times of a recurrence rule: RFC 5545 §3.3.10.

A rule is cut into periods of its FREQ. A period's days and times of day are worked out at once, so
a search begins at the period it needs and not at the rule's start. Rules of FREQ HOURLY, MINUTELY
and SECONDLY run with the wall; all others are fixed (see `zones`).

The library python-dateutil was the alternative. It counts every rule from its start and reads the
clock while it parses.
"""

from __future__ import annotations

import calendar
from datetime import date
from functools import lru_cache
from math import gcd
from typing import TYPE_CHECKING

from tenuto.errors import InputError
from tenuto.schedules.cron import EPOCH_ORDINAL, DayTimes
from tenuto.schedules.rrule_text import Pattern, parse_pattern
from tenuto.schedules.zones import DAY

if TYPE_CHECKING:
    from collections.abc import Iterator

UNIT_SECONDS = {"HOURLY": 3600, "MINUTELY": 60, "SECONDLY": 1}
_MONTHS_MAX = 9991 * 12


class RuleTimes:
    """The local times of a rule that starts at a local time; UNTIL and COUNT are the caller's."""

    def __init__(self, pattern: Pattern, start: int) -> None:
        """Raises `InputError` for a rule whose times of day never come."""
        self.pattern = pattern
        self.fixed = pattern.freq not in UNIT_SECONDS
        self.start = start
        day, second = divmod(start, DAY)
        self._first = _date(day)
        self._first_week = day - (self._first.weekday() - pattern.week_start) % 7
        self._times = DayTimes(
            pattern.by_hour or (second // 3600,),
            pattern.by_minute or (second // 60 % 60,),
            pattern.by_second or (second % 60,),
        )
        if not self.fixed:
            self._unit = UNIT_SECONDS[pattern.freq]
            self._step = self._unit * pattern.interval
            self._base = start - start % self._unit
            self._refuse_times_that_never_come()

    def between(self, begin: int, end: int) -> Iterator[int]:
        """Yield the local times from `begin`, before `end`, in order."""
        begin = max(begin, self.start)
        periods = self._long_periods if self.fixed else self._short_periods
        for at in periods(begin, end):
            if at >= end:
                return
            if at >= begin:
                yield at

    def _long_periods(self, begin: int, end: int) -> Iterator[int]:
        interval = self.pattern.interval
        # The last period of the interval that begins no later than `begin`.
        number = self._period_of(_date(begin // DAY)) // interval * interval
        while (days := self._days_of(number)) and days[0] * DAY < end:
            chosen = [day for day in days if self._is_chosen(_date(day))]
            if self.pattern.by_setpos:
                yield from self._positions(chosen)
            else:
                for day in chosen:
                    for second in self._times.between(begin - day * DAY, end - day * DAY):
                        yield day * DAY + second
            number += interval

    def _positions(self, days: list[int]) -> Iterator[int]:
        hours, minutes, seconds = self._times
        each = len(hours) * len(minutes) * len(seconds)
        for index in _indexes(self.pattern.by_setpos, len(days) * each):
            day, rest = divmod(index, each)
            rest, second = divmod(rest, len(seconds))
            hour, minute = divmod(rest, len(minutes))
            yield days[day] * DAY + hours[hour] * 3600 + minutes[minute] * 60 + seconds[second]

    def _is_chosen(self, day: date) -> bool:
        """Return whether a day passes all parts that name days."""
        pattern = self.pattern
        if pattern.by_month and day.month not in pattern.by_month:
            return False
        if pattern.by_monthday:
            length = calendar.monthrange(day.year, day.month)[1]
            if day.day not in pattern.by_monthday and day.day - length - 1 not in (
                pattern.by_monthday
            ):
                return False
        if pattern.by_day and not any(self._is_nth(day, *one) for one in pattern.by_day):
            return False
        return bool(pattern.by_day or pattern.by_monthday) or self._is_like_the_first(day)

    def _is_nth(self, day: date, nth: int, weekday: int) -> bool:
        """Return whether a day is the nth such weekday of its month or year, from either end."""
        if day.weekday() != weekday:
            return False
        if not nth:
            return True
        if self.pattern.freq == "MONTHLY" or self.pattern.by_month:
            position, length = day.day, calendar.monthrange(day.year, day.month)[1]
        else:
            position = day.timetuple().tm_yday
            length = 366 if calendar.isleap(day.year) else 365
        return nth in ((position - 1) // 7 + 1, -((length - position) // 7 + 1))

    def _is_like_the_first(self, day: date) -> bool:
        """Return whether a day stands in its period where the rule's first day stands."""
        first = self._first
        match self.pattern.freq:
            case "YEARLY":
                is_month = bool(self.pattern.by_month) or day.month == first.month
                return is_month and day.day == first.day
            case "MONTHLY":
                return day.day == first.day
            case "WEEKLY":
                return day.weekday() == first.weekday()
            case _:
                return True

    def _period_of(self, day: date) -> int:
        """Return how many periods a day lies after the first one."""
        match self.pattern.freq:
            case "YEARLY":
                return day.year - self._first.year
            case "MONTHLY":
                return (day.year - self._first.year) * 12 + day.month - self._first.month
            case "WEEKLY":
                return (_number(day) - self._first_week) // 7
            case _:
                return _number(day) - _number(self._first)

    def _days_of(self, number: int) -> range:
        """Return the days of a period; none beyond the last year."""
        match self.pattern.freq:
            case "YEARLY":
                first, count = (self._first.year + number) * 12, 12
            case "MONTHLY":
                first, count = self._first.year * 12 + self._first.month - 1 + number, 1
            case "WEEKLY":
                return range(self._first_week + number * 7, self._first_week + number * 7 + 7)
            case _:
                day = _number(self._first) + number
                return range(day, day + 1)
        return range(_month_begin(first), _month_begin(first + count))

    def _short_periods(self, begin: int, end: int) -> Iterator[int]:
        at = self._aligned(max(self._base, begin - begin % self._unit))
        while at < end:
            later = self._leap(at)
            if later is not None:
                at = self._aligned(later)
                continue
            yield from self._within(at)
            at += self._step

    def _within(self, at: int) -> Iterator[int]:
        """Yield the times of the hour, minute or second that begins at `at`."""
        day, second = divmod(at, DAY)
        found = list(self._times_of_unit(second))
        indexes = (
            _indexes(self.pattern.by_setpos, len(found))
            if self.pattern.by_setpos
            else range(len(found))
        )
        for index in indexes:
            yield day * DAY + found[index]

    def _times_of_unit(self, second: int) -> Iterator[int]:
        _, minutes, seconds = self._times
        match self.pattern.freq:
            case "HOURLY":
                return (second + minute * 60 + one for minute in minutes for one in seconds)
            case "MINUTELY":
                return (second + one for one in seconds)
            case _:
                return iter([second])

    def _leap(self, at: int) -> int | None:
        """Return where to look next when the rule leaves out the period at `at`."""
        day, second = divmod(at, DAY)
        if not self._is_chosen(_date(day)):
            return at - second + DAY
        return self._leap_in_day(at)

    def _leap_in_day(self, at: int) -> int | None:
        pattern, second = self.pattern, at % DAY
        if pattern.by_hour and second // 3600 not in pattern.by_hour:
            return at - second % 3600 + 3600
        if self._unit <= 60 and pattern.by_minute and second // 60 % 60 not in pattern.by_minute:
            return at - second % 60 + 60
        if self._unit == 1 and pattern.by_second and second % 60 not in pattern.by_second:
            return at + 1
        return None

    def _aligned(self, at: int) -> int:
        """Return the first period from `at` that the interval meets."""
        return self._base - (self._base - at) // self._step * self._step

    def _refuse_times_that_never_come(self) -> None:
        stride = gcd(self._step, DAY)
        if all(self._leap_in_day(at) is not None for at in range(self._base % stride, DAY, stride)):
            raise InputError(
                f"expected a rule that comes to its BYHOUR, BYMINUTE and BYSECOND, but "
                f"`{self.pattern.text}` steps over them from its start; mend INTERVAL or the start"
            )


@lru_cache(maxsize=1024)
def rule_times(text: str, start: int) -> RuleTimes:
    """Return the local times of a rule's text from a local start. Raises `InputError`."""
    return RuleTimes(parse_pattern(text), start)


def _indexes(positions: tuple[int, ...], length: int) -> list[int]:
    """Return the indexes of positions counted from 1 or, below zero, from the end."""
    found = {one - 1 if one > 0 else length + one for one in positions}
    return [index for index in sorted(found) if 0 <= index < length]


def _date(number: int) -> date:
    return date.fromordinal(number + EPOCH_ORDINAL)


def _number(day: date) -> int:
    return day.toordinal() - EPOCH_ORDINAL


def _month_begin(months: int) -> int:
    """Return the first day of a month counted from the year 0; beyond the last year all are one."""
    year, month = divmod(min(months, _MONTHS_MAX), 12)
    return _number(date(year, month + 1, 1))
