"""How long a thread may keep the interpreter while others wait for it.

A thread that is sent away often does less: with 2 ms a step of a workflow costs 15 to 20 % less CPU
than with 0.5 ms. Beside a thread that burns CPU the corridor waits for so long after each call that
gives the interpreter away: there it does half as much again with 0.5 ms. So the interval is long,
and short for as long as other threads take most of what the process gets.
"""

from __future__ import annotations

import sys
import time

from tenuto.runtime import limits


def interval_seconds(passed: float, spent: float, own: float) -> float:
    """Return the interval after `passed` seconds in which the process spent so many seconds of CPU,
    `own` of them on the thread of the corridor.
    """
    is_busy = spent > passed * limits.BUSY_SHARE
    is_crowded_out = own < spent * limits.OWN_SHARE_MIN
    return limits.SWITCH_SHORT_SECONDS if is_busy and is_crowded_out else limits.SWITCH_SECONDS


class Switching:
    """Sets the interval of the process from time to time. Used on the corridor's thread alone."""

    def __init__(self) -> None:
        """Begin to look."""
        self._seen = self._times()
        self._next = self._seen[0] + limits.SWITCH_LOOK_SECONDS

    def look(self) -> None:
        """Set the interval by what threads took since the last look; mostly it is too early."""
        if time.monotonic() < self._next:
            return
        seen = self._times()
        passed, spent, own = (now - then for now, then in zip(seen, self._seen, strict=True))
        sys.setswitchinterval(interval_seconds(passed, spent, own))
        self._seen, self._next = seen, seen[0] + limits.SWITCH_LOOK_SECONDS

    @staticmethod
    def _times() -> tuple[float, float, float]:
        return time.monotonic(), time.process_time(), time.thread_time()
