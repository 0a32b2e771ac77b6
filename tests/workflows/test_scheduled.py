"""Python workflows that a schedule starts, on the virtual clock of the fixture `durable`."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tenuto import step, wf, workflow
from tenuto.client.schedules import PlanRequest
from tenuto.testing.durable import Durable

HOURLY = {"cron": "0 * * * *"}
BEGAN = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)


@step
async def book(who: str) -> str:
    """Book, once for each call."""
    return f"booked {who}"


@workflow
async def report(who: str) -> list[str]:
    """Book, wait ninety minutes, book again."""
    first = await book(who)
    await wf.sleep("90m")
    return [first, await book(f"{who} again")]


def put(durable, **plan):
    """Put the schedule: the report every hour, unless told otherwise."""
    given = PlanRequest("report", HOURLY, {"who": "ann"}, **plan)
    durable.ask(lambda client: client.put_schedule("hourly", given))
    durable.settle()


def known(durable):
    """Let the node know the workflow, by a run that has ended before the schedule begins."""
    durable.start(report, "first").cancel()
    durable.advance_to(BEGAN)


def scheduled(durable):
    """Return the status of each run of the schedule by its hour."""
    return {
        row.business_key.partition("T")[2][:5]: row.status
        for row in durable.read.reader.rows("instance")
        if (row.business_key or "").startswith("hourly@")
    }


def test_each_tick_starts_a_workflow_with_its_variables(durable):
    """The id of a run follows from schedule and tick."""
    known(durable)
    durable.watch(book)
    put(durable, overlap="allow")
    durable.advance("239m")

    assert scheduled(durable) == {
        "09:00": "completed",
        "10:00": "completed",
        "11:00": "active",
        "12:00": "active",
    }
    assert durable.calls(book) == 6


@pytest.mark.parametrize(
    ("overlap", "expected"),
    [
        ("skip", {"09:00": "completed", "11:00": "completed", "13:00": "active"}),
        ("buffer_one", {"09:00": "completed", "10:00": "completed", "11:00": "completed"}),
        ("buffer_all", {"09:00": "completed", "10:00": "completed", "11:00": "completed"}),
        ("cancel_other", dict.fromkeys(("09:00", "10:00", "11:00", "12:00"), "terminated")),
        ("terminate_other", dict.fromkeys(("09:00", "10:00", "11:00", "12:00"), "terminated")),
    ],
)
def test_each_overlap_does_what_it_says_with_a_slow_workflow(durable, overlap, expected):
    """Behaviour 36: every run takes ninety minutes, a tick comes every hour."""
    known(durable)
    put(durable, overlap=overlap)
    durable.advance("5h")

    found = scheduled(durable)
    assert {hour: found.get(hour) for hour in expected} == expected
    assert overlap == "skip" or len(found) in (4, 5)


@pytest.mark.parametrize("evict", [False, True])
def test_a_restart_in_the_middle_of_a_run_fires_its_tick_once(durable, evict):
    """Behaviour 37: the run goes on, its steps are not repeated, the tick is not either."""
    durable.evict_always = evict
    known(durable)
    durable.watch(book)
    put(durable)
    durable.advance("40m")
    durable.restart()
    durable.advance("79m")
    durable.restart()
    durable.advance("1m")

    assert scheduled(durable) == {"09:00": "completed"}
    assert durable.calls(book) == 2


def test_ticks_that_pass_while_nobody_runs_are_caught_up_once(durable):
    """Three are missed, the last one starts; a second restart starts nothing more."""
    known(durable)
    put(durable, catch_up="last")
    durable.clock.advance_to(durable.clock.now() + int(3.6 * 3_600_000))
    durable.restart()
    durable.restart()

    assert scheduled(durable) == {"12:00": "active"}


def test_two_nodes_on_one_database_fire_each_tick_once(durable):
    """Behaviour 37: whoever opened the database last decides; the other has stopped."""
    known(durable)
    put(durable, overlap="allow")
    other = Durable()
    other.clock, other._disk, other._program = durable.clock, durable._disk, durable._program
    try:
        other.settle()
        other.advance("31m")
        durable.settle()
        found = scheduled(other)
    finally:
        other.close()

    assert found == {"09:00": "active"}
