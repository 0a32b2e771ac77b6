"""What the tests of schedules share: instants as people write them, in the zone of a schedule."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from tenuto.schedules import parse_instant, read_schedule, ticks


def at(text: str) -> int:
    """Return the instant of a date and time, in UTC unless it has an offset."""
    return parse_instant(text)


def shown(instants: list[int], tz: str) -> list[str]:
    """Return instants as the wall of a zone shows them."""
    zone = UTC if tz == "UTC" else ZoneInfo(tz)
    return [datetime.fromtimestamp(one / 1000, zone).isoformat("T", "minutes") for one in instants]


def due(form: dict[str, object], after: str, until: str) -> list[str]:
    """Return when a schedule is due in a range, as its own wall shows it."""
    schedule = read_schedule(form)
    return shown(ticks(schedule, at(after), at(until)), schedule.tz)


def first_due(form: dict[str, object], after: str, limit: int) -> list[str]:
    """Return the first times at which a schedule is due, as its own wall shows them."""
    schedule = read_schedule(form)
    return shown(ticks(schedule, at(after), limit=limit), schedule.tz)
