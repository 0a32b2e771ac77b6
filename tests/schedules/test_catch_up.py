"""Catching up: which ticks still start when nobody was there for a while."""

from __future__ import annotations

import pytest

from tenuto.errors import InputError
from tenuto.schedules import (
    LAST,
    MISSED_MAX,
    NOTHING,
    Everything,
    Latest,
    Younger,
    missed,
    read_catch_up,
    read_schedule,
    write_catch_up,
)
from tests.schedules.scheduling import at, shown

HOURLY = read_schedule({"cron": "0 * * * *"})
DOWN, UP = at("2026-01-01T03:00:00Z"), at("2026-01-01T08:30:00Z")


@pytest.mark.parametrize(
    ("policy", "hours"),
    [
        (NOTHING, []),
        (LAST, ["08"]),
        (Latest(2), ["07", "08"]),
        (Latest(99), ["04", "05", "06", "07", "08"]),
        (Everything(), ["04", "05", "06", "07", "08"]),
        (Younger(2 * 3_600_000), ["07", "08"]),
        (Younger(5_400_000), ["08"]),
        (Younger(99 * 3_600_000), ["04", "05", "06", "07", "08"]),
    ],
)
def test_the_policy_says_which_missed_ticks_start(policy, hours):
    """None, the last, all, the latest few, or those younger than an age, oldest first."""
    found = missed(HOURLY, DOWN, UP, policy)

    assert [text[11:13] for text in shown(found, "UTC")] == hours


def test_the_tick_of_this_very_instant_is_missed_and_the_last_handled_is_not():
    """The range ends with now and begins after the last handled tick."""
    assert missed(HOURLY, DOWN, DOWN, Everything()) == []
    assert missed(HOURLY, DOWN - 1, DOWN, Everything()) == [DOWN]
    assert missed(HOURLY, UP, DOWN, LAST) == []


def test_the_last_tick_of_a_long_downtime_is_found_from_its_end():
    """Years of minutes are not walked through for the last of them."""
    minutely = read_schedule({"cron": "* * * * *"})

    assert missed(minutely, at("1990-01-01T00:00:00Z"), UP, LAST) == [UP]


def test_the_last_tick_of_a_schedule_that_ended_long_ago_is_found():
    """The search begins where the schedule ends."""
    schedule = read_schedule({"cron": "* * * * * *", "end": "2000-01-01T00:00:00"})

    assert missed(schedule, at("1999-01-01T00:00:00Z"), UP, LAST) == [at("2000-01-01T00:00:00Z")]


def test_the_last_tick_of_a_rare_schedule_is_found():
    """The search grows wider until it meets a tick or the last handled one."""
    rare = read_schedule({"cron": "0 0 29 2 *"})

    assert missed(rare, at("2023-01-01T00:00:00Z"), UP, LAST) == [at("2024-02-29T00:00:00Z")]
    assert missed(rare, at("2024-02-29T00:00:00Z"), UP, LAST) == []


def test_many_missed_ticks_come_in_portions():
    """Whoever handled a portion asks again after its last tick."""
    minutely = read_schedule({"cron": "* * * * *"})
    begin = at("2025-01-01T00:00:00Z")

    first = missed(minutely, begin, UP, Everything())
    second = missed(minutely, first[-1], UP, Everything())

    assert len(first) == len(second) == MISSED_MAX
    assert second[0] - first[-1] == 60_000


@pytest.mark.parametrize(
    ("form", "policy"),
    [
        ("none", NOTHING),
        ("last", LAST),
        ("all", Everything()),
        ({"latest": 5}, Latest(5)),
        ({"younger": "PT1H30M"}, Younger(5_400_000)),
    ],
)
def test_a_policy_is_read_and_written(form, policy):
    """Plain text or object, and back."""
    assert read_catch_up(form) == policy
    assert write_catch_up(policy) == form


@pytest.mark.parametrize(
    "form",
    [None, "some", {}, {"latest": "5"}, {"latest": True}, {"younger": 5}, {"younger": "P1M"}],
)
def test_what_is_no_policy_is_refused(form):
    """The refusal lists what may stand there."""
    with pytest.raises(InputError, match="none, last, all"):
        read_catch_up(form)


@pytest.mark.parametrize("form", [{"latest": -1}, {"latest": 10_001}, {"younger": "PT0S"}])
def test_a_policy_that_means_nothing_is_refused(form):
    """A count and an age have their bounds."""
    with pytest.raises(InputError, match="expected"):
        read_catch_up(form)
