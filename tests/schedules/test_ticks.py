"""The ticks of a schedule: order, ends, skipping, working time, identity and jitter."""

from __future__ import annotations

import pytest

from tenuto.errors import InputError
from tenuto.schedules import due_at, each_tick, next_tick, read_schedule, tick_key, ticks
from tests.schedules.scheduling import at, due, first_due

BERLIN = "Europe/Berlin"
HOUR = 3_600_000


def test_ticks_begin_after_and_end_with():
    """The lower end of a range is left out, the upper one belongs to it."""
    form = {"cron": "0 * * * *"}

    found = due(form, "2026-01-01T01:00:00Z", "2026-01-01T03:00:00Z")

    assert found == ["2026-01-01T02:00+00:00", "2026-01-01T03:00+00:00"]


def test_what_is_due_together_is_one_tick():
    """A schedule is due whenever one of its parts is, and once for all that are."""
    form = {
        "cron": ["0 */2 * * *", "0 */3 * * *"],
        "intervals": "PT4H",
        "instants": ["2026-01-01T06:00:00", "2026-01-01T05:00:00"],
    }

    found = due(form, "2026-01-01T00:00:00Z", "2026-01-01T06:00:00Z")

    assert [text[11:13] for text in found] == ["02", "03", "04", "05", "06"]


def test_start_and_end_belong_to_the_schedule():
    """Nothing is due before the start or after the end."""
    form = {"cron": "0 9 * * *", "start": "2026-01-02T09:00:00", "end": "2026-01-03T09:00:00"}

    assert first_due(form, "2025-01-01T00:00:00Z", 9) == [
        "2026-01-02T09:00+00:00",
        "2026-01-03T09:00+00:00",
    ]


def test_intervals_count_from_1970_and_their_offset():
    """The rhythm of an interval does not depend on when one asks."""
    form = {"intervals": {"every": "PT1H", "offset": "PT5M"}}

    assert first_due(form, "2026-01-01T00:05:00Z", 2) == [
        "2026-01-01T01:05+00:00",
        "2026-01-01T02:05+00:00",
    ]


def test_a_rare_day_is_found():
    """The fifth Monday of a February comes every 28 years, and 40 years apart over 2100."""
    form = {"cron": "0 0 * 2 MON#5"}

    assert [text[:10] for text in first_due(form, "2026-01-01T00:00:00Z", 3)] == [
        "2044-02-29",
        "2072-02-29",
        "2112-02-29",
    ]


def test_a_schedule_that_is_over_has_no_next_tick():
    """After the last instant there is nothing."""
    schedule = read_schedule({"instants": "2026-01-01T00:00:00"})

    assert next_tick(schedule, at("2026-01-01T00:00:00Z")) is None
    assert ticks(schedule, at("2026-01-01T00:00:00Z"), limit=5) == []


def test_a_range_without_end_needs_a_limit():
    """A schedule may go on for ever, so whoever asks says when to stop."""
    with pytest.raises(InputError, match="`until` or `limit`"):
        ticks(read_schedule({"cron": "@daily"}), 0)


def test_no_ticks_are_no_ticks():
    """A limit of nothing and a range that ends before it begins are empty."""
    schedule = read_schedule({"cron": "@daily"})

    assert ticks(schedule, 0, limit=0) == []
    assert ticks(schedule, at("2026-01-02T00:00:00Z"), at("2026-01-01T00:00:00Z")) == []
    assert ticks(schedule, at("2026-01-02T00:00:00Z"), at("2026-01-02T00:00:00Z") + 999) == []


def test_ticks_come_one_at_a_time():
    """Whoever looks for one tick works out no more."""
    found = each_tick(read_schedule({"cron": "* * * * * *"}), at("2026-01-01T00:00:00Z"))

    assert next(found) == at("2026-01-01T00:00:01Z")
    assert next(found) == at("2026-01-01T00:00:02Z")


def test_skipped_dates_are_local_days():
    """A date is a day of the schedule's zone."""
    form = {
        "cron": "30 0 * * *",
        "tz": BERLIN,
        "skip": {"dates": ["2026-12-25", "2026-12-26"]},
    }

    found = due(form, "2026-12-23T12:00:00Z", "2026-12-27T12:00:00Z")

    assert [text[:10] for text in found] == ["2026-12-24", "2026-12-27"]


def test_the_ticks_of_another_schedule_are_skipped():
    """Every day but the first Monday of a month."""
    first = {"text": "FREQ=MONTHLY;BYDAY=1MO;BYHOUR=9", "start": "2026-01-01"}
    form = {"cron": "0 9 * * MON", "skip": {"schedule": {"rules": first}}}

    found = due(form, "2026-02-01T00:00:00Z", "2026-03-10T00:00:00Z")

    assert [text[:10] for text in found] == [
        "2026-02-09",
        "2026-02-16",
        "2026-02-23",
        "2026-03-09",
    ]


def test_a_schedule_that_skips_all_of_itself_is_refused():
    """A search that would never end says why it was given up."""
    form = {"cron": "* * * * *", "skip": {"schedule": {"cron": "* * * * *"}}}

    with pytest.raises(InputError, match="leaves ticks, but it skips 100000 in a row"):
        next_tick(read_schedule(form), at("2026-01-01T00:00:00Z"))


