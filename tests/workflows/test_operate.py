"""Operating workflows: step by step, forked from a step, retried with other input, repaired."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading

import pytest

from tenuto import InputError, Rejected, Retry, step, wf, workflow
from tenuto.client.where import Where
from tenuto.engine.routine_records import OutcomeTaken
from tenuto.runtime.verify import verify
from tests.workflows.running import at_work, run

noted: list[str] = []


@pytest.fixture(autouse=True)
def clean():
    """Begin each test without notes."""
    noted.clear()
    broken.clear()


@step(retries=1)
async def work(text: str) -> str:
    """Note that it ran; fail on request."""
    noted.append(text)
    if text.endswith("!"):
        raise ValueError(text)
    return text.upper()


@workflow
async def line(a: str, b: str, c: str) -> list[str]:
    """Three steps with a message in between."""
    first = await work(a)
    await asyncio.sleep(0.001)
    second = await work(b)
    return [first, second, await work(c)]


def test_a_fork_from_a_step_runs_it_and_what_follows(tmp_path):
    """Steps before it are copied, the original is untouched (behaviour 69)."""
    with at_work(tmp_path / "a.db", work, line) as at:
        first = run(at, "line", a="a", b="b", c="c")
        noted.clear()
        key = asyncio.run(at.client.fork(first.key, from_step="work#3"))
        forked = asyncio.run(at.client.wait(key))

        assert forked.variables["result"] == ["A", "B", "C"]
        assert noted == ["b", "c"]
        assert asyncio.run(at.client.wait(first.key)).variables == first.variables


def test_a_failed_workflow_is_retried_from_its_failed_step_with_other_input(tmp_path):
    """Edit and retry: the dead letter comes to life as a new instance."""
    with at_work(tmp_path / "a.db", work, line) as at:
        dead = run(at, "line", a="a", b="b", c="c!")
        assert dead.status == "failed"
        noted.clear()
        key = asyncio.run(at.client.fork(dead.key, variables={"c": "fine"}))

        assert asyncio.run(at.client.wait(key)).variables["result"] == ["A", "B", "FINE"]
        assert noted == ["fine"]


broken: set[str] = set()


@step(retries=Retry(2, first=0.001))
async def unbook(text: str, result: str) -> None:
    """Undo what was booked, unless it is broken."""
    noted.append(f"undo {text}")
    if text in broken:
        raise ConnectionError(text)


@step(undo=unbook)
async def book(text: str) -> str:
    """Book one thing."""
    noted.append(text)
    return text


@workflow
async def trip() -> None:
    """Book two things; the third is refused."""
    async with wf.saga() as saga:
        await saga.run(book, "flight")
        await saga.run(book, "hotel")
        await work("tour!")


def test_what_could_not_be_undone_is_a_dead_letter_that_goes_on_with_the_rest(tmp_path):
    """Behaviour 48: its attempts end, nothing older is undone before it; a fork takes it up."""
    broken.add("hotel")
    with at_work(tmp_path / "a.db", work, book, unbook, trip) as at:
        dead = run(at, "trip")
        assert dead.status == "failed"
        assert noted == ["flight", "hotel", "tour!", "undo hotel", "undo hotel"]
        [cause] = asyncio.run(at.client.causes())
        assert cause.cause == "ConnectionError"
        noted.clear()
        broken.clear()
        again = asyncio.run(at.client.wait(asyncio.run(at.client.fork(dead.key))))

        assert noted == ["undo hotel", "undo flight"]
        assert again.status == "failed"


def test_a_fork_is_replayed_after_a_restart(tmp_path):
    """What was copied is part of the record of the fork."""

    @workflow
    async def stops(a: str) -> list[str]:
        first = await work(a)
        got = await wf.receive("go", "k")
        return [first, got["n"]]

    with at_work(tmp_path / "a.db", work, stops) as at:
        first = asyncio.run(at.client.start("stops", {"a": "a"}))
        while not at.client.read.reader.rows("subscription"):
            pass
        key = asyncio.run(at.client.fork(first, from_step="receive go"))
        while len(at.client.read.reader.rows("subscription")) < 2:
            pass
    with at_work(tmp_path / "a.db", work, stops) as at:
        asyncio.run(at.client.terminate(first))
        asyncio.run(at.client.publish("go", "k", {"n": 1}, time_to_live="PT1H"))
        assert asyncio.run(at.client.wait(key)).variables["result"] == ["A", 1]
    assert noted == ["a"]


def test_failed_workflows_are_forked_in_bulk_by_their_cause(tmp_path):
    """All dead letters of one cause run again with other input; others stay as they are."""
    with at_work(tmp_path / "a.db", work, line) as at:
        dead = [run(at, "line", a="a", b="b", c=f"c{n}!").key for n in range(3)]
        fine = run(at, "line", a="a", b="b", c="c").key
        noted.clear()
        where = Where(process="line", state="failed", cause="ValueError")
        [cause] = asyncio.run(at.client.causes("line"))
        assert (cause.what, cause.cause, cause.count) == ("failed", "ValueError", 3)
        done = asyncio.run(at.client.bulk("fork", where, variables={"c": "fine"}))
        none = asyncio.run(at.client.bulk("fork", Where(state="failed", cause="KeyError")))
        whole = asyncio.run(at.client.bulk("fork", Where(state="completed")))

        assert sorted(done.started) == sorted(dead)
        for key in done.started.values():
            assert asyncio.run(at.client.wait(key)).variables["result"] == ["A", "B", "FINE"]
        assert none.matched == 0
        assert fine in {one.instance for one in whole.refused}, "it has no step that failed"
        assert noted == ["fine"] * 3


def test_a_step_that_is_not_there_is_refused(tmp_path):
    """The error names those that are."""
    with at_work(tmp_path / "a.db", work, line) as at:
        first = run(at, "line", a="a", b="b", c="c")
        with pytest.raises(InputError, match=r"work#1.*timer#2"):
            asyncio.run(at.client.fork(first.key, from_step="ship"))
        with pytest.raises(InputError, match="none that failed"):
            asyncio.run(at.client.fork(first.key))


def test_code_that_does_not_fit_the_record_stops_before_anything_is_done(tmp_path):
    """The incident names both sides; with the old code it goes on (behaviour 16)."""

    @workflow(name="changes")
    async def old() -> str:
        await work("one")
        await wf.receive("go", "k")
        return await work("two")

    @step
    async def other(text: str) -> str:
        noted.append(f"other {text}")
        return text

    @workflow(name="changes")
    async def new() -> str:
        await other("one")
        await wf.receive("go", "k")
        return await work("two")

    with at_work(tmp_path / "a.db", work, old) as at:
        key = asyncio.run(at.client.start("changes"))
        while not at.client.read.reader.rows("subscription"):
            pass
        asyncio.run(at.client.publish("warm", "up"))
    noted.clear()
    broken.clear()
    with at_work(tmp_path / "a.db", work, other, new) as at:
        asyncio.run(at.client.publish("go", "k", {}, time_to_live="PT1H"))
        while not at.client.read.incidents(key):
            pass
        [incident] = at.client.read.incidents(key)
        assert incident.code == "not-deterministic"
        assert "`work#1`" in incident.message
        assert "`other#1`" in incident.message
        assert noted == []
    with at_work(tmp_path / "a.db", work, old) as at:
        asyncio.run(at.client.resolve_incident(f"{key}-{incident.incident}"))
        assert asyncio.run(at.client.wait(key)).variables["result"] == "TWO"


def test_a_patch_lets_old_instances_take_the_old_branch(tmp_path):
    """New ones take the new branch; both replay (behaviour 17)."""

    @workflow(name="grows")
    async def before(n: str) -> list[str]:
        found = [await work("a")]
        await wf.receive("go", n)
        return [*found, await work("b")]

    @workflow(name="grows")
    async def after(n: str) -> list[str]:
        found = [await work("a")]
        if wf.patched("taxes"):
            found.append(await work("tax"))
        await wf.receive("go", n)
        return [*found, await work("b")]

    def waiting(at, count):
        while len(at.client.read.reader.rows("subscription")) < count:
            pass

    with at_work(tmp_path / "a.db", work, before) as at:
        older = asyncio.run(at.client.start("grows", {"n": "1"}))
        waiting(at, 1)
    with at_work(tmp_path / "a.db", work, after) as at:
        newer = asyncio.run(at.client.start("grows", {"n": "2"}))
        waiting(at, 2)
    with at_work(tmp_path / "a.db", work, after) as at:
        for n in ("1", "2"):
            asyncio.run(at.client.publish("go", n, {}, time_to_live="PT1H"))
        assert asyncio.run(at.client.wait(older)).variables["result"] == ["A", "B"]
        assert asyncio.run(at.client.wait(newer)).variables["result"] == ["A", "TAX", "B"]


def test_a_patch_whose_old_branch_is_gone_still_replays(tmp_path):
    """Once no instance takes the old branch only the mark stays in the code (behaviour 17)."""

    @workflow(name="grows")
    async def both(n: str) -> list[str]:
        found = [await work("tax" if wf.patched("taxes") else "a")]
        await wf.receive("go", n)
        return [*found, await work("b")]

    @workflow(name="grows")
    async def newest(n: str) -> list[str]:
        wf.patched("taxes")
        found = [await work("tax")]
        await wf.receive("go", n)
        return [*found, await work("b")]

    with at_work(tmp_path / "a.db", work, both) as at:
        older = asyncio.run(at.client.start("grows", {"n": "1"}))
        while not at.client.read.reader.rows("subscription"):
            pass
    with at_work(tmp_path / "a.db", work, newest) as at:
        newer = asyncio.run(at.client.start("grows", {"n": "2"}))
        for key, n in ((older, "1"), (newer, "2")):
            asyncio.run(at.client.publish("go", n, {}, time_to_live="PT1H"))
            assert asyncio.run(at.client.wait(key)).variables["result"] == ["TAX", "B"]
    assert sorted(noted) == ["b", "b", "tax", "tax"]


def test_an_instance_of_a_version_without_code_waits_for_it(tmp_path):
    """It never runs on other code, unless that says it replays the version (behaviour 18)."""

    @workflow(name="pinned", version=1)
    async def one() -> str:
        await wf.receive("go", "k")
        return "one"

    @workflow(name="pinned", version=2)
    async def two() -> str:
        return "two"

    @workflow(name="pinned", version=3, replays=(1,))
    async def three() -> str:
        await wf.receive("go", "k")
        return "three"

    with at_work(tmp_path / "a.db", one) as at:
        key = asyncio.run(at.client.start("pinned"))
        while not at.client.read.reader.rows("subscription"):
            pass
    with at_work(tmp_path / "a.db", two) as at:
        assert run(at, "pinned").variables["result"] == "two"
        asyncio.run(at.client.publish("go", "k", {}, time_to_live="PT1H"))
        assert run(at, "pinned").variables["result"] == "two"
        assert at.client.read.find(key).status == "active"
    with at_work(tmp_path / "a.db", three) as at:
        assert asyncio.run(at.client.wait(key)).variables["result"] == "three"


def test_the_job_of_a_workflow_is_not_completed_by_hand(tmp_path):
    """Only its code ends it."""
    with at_work(tmp_path / "a.db", work, line):
        pass
    with at_work(tmp_path / "a.db") as at:
        key = asyncio.run(at.client.start("line", {"a": "a", "b": "b", "c": "c"}))
        with pytest.raises(Rejected, match="is the workflow"):
            asyncio.run(at.client.complete_job(f"{key}-1"))


def test_large_outcomes_do_not_stay_in_memory(tmp_path):
    """What the coroutine has seen is in the journal; replay reads it there."""

    @step
    async def large(n: int) -> str:
        return str(n) * 5_000

    @workflow
    async def many(count: int) -> int:
        total = 0
        for n in range(count):
            total += len(await large(n % 10))
        await wf.receive("go", "k")
        return total

    with at_work(tmp_path / "a.db", large, many) as at:
        key = asyncio.run(at.client.start("many", {"count": 100}))
        while not at.client.read.reader.rows("subscription"):
            pass
        held = at.node.corridor.warm.peek(int(key))
        assert len(held.payloads) <= 32
    with at_work(tmp_path / "a.db", large, many) as at:
        asyncio.run(at.client.publish("go", "k", {}, time_to_live="PT1H"))
        assert asyncio.run(at.client.wait(key)).variables["result"] == 500_000


def test_a_paused_workflow_ends_its_step_and_begins_no_other(tmp_path):
    """The step that runs may end, its outcome is kept; resumed, the next one begins."""
    begun, go_on = threading.Event(), threading.Event()

    @step
    def slow(text: str) -> str:
        noted.append(text)
        begun.set()
        assert go_on.wait(10)
        return text.upper()

    @workflow
    async def pair() -> list[str]:
        return [await slow.call("a"), await work("b")]

    with at_work(tmp_path / "a.db", slow, work, pair) as at:
        key = asyncio.run(at.client.start("pair"))
        assert begun.wait(10)
        asyncio.run(at.client.pause(key, reason="look"))
        go_on.set()
        while not taken(at, key):
            pass
        assert at.client.read.find(key).status == "paused"
        assert noted == ["a"]
        asyncio.run(at.client.resume(key))
        assert asyncio.run(at.client.wait(key)).variables["result"] == ["A", "B"]
    assert noted == ["a", "b"]


def test_a_workflow_that_is_resumed_while_its_step_runs_goes_on_with_it(tmp_path):
    """The step is not begun again, and a message that came meanwhile is seen."""
    begun, go_on = threading.Event(), threading.Event()

    @step
    def slow() -> str:
        noted.append("slow")
        begun.set()
        assert go_on.wait(10)
        return "done"

    @workflow
    async def both() -> list[str]:
        return list(await asyncio.gather(slow.call(), receive()))

    async def receive() -> str:
        return (await wf.receive("go", "k"))["n"]

    with at_work(tmp_path / "a.db", slow, both) as at:
        key = asyncio.run(at.client.start("both"))
        assert begun.wait(10)
        asyncio.run(at.client.pause(key))
        asyncio.run(at.client.publish("go", "k", {"n": "7"}, time_to_live="PT1H"))
        asyncio.run(at.client.resume(key))
        go_on.set()
        assert asyncio.run(at.client.wait(key)).variables["result"] == ["done", "7"]
    assert noted == ["slow"]


def test_a_paused_workflow_orders_its_outcomes_and_stays_paused_over_a_restart(tmp_path):
    """Messages get their place while it stands still; nothing of it runs before resume."""

    @workflow
    async def listens() -> list[str]:
        got = [(await wf.receive("go", "k"))["n"] for _ in range(2)]
        return [*got, await work("after")]

    with at_work(tmp_path / "a.db", work, listens) as at:
        key = asyncio.run(at.client.start("listens"))
        while not at.client.read.reader.rows("subscription"):
            pass
        asyncio.run(at.client.pause(key))
        asyncio.run(at.client.publish("go", "k", {"n": "1"}, time_to_live="PT1H"))
    with at_work(tmp_path / "a.db", work, listens) as at:
        asyncio.run(at.client.publish("go", "k", {"n": "2"}, time_to_live="PT1H"))
        assert noted == []
        asyncio.run(at.client.resume(key))
        assert asyncio.run(at.client.wait(key)).variables["result"] == ["1", "2", "AFTER"]
        assert verify(at.client.read.reader).differences == []


def test_a_paused_workflow_can_be_canceled_and_cleans_up(tmp_path):
    """To cancel is to let it go on to its end."""

    @workflow
    async def tidy() -> None:
        try:
            await wf.receive("never", "k")
        finally:
            await work("tidied")

    with at_work(tmp_path / "a.db", work, tidy) as at:
        key = asyncio.run(at.client.start("tidy"))
        while not at.client.read.reader.rows("subscription"):
            pass
        asyncio.run(at.client.pause(key))
        asyncio.run(at.client.cancel(key))
        assert asyncio.run(at.client.wait(key)).status == "terminated"
    assert noted == ["tidied"]


def taken(at, key):
    """Tell whether the first step of a workflow has come to an outcome."""
    turns = at.client.read.history(int(key))
    return any(isinstance(record, OutcomeTaken) for turn in turns for record in turn.records)


@pytest.mark.parametrize("seed", range(3))
def test_pauses_at_any_moment_neither_lose_nor_repeat_a_step(tmp_path, seed):
    """Workflows that are paused and resumed again and again come to the same end."""
    chance = random.Random(seed)

    @step
    async def one(key: str, n: int) -> int:
        noted.append(f"{key}.{n}")
        return n

    @workflow
    async def many(key: str) -> list[int]:
        found = list(await asyncio.gather(*(one(key, n) for n in range(3))))
        await asyncio.sleep(0.001)
        found.append((await wf.receive("go", key))["n"])
        return [*found, *[await one(key, n) for n in range(4, 8)]]

    async def disturb(client):
        keys = [await client.start("many", {"key": str(n)}) for n in range(8)]
        for whim in range(160):
            act = chance.choice([client.pause, client.resume])
            with contextlib.suppress(Rejected):
                await act(chance.choice(keys))
            if whim % 20 == 0:
                await client.publish("go", str(whim // 20), {"n": 3}, time_to_live="PT1H")
        await client.bulk("resume", Where(state="paused"))
        return [(await client.wait(key)).variables["result"] for key in keys]

    with at_work(tmp_path / "a.db", one, many) as at:
        assert asyncio.run(disturb(at.client)) == [list(range(8))] * 8
        assert verify(at.client.read.reader).differences == []
    steps = [n for n in range(8) if n != 3]
    assert sorted(noted) == sorted(f"{key}.{n}" for key in range(8) for n in steps)
