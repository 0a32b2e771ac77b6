"""The next instant: ISO 8601 durations and repetitions, calendar months, cron."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tenuto.errors import InputError
from tenuto.schedules import (
    Due,
    Span,
    add,
    first_due,
    next_due,
    parse_duration,
    parse_instant,
    write_duration,
)

NOW = parse_instant("2026-01-31T10:00:00Z")
HOUR = 3_600_000


def at(text: str) -> int:
    """Return an instant."""
    return parse_instant(text)


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("PT15M", Span(0, 900_000)),
        ("P1Y2M", Span(14, 0)),
        ("P2W", Span(0, 14 * 24 * HOUR)),
        ("P1DT0.5S", Span(0, 24 * HOUR + 500)),
        ("-PT1H", Span(0, -HOUR)),
    ],
)
def test_durations_are_months_and_milliseconds(text, span):
    """Every part of an ISO 8601 duration is read."""
    assert parse_duration(text) == span


@pytest.mark.parametrize("text", ["PT0S", "PT15M", "PT36H", "PT1H1M1.005S", "PT0.250S"])
def test_a_duration_is_written_as_it_is_read(text):
    """Hours, minutes and seconds; days are written as hours."""
    assert write_duration(parse_duration(text).milliseconds) == text


@pytest.mark.parametrize("text", ["", "P", "PT", "1h", "P1H", "PT1", "P1.5D"])
def test_what_is_no_duration_is_refused_with_an_example(text):
    """The refusal shows what was expected."""
    with pytest.raises(InputError, match="PT15M"):
        parse_duration(text)


def test_a_month_after_the_end_of_january_is_the_end_of_february():
    """A day that the month lacks becomes its last day."""
    assert add(NOW, parse_duration("P1M")) == at("2026-02-28T10:00:00Z")


def test_dates_in_the_past_and_negative_durations_are_due_now():
    """A timer never fires before it was set."""
    assert first_due("duration", "-PT1H", NOW) == Due(NOW)
    assert first_due("date", "2020-01-01T00:00:00Z", NOW).at < NOW


def test_a_cycle_counts_its_firings():
    """R3 fires three times at its rhythm, then never again."""
    first = first_due("cycle", "R3/PT1H", NOW)
    second = next_due(first.cycle, first.at, first.repeats, first.at)
    assert second is not None
    third = next_due(second.cycle, second.at, second.repeats, second.at)
    assert third is not None

    assert [first.at, second.at, third.at] == [NOW + HOUR, NOW + 2 * HOUR, NOW + 3 * HOUR]
    assert next_due(third.cycle, third.at, third.repeats, third.at) is None


def test_a_cycle_that_began_long_ago_skips_what_is_past():
    """Two thousand years of milliseconds are skipped by arithmetic, not one by one."""
    due = first_due("cycle", "R/0001-01-01T00:00:00Z/PT0.001S", NOW)

    assert due.at == NOW


def test_a_cycle_with_a_start_keeps_its_rhythm():
    """The first firing that is not past stands on the rhythm of the start."""
    due = first_due("cycle", "R5/2026-01-31T08:30:00Z/PT1H", NOW)

    assert (due.at, due.repeats) == (at("2026-01-31T10:30:00Z"), 2)


@pytest.mark.parametrize("text", ["R0/PT1H", "R3/PT0S", "R/-PT1H", "every day", "99 * * * *"])
def test_cycles_that_never_or_always_fire_are_refused(text):
    """No repetition and no interval are mistakes."""
    with pytest.raises(InputError):
        first_due("cycle", text, NOW)


def test_cron_gives_the_next_instant_in_utc():
    """Nine o'clock on the next working day."""
    due = first_due("cycle", "0 9 * * MON-FRI", NOW)

    assert datetime.fromtimestamp(due.at / 1000, UTC) == datetime(2026, 2, 2, 9, tzinfo=UTC)
    assert due.repeats == -1
