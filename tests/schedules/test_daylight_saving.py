"""Schedules where clocks change: fixed times once, running ones whenever the wall shows them."""

from __future__ import annotations

import pytest

from tests.schedules.scheduling import due

BERLIN = "Europe/Berlin"  # 2026: 02:00 becomes 03:00 on 29 March, 03:00 becomes 02:00 on 25 October
NEW_YORK = "America/New_York"  # 2026: 02:00 to 03:00 on 8 March, 02:00 to 01:00 on 1 November
LORD_HOWE = "Australia/Lord_Howe"  # 2026: 02:00 to 01:30 on 5 April, 02:00 to 02:30 on 4 October


@pytest.mark.parametrize(
    ("tz", "cron", "after", "until", "expected"),
    [
        (
            BERLIN,
            "30 2 * * *",
            "2026-03-28T00:00:00Z",
            "2026-03-30T12:00:00Z",
            ["2026-03-28T02:30+01:00", "2026-03-29T03:00+02:00", "2026-03-30T02:30+02:00"],
        ),
        (
            NEW_YORK,
            "30 2 * * *",
            "2026-03-07T05:00:00Z",
            "2026-03-09T12:00:00Z",
            ["2026-03-07T02:30-05:00", "2026-03-08T03:00-04:00", "2026-03-09T02:30-04:00"],
        ),
        (
            LORD_HOWE,
            "15 2 * * *",
            "2026-10-02T12:00:00Z",
            "2026-10-05T00:00:00Z",
            ["2026-10-03T02:15+10:30", "2026-10-04T02:30+11:00", "2026-10-05T02:15+11:00"],
        ),
    ],
)
def test_a_fixed_time_in_the_gap_is_due_once_right_after_it(tz, cron, after, until, expected):
    """A nominal time that the wall leaves out fires at the first instant after the gap."""
    assert due({"cron": cron, "tz": tz}, after, until) == expected


@pytest.mark.parametrize(
    ("tz", "cron", "after", "until", "expected"),
    [
        (
            BERLIN,
            "30 2 * * *",
            "2026-10-24T12:00:00Z",
            "2026-10-26T12:00:00Z",
            ["2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"],
        ),
        (
            NEW_YORK,
            "30 1 * * *",
            "2026-10-31T12:00:00Z",
            "2026-11-02T12:00:00Z",
            ["2026-11-01T01:30-04:00", "2026-11-02T01:30-05:00"],
        ),
        (
            LORD_HOWE,
            "45 1 * * *",
            "2026-04-04T00:00:00Z",
            "2026-04-05T20:00:00Z",
            ["2026-04-05T01:45+11:00", "2026-04-06T01:45+10:30"],
        ),
    ],
)
def test_a_fixed_time_shown_twice_is_due_the_first_time(tz, cron, after, until, expected):
    """A nominal time that occurs twice fires once, at its first occurrence."""
    assert due({"cron": cron, "tz": tz}, after, until) == expected


@pytest.mark.parametrize(
    ("tz", "after", "until", "expected"),
    [
        (
            BERLIN,
            "2026-03-29T00:29:00Z",
            "2026-03-29T01:15:00Z",
            ["01:30+01:00", "01:45+01:00", "03:00+02:00", "03:15+02:00"],
        ),
        (
            NEW_YORK,
            "2026-03-08T06:29:00Z",
            "2026-03-08T07:15:00Z",
            ["01:30-05:00", "01:45-05:00", "03:00-04:00", "03:15-04:00"],
        ),
        (
            LORD_HOWE,
            "2026-10-03T14:59:00Z",
            "2026-10-03T15:45:00Z",
            ["01:30+10:30", "01:45+10:30", "02:30+11:00", "02:45+11:00"],
        ),
    ],
)
def test_a_running_time_is_never_due_in_the_gap(tz, after, until, expected):
    """Every quarter of an hour stays a quarter of an hour when clocks go forward."""
    found = due({"cron": "*/15 * * * *", "tz": tz}, after, until)

    assert [text.partition("T")[2] for text in found] == expected


