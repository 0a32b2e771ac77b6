"""Partitions: keys, in order, in the zone in which they are meant."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tenuto.errors import InputError
from tenuto.pipelines import Daily, Dynamic, Hourly, Monthly, Multi, Static, Weekly

NOON = datetime(2026, 3, 30, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("parts", "last", "count"),
    [
        (Daily("2026-03-01", tz="Europe/Berlin"), "2026-03-29", 29),
        (Daily("2026-03-01", end="2026-03-05"), "2026-03-04", 4),
        (Weekly("2026-03-04"), "2026-03-23", 4),
        (Monthly("2026-01-15"), "2026-02", 2),
        (Hourly("2026-03-30"), "2026-03-30T11", 12),
    ],
)
def test_partitions_of_time_are_complete_when_they_are_over(parts, last, count):
    """A day that goes on is none yet; one with 23 hours is one."""
    keys = parts.keys(NOON)

    assert (keys[-1], len(keys)) == (last, count)
    assert keys == sorted(set(keys))
    assert all(parts.contains(key) for key in keys)
    assert parts.range(keys[0], keys[-1]) == keys


def test_a_day_begins_and_ends_in_its_zone():
    """The 29th of March 2026 has 23 hours in Berlin."""
    days = Daily("2026-03-01", tz="Europe/Berlin")
    begin, end = days.begin_of("2026-03-29"), days.end_of("2026-03-29")

    assert (end.astimezone(UTC) - begin.astimezone(UTC)).total_seconds() == 23 * 3600
    assert days.latest(datetime(2026, 3, 29, 21, 59, tzinfo=UTC)) == "2026-03-28"
    assert days.latest(datetime(2026, 3, 29, 22, 0, tzinfo=UTC)) == "2026-03-29"
    assert days.latest(datetime(2026, 2, 1, tzinfo=UTC)) is None


def test_the_last_partitions_before_one_are_found():
    """As far as there are any."""
    months = Monthly("2026-01-01")

    assert months.before("2026-03", 2) == ["2026-02", "2026-03"]
    assert months.before("2026-02", 5) == ["2026-01", "2026-02"]


@pytest.mark.parametrize("key", ["2026-02-30", "2026-03-04", "x", "", "2026-3-9", "2026-03-31T00"])
def test_what_is_no_week_is_none(key):
    """A week is known by its Monday."""
    assert not Weekly("2026-03-04").contains(key)


def test_parts_by_name_and_by_several_things():
    """Every name beside every day."""
    both = Multi(country=Static(["at", "de"]), day=Daily("2026-03-28"))

    assert both.keys(NOON) == [
        "country=at|day=2026-03-28",
        "country=at|day=2026-03-29",
        "country=de|day=2026-03-28",
        "country=de|day=2026-03-29",
    ]
    assert both.contains("country=de|day=2026-03-29")
    assert not both.contains("day=2026-03-29|country=de")
    assert Dynamic("customer").contains("acme")
    assert not Dynamic("customer").contains("a|b")


@pytest.mark.parametrize(
    "make",
    [
        lambda: Daily("soon"),
        lambda: Daily("2026-01-01", tz="Nowhere"),
        lambda: Static(["a", "a"]),
        lambda: Multi(day=Daily("2026-01-01")),
        lambda: Daily("2026-01-01").begin_of("x"),
        lambda: Daily("2026-01-02").range("2026-01-01", "2026-01-03"),
    ],
)
def test_what_cannot_be_is_refused(make):
    """With what was expected."""
    with pytest.raises(InputError, match="expected"):
        make()
