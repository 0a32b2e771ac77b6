"""Workflows that are plain functions: they block, and hold no thread while they wait long."""

from __future__ import annotations

import asyncio
import threading

import pytest

from tenuto import step, wf, workflow
from tenuto.client.handle import WorkflowCanceled
from tests.workflows.running import at_work, run

noted: list[str] = []


@step
def count(n: int) -> int:
    """Return one more."""
    noted.append(f"count {n}")
    return n + 1


@step
async def double(n: int) -> int:
    """Return twice a number."""
    return n * 2


@workflow
def adds(n: int) -> int:
    """Count three times."""
    return count(count(count(n)))


@workflow
def mixed(n: int) -> list[int]:
    """Wait for several things, a timer and a child."""
    first, second = wf.wait(wf.gather(count.call(n), double(n)))
    wf.wait(asyncio.sleep(0.01))
    return [first, second, adds(n)]


@workflow
def waits(key: str) -> str:
    """Wait for a message between two steps."""
    before = count(1)
    got = wf.wait(wf.receive("go", key))
    return f"{before} {got['n']} {count(2)}"


@workflow
def cleans() -> None:
    """Clean up when it is canceled."""
    try:
        wf.wait(wf.receive("never", "k"))
    finally:
        count(99)


def threads() -> int:
    """Count the threads of bodies."""
    return sum(one.name == "tenuto-workflow" for one in threading.enumerate())


@pytest.fixture(autouse=True)
def clean():
    """Begin each test without notes."""
    noted.clear()


def test_a_plain_workflow_runs_its_steps_in_order(tmp_path):
    """Each call blocks until its result is durable."""
    with at_work(tmp_path / "a.db", count, adds) as at:
        assert run(at, "adds", n=1).variables["result"] == 4


def test_a_plain_workflow_is_plain_python():
    """Outside of Tenuto it is a function."""
    assert adds(1) == 4


def test_a_plain_workflow_waits_for_several_things_and_a_child(tmp_path):
    """`wf.wait` takes whatever an async workflow awaits."""
    with at_work(tmp_path / "a.db", count, double, adds, mixed) as at:
        assert run(at, "mixed", n=3).variables["result"] == [4, 6, 6]


def test_a_plain_workflow_that_waits_gives_its_thread_back(tmp_path):
    """A hundred that wait hold no thread; no step runs again when they go on."""

    async def talk(client):
        keys = [await client.start("waits", {"key": f"k{n}"}) for n in range(100)]
        while len(client.read.reader.rows("subscription", limit=1000)) < 100 or threads():
            pass
        for n in range(100):
            await client.publish("go", f"k{n}", {"n": n})
        return [(await client.wait(key)).variables["result"] for key in keys]

    with at_work(tmp_path / "a.db", count, waits) as at:
        results = asyncio.run(talk(at.client))

    assert results == [f"2 {n} 3" for n in range(100)]
    assert sorted(noted) == ["count 1"] * 100 + ["count 2"] * 100


def test_a_plain_workflow_cleans_up_when_it_is_canceled(tmp_path):
    """`finally` runs its steps."""

    async def talk(client):
        handle = await client.begin(cleans)
        while not client.read.reader.rows("subscription"):
            pass
        await handle.cancel()
        with pytest.raises(WorkflowCanceled):
            await handle.result()

    with at_work(tmp_path / "a.db", count, cleans) as at:
        asyncio.run(talk(at.client))

    assert noted == ["count 99"]


def test_two_hundred_blocking_steps_do_not_starve_async_workflows(tmp_path):
    """An async workflow ends while plain ones block (behaviour 76)."""
    gate = threading.Event()

    @step
    def blocks() -> None:
        gate.wait()

    @workflow
    def blocking() -> None:
        blocks()

    @workflow
    async def quick(n: int) -> int:
        return await double(n)

    async def talk(client):
        slow = [await client.start("blocking") for _ in range(200)]
        try:
            fast = [(await client.run("quick", {"n": n})).variables["result"] for n in range(20)]
        finally:
            gate.set()
        for key in slow:
            await client.wait(key)
        return fast

    with at_work(tmp_path / "a.db", double, blocks, blocking, quick) as at:
        assert asyncio.run(talk(at.client)) == [2 * n for n in range(20)]
