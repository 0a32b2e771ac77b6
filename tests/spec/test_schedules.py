"""Schedules on the engine: ticks, overlap, downtime, backfills, pauses and changes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tenuto.engine import schedule_commands as sc
from tenuto.engine.schedule_state import ScheduleState, decode_state
from tenuto.errors import Rejected
from tenuto.keys import Kind, named_key
from tenuto.runtime.requests import Request
from tenuto.runtime.verify import verify
from tenuto.schedules import parse_instant, read_schedule, write_schedule
from tenuto.store.codec import unpack_blob
from tenuto.store.memory import MemoryStore
from tenuto.store.memory_disk import MemoryDisk
from tenuto.store.port import PHASES
from tenuto.testing import Scenario
from tests.spec.models import end, flows, model, on_message, start, user

NAME = "nightly"
KEY = named_key(Kind.SCHEDULE, NAME)
SLOW = model(start() + user("work") + end() + flows("start>work", "work>end"))
QUICK = model(start() + end() + flows("start>end"))
HOURLY = {"cron": "0 * * * *"}


class Crashed(Exception):
    """The process is gone."""


def tell(scenario: Scenario, command: Any) -> dict[str, Any]:
    """Tell the schedule something; return the facts of its answer."""
    return scenario.ask(Request(KEY, command)).facts


def put(scenario: Scenario, schedule: Any = None, **plan: Any) -> dict[str, Any]:
    """Put the schedule: every hour, of the process `p`, unless told otherwise."""
    form = json.dumps(write_schedule(read_schedule(schedule or HOURLY)))
    plan["catch_up"] = json.dumps(plan.pop("catch_up", "last"))
    return tell(scenario, sc.PutSchedule(NAME, sc.Plan(form, "p", **plan)))


def at(text: str) -> int:
    """Return an instant of the Monday on which scenarios begin, or of the day named."""
    return parse_instant(text if "T" in text else f"2026-01-05T{text}:00Z")


def state_of(scenario: Scenario) -> ScheduleState:
    """Return the schedule as the store has it."""
    (row,) = scenario.store.load_aggregates((KEY,))
    return decode_state(unpack_blob(row.snapshot or b""))


def ticks_of(scenario: Scenario) -> list[str]:
    """Return the ticks that started an instance, in the order of the starts."""
    keys = [row.business_key or "" for row in scenario.rows("p")]
    return [key.removeprefix(f"{NAME}@2026-01-").removesuffix(":00.000Z") for key in keys]


def on_day(scenario: Scenario) -> list[str]:
    """Return the hours and minutes of the ticks that started."""
    return [tick.partition("T")[2] for tick in ticks_of(scenario)]


def check(scenario: Scenario) -> None:
    """Hold the rows against the journal."""
    assert verify(scenario.store.reader()).differences == []


@pytest.fixture
def slow(scenario):
    """Give a scenario with a process that waits for a person."""
    scenario.deploy(SLOW)
    yield scenario
    check(scenario)


@pytest.fixture
def quick(scenario):
    """Give a scenario with a process that ends at once."""
    scenario.deploy(QUICK)
    yield scenario
    check(scenario)


def finish(scenario: Scenario) -> None:
    """Complete the oldest open task."""
    scenario.complete(min(scenario.tasks("work"), key=lambda task: task.created_at).key)


# --- ticks


def test_each_tick_starts_one_instance_with_its_nominal_instant(quick):
    """An instance has the key of its tick, the variables of the plan and `scheduled_at`."""
    put(quick, variables={"x": b"\x2a"})
    quick.advance("PT2H30M")

    assert on_day(quick) == ["10:00", "11:00"]
    first = quick.instances("p")[0]
    assert first.variables["x"] == 42
    assert first.variables["scheduled_at"].isoformat() == "2026-01-05T10:00:00+00:00"
    assert state_of(quick).counts.completed == 2


def test_cron_across_both_clock_changes_fires_as_expected_in_its_zone(quick):
    """Behaviour 35: half past two in Berlin, late on the short day, once on the long one."""
    put(quick, {"cron": "30 2 * * *", "tz": "Europe/Berlin"})
    quick.advance_to(parse_instant("2026-03-28T12:00:00Z"))
    before = len(quick.rows("p"))
    quick.advance_to(parse_instant("2026-03-30T12:00:00Z"))
    spring = [row.business_key for row in quick.rows("p")][before:]
    quick.advance_to(parse_instant("2026-10-24T12:00:00Z"))
    before = len(quick.rows("p"))
    quick.advance_to(parse_instant("2026-10-26T12:00:00Z"))
    autumn = [row.business_key for row in quick.rows("p")][before:]

    assert spring == [f"{NAME}@2026-03-29T01:00:00.000Z", f"{NAME}@2026-03-30T00:30:00.000Z"]
    assert autumn == [f"{NAME}@2026-10-25T00:30:00.000Z", f"{NAME}@2026-10-26T01:30:00.000Z"]


def test_jitter_delays_the_start_and_not_the_tick(quick):
    """A tick starts within its share of the jitter, under its nominal key."""
    put(quick, {"cron": "0 * * * *", "jitter": 600})
    quick.advance("PT1H11M")

    assert on_day(quick) == ["10:00"]
    assert at("10:00") < quick.rows("p")[0].started_at < at("10:10")


# --- overlap

OVERLAPS = {
    "skip": (["10:00"], 0, 2),
    "buffer_one": (["10:00"], 1, 1),
    "buffer_all": (["10:00"], 2, 0),
    "cancel_other": (["10:00", "11:00", "12:00"], 0, 0),
    "terminate_other": (["10:00", "11:00", "12:00"], 0, 0),
    "allow": (["10:00", "11:00", "12:00"], 0, 0),
}


@pytest.mark.parametrize("overlap", OVERLAPS)
def test_overlap_policies_decide_about_ticks_beside_a_slow_run(slow, overlap):
    """Behaviour 36: three ticks come while the first run is still open."""
    began, waiting, dropped = OVERLAPS[overlap]
    put(slow, overlap=overlap)
    slow.advance("PT3H30M")

    state = state_of(slow)
    assert on_day(slow) == began
    assert (len(state.buffered), state.counts.dropped) == (waiting, dropped)
    ended = [case.status for case in slow.instances("p")][:-1]
    assert ended == ["active" if overlap == "allow" else "terminated"] * (len(began) - 1)
    assert state.counts.failed == 0


@pytest.mark.parametrize(
    ("overlap", "expected"),
    [
        ("skip", ["10:00"]),
        ("buffer_one", ["10:00", "11:00"]),
        ("buffer_all", ["10:00", "11:00", "12:00"]),
    ],
)
def test_what_waits_starts_one_by_one_as_runs_end(slow, overlap, expected):
    """The end of a run starts the next tick that waits."""
    put(slow, overlap=overlap)
    slow.advance("PT3H30M")
    for _ in expected:
        finish(slow)

    assert on_day(slow) == expected
    assert not slow.tasks("work")
    assert state_of(slow).runs == {}


# --- crashes and downtime


@pytest.mark.parametrize("phase", PHASES)
def test_a_crash_at_any_phase_of_the_commit_of_a_firing_starts_one_instance(phase):
    """The next life sees the same tick and starts it, unless the commit had happened."""
    disk, armed = MemoryDisk(), []

    def on_phase(reached: str) -> None:
        if armed and reached == phase:
            armed.clear()
            raise Crashed

    first = Scenario(store=MemoryStore(disk, on_phase=on_phase))
    first.deploy(QUICK)
    put(first)
    armed.append(phase)
    with pytest.raises(Crashed):
        first.advance("PT1H")

    second = Scenario(store=MemoryStore(disk), start="2026-01-05T10:00:01Z")
    second.settle()
    assert on_day(second) == ["10:00"]
    second.advance("PT1H")
    assert on_day(second) == ["10:00", "11:00"]
    check(second)


@pytest.mark.parametrize(
    ("catch_up", "expected"),
    [
        ("none", []),
        ("last", ["14:00"]),
        ({"latest": 2}, ["13:00", "14:00"]),
        ({"younger": "PT3H"}, ["12:00", "13:00", "14:00"]),
        ("all", ["10:00", "11:00", "12:00", "13:00", "14:00"]),
    ],
)
def test_after_downtime_missed_ticks_start_as_the_catch_up_policy_says(catch_up, expected):
    """Behaviour 39: the node is away from nine until half past two; a window drops older ticks."""
    disk = MemoryDisk()
    first = Scenario(store=MemoryStore(disk))
    first.deploy(QUICK)
    put(first, catch_up=catch_up, overlap="allow")

    second = Scenario(store=MemoryStore(disk), start="2026-01-05T14:30:00Z")
    second.settle()
    assert on_day(second) == expected
    assert state_of(second).counts.missed == 5 - len(expected)
    second.advance("PT1H")
    assert on_day(second) == [*expected, "15:00"]
    check(second)


def test_many_missed_ticks_start_in_several_turns_and_each_once():
    """A day of minutes is more than one turn may start."""
    disk = MemoryDisk()
    first = Scenario(store=MemoryStore(disk))
    first.deploy(QUICK)
    put(first, {"cron": "* * * * *"}, catch_up="all", overlap="allow")

    second = Scenario(store=MemoryStore(disk), start="2026-01-06T09:00:00Z")
    second.settle()
    found = ticks_of(second)
    assert len(found) == len(set(found)) == 24 * 60


def test_two_firings_of_one_tick_start_one_instance(quick):
    """Behaviour 37: whoever fires again, at the same instant, finds the tick handled."""
    from tenuto.engine import commands as c

    put(quick)
    quick.clock.advance_to(at("10:00"))
    for _ in range(3):
        quick.corridor.submit(Request(KEY, c.FireTimer(1)))
    quick.settle()

    assert on_day(quick) == ["10:00"]


# --- backfills

YESTERDAY = (at("2026-01-04T00:00:00Z"), at("2026-01-04T05:00:00Z"))


def test_backfill_takes_both_ends_of_a_range_and_its_repetition_starts_nothing(slow):
    """Behaviour 38: six ticks, whatever the overlap policy; the second time none."""
    put(slow)
    dry = tell(slow, sc.BackfillSchedule(*YESTERDAY, dry_run=True))
    assert slow.rows("p") == []
    told = tell(slow, sc.BackfillSchedule(*YESTERDAY))
    again = tell(slow, sc.BackfillSchedule(*YESTERDAY))

    assert (dry["count"], told["count"], again["count"]) == (6, 6, 0)
    assert dry["ticks"] == list(range(YESTERDAY[0], YESTERDAY[1] + 1, 3_600_000))
    assert ticks_of(slow) == [f"04T0{hour}:00" for hour in range(6)]


def test_backfill_at_a_rate_and_newest_first(quick):
    """Two at a time, a minute between them."""
    put(quick)
    tell(quick, sc.BackfillSchedule(*YESTERDAY, reverse=True, count=2, every=60_000))
    assert ticks_of(quick) == ["04T05:00", "04T04:00"]
    quick.advance("PT1M")
    assert len(ticks_of(quick)) == 4
    quick.advance("PT1M")
    assert ticks_of(quick) == [f"04T0{hour}:00" for hour in range(5, -1, -1)]
    assert state_of(quick).backfills == {} or quick.advance("PT1M") is None
    assert state_of(quick).backfills == {}


def test_backfill_of_missing_ticks_leaves_out_what_was_started(slow):
    """Under `skip` only the first tick ran; the others are missing."""
    put(slow)
    slow.advance("PT4H30M")
    tell(slow, sc.BackfillSchedule(at("10:00"), at("13:00"), which="missing"))

    assert on_day(slow) == ["10:00", "11:00", "12:00", "13:00"]


def test_backfill_of_failed_ticks_starts_them_once_more(slow):
    """A run that somebody ended has failed; while it goes on again it has not."""
    put(slow, overlap="allow")
    slow.advance("PT2H30M")
    slow.cancel(slow.instances("p")[0])
    failed = sc.BackfillSchedule(at("09:00"), at("11:00"), which="failed")

    assert tell(slow, failed)["count"] == 1
    assert tell(slow, failed)["count"] == 0
    assert on_day(slow) == ["10:00", "11:00", "10:00"]


def test_backfill_of_the_future_is_refused(quick):
    """What is due later the schedule starts by itself."""
    put(quick)
    with pytest.raises(Rejected, match="past"):
        tell(quick, sc.BackfillSchedule(at("10:00"), at("11:00")))


# --- pause, trigger, failures


def test_a_paused_schedule_starts_only_what_is_triggered_and_forgets_the_pause(quick):
    """Behaviour 39: ticks of the pause are gone when it resumes."""
    put(quick, catch_up="all")
    tell(quick, sc.PauseSchedule("holidays"))
    quick.advance("PT2H10M")
    assert on_day(quick) == []
    assert tell(quick, sc.TriggerSchedule())["status"] == "started"
    assert len(quick.rows("p")) == 1
    tell(quick, sc.ResumeSchedule())
    quick.advance("PT1H")

    assert on_day(quick)[1:] == ["12:00"]


def test_pause_and_resume_at_one_instant_keep_the_timer(quick):
    """Both commands may be in one commit."""
    put(quick)
    quick.corridor.submit(Request(KEY, sc.PauseSchedule()))
    quick.corridor.submit(Request(KEY, sc.ResumeSchedule()))
    quick.settle()
    check(quick)
    quick.advance("PT1H")

    assert on_day(quick) == ["10:00"]


def test_a_schedule_pauses_after_so_many_failures_in_a_row(slow):
    """Behaviour 39: two runs are given up, the third tick does not start."""
    put(slow, pause_after=2)
    for _ in range(2):
        slow.advance("PT1H")
        slow.cancel(slow.instances("p")[-1])
    slow.advance("PT3H")

    assert on_day(slow) == ["10:00", "11:00"]
    assert state_of(slow).reason == "2 runs failed in a row"
    tell(slow, sc.ResumeSchedule())
    slow.advance("PT1H")
    assert len(slow.rows("p")) == 3


# --- changes


def test_a_change_takes_effect_at_once_and_drops_stale_fires(slow):
    """Behaviour 40: what waited by the old form never starts, and neither does its next tick."""
    put(slow, overlap="buffer_all")
    slow.advance("PT2H30M")
    assert len(state_of(slow).buffered) == 1
    put(slow, {"cron": "45 * * * *"}, overlap="buffer_all")
    finish(slow)
    slow.advance("PT20M")

    assert on_day(slow) == ["10:00", "11:45"]


def test_a_put_that_changes_nothing_changes_nothing(quick):
    """The answer says so."""
    assert put(quick) == {"created": True, "changed": True}
    assert put(quick) == {"created": False, "changed": False}


def test_a_deleted_schedule_starts_nothing_and_still_knows_what_it_started(quick):
    """When it comes again it does not start a tick a second time."""
    put(quick)
    quick.advance("PT1H")
    tell(quick, sc.DeleteSchedule())
    quick.advance("PT1H")
    with pytest.raises(Rejected, match="none of that name"):
        tell(quick, sc.TriggerSchedule())
    put(quick)

    assert tell(quick, sc.BackfillSchedule(at("10:00"), at("11:00")))["count"] == 1
    assert on_day(quick) == ["10:00", "11:00"]


def test_what_cannot_be_started_is_refused_when_it_is_put(scenario):
    """No such process, no none start event, no such policy."""
    with pytest.raises(Rejected, match="expected a deployed process"):
        put(scenario)
    body = f'<startEvent id="s">{on_message("m")}</startEvent>' + end() + flows("s>end")
    scenario.deploy(model(body, roots='<message id="m" name="go"/>'))
    with pytest.raises(Rejected, match="none start event"):
        put(scenario)
    scenario.deploy(QUICK)
    with pytest.raises(Rejected, match="sometimes"):
        put(scenario, overlap="sometimes")
