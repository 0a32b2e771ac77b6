"""Ordinary asyncio works in a workflow, and gives the same when it is replayed at every await."""

from __future__ import annotations

import asyncio

import pytest

from tenuto import step, wf, workflow
from tests.workflows.running import at_work, run

noted: list[str] = []


@pytest.fixture(autouse=True)
def clean():
    """Begin each test without notes."""
    noted.clear()


@step
async def number(n: int) -> int:
    """Return a number; note it."""
    noted.append(f"number {n}")
    return n


@workflow
async def with_event() -> list[int]:
    """One task waits for another by an event."""
    event, found = asyncio.Event(), []

    async def waits():
        await event.wait()
        found.append(await number(2))

    async def sets():
        found.append(await number(1))
        await asyncio.sleep(0.001)
        event.set()

    await asyncio.gather(waits(), sets())
    return found


@workflow
async def with_queue() -> list[int]:
    """A producer and two consumers."""
    todo: asyncio.Queue[int | None] = asyncio.Queue(maxsize=1)
    found = []

    async def consume():
        while (n := await todo.get()) is not None:
            found.append(await number(n))

    async with asyncio.TaskGroup() as group:
        for _ in range(2):
            group.create_task(consume())
        for n in range(6):
            await todo.put(n)
        for _ in range(2):
            await todo.put(None)
    return sorted(found)


@workflow
async def with_lock() -> int:
    """What a lock guards does not interleave."""
    lock, inside, most = asyncio.Lock(), 0, 0

    async def guarded(n):
        nonlocal inside, most
        async with lock:
            inside += 1
            most = max(most, inside)
            await number(n)
            inside -= 1

    await asyncio.gather(*(guarded(n) for n in range(5)))
    return most


@workflow
async def with_completion_order() -> list[int]:
    """As they complete: the timer of the smaller number ends first."""

    async def later(n):
        await asyncio.sleep(n / 200)
        return await number(n)

    return [one async for one in wf.as_completed(later(3), later(1), later(2))]


@workflow
async def with_wait() -> list[int]:
    """The first that is done, then the others."""
    tasks = [asyncio.ensure_future(asyncio.sleep(n / 100, n)) for n in (2, 1)]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    rest, _ = await asyncio.wait(pending)
    return [*(task.result() for task in done), *(task.result() for task in rest)]


@workflow
async def with_limit() -> list[int]:
    """At most two at once."""
    inside = most = 0

    async def one(n):
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0.001)
        found = await number(n)
        inside -= 1
        return found

    found = await wf.gather(*(one(n) for n in range(6)), limit=2)
    return [*found, most]


@workflow
async def with_chance() -> list:
    """Chance, ids and time."""
    before = [wf.random().random(), str(wf.uuid4()), wf.now()]
    await asyncio.sleep(0.001)
    return [*before, wf.random().random(), str(wf.uuid4()), wf.now()]


RESULTS = {
    with_event: [1, 2],
    with_queue: [0, 1, 2, 3, 4, 5],
    with_lock: 1,
    with_completion_order: [1, 2, 3],
    with_wait: [1, 2],
    with_limit: [0, 1, 2, 3, 4, 5, 2],
}


@pytest.mark.parametrize("main", RESULTS, ids=lambda main: main.name)
def test_asyncio_works(tmp_path, main):
    """The result is that of plain Python."""
    assert asyncio.run(main()) == RESULTS[main]
    noted.clear()
    with at_work(tmp_path / "a.db", number, main) as at:
        assert run(at, main.name).variables["result"] == RESULTS[main]


@pytest.mark.parametrize("main", RESULTS, ids=lambda main: main.name)
def test_eviction_at_every_wait_changes_nothing(tmp_path, main):
    """Result, steps and their number equal the uninterrupted run (behaviour 13)."""
    with at_work(tmp_path / "a.db", number, main) as at:
        at.worker._host.warm_max = 0
        assert run(at, main.name).variables["result"] == RESULTS[main]

    assert len(noted) == len(set(noted))


def test_chance_and_time_are_the_same_in_every_replay(tmp_path):
    """What was drawn before a wait is what the replay draws (behaviour 19)."""
    with at_work(tmp_path / "a.db", with_chance) as at:
        at.worker._host.warm_max = 0
        found = run(at, "with_chance").variables["result"]

    assert found[0] != found[3]
    assert found[1] != found[4]
    assert found[2] < found[5]


@pytest.mark.filterwarnings("ignore:.*was never awaited", "ignore:.*Step.call")
def test_an_order_that_differs_between_replays_is_refused(tmp_path):
    """The error names what to use instead."""

    @workflow
    async def unordered() -> list[int]:
        return [await one for one in asyncio.as_completed([number(1), number(2)])]

    with at_work(tmp_path / "a.db", number, unordered) as at:
        ended = run(at, "unordered")

    assert ended.status == "failed"
    assert "wf.as_completed" in ended.variables["error"]["message"]


def test_sets_of_tasks_have_the_same_order_in_every_replay(tmp_path):
    """Steps that are begun in the order of `done` fit the record."""

    @workflow
    async def waits_for_all() -> list[int]:
        tasks = [asyncio.ensure_future(asyncio.sleep(0.001, n)) for n in range(8)]
        done, _ = await asyncio.wait(tasks)
        return [await number(task.result()) for task in done]

    with at_work(tmp_path / "a.db", number, waits_for_all) as at:
        at.worker._host.warm_max = 0
        found = run(at, "waits_for_all")

    assert sorted(found.variables["result"]) == list(range(8))
    assert sorted(noted) == sorted({f"number {n}" for n in range(8)})


def test_a_signal_is_received(tmp_path):
    """A broadcast reaches a workflow that waits for it."""

    @workflow
    async def listens() -> int:
        got = await wf.await_signal("closing")
        return got["hour"]

    async def talk(client):
        key = await client.start("listens")
        while not client.read.reader.rows("signal"):
            pass
        await client.broadcast("closing", {"hour": 18})
        return (await client.wait(key)).variables["result"]

    with at_work(tmp_path / "a.db", listens) as at:
        assert asyncio.run(talk(at.client)) == 18
