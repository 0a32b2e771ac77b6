"""Recurrence rules: the examples of RFC 5545 §3.8.5.3, and what is refused."""

from __future__ import annotations

import pytest

from tenuto.errors import InputError
from tenuto.schedules import next_tick, read_schedule, ticks
from tests.schedules.scheduling import at, first_due

NEW_YORK = "America/New_York"


def days(rule: str, start: str, limit: int) -> list[str]:
    """Return the first local days and times of a rule, without offsets."""
    form = {"rules": {"text": rule, "start": start}, "tz": NEW_YORK}
    return [text[:16] for text in first_due(form, "1990-01-01T00:00:00Z", limit)]


@pytest.mark.parametrize(
    ("rule", "start", "expected"),
    [
        ("FREQ=DAILY;COUNT=3", "1997-09-02", "1997-09-02 1997-09-03 1997-09-04"),
        ("FREQ=DAILY;INTERVAL=10;COUNT=3", "1997-09-02", "1997-09-02 1997-09-12 1997-09-22"),
        ("FREQ=YEARLY;BYMONTH=1;BYDAY=SU,MO", "1998-01-01", "1998-01-04 1998-01-05 1998-01-11"),
        (
            "FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=TU,TH",
            "1997-09-02",
            "1997-09-02 1997-09-04 1997-09-16",
        ),
        ("FREQ=MONTHLY;BYDAY=1FR", "1997-09-05", "1997-09-05 1997-10-03 1997-11-07"),
        (
            "FREQ=MONTHLY;INTERVAL=2;BYDAY=1SU,-1SU",
            "1997-09-07",
            "1997-09-07 1997-09-28 1997-11-02",
        ),
        ("FREQ=MONTHLY;BYDAY=-2MO", "1997-09-22", "1997-09-22 1997-10-20 1997-11-17"),
        ("FREQ=MONTHLY;BYMONTHDAY=-3", "1997-09-28", "1997-09-28 1997-10-29 1997-11-28"),
        ("FREQ=MONTHLY;BYMONTHDAY=1,-1", "1997-09-30", "1997-09-30 1997-10-01 1997-10-31"),
        ("FREQ=YEARLY;BYDAY=20MO", "1997-05-19", "1997-05-19 1998-05-18 1999-05-17"),
        ("FREQ=YEARLY;BYMONTH=3;BYDAY=TH", "1997-03-13", "1997-03-13 1997-03-20 1997-03-27"),
        ("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", "1997-09-02", "1998-02-13 1998-03-13 1998-11-13"),
        (
            "FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13",
            "1997-09-13",
            "1997-09-13 1997-10-11 1997-11-08",
        ),
        (
            "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8",
            "1996-11-05",
            "1996-11-05 2000-11-07 2004-11-02",
        ),
        (
            "FREQ=MONTHLY;BYDAY=TU,WE,TH;BYSETPOS=3",
            "1997-09-04",
            "1997-09-04 1997-10-07 1997-11-06",
        ),
        (
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2",
            "1997-09-29",
            "1997-09-29 1997-10-30 1997-11-27",
        ),
        (
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=MO",
            "1997-08-05",
            "1997-08-05 1997-08-10 1997-08-19",
        ),
        (
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=SU",
            "1997-08-05",
            "1997-08-05 1997-08-17 1997-08-19",
        ),
        ("FREQ=MONTHLY;BYMONTHDAY=15,30", "2007-01-30", "2007-01-30 2007-02-15 2007-03-15"),
        ("FREQ=MONTHLY", "2026-01-31", "2026-01-31 2026-03-31 2026-05-31"),
        ("FREQ=WEEKLY;INTERVAL=2", "2026-01-01", "2026-01-01 2026-01-15 2026-01-29"),
        ("FREQ=YEARLY", "2024-02-29", "2024-02-29 2028-02-29 2032-02-29"),
    ],
)
def test_the_days_of_the_standards_examples(rule, start, expected):
    """A rule gives the days that the standard lists for it, at its start's time of day."""
    assert days(rule, f"{start}T09:00", 3) == [f"{day}T09:00" for day in expected.split()]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("FREQ=HOURLY;INTERVAL=3", ["09:00", "12:00", "15:00"]),
        ("FREQ=MINUTELY;INTERVAL=90", ["09:00", "10:30", "12:00"]),
        ("FREQ=DAILY;BYHOUR=9,10;BYMINUTE=0,40", ["09:00", "09:40", "10:00"]),
        ("FREQ=MINUTELY;INTERVAL=20;BYHOUR=9,16", ["09:00", "09:20", "09:40"]),
        ("FREQ=HOURLY;BYMINUTE=5,50;BYSETPOS=-1", ["09:50", "10:50", "11:50"]),
        ("FREQ=DAILY;BYHOUR=8,12,18;BYSETPOS=2,-1", ["12:00", "18:00", "12:00"]),
    ],
)
def test_the_times_of_the_standards_examples(rule, expected):
    """A rule gives the times of day that the standard lists for it."""
    assert [text[11:] for text in days(rule, "1997-09-02T09:00", 3)] == expected


def test_seconds_are_counted():
    """The finest rule is due every second that it names."""
    form = {"rules": {"text": "FREQ=MINUTELY;BYSECOND=0,30", "start": "2026-01-01T00:00:10"}}

    found = ticks(read_schedule(form), at("2026-01-01T00:00:00Z"), limit=3)

    assert [one - at("2026-01-01T00:00:00Z") for one in found] == [30_000, 60_000, 90_000]


