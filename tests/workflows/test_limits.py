"""Time limits of steps, signs of life, and the end of a process, on the virtual clock."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from tenuto import Queue, Retry, StepTimeout, step, step_context, wf, workflow
from tenuto.errors import ValueRefused
from tenuto.worker.limits import Limits, LoopAlarms
from tenuto.workflows.context import CallOf, StepContext
from tenuto.workflows.routine import Begun

one_at_a_time = Queue("one at a time", concurrency=1)
ONCE = Retry(1)
TWICE = Retry(2, first=1.0, jitter=0.0)


@step(retries=TWICE, timeout="30s")
async def bounded() -> str:
    """Each attempt has its limit."""
    return "done"


@step(retries=Retry(5, first=8.0, backoff=1.0, jitter=0.0), timeout="30s", total="60s")
async def bounded_in_all() -> str:
    """All attempts have one together."""
    return "done"


@step(retries=TWICE, heartbeat="10s")
async def talking() -> str:
    """It has to say that it lives."""
    return "done"


@step(retries=ONCE, start_within="20s")
async def urgent() -> str:
    """It is of no use later."""
    return "done"


@step(retries=ONCE, queue=one_at_a_time)
async def first_in_queue() -> str:
    """Stands before another."""
    return "first"


@step(retries=ONCE, queue=one_at_a_time, start_within="20s")
async def urgent_in_queue() -> str:
    """Must be let in soon."""
    return "second"


@workflow
async def calls(name: str) -> str:
    """Call a step; say which limit it met."""
    try:
        return await STEPS[name]()
    except StepTimeout as late:
        return late.kind


@workflow
async def calls_two() -> list[str]:
    """Two that cannot run at once."""
    found = await asyncio.gather(first_in_queue(), urgent_in_queue(), return_exceptions=True)
    return [one.kind if isinstance(one, StepTimeout) else one for one in found]


@workflow
async def calls_after_time() -> str:
    """Wait, then call."""
    await wf.sleep("1h")
    return await urgent()


STEPS = {one.name: one for one in (bounded, bounded_in_all, talking, urgent)}


def test_an_attempt_that_hangs_fails_and_the_next_may_succeed(durable):
    """Start to close (behaviour 53)."""
    durable.mock(bounded, [durable.hang, "second time"])
    run = durable.start(calls, "bounded")
    durable.advance(29)
    [before] = durable.steps(run)
    durable.advance(1)
    [between] = durable.steps(run)
    durable.advance(1)

    assert (before.state, before.attempts) == ("running", 1)
    assert between.error == "StepTimeout: expected step `bounded` to end within 30.0 s"
    assert run.result == "second time"


def test_the_error_of_a_step_that_always_hangs_names_the_limit(durable):
    """Start to close, after the last attempt (behaviour 53)."""
    durable.mock(bounded, [durable.hang])
    run = durable.start(calls, "bounded")
    durable.advance("2m")

    assert run.result == "start_to_close"
    assert durable.calls(bounded) == 2


def test_all_attempts_share_a_limit_also_within_an_attempt(durable):
    """Schedule to close: 30 s, a delay of 8 s, and what is left of 60 (behaviour 53)."""
    durable.mock(bounded_in_all, [durable.hang])
    run = durable.start(calls, "bounded_in_all")
    durable.advance(59)
    assert run.status == "active"
    durable.advance(1)

    assert run.result == "schedule_to_close"
    assert durable.calls(bounded_in_all) == 2


def test_all_attempts_share_a_limit_also_during_a_delay(durable):
    """Schedule to close: no attempt begins that could not end (behaviour 53)."""
    durable.mock(bounded_in_all, [ConnectionError("away")])
    run = durable.start(calls, "bounded_in_all")
    durable.advance(60)

    assert isinstance(run.error, ConnectionError)
    assert durable.calls(bounded_in_all) == 5


def test_a_silent_step_fails(durable):
    """Heartbeat: it spoke for a while, then no more (behaviour 53)."""
    alive = []

    async def speak():
        alive.append(step_context())
        await durable.hang()

    durable.mock(talking, [speak])
    run = durable.start(calls, "talking")
    for _ in range(3):
        durable.advance(9)
        alive[0].heartbeat()
    assert [one.attempts for one in durable.steps(run)] == [1]
    durable.advance("1m")

    assert run.result == "heartbeat"
    assert durable.calls(talking) == 2


def test_what_a_heartbeat_said_is_visible_to_the_next_attempt(durable):
    """Also when the coroutine was replayed in between (behaviour 54)."""
    seen = []

    async def speak():
        seen.append(step_context().details)
        step_context().heartbeat({"row": 41 + step_context().attempt})
        await durable.hang()

    durable.evict_always = True
    durable.mock(talking, [speak])
    run = durable.start(calls, "talking")
    durable.advance(10)
    durable.restart()
    durable.advance(1)
    durable.advance(10)

    assert seen == [None, {"row": 42}]
    assert run.result == "heartbeat"


def test_details_of_a_heartbeat_are_plain_data(durable):
    """The error names them."""

    async def speak():
        step_context().heartbeat(object())

    durable.mock(talking, [speak])
    run = durable.start(calls, "talking")
    durable.advance("1m")

    with pytest.raises(ValueRefused, match="the details of a heartbeat"):
        run.result  # noqa: B018


def test_what_an_attempt_gives_after_its_limit_is_not_looked_at(durable):
    """The result of the new attempt stands (behaviour 55)."""
    given_late = []

    async def stubborn():
        try:
            await durable.hang()
        except asyncio.CancelledError:
            given_late.append("first")
        return "first"

    durable.mock(bounded, [stubborn, "second"])
    run = durable.start(calls, "bounded")
    durable.advance("1m")

    assert given_late == ["first"]
    assert run.result == "second"


def test_a_step_that_nobody_begins_in_time_fails_without_running(durable):
    """Schedule to start: there was no worker (behaviour 53)."""
    durable.mock(urgent, [durable.hang])
    run = durable.start(calls, "urgent")
    durable.clock.advance_to(durable.clock.now() + 21_000)
    durable.mock(urgent, ["too late"])
    durable.restart()

    assert run.result == "schedule_to_start"
    assert durable.calls(urgent) == 1, "it began, and its worker went away"


def test_a_step_waits_in_its_queue_no_longer_than_it_may(durable):
    """Schedule to start: another holds the queue (behaviour 53)."""
    durable.mock(first_in_queue, [durable.hang])
    durable.watch(urgent_in_queue)
    run = durable.start(calls_two)
    durable.advance(19)
    assert [one.state for one in durable.steps(run)] == ["running", "delayed"]
    durable.advance(1)
    assert [one.state for one in durable.steps(run)] == ["running", "failed"]
    assert "to begin in time" in durable.steps(run)[1].error
    durable.mock(first_in_queue, ["first"])
    durable.restart()

    assert run.result == ["first", "schedule_to_start"]
    assert durable.calls(urgent_in_queue) == 0


def test_a_step_that_was_let_in_in_time_has_no_limit_any_more(durable):
    """The timer of its wait is gone."""
    durable.watch(urgent_in_queue)
    run = durable.start(calls_two)

    assert run.result == ["first", "second"]
    assert durable.read.reader.rows("timer") == []


def test_the_wait_begins_when_the_step_is_asked_for(durable):
    """Not when the workflow began."""
    run = durable.start(calls_after_time)
    durable.advance("1h")

    assert run.result == "done"


def test_no_limit_is_met_before_the_attempt_begins_however_the_clock_moves():
    """A step with a heartbeat alone has none until then; the clock may move between two looks."""
    moving = itertools.count(1_000)
    begun = Begun("talking#1", talking, ((), {}), 0)
    context = StepContext(CallOf("1", "1", "talking", "w"), 1, moving.__next__)

    limits = Limits(begun, context, LoopAlarms(moving.__next__), moving.__next__, pytest.fail)

    assert limits.passed() is None


def test_options_of_one_call_limit_its_time(durable):
    """As those of the declaration do."""
    shorter = bounded.options(timeout="5s", start_within="1m", heartbeat=7, total="PT1M")

    found = shorter.settings

    assert (found.timeout, found.start_within, found.heartbeat, found.total) == (5, 60, 7, 60)


def test_a_step_is_told_of_the_end_of_its_process_and_may_end(durable):
    """It ends within the grace, and is not run again (behaviour 56)."""
    told = []

    async def careful():
        await durable.hang(until=lambda: step_context().is_stopping)
        told.append(step_context().attempt)
        return "well ended"

    durable.mock(bounded, [careful])
    run = durable.start(calls, "bounded")
    durable.restart(grace=10.0)

    assert run.result == "well ended"
    assert told == [1]


def test_a_step_that_outlives_the_grace_is_released_and_no_failure(durable):
    """It is interrupted, and the same attempt begins elsewhere (behaviour 56)."""
    seen = []

    async def slow():
        seen.append(step_context().attempt)
        try:
            await durable.hang()
        finally:
            seen.append("cleaned up")

    durable.mock(bounded, [slow, lambda: seen.append(step_context().attempt)])
    run = durable.start(calls, "bounded")
    durable.restart(grace=0.0)

    assert run.result is None
    assert seen == [1, "cleaned up", 1]
    assert [one.attempts for one in durable.steps(run)] == [1]
    assert durable.read.incidents() == []
