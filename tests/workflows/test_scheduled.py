"""Python workflows that a schedule starts, on the virtual clock of the fixture `durable`."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from tenuto import step, wf, workflow
from tenuto.client.schedules import BackfillRequest, PlanRequest
from tenuto.testing.durable import Durable, Run

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


broken: set[str] = set()


@workflow
async def fragile(who: str, scheduled_at: datetime) -> str:
    """Book for an hour, unless it is broken."""
    hour = f"{scheduled_at:%H:%M}"
    if hour in broken:
        raise ConnectionError(hour)
    return await book(f"{who} at {hour}")


@workflow
async def as_text(who: str, scheduled_at: str, since: str | None = None) -> list[str | None]:
    """Return the instants as they came."""
    return [scheduled_at, since]


@workflow
async def as_instant(who: str, scheduled_at: datetime) -> str:
    """Return the day of the week of the instant."""
    return f"{scheduled_at:%A %H:%M %Z}"


@workflow
async def bare(who, scheduled_at):  # type: ignore[no-untyped-def]
    """Return the kind of an argument without annotation."""
    return type(scheduled_at).__name__


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


def test_a_backfill_of_failed_ticks_runs_those_alone_and_once(durable):
    """Behaviour 38: what completed stays; asked for twice, also while they run, it is one run."""
    durable.start(fragile, "first", datetime(2026, 3, 2, 8, tzinfo=UTC))
    durable.advance_to(BEGAN)
    durable.watch(book)
    broken.update({"10:00", "12:00"})
    plan = PlanRequest("fragile", HOURLY, {"who": "ann"}, overlap="allow")
    durable.ask(lambda client: client.put_schedule("hourly", plan))
    durable.advance("4h")
    assert [scheduled(durable)[hour] for hour in ("09:00", "10:00", "11:00", "12:00")] == [
        *("completed", "failed", "completed", "failed"),
    ]
    broken.clear()
    calls = durable.calls(book)
    span = ("2026-03-02T09:00:00Z", "2026-03-02T12:00:00Z")

    def fill(**more):
        request = BackfillRequest(*span, "failed")
        return durable.ask(lambda client: client.backfill_schedule("hourly", request, **more))

    told = fill(dry_run=True)
    assert told.ticks == ["2026-03-02T10:00:00.000Z", "2026-03-02T12:00:00.000Z"]
    assert [fill().count, fill().count] == [2, 0]
    durable.settle()

    assert durable.calls(book) - calls == 2
    assert [scheduled(durable)[hour] for hour in ("10:00", "12:00")] == ["completed"] * 2
    assert fill().count == 0
    view = durable.ask(lambda client: client.schedule("hourly"))
    assert (view.counts["failed"], view.counts["completed"]) == (2, 4)


def test_a_tick_that_two_rules_give_is_filled_once(durable):
    """Behaviour 38: one instant is one run, however many rules and backfills name it."""
    known(durable)
    twice = PlanRequest("report", {"cron": ["0 * * * *", "0 6,7 * * *"]}, {"who": "ann"})
    durable.ask(lambda client: client.put_schedule("hourly", twice))
    span = BackfillRequest("2026-03-02T06:00:00Z", "2026-03-02T07:00:00Z")

    async def fill(client):
        asked = (client.backfill_schedule("hourly", span) for _ in range(3))
        return [one.count for one in await asyncio.gather(*asked)]

    assert sorted(durable.ask(fill)) == [0, 0, 2]
    keys = [row.business_key for row in durable.read.reader.rows("instance")]
    assert sorted(key for key in keys if key) == [
        f"hourly@2026-03-02T0{hour}:00:00.000Z" for hour in (6, 7)
    ]


@pytest.mark.parametrize(
    ("flow", "expected"),
    [
        (as_text, ["2026-03-02T09:00:00Z", "2026-03-01T00:00:00Z"]),
        (as_instant, "Monday 09:00 UTC"),
        (bare, "datetime"),
    ],
)
def test_a_workflow_takes_its_tick_as_its_annotation_says(durable, flow, expected):
    """As text, also where it may be missing, or as an instant; without annotation an instant."""
    durable.know(flow)
    durable.settle()
    durable.advance_to(BEGAN)
    variables = {"who": "ann", "since": datetime(2026, 3, 1, tzinfo=UTC)}
    plan = PlanRequest(flow.name, HOURLY, variables)
    durable.ask(lambda client: client.put_schedule("hourly", plan))
    durable.advance("40m")

    (row,) = durable.read.reader.rows("instance")
    assert Run(durable, flow, str(row.key)).result == expected
