"""People in the comparison: hours, queues, and a play on the engine that repeats itself."""

import random
from datetime import UTC, datetime

import pytest

from examples.claims import prove
from examples.claims.arrivals import read_claims
from examples.claims.people import BY_HAND, WITH_PROCESS, assumptions
from examples.claims.play import Play, second_reports
from examples.claims.staffing import Person, Pool, interval, minutes_of, next_morning

SEED = 1


def instant(text):
    """Return Unix milliseconds."""
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def present(name="p"):
    """Return a person who is there in the week of 2 March 2026."""
    week = range(20514, 20519)
    people = (Person(f"{name}{number}", SEED) for number in range(100))
    return next(person for person in people if all(person.is_there(day) for day in week))


@pytest.mark.parametrize(
    ("begin", "minutes", "end"),
    [
        ("2026-03-02T09:00", 30, "2026-03-02T09:30"),
        ("2026-03-02T06:00", 30, "2026-03-02T09:00"),
        ("2026-03-02T11:45", 30, "2026-03-02T13:15"),
        ("2026-03-02T16:00", 60, "2026-03-03T09:00"),
        ("2026-03-02T20:00", 425, "2026-03-04T08:35"),
    ],
)
def test_work_fits_into_working_hours(begin, minutes, end):
    """A task rests over noon, in the evening and overnight."""
    assert present().finish(instant(begin), minutes) == instant(end)


def test_nobody_works_at_the_weekend():
    """What comes on Saturday begins on Monday or later."""
    start = Person("anyone", SEED).next_start(instant("2026-03-07T10:00"))

    assert start >= instant("2026-03-09T08:30")


def test_a_queue_is_served_in_the_order_of_arrival():
    """One person takes the first of two tasks, and the second when they are done."""
    pool = Pool("desk", [present()])
    nine = instant("2026-03-02T09:00")

    (first,) = pool.arrive("a", 30, nine)
    assert pool.arrive("b", 20, nine) == []
    (second,) = pool.release(first.person, first.done_at)

    assert (first.task, first.done_at) == ("a", instant("2026-03-02T09:30"))
    assert (second.task, second.done_at) == ("b", instant("2026-03-02T09:50"))
    assert pool.worked_minutes == 50


def test_trays_come_round_on_their_mornings():
    """A tray is carried on the next working morning, a payment in the next run."""
    friday = instant("2026-03-06T10:00")

    assert next_morning(friday) == instant("2026-03-09T08:30")
    assert next_morning(friday, (1, 3)) == instant("2026-03-10T08:30")


def test_service_times_have_their_mean():
    """The log-normal draws have the mean and the variation that they are asked for."""
    chance = random.Random(SEED)
    drawn = [minutes_of(chance, 20, 0.6) for _ in range(20_000)]

    found = interval(drawn)

    assert found.low < 20 < found.high
    assert found.high - found.low < 0.5


def test_an_interval_uses_students_t():
    """Five samples: mean 3, standard error 0.7071, quantile 2.776."""
    found = interval([1, 2, 3, 4, 5])

    assert found.mean == 3
    assert found.high == pytest.approx(3 + 2.776 * 0.7071, abs=0.02)


def test_second_reports_are_known_to_the_comparison():
    """The fifteen losses that were reported twice."""
    assert len(second_reports(read_claims())) == 15


def furthest(one, other):
    """Return by how many milliseconds the same claim ended differently, at most."""
    return max(abs(one.times[claim][1] - other.times[claim][1]) for claim in one.times)


@pytest.mark.parametrize("setting", [BY_HAND, WITH_PROCESS])
def test_a_play_ends_all_claims_and_repeats_itself(setting):
    """The same seed gives the same times, but for the jitter of a retry; another seed others."""
    claims = read_claims()[:80]

    first, again, other = (Play(setting, seed) for seed in (SEED, SEED, 2))
    for one in (first, again, other):
        one.run(claims)

    assert len(first.times) == 80
    assert furthest(first, again) < 2_000
    assert furthest(first, other) > 60_000


def test_the_process_is_faster_than_the_work_by_hand():
    """On the first claims alone the mean cycle time falls to less than a quarter."""
    before, after = (prove.play(name, SEED, 120) for name in ("claim-manual", "claim"))

    assert after.mean < before.mean / 4
    assert after.untouched > 0.4


def test_the_report_says_what_is_assumed():
    """Figures come with intervals, the label and every assumption."""
    found = [prove.play(name, seed, 60) for name in prove.SETTINGS for seed in (1, 2)]

    text = prove.report(found, 60)

    assert text.startswith("SYNTHETIC")
    assert "95 %" in text
    assert all(one in text for one in assumptions())
