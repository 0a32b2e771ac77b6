"""Backfill: the ticks of a past range, to be started now, all at once or at a rate."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from tenuto.errors import InputError
from tenuto.schedules.nominal import ticks

if TYPE_CHECKING:
    from collections.abc import Collection

    from tenuto.schedules.recurrence import Schedule

BACKFILL_MAX = 100_000


class Which(StrEnum):
    """Which ticks of a range a backfill starts."""

    ALL = "all"
    MISSING = "missing"
    FAILED = "failed"


class Rate(msgspec.Struct, frozen=True):
    """So many ticks at once, and so many milliseconds until the next ones."""

    count: int
    every: int = 0

    def __post_init__(self) -> None:
        """Refuse a rate that never comes to an end."""
        if self.count < 1 or self.every < 0:
            raise InputError(
                "expected a rate of one tick or more with no pause below zero, "
                f"got {self.count} every {self.every} ms"
            )


class Backfill(msgspec.Struct, frozen=True, kw_only=True):
    """A past range in Unix milliseconds, both ends included, and how its ticks are started."""

    start: int
    end: int
    which: Which = Which.ALL
    reverse: bool = False
    rate: Rate | None = None

    def __post_init__(self) -> None:
        """Refuse a range that ends before it starts."""
        if self.end < self.start:
            raise InputError(
                f"expected a range that ends no earlier than it starts, "
                f"got {self.start} to {self.end}; exchange the two"
            )


class Chunk(msgspec.Struct, frozen=True):
    """Ticks to start together, so many milliseconds after the backfill began."""

    delay: int
    ticks: tuple[int, ...]


def backfill(
    schedule: Schedule,
    wanted: Backfill,
    now: int,
    *,
    handled: Collection[int] = (),
    failed: Collection[int] = (),
) -> list[Chunk]:
    """Return the ticks that a backfill starts, in its order and in chunks.

    `missing` leaves out the handled ticks. `failed` takes the failed ticks of the range, also those
    that the schedule had before it was changed. The same request gives the same ticks, and so the
    same keys: to repeat a backfill starts nothing twice.

    Raises `InputError` for a range that is not past or holds more than 100,000 ticks.
    """
    if wanted.end > now:
        raise InputError(
            f"expected a range that is past by now ({now}), got an end at {wanted.end}; "
            "what is due later the schedule starts by itself"
        )
    found = _chosen(schedule, wanted, frozenset(handled), frozenset(failed))
    if wanted.reverse:
        found.reverse()
    rate = wanted.rate or Rate(max(len(found), 1))
    return [
        Chunk(index // rate.count * rate.every, tuple(found[index : index + rate.count]))
        for index in range(0, len(found), rate.count)
    ]


def _chosen(
    schedule: Schedule, wanted: Backfill, handled: frozenset[int], failed: frozenset[int]
) -> list[int]:
    if wanted.which == Which.FAILED:
        return sorted(tick for tick in failed if wanted.start <= tick <= wanted.end)
    found = ticks(schedule, wanted.start - 1, wanted.end, BACKFILL_MAX + 1)
    if len(found) > BACKFILL_MAX:
        raise InputError(
            f"expected a range of at most {BACKFILL_MAX} ticks, got more; "
            "ask for a shorter range at a time"
        )
    if wanted.which == Which.MISSING:
        return [tick for tick in found if tick not in handled]
    return found
