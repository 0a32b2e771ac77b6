"""Wherever a workflow is when it is canceled, or its store is unsure, it ends once and cleanly."""

from __future__ import annotations

import asyncio

import pytest

from tenuto import Queue, QueueRefused, Retry, step, wf, workflow
from tenuto.client.handle import WorkflowCanceled
from tenuto.testing.durable import Durable

GO = wf.Message[str]("go", str)
ONE = Queue("one of an id", duplicates="reject")

done: list[str] = []
interrupted: list[str] = []


@pytest.fixture(autouse=True)
def _forget() -> None:
    done.clear()
    interrupted.clear()


@step
async def note(text: str) -> str:
    """Note that it ran."""
    done.append(text)
    return text


@step
async def endless() -> None:
    """Run until it is interrupted."""
    raise AssertionError("the test says what this does")


@step(retries=Retry(5, first=3600.0, jitter=0.0))
async def failing() -> None:
    """Fail, to be tried again in an hour."""
    done.append("tried")
    raise ConnectionError("away")


@workflow
async def in_step() -> None:
    """Wait for a step that does not end."""
    try:
        await endless()
    finally:
        await note("cleaned")


@workflow
async def in_retry() -> None:
    """Wait for the next attempt of a step."""
    try:
        await failing()
    finally:
        await note("cleaned")


def end(durable: Durable, run: object) -> None:
    """See that a canceled workflow has ended, and that nothing happens any more."""
    with pytest.raises(WorkflowCanceled):
        run.result  # noqa: B018  (it raises how the workflow ended)
    assert run.status == "terminated"
    before = list(done)
    durable.restart()
    durable.advance("1d")
    assert done == before


@pytest.mark.parametrize("evict", [False, True])
def test_a_cancel_interrupts_an_async_step_and_the_clean_up_runs(durable, evict):
    """Behaviour 44: the step is interrupted, not waited for."""
    durable.evict_always = evict

    async def hang() -> None:
        try:
            await durable.hang()
        except asyncio.CancelledError:
            interrupted.append("endless")
            raise

    durable.mock(endless, [hang])
    run = durable.start(in_step)
    run.cancel()

    assert interrupted == ["endless"]
    assert done == ["cleaned"]
    end(durable, run)


@pytest.mark.parametrize("evict", [False, True])
def test_a_cancel_between_two_attempts_lets_no_other_begin(durable, evict):
    """Behaviour 44: the clean-up runs at once, and the attempt that was due never comes."""
    durable.evict_always = evict
    run = durable.start(in_retry)
    assert done == ["tried"]
    run.cancel()

    assert done == ["tried", "cleaned"]
    end(durable, run)


@workflow
async def four() -> list[str]:
    """Take four steps, one after another."""
    return [await note(name) for name in "abcd"]


def test_a_store_that_fails_although_it_committed_makes_nothing_twice_and_fails_no_run(durable):
    """Behaviour 3: at each of its commits; the next life goes on from what was committed."""
    durable.watch(note)
    lives = durable.explore(four, crash="after_every_commit")

    assert lives >= 4
    assert durable.calls(note) == 4 * (lives + 1)
    [(_, status)] = durable.read.counts()
    assert status == "completed"


@workflow(queue=ONE, dedup="id")
async def deadly(id: str) -> str:
    """Fail, if told to."""
    if await GO.receive() == "fail":
        raise ValueError(id)
    return id


def test_the_dedup_id_of_a_dead_letter_is_free(durable):
    """Behaviour 63: who failed for good stands in nobody's way."""
    first = durable.start(deadly, "x")
    refused = durable.start(deadly, "x")
    assert isinstance(refused.error, QueueRefused)
    first.send(GO, "fail")
    assert first.status == "failed"

    again = durable.start(deadly, "x")
    again.send(GO, "well")
    assert again.result == "x"
