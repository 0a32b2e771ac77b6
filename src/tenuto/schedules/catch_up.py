"""Catching up after downtime: which of the ticks that nobody handled shall still start."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from tenuto.errors import InputError
from tenuto.schedules.nominal import between, ticks
from tenuto.schedules.recurrence import Schedule
from tenuto.schedules.timers import parse_duration, write_duration

MISSED_MAX = 10_000
_HOUR_MS = 3_600_000
_EXPECTED = (
    'expected a catch-up: none, last, all, {"latest": 5} for that many, '
    'or {"younger": "PT1H"} for those younger than an age'
)


class Everything(msgspec.Struct, frozen=True, tag="all"):
    """Every missed tick still starts."""


class Latest(msgspec.Struct, frozen=True, tag="latest"):
    """The latest so many missed ticks still start; none of them with a count of 0."""

    count: int

    def __post_init__(self) -> None:
        """Refuse a count that is none."""
        if not 0 <= self.count <= MISSED_MAX:
            raise InputError(f"expected from 0 to {MISSED_MAX} latest ticks, got {self.count}")


class Younger(msgspec.Struct, frozen=True, tag="younger"):
    """The missed ticks still start that are younger than an age in milliseconds."""

    age: int

    def __post_init__(self) -> None:
        """Refuse an age that nothing is younger than."""
        if self.age <= 0:
            raise InputError(f"expected an age above zero, got {self.age} ms")


CatchUp: TypeAlias = Everything | Latest | Younger

NOTHING = Latest(0)
LAST = Latest(1)


def missed(schedule: Schedule, last: int, now: int, policy: CatchUp) -> list[int]:
    """Return the ticks after the last handled one, up to `now` itself, that shall still start.

    In order, oldest first, at most 10,000 at once: who has handled them asks again. A schedule that
    was never handled is asked with the instant of its making.
    """
    match policy:
        case Latest(count):
            return _latest(schedule, last, now, count)
        case Younger(age):
            last = max(last, now - age)
        case Everything():
            pass
    return ticks(schedule, last, now, MISSED_MAX)


def read_catch_up(form: object) -> CatchUp:
    """Return the policy that a plain text or object describes. Raises `InputError`."""
    if isinstance(form, str) and form in _NAMED:
        return _NAMED[form]
    if isinstance(form, Mapping) and len(form) == 1:
        count, age = form.get("latest"), form.get("younger")
        if isinstance(count, int) and not isinstance(count, bool):
            return Latest(count)
        if isinstance(age, str):
            span = parse_duration(age)
            if not span.months:
                return Younger(span.milliseconds)
    raise InputError(f"{_EXPECTED}, got `{form}`")


def write_catch_up(policy: CatchUp) -> object:
    """Return a policy as plain text or object; `read_catch_up` gives the same policy again."""
    match policy:
        case Latest(count):
            return {0: "none", 1: "last"}.get(count, {"latest": count})
        case Younger(age):
            return {"younger": write_duration(age)}
        case Everything():
            pass
    return "all"


_NAMED: dict[str, CatchUp] = {"none": NOTHING, "last": LAST, "all": Everything()}


def _latest(schedule: Schedule, last: int, now: int, count: int) -> list[int]:
    """Look backward in ever wider ranges: a long downtime is not walked through for its end."""
    width = _HOUR_MS
    now = now if schedule.end is None else min(now, schedule.end)
    while count and last < now:
        begin = max(last, now - width)
        found = deque(between(schedule, begin, now), maxlen=count)
        if len(found) == count or begin == last:
            return list(found)
        width *= 8
    return []
