"""A clock that moves only when it is told to."""

from __future__ import annotations

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
