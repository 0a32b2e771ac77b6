"""What the fixture `durable` shows and does beside time: steps, people, models, histories."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from tenuto import InputError, Retry, step, wf, workflow
from tests.spec.models import end, flows, model, start, user

go = wf.Message[int]("go", int)
LOOK = model(
    start() + user("look") + end() + flows("start>look", "look>end"),
    process="looking",
)


@step(retries=Retry(2, first=5.0, jitter=0.0))
async def fetch(n: int) -> int:
    """Give what came."""
    return n


@step
async def store(n: int) -> str:
    """Keep it."""
    return f"kept {n}"


@workflow
async def gather_in(n: int) -> str:
    """Fetch, ask a person, wait for two words."""
    found = await fetch(n)
    answer = await wf.ask("Look at it", {"found": found})
    word = await wf.receive("word", "k-1")
    return await store(found + answer["more"] + word["n"] + await go.receive())


@workflow
async def patient() -> str:
    """Clean up when it is asked to end."""
    try:
        await asyncio.sleep(3600)
    finally:
        await store(1)
    return "slept"


@workflow
async def over_a_process() -> dict[str, Any]:
    """Call a process."""
    return await wf.call("looking")


def test_every_wait_is_shown_with_how_it_went(durable):
    """Key, state, attempts, value and error, in the order in which they were asked for."""
    durable.mock(fetch, [ConnectionError("away"), 4])
    run = durable.start(gather_in, 4)
    [delayed] = durable.steps(run)
    assert delayed == ("fetch#1", "delayed", 1, None, "ConnectionError: away")

    durable.advance(5)

    assert durable.steps(run) == [
        ("fetch#1", "completed", 2, 4, None),
        ("Look at it#2", "waiting", 0, None, None),
    ]


def test_a_step_that_failed_is_shown_with_its_error(durable):
    """And with as many attempts as there were."""
    durable.mock(fetch, [ValueError("no")])
    run = durable.start(gather_in, 4)
    durable.advance(5)

    assert durable.steps(run) == [("fetch#1", "failed", 2, None, "ValueError: no")]


def test_people_and_messages_let_it_go_on(durable):
    """The task is answered by its name, the word comes by key, the message to the instance."""
    run = durable.start(gather_in, 1)
    with pytest.raises(InputError, match="Look at it"):
        durable.answer(run, "Look away")
    durable.answer(run, "Look at it", more=10)
    assert durable.publish("word", "other", n=5) == "expired"
    assert durable.publish("word", "k-1", n=100) == "correlated"
    durable.send(run, go, 1000)

    assert run.result == "kept 1111"


def test_a_canceled_workflow_cleans_up_and_a_terminated_one_does_not(durable):
    """Nothing of its code runs any more (behaviour 47)."""
    durable.watch(store)
    canceled, terminated = durable.start(patient), durable.start(patient)
    durable.terminate(terminated)
    assert (terminated.status, durable.calls(store)) == ("terminated", 0)
    durable.cancel(canceled)

    assert (canceled.status, durable.calls(store)) == ("terminated", 1)


def test_a_workflow_calls_a_deployed_process(durable, tmp_path):
    """A model is deployed from a file or from its bytes."""
    path = tmp_path / "look.bpmn"
    path.write_bytes(LOOK if isinstance(LOOK, bytes) else LOOK.encode())
    durable.deploy(path)
    run = durable.start(over_a_process)

    assert [one.state for one in durable.steps(run)] == ["waiting"]


def test_time_goes_to_a_moment(durable):
    """Not back, and not without a time zone."""
    run = durable.start(patient)
    durable.advance_to(datetime(2026, 1, 5, 9, 59, 59, tzinfo=UTC))
    assert run.status == "active"
    durable.advance_to(datetime(2026, 1, 5, 10, 0, tzinfo=UTC))
    assert run.result == "slept"
    with pytest.raises(InputError, match="not past"):
        durable.advance_to(datetime(2026, 1, 5, 9, 0, tzinfo=UTC))
    with pytest.raises(InputError, match="time zone"):
        durable.advance_to(datetime(2026, 1, 6, 9, 0))


# --- exploring


@workflow
async def mixed(n: int) -> list[Any]:
    """Steps side by side, then time, then one more."""
    found = list(await asyncio.gather(fetch(n), store(n)))
    await asyncio.sleep(60)
    return [*found, await fetch(n + 1)]


def test_no_finished_step_runs_again_after_a_crash(durable):
    """A crash after each commit: only what was under way is done again (behaviour 2)."""
    assert durable.explore(mixed, 1, crash="after_every_commit") >= 4
    with pytest.raises(InputError, match="after_every_commit"):
        durable.explore(mixed, 1, crash="sometimes")


def test_an_exploration_finds_what_differs_after_a_crash(durable):
    """A step with a memory of its own gives another result."""
    seen = []

    def count(n):
        seen.append(n)
        return len(seen)

    durable.mock(fetch, [count])
    with pytest.raises(AssertionError, match="after a crash at commit 1"):
        durable.explore(mixed, 1)