def test_days_off_are_left_out():
    """Without a roll, a tick on a weekend or a holiday is not due."""
    form = {"cron": "0 9 * * *", "business": {"holidays": ["2026-05-01"]}, "tz": BERLIN}

    found = due(form, "2026-04-29T12:00:00Z", "2026-05-05T12:00:00Z")

    assert [text[:10] for text in found] == ["2026-04-30", "2026-05-04", "2026-05-05"]


def test_hours_off_are_left_out():
    """Working hours hold both of their ends."""
    form = {"cron": "0 * * * *", "business": {"begin": "09:00", "end": "11:00"}, "tz": BERLIN}

    found = due(form, "2026-05-07T22:00:00Z", "2026-05-11T22:00:00Z")

    assert [text[5:16] for text in found] == [
        *("05-08T09:00", "05-08T10:00", "05-08T11:00"),
        *("05-11T09:00", "05-11T10:00", "05-11T11:00"),
    ]


def test_a_tick_on_a_day_off_moves_to_the_next_working_day():
    """The time of day is kept, and what falls together is one tick."""
    form = {"cron": "0 9 1,2,3,4 5 *", "business": {"roll": "next", "holidays": ["2026-05-01"]}}

    found = due(form, "2026-04-20T00:00:00Z", "2026-06-01T00:00:00Z")

    assert found == ["2026-05-04T09:00+00:00"]


def test_a_tick_on_a_day_off_moves_to_the_previous_working_day():
    """The last day of a month becomes its last working day."""
    form = {"cron": "0 18 L * *", "business": {"roll": "previous"}}

    found = due(form, "2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z")

    assert [text[:16] for text in found] == [
        "2026-01-30T18:00",
        "2026-02-27T18:00",
        "2026-03-31T18:00",
        "2026-04-30T18:00",
        "2026-05-29T18:00",
    ]


@pytest.mark.parametrize(
    ("roll", "expected"),
    [
        ("next", ["05-08T09:00", "05-11T09:00", "05-11T17:00", "05-12T09:00"]),
        ("previous", ["05-07T17:00", "05-08T09:00", "05-08T17:00", "05-11T17:00"]),
    ],
)
def test_a_tick_outside_of_hours_moves_to_an_edge(roll, expected):
    """On a working day to the next opening or the previous closing; from a day off into hours."""
    form = {
        "cron": ["0 6 * * FRI", "0 20 * * SAT", "0 6 * * SUN", "0 20 * * MON"],
        "business": {"begin": "09:00", "end": "17:00", "roll": roll},
    }

    found = due(form, "2026-05-07T12:00:00Z", "2026-05-12T12:00:00Z")

    assert [text[5:16] for text in found] == expected


def test_a_moved_tick_keeps_the_order():
    """What moves from a weekend is due among the ticks of its new day, in order."""
    form = {"cron": ["0 12 * * SAT", "0 9,15 * * MON"], "business": {"roll": "next"}}

    found = due(form, "2026-05-08T12:00:00Z", "2026-05-12T00:00:00Z")

    assert [text[11:13] for text in found] == ["09", "12", "15"]


def test_a_skipped_date_is_not_made_up():
    """A tick of a skipped date is not moved, and nothing moves onto one."""
    form = {
        "cron": "0 9 * * SAT,SUN",
        "business": {"roll": "next"},
        "skip": {"dates": ["2026-05-02", "2026-05-03", "2026-05-11"]},
    }

    found = due(form, "2026-05-01T00:00:00Z", "2026-05-20T00:00:00Z")

    assert [text[:10] for text in found] == ["2026-05-18"]


def test_working_time_that_is_never_met_ends_the_search():
    """A nightly schedule that skips what is outside of office hours is never due."""
    form = {"cron": "0 3 1 1 *", "business": {"begin": "09:00", "end": "17:00"}}

    assert next_tick(read_schedule(form), at("2026-01-01T00:00:00Z")) is None


def test_the_key_of_a_tick_is_its_name_and_instant():
    """Two nodes that see the same tick give it the same key."""
    assert tick_key("nightly", at("2026-03-29T01:00:00Z")) == "nightly@2026-03-29T01:00:00.000Z"


def test_jitter_is_the_same_wherever_it_is_worked_out():
    """The share of a tick comes from name and instant; other ticks and names get other shares."""
    schedule = read_schedule({"cron": "0 * * * *", "jitter": 600})
    found = ticks(schedule, at("2026-01-01T00:00:00Z"), limit=50)

    shares = [due_at(schedule, "one", tick) - tick for tick in found]

    assert shares == [due_at(schedule, "one", tick) - tick for tick in found]
    assert all(0 <= share < 600_000 for share in shares)
    assert len(set(shares)) > 40
    assert shares != [due_at(schedule, "two", tick) - tick for tick in found]


def test_without_jitter_a_tick_is_due_at_its_instant():
    """Nothing is added that was not asked for."""
    assert due_at(read_schedule({"cron": "@daily"}), "any", 5) == 5


def test_jitter_never_reaches_the_next_tick():
    """Ticks keep their order, however large the jitter is; the last one may take it all."""
    form = {"cron": "* * * * *", "jitter": 86_400, "end": "2026-01-01T00:30:00"}
    schedule = read_schedule(form)
    found = ticks(schedule, at("2026-01-01T00:00:00Z"), limit=99)

    started = [due_at(schedule, "any", tick) for tick in found]

    assert started == sorted(started)
    assert all(share - tick < 60_000 for tick, share in zip(found[:-1], started, strict=False))
    assert started[-1] - found[-1] < 24 * HOUR
