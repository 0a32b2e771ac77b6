"""Coroutines that are thrown away: they leave memory at once, and do nothing on their way out."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

from tenuto import step, wf, workflow
from tenuto.workflows.codec import encode, pack_update
from tenuto.workflows.routine import Routine
from tests.workflows.running import at_work

asked = wf.Update[int, int]("asked", int, returns=int)

noted: list[str] = []


@step
async def note(what: str) -> str:
    """Note that it was called."""
    noted.append(what)
    return what


@step
def note_plainly(what: str) -> str:
    """Note that it was called."""
    noted.append(what)
    return what


@workflow
async def sleeps() -> str:
    """Sleep, and say so in the end."""
    try:
        await asyncio.sleep(0.2)
    finally:
        await note("left")
    return "slept"


@workflow
def sleeps_plainly() -> str:
    """Sleep as a plain function, and say so in the end."""
    try:
        wf.wait(asyncio.sleep(0.2))
    finally:
        note_plainly("left")
    return "slept"


@workflow
async def gathers() -> None:
    """Wait for several things at once."""
    await asyncio.gather(note("a"), asyncio.sleep(1000), sleeping())


@workflow
async def groups() -> None:
    """Wait in a group within a group, with a time limit."""
    async with asyncio.timeout(1000), asyncio.TaskGroup() as outer:
        outer.create_task(sleeping())
        async with asyncio.TaskGroup() as inner:
            inner.create_task(sleeping())
            inner.create_task(note("b"))


@workflow
async def forgets() -> str:
    """Begin what nobody waits for."""
    task = asyncio.create_task(sleeping())
    return task.get_name()


@workflow
async def fails() -> None:
    """Raise an error."""
    raise ValueError("no")


@workflow
async def waits_on_the_way_out() -> None:
    """Wait for something else in the end, again and again."""
    try:
        await asyncio.sleep(1000)
    finally:
        for _ in range(3):
            await asyncio.Event().wait()


@workflow
async def answers() -> None:
    """Answer updates, after a while."""

    async def answer(n: int) -> int:
        await asyncio.sleep(1000)
        return n

    asked.handle(answer)
    await asyncio.sleep(1000)


async def sleeping() -> None:
    """Sleep for long."""
    await asyncio.sleep(1000)


@pytest.fixture(autouse=True)
def _anew():
    noted.clear()


@pytest.fixture
def no_collector():
    """Let nothing leave memory but by its last reference."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize(
    "made",
    [sleeps, gathers, groups, forgets, fails, waits_on_the_way_out, answers],
    ids=lambda one: one.name,
)
def test_what_is_thrown_away_leaves_memory_without_a_search_for_cycles(made):
    """Behaviour 33: what leaves is gone, however many come and go."""
    routine = Routine(made, "1", 0)
    routine.is_live = True
    routine.begin(made.body({}))
    if made is answers:
        routine.feed("!asked", 1, pack_update("u", encode(5, where="a test")), None)
        assert len(asyncio.all_tasks(routine.loop)) == 2
    gone = weakref.ref(routine)
    tasks = [weakref.ref(task) for task in asyncio.all_tasks(routine.loop)]

    routine.discard()
    del routine

    assert gone() is None
    assert [task() for task in tasks] == [None] * len(tasks)
    assert noted == []


@pytest.mark.parametrize("made", [sleeps, sleeps_plainly], ids=lambda one: one.name)
def test_a_block_that_is_left_to_make_room_begins_no_step(tmp_path, made):
    """What is thrown away while it waits calls the step of its `finally` when it ends, once."""
    with at_work(tmp_path / "t.db", sleeps, sleeps_plainly, note, note_plainly) as at:
        at.worker._host.warm_max = 0
        ended = asyncio.run(at.client.run(made.name, {}))
        gc.collect()
    assert ended.variables["result"] == "slept"
    assert noted == ["left"]
