"""Schedules as plain dicts: read, written, and refused with the place."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time

import msgspec
import pytest

from tenuto.errors import InputError
from tenuto.schedules import (
    Business,
    Interval,
    Roll,
    Rule,
    Schedule,
    read_schedule,
    write_schedule,
)
from tests.schedules.scheduling import at

WHOLE = {
    "cron": ["30 2 * * *", "@hourly"],
    "intervals": [{"every": "PT1H30M", "offset": "PT5.5S"}],
    "rules": [{"text": "FREQ=MONTHLY;BYDAY=-1FR", "start": "2026-01-01T09:00:00"}],
    "instants": ["2026-12-24T12:00:00", "2026-12-24T12:00:00+01:00"],
    "tz": "Europe/Berlin",
    "start": "2026-01-01T00:00:00",
    "end": "2026-12-31T23:59:59Z",
    "jitter": 30,
    "skip": {"dates": ["2026-12-25"], "schedule": {"cron": "0 12 * * *"}},
    "business": {
        "days": ["MO", "TU", "WE"],
        "holidays": ["2026-05-01"],
        "begin": "09:00",
        "end": "17:00",
        "roll": "next",
    },
}


def test_a_whole_form_is_read():
    """Every field of a form becomes a field of the schedule."""
    assert read_schedule(WHOLE) == Schedule(
        cron=("30 2 * * *", "@hourly"),
        intervals=(Interval(every=5_400_000, offset=5_500),),
        rules=(Rule("FREQ=MONTHLY;BYDAY=-1FR", datetime(2026, 1, 1, 9)),),
        instants=(datetime(2026, 12, 24, 12), datetime(2026, 12, 24, 11, tzinfo=UTC)),
        tz="Europe/Berlin",
        start=at("2025-12-31T23:00:00Z"),
        end=at("2026-12-31T23:59:59Z"),
        jitter=30,
        skip_dates=(date(2026, 12, 25),),
        skip_schedule=Schedule(cron=("0 12 * * *",), tz="Europe/Berlin"),
        business=Business((0, 1, 2), (date(2026, 5, 1),), time(9), time(17), Roll.NEXT),
    )


def test_what_is_written_reads_as_the_same_schedule():
    """Writing and reading lose nothing, through JSON as well."""
    schedule = read_schedule(WHOLE)

    assert read_schedule(json.loads(json.dumps(write_schedule(schedule)))) == schedule


def test_what_was_not_said_is_not_written():
    """A form holds the zone and what differs from the default."""
    schedule = read_schedule({"intervals": "PT24H"})

    assert write_schedule(schedule) == {"intervals": [{"every": "PT24H"}], "tz": "UTC"}


def test_a_schedule_is_kept_as_it_is():
    """A schedule passes through the codec of what is stored."""
    schedule = read_schedule(WHOLE)

    packed = msgspec.msgpack.encode(schedule)

    assert msgspec.msgpack.decode(packed, type=Schedule) == schedule


def test_a_single_entry_stands_for_a_list():
    """A short schedule is short to write."""
    assert read_schedule({"cron": "@daily", "intervals": "PT1H"}) == Schedule(
        cron=("@daily",), intervals=(Interval(3_600_000),)
    )


def test_dates_that_a_reader_of_yaml_has_made_are_taken():
    """YAML readers turn dates into dates before anybody asks."""
    form = {"instants": [datetime(2026, 1, 1, 9)], "skip": {"dates": [date(2026, 1, 2)]}}

    schedule = read_schedule(form)

    assert schedule.instants == (datetime(2026, 1, 1, 9),)
    assert schedule.skip_dates == (date(2026, 1, 2),)


def test_a_rules_start_with_an_offset_becomes_local():
    """A rule counts local days, whatever offset its start was written with."""
    rule = {"text": "FREQ=DAILY", "start": "2026-01-01T23:30:00Z"}

    schedule = read_schedule({"rules": rule, "tz": "Europe/Berlin"})

    assert schedule.rules[0].start == datetime(2026, 1, 2, 0, 30)


@pytest.mark.parametrize(
    ("form", "said"),
    [
        (None, "expected a schedule as an object with cron, intervals"),
        ([], "expected a schedule as an object with cron, intervals"),
        ({}, "expected a schedule with cron, intervals, rules or instants, got none"),
        ({"crons": "@daily"}, "expected one of cron, intervals, rules, instants, tz, start, end"),
        ({"cron": "every day"}, "cron: expected a cron text of minute, hour"),
        ({"cron": ["@daily", "99 * * * *"]}, "cron[1]: expected a cron text"),
        ({"cron": "0 0 30 2 *"}, "got `0 0 30 2 *`: bad day-of-month"),
        ({"cron": 5}, "cron: expected a cron text such as `0 9 * * MON-FRI`, got 5 (int)"),
        ({"cron": "@daily", "tz": "Mars/Base"}, "tz: expected a time zone of the tz database"),
        ({"cron": "@daily", "tz": 1}, "tz: expected a time zone such as `Europe/Berlin`"),
        ({"intervals": "1h"}, "intervals.every: expected an ISO 8601 duration such as PT15M"),
        ({"intervals": {}}, "intervals.every: expected a duration such as PT15M, got nothing"),
        ({"intervals": "P1M"}, "intervals.every: expected a duration without months and years"),
        ({"intervals": ["PT0S"]}, "expected an interval of a second or more, got 0 ms"),
        ({"intervals": 5}, "intervals: expected an interval as an object with every, offset"),
        (
            {"intervals": [{"every": "PT1H", "offset": "PT1H"}]},
            "expected an offset from 0 up to its interval of 3600000 ms, got 3600000 ms",
        ),
        ({"rules": 7}, "rules: expected a rule as an object with text, start, got 7 (int)"),
        ({"rules": {"text": "FREQ=DAILY", "start": "?"}}, "rules.start: expected a date and time"),
        ({"instants": "soon"}, "instants: expected a date and time such as 2026-12-24T09:00:00"),
        ({"instants": "0001-01-01"}, "expected times of the years 2 to 9989"),
        ({"cron": "@daily", "start": 5}, "start: expected a date and time"),
        (
            {"cron": "@daily", "start": "2026-01-02", "end": "2026-01-01"},
            "expected a schedule that ends after its start",
        ),
        ({"cron": "@daily", "jitter": "30"}, "jitter: expected a whole number of seconds"),
        ({"cron": "@daily", "jitter": True}, "jitter: expected a whole number of seconds"),
        ({"cron": "@daily", "jitter": -1}, "expected a jitter from 0 to 86400 seconds, got -1"),
        ({"cron": "@daily", "skip": []}, "skip: expected what to skip as an object with dates"),
        ({"cron": "@daily", "skip": {"dates": "x"}}, "skip.dates: expected a date such as"),
        ({"cron": "@daily", "skip": {"dates": [1]}}, "skip.dates[0]: expected a date such as"),
        ({"cron": "@daily", "skip": {"schedule": {}}}, "skip.schedule: expected a schedule with"),
        (
            {"cron": "@daily", "skip": {"schedule": {"cron": "@daily", "jitter": 5}}},
            "expected a schedule to skip without a skipped schedule or jitter of its own",
        ),
        ({"cron": "@daily", "business": {"days": "MON"}}, "business.days: expected one of MO, TU"),
        ({"cron": "@daily", "business": {"days": []}}, "expected working days, one at least"),
        ({"cron": "@daily", "business": {"roll": "up"}}, "business.roll: expected one of skip,"),
        ({"cron": "@daily", "business": {"end": 1020}}, "business.end: expected a time of day in"),
        ({"cron": "@daily", "business": {"begin": "9"}}, "business.begin: expected a time of day"),
        (
            {"cron": "@daily", "business": {"begin": "17:00", "end": "09:00"}},
            "expected working hours that end later than 17:00, got 09:00",
        ),
    ],
)
def test_a_form_that_is_no_schedule_is_refused_with_the_place(form, said):
    """A refusal says where it is, what was expected and what came."""
    with pytest.raises(InputError) as refused:
        read_schedule(form)

    assert said in str(refused.value)
