"""The clock of a store: Unix milliseconds that never run backwards."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol


class Clock(Protocol):
    """Where `now` comes from. Tests and the simulator give a virtual one."""

    def now(self) -> int:
        """Return Unix milliseconds."""


class SystemClock:
    """The wall clock, held when it is set back."""

    def __init__(self, wall: Callable[[], int] = time.time_ns) -> None:
        """Start at the present; `wall` gives Unix nanoseconds."""
        self._last = 0
        self._wall = wall

    def now(self) -> int:
        """Return Unix milliseconds, never less than before."""
        at = self._wall() // 1_000_000
        if at > self._last:
            self._last = at
        return self._last


def seconds() -> float:
    """Return seconds that only rise, to tell how long something took."""
    return time.perf_counter()
