"""What stays in memory: few of those that only wait, and what is worked for."""

from __future__ import annotations

import asyncio

import pytest

from tenuto import wf, workflow
from tenuto.testing.durable import Durable
from tenuto.workflows.define import Workflow

MANY = 120
RESTING_MAX = 10
COROUTINES_MAX = 20


@workflow
async def sleeps(n: int) -> int:
    """Sleep for a while."""
    await asyncio.sleep(3600)
    return n


@workflow
def sleeps_plainly(n: int) -> int:
    """Sleep for a while in a plain function."""
    wf.wait(asyncio.sleep(3600))
    return n


@pytest.mark.parametrize("slept", [sleeps, sleeps_plainly], ids=lambda one: one.name)
def test_however_many_sleep_a_few_are_in_memory(
    durable: Durable, slept: Workflow[[int], int]
) -> None:
    """Neither their states nor their coroutines are kept, and each of them wakes."""
    durable.start(slept, 0)
    warm, host = durable._running().corridor.warm, durable._worker._host
    warm.resting, host.warm_max = RESTING_MAX, COROUTINES_MAX

    runs = [durable.start(slept, n) for n in range(MANY)]
    durable.settle()

    assert warm.count <= RESTING_MAX + 1  # and one for the deployment
    assert len(host._warm) <= COROUTINES_MAX
    durable.advance("1h")
    assert [run.result for run in runs] == list(range(MANY))


def test_what_is_worked_for_stays_before_what_rests(durable: Durable) -> None:
    """An instance with a job is not forgotten for one that was used later and waits."""

    @workflow
    async def asks() -> None:
        await wf.job("elsewhere")

    busy = durable.start(asks)
    warm = durable._running().corridor.warm
    warm.resting = RESTING_MAX

    for n in range(3 * RESTING_MAX):
        durable.start(sleeps, n)

    assert int(busy.key) in warm._instances
    assert warm.count <= RESTING_MAX + 2
