"""Promises of workflows that hold whatever happens in between."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from tenuto import InputError, Queue, Rejected, step, step_context, wf, workflow
from tenuto.client.reading import Reading
from tenuto.engine import records as r
from tenuto.engine.routine_records import RoutineAdvanced
from tenuto.store.port import InstanceQuery
from tenuto.worker.worker import Worker
from tests.workflows.running import at_work, program

go = wf.Message[str]("go", str)
alone = Queue("one after another", concurrency=1)
SLEEPERS = 2_000


@step
async def work(text: str) -> str:
    """Give it back, louder."""
    return text.upper()


@step
async def tidy(text: str) -> None:
    """Clean up."""


@workflow
async def three() -> list[str]:
    """Three steps, and nothing after the last."""
    return [await work("a"), await work("b"), await work("c")]


@workflow
async def deadly(text: str) -> str:
    """One step, which may be the end of its process."""
    return await work(text)


@workflow
async def harmless(text: str) -> str:
    """One step of its own."""
    await tidy(text)
    return text


@workflow(id=lambda name: name)
async def collects(name: str) -> list[str]:
    """Take two messages."""
    return [name, await go.receive(), await go.receive()]


@workflow
async def in_time() -> list[str]:
    """Wait an hour for a word, then do something either way."""
    try:
        async with asyncio.timeout(3600):
            word = await go.receive()
    except TimeoutError:
        word = "nothing"
    done = await work(word)
    await asyncio.sleep(3600)
    return [word, done]


@workflow
async def sleeper(n: int) -> int:
    """Sleep for a day."""
    await asyncio.sleep(86_400)
    return n


@workflow
async def waits_for_go() -> str:
    """End with the word that came."""
    return await go.receive()


@workflow
async def child(text: str) -> str:
    """Sleep long; clean up if asked to end."""
    try:
        await asyncio.sleep(86_400)
    finally:
        await tidy(text)
    return text


@workflow(queue=alone)
async def parent(text: str) -> str:
    """Give two children an hour together."""
    try:
        async with asyncio.timeout(3600):
            await asyncio.gather(child(f"{text}1"), child(f"{text}2"))
    except TimeoutError:
        return f"{text} late"
    return f"{text} in time"


@workflow
async def quick(text: str) -> str:
    """End at once."""
    return f"child {text}"


@workflow
async def long_story() -> list[Any]:
    """Take a message, call a child, then do something that fails at first."""
    before = await go.receive()
    answer = await quick("of the story")
    held = wf.Message[str]("later", str)
    return [before, answer, await work(before), await held.receive()]


def ends(durable, run):
    """Return the records that end an instance."""
    kinds = r.InstanceCompleted | r.InstanceFailed | r.InstanceTerminated
    history = durable.read.history(int(run.key))
    return [one for turn in history for one in turn.records if isinstance(one, kinds)]


def test_the_outcome_is_recorded_once_wherever_it_crashes(durable):
    """4: also between the last step and the end of the workflow."""
    assert durable.explore(three) >= 3
    [run] = durable.read.instances(InstanceQuery())
    assert len(ends(durable, run)) == 1


def test_a_run_that_ends_its_process_each_time_becomes_an_incident(durable):
    """10: others go on meanwhile, and it goes on when its code was mended."""
    durable.mock(work, [durable.hang])
    run = durable.start(deadly, "boom")
    lives = 0
    while not durable.read.incidents() and lives < 20:
        durable.restart()  # as if the step had ended the process
        lives += 1
    assert 2 <= lives <= 5
    assert durable.run(harmless, "fine") == "fine"
    assert run.status == "active"

    durable.mock(work, [str.upper])
    [incident] = durable.read.incidents()
    key = f"{incident.instance}-{incident.incident}"
    durable.ask(lambda client: client.resolve_incident(key))
    durable.settle()

    assert run.result == "BOOM"


def test_a_signal_with_start_starts_what_is_not_there(durable):
    """25: whoever comes later only sends."""
    durable.know(collects)
    first = durable.ask(lambda client: client.send_with_start(go, "one", collects, "c-1"))
    second = durable.ask(lambda client: client.send_with_start(go, "two", collects, "c-1"))
    durable.settle()

    assert (first.is_new, second.is_new) == (True, False)
    assert first.key == second.key
    assert durable.ask(lambda _: first.result()) == ["c-1", "one", "two"]
    with pytest.raises(Rejected, match="completed"):
        durable.ask(lambda client: client.send_with_start(go, "three", collects, "c-1"))
    with pytest.raises(InputError, match="options"):
        durable.ask(lambda client: client.send_with_start(go, "one", in_time))


@pytest.mark.parametrize("evict", [False, True])
def test_a_wait_that_was_too_long_stays_so_whatever_comes_later(durable, evict):
    """29: the late message does not change what is replayed."""
    durable.evict_always = evict
    run = durable.start(in_time)
    durable.advance(3600)
    durable.send(run, go, "late")
    durable.restart()
    durable.advance(3600)

    assert run.result == ["nothing", "NOTHING"]


def test_two_thousand_sleepers_take_no_memory_and_all_wake(durable):
    """33: coroutines that wait leave memory and come back by replay."""
    durable.evict_always = True
    durable.know(sleeper)

    async def begin(client):
        await asyncio.gather(*(client.begin(sleeper, n) for n in range(SLEEPERS)))

    durable.ask(begin)
    durable.settle()
    assert durable.in_memory == 0
    durable.advance("1d")

    assert durable.read.counts() == {("sleeper", "completed"): SLEEPERS}


@pytest.mark.parametrize("first", ["cancel", "send"])
def test_a_cancel_that_races_with_the_end_leaves_one_outcome(durable, first):
    """46: either it completed or it was canceled, never both."""

    async def race(client, key):
        asked = {
            "cancel": lambda: client.cancel(key),
            "send": lambda: client.tell(key, "go", "word"),
        }
        other = "send" if first == "cancel" else "cancel"
        calls = [asked[first](), asked[other]()]
        return await asyncio.gather(*calls, return_exceptions=True)

    for _ in range(25):
        run = durable.start(waits_for_go)
        refused = durable.ask(lambda client, run=run: race(client, run.key))
        durable.settle()
        assert all(one is None or isinstance(one, Rejected) for one in refused)
        assert len(ends(durable, run)) == 1
        assert run.status in {"completed", "terminated"}


def test_a_deadline_cancels_the_children_and_begins_when_the_queue_lets_it(durable):
    """49: what waits in a queue does not lose its time there."""
    durable.watch(tidy)
    one, other = durable.start(parent, "one"), durable.start(parent, "other")
    durable.advance(3599)
    assert (one.status, durable.calls(tidy)) == ("active", 0)
    durable.advance(1)
    assert one.result == "one late"
    assert durable.calls(tidy) == 2, "both children cleaned up"
    assert other.status == "active"
    durable.advance(3600)

    assert other.result == "other late"
    assert durable.calls(tidy) == 4
    assert durable.read.counts()["child", "terminated"] == 4


def test_a_fork_keeps_messages_and_children_from_before(durable):
    """69: they are seen and not done again; the original is untouched."""
    later = wf.Message[str]("later", str)
    durable.watch(work)
    run = durable.start(long_story)
    durable.send(run, go, "hello")
    before = durable.record(run)
    key = durable.ask(lambda client: client.fork(run.key, from_step="work"))
    durable.settle()
    durable.ask(lambda client: client.tell(key, "later", "fork"))
    durable.settle()

    assert durable.ask(lambda client: client.wait(key)).variables["result"] == [
        "hello",
        "child of the story",
        "HELLO",
        "fork",
    ]
    assert durable.read.counts()["quick", "completed"] == 1
    assert durable.calls(work) == 2
    assert durable.record(run) == before
    durable.send(run, later, "original")
    assert run.result[3] == "original"


def test_steps_are_asked_for_in_the_turn_that_has_what_came_before(durable):
    """2: no step begins before the outcome that it follows is in the journal."""
    run = durable.start(three)
    asked = [
        (one.seen, one.steps)
        for turn in durable.read.history(int(run.key))
        for one in turn.records
        if isinstance(one, RoutineAdvanced) and one.steps
    ]

    assert asked == [(0, ("work#1",)), (1, ("work#2",)), (2, ("work#3",))]


def test_a_worker_that_stops_leaves_its_steps_to_another(tmp_path):
    """6: beside it in the same process, at once, and in the same attempt."""
    seen = []
    may_end = threading.Event()

    @step
    async def long() -> str:
        seen.append(step_context().attempt)
        while not may_end.is_set():  # noqa: ASYNC110  (another thread sets it)
            await asyncio.sleep(0.001)
        return "done"

    @workflow
    async def main() -> str:
        return await long()

    code = program(long, main)
    with at_work(tmp_path / "a.db", code) as at:
        key = asyncio.run(at.client.start("main"))
        while not seen:
            pass
        read = Reading(at.node.store)
        other = Worker(at.node.corridor, code, workflows=code.workflows, read=read)
        other.start()
        assert not at.worker.stop(0.0)
        may_end.set()
        ended = asyncio.run(at.client.wait(key))
        other.stop()

    assert ended.status == "completed"
    assert seen == [1, 1]
