"""Working time: which days and hours are worked, and where a tick outside of them goes.

A tick on a day off moves to the same time of the next or the previous working day, brought within
its hours. A tick on a working day outside of its hours moves to the next opening or the previous
closing. So every tick belongs to one working day, and the days are worked out one by one.
"""

from __future__ import annotations

from datetime import time
from typing import TYPE_CHECKING, NamedTuple

from tenuto.schedules.cron import EPOCH_ORDINAL
from tenuto.schedules.recurrence import Business, Roll
from tenuto.schedules.zones import DAY, reach, wall

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    # The instants after the first number, up to the second itself, in order.
    Between = Callable[[int, int], Iterator[int]]


# To begin a search anew costs about as much as to pass this many ticks.
_PASSED_MAX = 16


class Reach(NamedTuple):
    """The instants whose ticks belong to one working day, both ends included."""

    begin: int
    end: int
    day: int


class WorkingTime:
    """A business calendar in a zone. Instants are milliseconds, days count from 1970."""

    def __init__(self, business: Business, zone: str) -> None:
        """The calendar is one that its schedule has checked."""
        self._roll = business.roll
        self._zone = zone
        self._weekdays = business.days
        self._holidays = frozenset(day.toordinal() - EPOCH_ORDINAL for day in business.holidays)
        self._opens = _second(business.begin)
        self._closes = _second(business.end) or DAY

    def ticks(self, nominal: Between, after: int, until: int) -> Iterator[int]:
        """Yield the ticks that are left in working time, or moved into it, in order."""
        if self._roll == Roll.SKIP:
            return self._kept(nominal, after, until)
        return self._moved(nominal, after, until)

    def _kept(self, nominal: Between, after: int, until: int) -> Iterator[int]:
        while after < until:
            opening, passed = after, 0
            for tick in nominal(after, until):
                if tick < opening:
                    passed += 1
                    if passed > _PASSED_MAX:
                        after = opening - 1
                        break
                    continue
                day, passed = self._day(tick), 0
                if self._is_open(day, tick):
                    yield tick
                else:
                    opening = self._opening_after(day, tick)
            else:
                return

    def _opening_after(self, day: int, tick: int) -> int:
        """Return when work begins after a tick of that day which is outside of working time."""
        if self._is_working(day) and tick < self._opening(day):
            return self._opening(day)
        return self._opening(self._next(day))

    def _moved(self, nominal: Between, after: int, until: int) -> Iterator[int]:
        last, cursor = after, self._reach(after).begin - 1
        horizon = self._reach(until).end
        while (tick := next(nominal(cursor, horizon), None)) is not None:
            reached = self._reach(tick)
            if self._opening(reached.day) > until:
                return
            found = {self._move(one, reached.day) for one in nominal(tick - 1, reached.end)}
            for one in sorted(found):
                if last < one <= until:
                    yield one
                    last = one
            cursor = max(reached.end, tick)

    def _reach(self, instant: int) -> Reach:
        """Return the working day that an instant belongs to, with all that belongs to it."""
        day = self._day(instant)
        if self._roll == Roll.NEXT:
            if not self._is_working(day) or instant > self._closing(day):
                day = self._next(day)
            return Reach(self._closing(self._previous(day)) + 1, self._closing(day), day)
        if not self._is_working(day) or instant < self._opening(day):
            day = self._previous(day)
        return Reach(self._opening(day), self._opening(self._next(day)) - 1, day)

    def _move(self, tick: int, day: int) -> int:
        """Return where a tick that belongs to a working day is due."""
        if self._is_open(day, tick):
            return tick
        if self._is_working(self._day(tick)):
            return self._opening(day) if self._roll == Roll.NEXT else self._closing(day)
        second = wall(self._zone, tick // 1000) % DAY
        moved = reach(self._zone, day * DAY + second) * 1000 + tick % 1000
        return min(max(moved, self._opening(day)), self._closing(day))

    def _is_open(self, day: int, instant: int) -> bool:
        return self._is_working(day) and self._opening(day) <= instant <= self._closing(day)

    def _is_working(self, day: int) -> bool:
        # The first day of 1970 was a Thursday.
        return (day + 3) % 7 in self._weekdays and day not in self._holidays

    def _next(self, day: int) -> int:
        day += 1
        while not self._is_working(day):
            day += 1
        return day

    def _previous(self, day: int) -> int:
        day -= 1
        while not self._is_working(day):
            day -= 1
        return day

    def _opening(self, day: int) -> int:
        return reach(self._zone, day * DAY + self._opens) * 1000

    def _closing(self, day: int) -> int:
        closing = reach(self._zone, day * DAY + self._closes) * 1000
        return closing - 1 if self._closes == DAY else closing

    def _day(self, instant: int) -> int:
        return wall(self._zone, instant // 1000) // DAY


def _second(moment: time) -> int:
    return moment.hour * 3600 + moment.minute * 60 + moment.second
