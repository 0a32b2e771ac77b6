"""Backfill: the ticks of a past range, both ends included, in any order and at a rate."""

from __future__ import annotations

import pytest

from tenuto.errors import InputError
from tenuto.schedules import (
    BACKFILL_MAX,
    Backfill,
    Chunk,
    Rate,
    Which,
    backfill,
    read_schedule,
    tick_key,
    ticks,
)
from tests.schedules.scheduling import at

DAILY = read_schedule({"cron": "0 9 * * *"})
START, END = at("2026-01-01T09:00:00Z"), at("2026-01-10T09:00:00Z")
NOW = at("2026-02-01T00:00:00Z")
DAYS = ticks(DAILY, START - 1, END)


def started(wanted: Backfill, **marked: list[int]) -> list[int]:
    """Return the ticks of a backfill in their order."""
    return [tick for chunk in backfill(DAILY, wanted, NOW, **marked) for tick in chunk.ticks]


def test_both_ends_of_the_range_belong_to_it():
    """Ten days have ten ticks, and to ask again gives the same keys."""
    found = started(Backfill(start=START, end=END))

    assert found == DAYS
    assert len(found) == 10
    assert {tick_key("a", tick) for tick in found} == {
        tick_key("a", tick) for tick in started(Backfill(start=START, end=END))
    }


def test_missing_ticks_alone():
    """What was handled is left out."""
    wanted = Backfill(start=START, end=END, which=Which.MISSING)

    assert started(wanted, handled=[*DAYS[:4], *DAYS[6:]]) == DAYS[4:6]
    assert started(wanted, handled=DAYS) == []


def test_failed_ticks_alone_within_the_range():
    """Failed ticks are taken as they were, also when the schedule has changed since."""
    old = START + 5_000
    wanted = Backfill(start=START, end=END, which=Which.FAILED)

    assert started(wanted, failed=[DAYS[3], old, START - 1, END + 1]) == [old, DAYS[3]]


def test_the_newest_first():
    """In reverse, a backfill begins with what matters today."""
    assert started(Backfill(start=START, end=END, reverse=True)) == DAYS[::-1]


def test_a_rate_parts_the_ticks_into_chunks():
    """So many at once, then a pause."""
    wanted = Backfill(start=START, end=END, rate=Rate(count=4, every=60_000))

    assert backfill(DAILY, wanted, NOW) == [
        Chunk(0, tuple(DAYS[:4])),
        Chunk(60_000, tuple(DAYS[4:8])),
        Chunk(120_000, tuple(DAYS[8:])),
    ]


def test_without_rate_all_ticks_are_one_chunk():
    """And a range without ticks has no chunk."""
    assert backfill(DAILY, Backfill(start=START, end=END), NOW) == [Chunk(0, tuple(DAYS))]
    assert backfill(DAILY, Backfill(start=START + 1, end=START + 2), NOW) == []


def test_a_range_in_the_future_is_refused():
    """What is still to come the schedule starts by itself."""
    with pytest.raises(InputError, match="a range that is past by now"):
        backfill(DAILY, Backfill(start=START, end=NOW + 1), NOW)


def test_a_range_of_too_many_ticks_is_refused():
    """A slip in the year does not start a million runs."""
    minutely = read_schedule({"cron": "* * * * *"})
    wanted = Backfill(start=at("2020-01-01T00:00:00Z"), end=NOW)

    with pytest.raises(InputError, match=f"at most {BACKFILL_MAX} ticks"):
        backfill(minutely, wanted, NOW)


def test_a_range_that_ends_before_it_starts_is_refused():
    """The two ends were exchanged."""
    with pytest.raises(InputError, match="exchange the two"):
        Backfill(start=END, end=START)


@pytest.mark.parametrize(("count", "every"), [(0, 1), (1, -1)])
def test_a_rate_that_leads_nowhere_is_refused(count, every):
    """A rate starts something and waits forward."""
    with pytest.raises(InputError, match="a rate of one tick or more"):
        Rate(count, every)