@pytest.mark.parametrize(
    ("tz", "after", "until", "expected"),
    [
        (
            BERLIN,
            "2026-10-25T00:29:00Z",
            "2026-10-25T01:30:00Z",
            ["02:30+02:00", "02:45+02:00", "02:00+01:00", "02:15+01:00", "02:30+01:00"],
        ),
        (
            NEW_YORK,
            "2026-11-01T05:29:00Z",
            "2026-11-01T06:30:00Z",
            ["01:30-04:00", "01:45-04:00", "01:00-05:00", "01:15-05:00", "01:30-05:00"],
        ),
        (
            LORD_HOWE,
            "2026-04-04T14:29:00Z",
            "2026-04-04T15:30:00Z",
            ["01:30+11:00", "01:45+11:00", "01:30+10:30", "01:45+10:30", "02:00+10:30"],
        ),
    ],
)
def test_a_running_time_shown_twice_is_due_both_times(tz, after, until, expected):
    """Every quarter of an hour stays a quarter of an hour when clocks go back."""
    found = due({"cron": "*/15 * * * *", "tz": tz}, after, until)

    assert [text.partition("T")[2] for text in found] == expected


def test_two_fixed_times_of_one_gap_are_due_together_once():
    """All times of a gap fall on the instant after it, and an instant is one tick."""
    form = {"cron": ["0,30 2 * * *", "0 3 * * *"], "tz": BERLIN}

    found = due(form, "2026-03-29T00:00:00Z", "2026-03-29T12:00:00Z")

    assert found == ["2026-03-29T03:00+02:00"]


def test_a_star_in_the_minute_or_the_hour_makes_a_cron_run_with_the_wall():
    """`*/20 2` and `0 *` are running, as in Debian's cron: nothing is made up after a gap."""
    minutes = due({"cron": "*/20 2 * * *", "tz": BERLIN}, "2026-03-29T00:00Z", "2026-03-29T12:00Z")
    hours = due({"cron": "0 */2 * * *", "tz": BERLIN}, "2026-10-24T23:00Z", "2026-10-25T04:00Z")

    assert minutes == []
    assert hours == [
        "2026-10-25T02:00+02:00",
        "2026-10-25T02:00+01:00",
        "2026-10-25T04:00+01:00",
    ]


def test_a_day_that_a_zone_left_out_is_made_up_once():
    """Samoa had no 30 December 2011; what was due that day is due when the 31st begins."""
    form = {"cron": "0 9 * * *", "tz": "Pacific/Apia"}

    found = due(form, "2011-12-29T12:00:00Z", "2011-12-31T00:00:00Z")

    assert found == ["2011-12-29T09:00-10:00", "2011-12-31T00:00+14:00", "2011-12-31T09:00+14:00"]


def test_clocks_that_go_back_over_midnight_repeat_no_fixed_time():
    """In St John's one minute past midnight became 23:01 of the day before, until 2011."""
    form = {"cron": ["0 0 * * *", "30 23 * * *"], "tz": "America/St_Johns"}

    found = due(form, "2010-11-06T12:00:00Z", "2010-11-08T12:00:00Z")

    assert found == [
        "2010-11-06T23:30-02:30",
        "2010-11-07T00:00-02:30",
        "2010-11-07T23:30-03:30",
        "2010-11-08T00:00-03:30",
    ]


def test_daily_rules_are_fixed_and_hourly_rules_run():
    """A rule follows the same two rules as cron, by its FREQ."""
    daily = {"rules": {"text": "FREQ=DAILY", "start": "2026-03-01T02:30:00"}, "tz": BERLIN}
    hourly = {"rules": {"text": "FREQ=HOURLY", "start": "2026-03-01T00:30:00"}, "tz": BERLIN}

    forward = ("2026-03-29T00:00:00Z", "2026-03-29T02:00:00Z")
    back = ("2026-10-25T00:00:00Z", "2026-10-25T02:00:00Z")

    assert due(daily, *forward) == ["2026-03-29T03:00+02:00"]
    assert due(daily, *back) == ["2026-10-25T02:30+02:00"]
    assert due(hourly, *forward) == ["2026-03-29T01:30+01:00", "2026-03-29T03:30+02:00"]
    assert due(hourly, *back) == ["2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00"]


def test_intervals_know_no_daylight_saving():
    """An interval is real time: six hours are six hours."""
    form = {"intervals": "PT6H", "tz": BERLIN}

    found = due(form, "2026-03-28T23:00:00Z", "2026-03-29T12:00:00Z")

    assert found == ["2026-03-29T01:00+01:00", "2026-03-29T08:00+02:00", "2026-03-29T14:00+02:00"]


def test_an_instant_in_the_gap_is_due_right_after_it():
    """A calendar instant without offset is local and follows the rule of fixed times."""
    form = {"instants": ["2026-03-29T02:30:00", "2026-10-25T02:30:00"], "tz": BERLIN}

    found = due(form, "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z")

    assert found == ["2026-03-29T03:00+02:00", "2026-10-25T02:30+02:00"]