def test_every_second_of_an_hour_is_found_at_once():
    """A rule of seconds leaps over the months, days, hours and minutes that it leaves out."""
    text = "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=29;BYHOUR=23;BYMINUTE=59;BYSECOND=58"
    schedule = read_schedule({"rules": {"text": text, "start": "2025-01-01"}})

    assert next_tick(schedule, at("2025-01-01T00:00:00Z")) == at("2028-02-29T23:59:58Z")


@pytest.mark.parametrize(
    ("until", "last"),
    [
        ("19970904T130000Z", "1997-09-04T09:00"),
        ("19970904T125959Z", "1997-09-03T09:00"),
        ("19970904T090000", "1997-09-04T09:00"),
        ("19970904", "1997-09-04T09:00"),
    ],
)
def test_until_belongs_to_the_rule(until, last):
    """UNTIL is the last instant allowed: in UTC, local, or a whole local day."""
    assert days(f"FREQ=DAILY;UNTIL={until}", "1997-09-02T09:00", 9)[-1] == last


def test_a_rule_is_over_after_its_count():
    """COUNT is counted from the start, wherever one begins to look."""
    form = {"rules": {"text": "FREQ=DAILY;COUNT=10", "start": "2026-01-01T09:00:00"}}
    schedule = read_schedule(form)

    assert len(ticks(schedule, at("2026-01-01T00:00:00Z"), limit=99)) == 10
    assert next_tick(schedule, at("2026-01-09T12:00:00Z")) == at("2026-01-10T09:00:00Z")
    assert next_tick(schedule, at("2026-01-10T09:00:00Z")) is None


def test_a_rule_without_start_begins_with_its_schedule():
    """The start of a schedule is where its rules count from."""
    form = {"rules": "FREQ=DAILY;INTERVAL=2", "start": "2026-01-02T07:00:00", "tz": NEW_YORK}

    assert first_due(form, "2026-01-01T00:00:00Z", 2) == [
        "2026-01-02T07:00-05:00",
        "2026-01-04T07:00-05:00",
    ]


def test_a_day_that_never_comes_ends_the_search():
    """A rule for the thirtieth of February is not due, and the search for it ends."""
    form = {"rules": {"text": "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "start": "2026-01-01"}}

    assert next_tick(read_schedule(form), at("2026-01-01T00:00:00Z")) is None


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("", "expected a rule such as"),
        ("daily", "parts such as `FREQ=DAILY`"),
        ("INTERVAL=2", "a rule with FREQ, one of YEARLY"),
        ("FREQ=OFTEN", "a rule with FREQ, one of YEARLY"),
        ("FREQ=DAILY;COUNT=3;UNTIL=20260101", "COUNT or UNTIL, got both"),
        ("FREQ=DAILY;COUNT=0", "COUNT to be a number from 1 to 10000, got `0`"),
        ("FREQ=DAILY;INTERVAL=-1", "INTERVAL to be a number from 1"),
        ("FREQ=DAILY;INTERVAL=2;INTERVAL=3", "INTERVAL once"),
        ("FREQ=DAILY;UNTIL=tomorrow", "UNTIL to be a date or a time such as 20261231"),
        ("FREQ=DAILY;UNTIL=20260230", "UNTIL to be a date or a time such as 20261231"),
        ("FREQ=DAILY;BYMONTH=13", "BYMONTH to hold numbers from 1 to 12, got `13`"),
        ("FREQ=DAILY;BYMONTHDAY=-32", "BYMONTHDAY to hold numbers from 1 to 31 or -31 to -1"),
        ("FREQ=DAILY;BYHOUR=-1", "BYHOUR to hold numbers from 0 to 23"),
        ("FREQ=DAILY;BYDAY=MOON", "BYDAY to hold days such as MO, 2TU or -1FR"),
        ("FREQ=DAILY;BYDAY=1MO", "BYDAY without numbers in a rule of FREQ=DAILY"),
        ("FREQ=MONTHLY;BYDAY=0MO", "BYDAY to hold days"),
        ("FREQ=WEEKLY;BYMONTHDAY=1", "no BYMONTHDAY in a rule of FREQ=WEEKLY"),
        ("FREQ=WEEKLY;WKST=FRI", "WKST to be one of MO, TU"),
        ("FREQ=DAILY;BYSETPOS=1", "another BY part beside BYSETPOS"),
        ("FREQ=YEARLY;BYWEEKNO=20", "a rule without BYWEEKNO, which is not supported"),
        ("FREQ=DAILY;BYTIDE=1", "expected one of FREQ, INTERVAL"),
        ("FREQ=HOURLY;INTERVAL=24;BYHOUR=5", "steps over them from its start"),
    ],
)
def test_what_is_no_rule_is_refused_with_its_part(rule, said):
    """A refusal says where the rule stands, what was expected and what came."""
    with pytest.raises(InputError, match=r"rules|steps over") as refused:
        read_schedule({"rules": {"text": rule, "start": "2026-01-01T00:00:00"}})

    assert said in str(refused.value)


def test_a_rule_needs_a_start():
    """Without a start nobody knows which days an interval of days meets."""
    with pytest.raises(InputError, match="to have a start"):
        read_schedule({"rules": "FREQ=DAILY"})
