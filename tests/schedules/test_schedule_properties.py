"""What holds for every schedule."""

from __future__ import annotations

from datetime import date, time, timedelta
from itertools import islice, pairwise

from hypothesis import given
from hypothesis import strategies as st

from tenuto.schedules import (
    Backfill,
    Business,
    Everything,
    Interval,
    Latest,
    Roll,
    Rule,
    Schedule,
    Which,
    Younger,
    backfill,
    due_at,
    each_tick,
    missed,
    next_tick,
    read_schedule,
    tick_key,
    ticks,
    write_schedule,
)
from tests.schedules.scheduling import at

DAY = 86_400_000
ZONES = [
    *("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"),
    *("America/St_Johns", "Africa/Casablanca", "Pacific/Apia", "Asia/Kathmandu"),
]
CRONS = [
    *("*/15 * * * *", "30 2 * * *", "0,30 1-3 * * *", "0 */6 * * *", "0 9 * * MON-FRI"),
    *("0 0 L * *", "0 12 * * FRI#2", "45 1 1,15 * *", "15,45 0,23 * * *", "17 3 29 2 *"),
]
RULES = [
    "FREQ=DAILY;INTERVAL=3",
    "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;BYHOUR=2,14;WKST=SU",
    "FREQ=MONTHLY;BYDAY=-1FR,1MO",
    "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2,1",
    "FREQ=YEARLY;BYMONTH=3,10;BYDAY=-1SU;BYHOUR=2;BYMINUTE=30",
    "FREQ=HOURLY;INTERVAL=5;BYMINUTE=0,20",
    "FREQ=MINUTELY;INTERVAL=50;BYHOUR=1,2,3",
    "FREQ=DAILY;COUNT=200;BYHOUR=2",
    "FREQ=DAILY;UNTIL=20260601",
]
# Dates around which clocks change somewhere: also the day that Samoa left out.
ANCHORS = ["2026-03-08", "2026-03-29", "2026-04-05", "2026-10-04", "2026-10-25", "2026-11-01"]
INSTANTS = st.builds(
    lambda day, days, ms: at(f"{day}T00:00:00Z") + days * DAY + ms,
    st.sampled_from([*ANCHORS, "2011-12-30", "2010-11-07", "2024-02-29"]),
    st.integers(-3, 3),
    st.integers(0, DAY),
)


@st.composite
def dates(draw: st.DrawFn, size: int) -> tuple[date, ...]:
    """Draw a few days of the spring of 2026."""
    days = draw(st.sets(st.integers(0, 90), max_size=size))
    return tuple(date(2026, 3, 1) + timedelta(days=one) for one in sorted(days))


@st.composite
def businesses(draw: st.DrawFn) -> Business:
    """Draw a business calendar, with or without hours."""
    begin, end = draw(st.sampled_from([(0, 0), (9, 17), (2, 3), (0, 12), (12, 0)]))
    return Business(
        days=tuple(sorted(draw(st.sets(st.integers(0, 6), min_size=1)))),
        holidays=draw(dates(5)),
        begin=time(begin),
        end=time(end),
        roll=draw(st.sampled_from(Roll)),
    )


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    """Draw a schedule of all the parts that one may have."""
    start = at("2009-12-31T23:30:00Z")
    intervals = st.builds(Interval, st.integers(1_800_000, 3 * DAY), st.integers(0, 1_799_999))
    return Schedule(
        cron=tuple(draw(st.lists(st.sampled_from(CRONS), min_size=1, max_size=2))),
        intervals=tuple(draw(st.lists(intervals, max_size=1))),
        rules=tuple(Rule(text) for text in draw(st.lists(st.sampled_from(RULES), max_size=1))),
        tz=draw(st.sampled_from(ZONES)),
        start=start,
        # Some of these are never due, which a search without end takes a century to find out.
        end=draw(st.just(at("2040-01-01T00:00:00Z")) | INSTANTS.filter(lambda one: one > start)),
        jitter=draw(st.sampled_from([0, 60, 86_400])),
        skip_dates=draw(dates(3)),
        skip_schedule=draw(st.sampled_from([None, Schedule(cron=("0 */4 * * *",))])),
        business=draw(st.none() | businesses()),
    )


@given(schedules(), INSTANTS)
def test_ticks_strictly_increase(schedule, after):
    """Ticks come in order, none twice, all after where one asks and within start and end."""
    found = ticks(schedule, after, limit=60)

    assert all(one < other for one, other in pairwise([after, *found]))
    assert all(schedule.end is None or tick <= schedule.end for tick in found)


@given(schedules(), INSTANTS)
def test_the_next_tick_agrees_with_the_ticks(schedule, after):
    """To go from tick to tick gives the ticks of the range, one by one."""
    found = ticks(schedule, after, limit=20)

    walked = []
    tick = next_tick(schedule, after)
    while tick is not None and len(walked) < 20:
        walked.append(tick)
        tick = next_tick(schedule, tick)

    assert walked == found == list(islice(each_tick(schedule, after), 20))


@given(schedules(), INSTANTS, st.integers(0, 20 * DAY), st.integers(0, 20 * DAY))
def test_a_range_split_in_two_has_the_same_ticks(schedule, after, first, second):
    """Wherever a range is split, its halves bring what the whole brings."""
    middle, until = after + first, after + first + second

    whole = ticks(schedule, after, until)

    assert ticks(schedule, after, middle) + ticks(schedule, middle, until) == whole


@given(schedules(), INSTANTS)
def test_keys_are_unique(schedule, after):
    """No two ticks share a key, nor the ticks of two schedules."""
    found = ticks(schedule, after, limit=60)

    keys = [tick_key(name, tick) for tick in found for name in ("a", "b", "a@b")]

    assert len(set(keys)) == 3 * len(found)


@given(
    schedules(),
    INSTANTS,
    st.integers(-DAY, 20 * DAY),
    st.one_of(
        st.just(Everything()),
        st.builds(Latest, st.integers(0, 30)),
        st.builds(Younger, st.integers(1, 25 * DAY)),
    ),
)
def test_missed_ticks_are_the_end_of_the_ticks(schedule, last, downtime, policy):
    """Every policy keeps a tail of what was due, in order."""
    now = last + downtime
    due = ticks(schedule, last, now)

    found = missed(schedule, last, now, policy)

    assert found == due[len(due) - len(found) :]
    assert not isinstance(policy, Latest) or len(found) == min(policy.count, len(due))
    assert not isinstance(policy, Everything) or found == due


@given(schedules(), INSTANTS)
def test_jitter_keeps_the_order(schedule, after):
    """A jittered tick starts at its instant or later, before the next tick."""
    found = ticks(schedule, after, limit=10)

    for tick, following in pairwise(found):
        assert tick <= due_at(schedule, "any", tick) < following


@given(schedules(), INSTANTS, st.integers(0, 20 * DAY))
def test_a_backfill_of_what_is_missing_completes_the_range(schedule, start, length):
    """Whatever was handled, the missing ticks are all others of the range."""
    end = start + length
    due = ticks(schedule, start - 1, end)
    handled = due[::2]
    wanted = Backfill(start=start, end=end, which=Which.MISSING)

    chunks = backfill(schedule, wanted, end, handled=handled)

    assert sorted([*handled, *(tick for chunk in chunks for tick in chunk.ticks)]) == due


@given(schedules())
def test_writing_and_reading_lose_nothing(schedule):
    """What is written reads as the same schedule."""
    assert read_schedule(write_schedule(schedule)) == schedule
