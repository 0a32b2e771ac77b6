"""The fixture `durable`: workflows on a virtual clock, mocked steps, crashes after every commit."""

from __future__ import annotations

import asyncio

import pytest

from tenuto import Retry, step, wf, workflow

approve = wf.Message[bool]("approve", bool)
place = wf.State[str]("place", str)


class Expired(Exception):
    """The order waited too long."""


@step(retries=Retry(4, first=1.0, backoff=2.0, jitter=0.0))
async def charge(order: str) -> str:
    """Charge."""
    return f"charged {order}"


@step
def refund(order: str) -> None:
    """Refund, on a thread."""


@workflow
async def fulfil(order: str) -> str:
    """Charge, wait three days for a word, refund without one."""
    receipt = await charge(order)
    place.set("waiting")
    won = await wf.race(word=approve.receive(), late=wf.sleep("3d"))
    if won.key == "late":
        await refund.call(order)
        raise Expired(order)
    return receipt


@workflow
async def month() -> list[str]:
    """Timers in parallel."""
    found = []

    async def after(days):
        await wf.sleep(f"{days}d")
        found.append(f"{days}")

    await asyncio.gather(*(after(days) for days in (30, 1, 7)))
    return found


@workflow
async def several(n: int) -> list[str]:
    """Steps side by side and one after another, with timers."""
    first = await asyncio.gather(*(charge(f"{n}{i}") for i in range(2)))
    await wf.sleep("1h")
    return [*first, await charge("last")]


def test_time_passes_when_it_is_told_to(durable):
    """Three days are over at once; the error is of its own type."""
    durable.watch(refund)
    order = durable.start(fulfil, "o-1")
    assert order.status == "active"
    assert order.state(place) == "waiting"

    durable.advance("3d")

    assert isinstance(order.error, Expired)
    assert durable.calls(refund) == 1


def test_a_message_reaches_the_workflow(durable):
    """The timer is withdrawn."""
    order = durable.start(fulfil, "o-1")

    order.send(approve, True)

    assert order.result == "charged o-1"
    assert durable.read.reader.rows("timer") == []


def test_attempts_follow_the_policy_on_the_virtual_clock(durable):
    """1, 2, 4 seconds; no sleep after the last attempt (behaviour 50)."""
    durable.mock(charge, [ConnectionError("away")])
    began = durable.clock.now()
    order = durable.start(fulfil, "o-1")
    seen = [durable.calls(charge)]
    for seconds in (1, 2, 4):
        durable.advance(seconds)
        seen.append(durable.calls(charge))

    assert seen == [1, 2, 3, 4]
    assert isinstance(order.error, ConnectionError)
    assert durable.clock.now() - began == 7_000


def test_a_mocked_step_gives_one_outcome_after_another(durable):
    """An exception is a failed attempt, a value ends it."""
    durable.mock(charge, [TimeoutError("late"), "receipt"])
    order = durable.start(fulfil, "o-1")
    durable.advance(1)
    order.send(approve, True)

    assert order.result == "receipt"
    assert durable.calls(charge) == 2


def test_timers_fire_in_the_order_in_which_they_are_due(durable):
    """Thirty days end at once (behaviour 31)."""
    run = durable.start(month)

    durable.advance("30d")

    assert run.result == ["1", "7", "30"]


def test_a_timer_that_is_due_while_nobody_runs_fires_once(durable):
    """After the restart, and once (behaviour 32)."""
    run = durable.start(several, 1)
    durable.restart()
    durable.advance("1h")

    assert run.result == ["charged 10", "charged 11", "charged last"]


@pytest.mark.parametrize("evict", [False, True])
def test_a_crash_after_any_commit_changes_nothing(durable, evict):
    """Every commit is tried, with coroutines in memory and without."""
    durable.evict_always = evict

    assert durable.explore(several, 1) >= 6
