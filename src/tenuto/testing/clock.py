"""A clock that moves only when it is told to."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import threading
from collections.abc import Callable

from tenuto.errors import InputError
from tenuto.schedules import add, parse_duration, parse_instant

MONDAY_MORNING = "2026-01-05T09:00:00Z"


class VirtualClock:
    """Unix milliseconds under the hand of a test."""

    def __init__(self, start: str = MONDAY_MORNING) -> None:
        """Stand at an ISO 8601 instant."""
        self._now = parse_instant(start)

    def now(self) -> int:
        """Return Unix milliseconds."""
        return self._now

    def advance_to(self, at: int) -> None:
        """Go to an instant; going back is refused."""
        if at < self._now:
            raise InputError(f"expected an instant not before {self._now}, got {at}")
        self._now = at

    def after(self, duration: str) -> int:
        """Return the instant a duration from now."""
        return add(self._now, parse_duration(duration))


class VirtualAlarm:
    """An alarm of a virtual clock."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> None:
        """Ring on a loop."""
        self._loop = loop
        self._ring = ring
        self.is_set = True

    def cancel(self) -> None:
        """Let it not ring."""
        self.is_set = False

    def ring(self) -> None:
        """Ring on its loop, unless that has ended."""
        if self.is_set and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._ring_if_set)

    def _ring_if_set(self) -> None:
        if self.is_set:
            self.is_set = False
            self._ring()


class VirtualAlarms:
    """What rings when a test lets time pass; set on an event loop, rung by the test."""

    def __init__(self) -> None:
        """Begin with none."""
        self._alarms: list[tuple[int, int, VirtualAlarm]] = []
        self._numbers = itertools.count()
        self._lock = threading.Lock()

    def set(self, at: int, ring: Callable[[], None]) -> VirtualAlarm:
        """Ring at a time (Unix milliseconds)."""
        alarm = VirtualAlarm(asyncio.get_running_loop(), ring)
        with self._lock:
            heapq.heappush(self._alarms, (at, next(self._numbers), alarm))
        return alarm

    def next_at(self) -> int | None:
        """Return when the next one rings."""
        with self._lock:
            while self._alarms and not self._alarms[0][2].is_set:
                heapq.heappop(self._alarms)
            return self._alarms[0][0] if self._alarms else None

    def ring_due(self, now: int) -> None:
        """Ring all that are due."""
        while (at := self.next_at()) is not None and at <= now:
            with self._lock:
                _, _, alarm = heapq.heappop(self._alarms)
            alarm.ring()
