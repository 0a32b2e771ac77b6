"""What a clock on the wall shows, and when it shows it: local time with its changes of offset.

A local time is a number of seconds since 1970 as the wall shows them; an instant is a number of
seconds in UTC. A zone is cut into segments of one offset each: within a segment both run alike.

Two rules turn local times into instants. They are those of Debian's cron:

- *fixed*: a local time is due at the first instant at which the wall has reached it. A time that
  the wall leaves out is due right after the gap, a time that it shows twice is due the first time.
- *running*: a local time is due whenever the wall shows it: never in a gap, twice when shown twice.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, Protocol

from tenuto.errors import InputError
from tenuto.values.calendar import find_zone

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

DAY = 86_400
# Between these years every zone has an offset, with room for a day on both sides.
SECONDS_MIN = int(datetime(2, 1, 1, tzinfo=UTC).timestamp())
SECONDS_MAX = int(datetime(9990, 1, 1, tzinfo=UTC).timestamp())
# No zone ever moved its clocks by more than a day.
_SHIFT_MAX = 2 * DAY


class Segment(NamedTuple):
    """A stretch of instants, its end left out, with one offset from UTC."""

    begin: int
    end: int
    offset: int


class LocalTimes(Protocol):
    """Local times in order, and the rule by which they become instants."""

    @property
    def fixed(self) -> bool:
        """Whether a time is due once a day by all means, or whenever the wall shows it."""
        ...

    def between(self, begin: int, end: int) -> Iterator[int]:
        """Yield the local times from `begin`, before `end`, in order."""
        ...


def require_zone(name: str) -> ZoneInfo:
    """Return the zone of the tz database. Raises `InputError` when there is none of that name."""
    zone = find_zone(name)
    if zone is None:
        raise InputError(
            f"expected a time zone of the tz database such as `Europe/Berlin` or `UTC`, "
            f"got `{name}`; mend its spelling"
        )
    return zone


def segments(zone: str, begin: int, end: int) -> Iterator[Segment]:
    """Yield the segments of the instants from `begin`, before `end`, which is later."""
    assert begin < end, f"expected instants from {begin} to a later one, got {end}"
    offset = offset_at(zone, begin)
    for year in range(_year(begin), _year(end - 1) + 1):
        for at, after in _changes(zone, year):
            if begin < at < end:
                yield Segment(begin, at, offset)
                begin, offset = at, after
    yield Segment(begin, end, offset)


def offset_at(zone: str, instant: int) -> int:
    """Return the offset from UTC in seconds at an instant."""
    offset = datetime.fromtimestamp(instant, require_zone(zone)).utcoffset()
    assert offset is not None, f"expected the zone {zone} to have an offset at {instant}"
    return int(offset.total_seconds())


def wall(zone: str, instant: int) -> int:
    """Return the local time that the wall shows at an instant."""
    return instant + offset_at(zone, instant)


@lru_cache(maxsize=4096)
def reach(zone: str, local: int) -> int:
    """Return the first instant at which the wall has reached a local time."""
    for segment in segments(zone, local - _SHIFT_MAX, local + _SHIFT_MAX):
        if segment.end + segment.offset > local:
            return max(segment.begin, local - segment.offset)
    raise AssertionError(f"expected the wall of {zone} to reach {local} within two days")


def instants(times: LocalTimes, zone: str, after: int, until: int) -> Iterator[int]:
    """Yield the instants of local times in order: after `after`, up to `until` itself."""
    after, until = max(after, SECONDS_MIN), min(until, SECONDS_MAX)
    if after >= until:
        return
    if times.fixed:
        yield from _fixed(times, zone, after, until)
    else:
        for begin, end, offset in segments(zone, after + 1, until + 1):
            for local in times.between(begin + offset, end + offset):
                yield local - offset


def _fixed(times: LocalTimes, zone: str, after: int, until: int) -> Iterator[int]:
    reached = _furthest(zone, after)
    last = after
    for begin, end, offset in segments(zone, after + 1, until + 1):
        for local in times.between(reached + 1, end + offset):
            instant = max(begin, local - offset)
            if instant > last:
                yield instant
                last = instant
        reached = max(reached, end + offset - 1)


def _furthest(zone: str, instant: int) -> int:
    """Return the latest local time that the wall has shown up to an instant."""
    return max(
        segment.end - 1 + segment.offset
        for segment in segments(zone, instant - _SHIFT_MAX, instant + 1)
    )


@lru_cache(maxsize=4096)
def _changes(zone: str, year: int) -> tuple[tuple[int, int], ...]:
    """Return the instants of a year in UTC at which the offset changes, with the offset then."""
    if zone == "UTC":
        return ()
    begin, end = _new_year(year), _new_year(year + 1)
    changes = []
    before = offset_at(zone, begin)
    for day in range(begin, end, DAY):
        after = offset_at(zone, day + DAY)
        if after != before:
            changes.append((_change_within(zone, day, day + DAY, after), after))
        before = after
    return tuple(changes)


def _change_within(zone: str, low: int, high: int, offset: int) -> int:
    """Return the first instant above `low` that has the offset which holds at `high`."""
    while high - low > 1:
        middle = (low + high) // 2
        if offset_at(zone, middle) == offset:
            high = middle
        else:
            low = middle
    return high


def _year(instant: int) -> int:
    return datetime.fromtimestamp(instant, UTC).year


def _new_year(year: int) -> int:
    return int(datetime(year, 1, 1, tzinfo=UTC).timestamp())
