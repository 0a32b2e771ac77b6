"""Talking to workflows: handles, ids, messages, state, people, decisions, children, the end."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest

from tenuto import InputError, Rejected, StepFailed, step, step_context, wf, workflow
from tenuto.client.handle import WorkflowCanceled
from tests.workflows.running import at_work

noted: list[str] = []


@pytest.fixture(autouse=True)
def clean():
    """Begin each test without notes."""
    noted.clear()


@dataclass
class Verdict:
    """What somebody decided."""

    ok: bool
    why: str = ""


approve = wf.Message[Verdict]("approve", Verdict)
number = wf.Message[int]("number", int)
place = wf.State[str]("place", str, default="new")


@step
async def note(text: str) -> str:
    """Note that a step ran."""
    noted.append(text)
    return text


@workflow
async def waits_for_approval(order: str) -> str:
    """Wait for a typed message."""
    place.set("waiting")
    verdict = await approve.receive()
    place.set("done")
    return f"{order} {verdict.ok} {verdict.why}"


@workflow
async def adds(count: int) -> list[int]:
    """Return as many messages as asked for, in order."""
    return [await number.receive() for _ in range(count)]


def serving(tmp_path, *members):
    """Run a node with note and these."""
    return at_work(tmp_path / "a.db", note, *members)


async def until(condition):
    """Wait until something holds; the test's own time limit bounds it."""
    found = await condition()
    while not found:
        found = await condition()


def test_a_typed_message_reaches_the_workflow(tmp_path):
    """It arrives as the type that was sent; the state says how far it is."""

    async def talk(client):
        handle = await client.begin(waits_for_approval, "o-1")
        assert await handle.state(place) in ("new", "waiting")
        await handle.send(approve, Verdict(True, "fine"))
        return await handle.result(), await handle.state(place)

    with serving(tmp_path, waits_for_approval) as at:
        assert asyncio.run(talk(at.client)) == ("o-1 True fine", "done")


def test_a_message_sent_before_the_workflow_first_ran_is_delivered(tmp_path):
    """It waits in the order of outcomes until a worker comes (behaviour 22)."""

    async def send(client):
        key = await client.start("adds", {"count": 3})
        for value in range(3):
            await client.send(key, "number", number.encode(value))
        return key

    with serving(tmp_path, adds) as at:
        asyncio.run(at.client.run("adds", {"count": 0}))
    with at_work(tmp_path / "a.db") as at:
        key = asyncio.run(send(at.client))
    with serving(tmp_path, adds) as at:
        assert asyncio.run(at.client.wait(key)).variables["result"] == [0, 1, 2]


def test_a_thousand_messages_keep_their_order(tmp_path):
    """They come as they were sent (behaviour 22)."""

    async def talk(client):
        handle = await client.begin(adds, 1000)
        for value in range(1000):
            await handle.send(number, value)
        return await handle.result()

    with serving(tmp_path, adds) as at:
        assert asyncio.run(talk(at.client)) == list(range(1000))


def test_a_repeated_message_is_taken_once(tmp_path):
    """The same message id is the same message (behaviour 23)."""

    async def talk(client):
        handle = await client.begin(adds, 2)
        for value in (1, 1, 1):
            await handle.send(number, value, message_id="m-1")
        await handle.send(number, 2, message_id="m-2")
        return await handle.result()

    with serving(tmp_path, adds) as at:
        assert asyncio.run(talk(at.client)) == [1, 2]


def test_a_message_after_the_end_is_refused(tmp_path):
    """The sender is told (behaviour 24)."""

    async def talk(client):
        handle = await client.begin(adds, 0)
        await handle.result()
        with pytest.raises(Rejected, match="active"):
            await handle.send(number, 1)

    with serving(tmp_path, adds) as at:
        asyncio.run(talk(at.client))


def test_one_id_is_one_execution_for_fifty_clients(tmp_path):
    """All get the same result (behaviour 11)."""

    @workflow(id=lambda order: f"order-{order}")
    async def once(order: str) -> str:
        return await note(f"ran {order}")

    async def talk(client):
        handles = await asyncio.gather(*(client.begin(once, "7") for _ in range(50)))
        return {handle.key for handle in handles}, {await handle.result() for handle in handles}

    with serving(tmp_path, once) as at:
        keys, results = asyncio.run(talk(at.client))

    assert len(keys) == 1
    assert results == {"ran 7"}
    assert noted == ["ran 7"]


def test_an_id_of_another_workflow_is_a_conflict(tmp_path):
    """The error names the id (behaviour 12)."""

    @workflow
    async def other(count: int) -> int:
        return count

    async def talk(client):
        await client.begin(adds.options(id="x-1"), 0)
        with pytest.raises(Rejected, match="x-1"):
            await client.begin(other.options(id="x-1"), 0)

    with serving(tmp_path, adds, other) as at:
        asyncio.run(talk(at.client))


def test_cancel_lets_the_workflow_clean_up(tmp_path):
    """`finally` may run steps; the instance ends as terminated (behaviour 44)."""

    @workflow
    async def tidy() -> None:
        try:
            place.set("ready")
            await asyncio.sleep(3600)
        finally:
            await note("cleaned")

    async def talk(client):
        handle = await client.begin(tidy)

        async def ready():
            return await handle.state(place) == "ready"

        await until(ready)
        await handle.cancel("enough")
        with pytest.raises(WorkflowCanceled):
            await handle.result()
        with pytest.raises(Rejected):
            await handle.cancel("again")

    with serving(tmp_path, tidy) as at:
        asyncio.run(talk(at.client))
        assert at.client.read.reader.rows("timer") == []

    assert noted == ["cleaned"]


def test_cancel_is_delivered_once_and_a_shielded_part_ends(tmp_path):
    """A second cancel is refused while the first is under way (behaviour 45)."""
    gate = wf.Message[int]("gate", int)

    @workflow
    async def shielded() -> None:
        async def inner():
            place.set("inside")
            await gate.receive()
            await note("inner ended")

        task = asyncio.ensure_future(inner())
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            place.set("canceled")
            await task
            raise

    async def talk(client):
        handle = await client.begin(shielded)

        async def is_at(name):
            return await handle.state(place) == name

        await until(lambda: is_at("inside"))
        await handle.cancel()
        await until(lambda: is_at("canceled"))
        with pytest.raises(Rejected, match="canceled already"):
            await handle.cancel()
        await handle.send(gate, 1)
        with pytest.raises(WorkflowCanceled):
            await handle.result()

    with serving(tmp_path, shielded) as at:
        asyncio.run(talk(at.client))

    assert noted == ["inner ended"]


def test_terminate_runs_no_clean_up(tmp_path):
    """Nothing of the code runs any more (behaviour 47)."""

    @workflow
    async def untidy() -> None:
        try:
            place.set("ready")
            await asyncio.sleep(3600)
        finally:
            await note("cleaned")

    async def talk(client):
        handle = await client.begin(untidy)

        async def ready():
            return await handle.state(place) == "ready"

        await until(ready)
        await handle.terminate("enough")
        with pytest.raises(WorkflowCanceled):
            await handle.result()

    with serving(tmp_path, untidy) as at:
        asyncio.run(talk(at.client))

    assert noted == []


def test_a_parent_that_is_canceled_cancels_its_child(tmp_path):
    """Both clean up (behaviour 42)."""

    @workflow
    async def child() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            await note("child cleaned")

    @workflow
    async def mother() -> None:
        place.set("ready")
        await child()

    async def talk(client):
        handle = await client.begin(mother)

        async def child_waits():
            return bool(client.read.reader.rows("timer"))

        await until(child_waits)
        await handle.cancel()
        with pytest.raises(WorkflowCanceled):
            await handle.result()

        async def noted_it():
            return noted == ["child cleaned"]

        await until(noted_it)

    with serving(tmp_path, child, mother) as at:
        asyncio.run(talk(at.client))


def test_a_person_is_asked(tmp_path):
    """What the person gave is the result; the task says who may do it."""

    @workflow
    async def review(amount: int) -> str:
        answer = await wf.ask("Review it", {"amount": amount}, candidates="ops, audit", due="P1D")
        return answer["verdict"]

    async def talk(client):
        handle = await client.begin(review, 7)

        async def has_task():
            return bool(client.read.tasks())

        await until(has_task)
        [task] = client.read.tasks()
        assert task.name == "Review it"
        await client.complete_task(task.key, {"verdict": "yes"})
        return await handle.result()

    with serving(tmp_path, review) as at:
        assert asyncio.run(talk(at.client)) == "yes"


def test_a_message_by_correlation_key_is_received_early_or_late(tmp_path):
    """It is kept for its time to live until the workflow waits for it."""

    @workflow
    async def shipment(order: str) -> str:
        got = await wf.receive("shipped", order)
        return got["by"]

    async def talk(client):
        await client.publish("shipped", "o-1", {"by": "sea"}, time_to_live="PT1H")
        early = await client.begin(shipment, "o-1")
        late = await client.begin(shipment, "o-2")
        first = await early.result()
        status = ""
        while status != "correlated":
            status = await client.publish("shipped", "o-2", {"by": "air"})
        return first, await late.result()

    with serving(tmp_path, shipment) as at:
        assert asyncio.run(talk(at.client)) == ("sea", "air")


CLAIMS = Path(__file__).parents[2] / "examples" / "claims"


def test_a_decision_is_made_in_the_order_of_outcomes(tmp_path):
    """`decide` returns what the table says; what is not deployed is an error of the workflow."""

    @workflow
    async def decides() -> str:
        try:
            await wf.decide("no-such-decision", {"a": 1})
        except StepFailed as error:
            return str(error)
        return "fine"

    with serving(tmp_path, decides) as at:
        result = asyncio.run(at.client.run("decides")).variables["result"]

    assert "expected a deployed decision `no-such-decision`" in result


def test_a_process_is_called_from_a_workflow_and_a_workflow_from_a_process(tmp_path):
    """Both appear in one history; variables go in and out."""
    from tests.spec.models import end, flows, model, start

    @workflow
    async def inner(n: int) -> int:
        await note(f"inner {n}")
        return n + 1

    @workflow
    async def outer(n: int) -> int:
        found = await wf.call("caller", n=n)
        return found["result"]

    call = (
        '<callActivity id="c"><extensionElements><zeebe:calledElement processId="inner"/>'
        "</extensionElements></callActivity>"
    )
    bpmn = model(start() + call + end() + flows("start>c", "c>end"), process="caller")

    async def talk(client):
        await client.deploy_sources([("caller.bpmn", "bpmn", bpmn)])
        return await (await client.begin(outer, 4)).result()

    with serving(tmp_path, inner, outer) as at:
        assert asyncio.run(talk(at.client)) == 5

    assert noted == ["inner 4"]


def test_saga_undoes_in_reverse_what_was_done(tmp_path):
    """Only what succeeded is undone, last first (behaviour 48)."""

    @step
    async def undo(text: str, result: str) -> None:
        noted.append(f"undo {result}")

    @step(undo=undo)
    async def do(text: str) -> str:
        noted.append(f"do {text}")
        return text

    @step(retries=1)
    async def fail() -> None:
        raise ValueError("broken")

    @workflow
    async def books() -> None:
        async with wf.saga() as saga:
            await saga.run(do, "flight")
            await saga.run(do, "hotel")
            await saga.run(fail)

    with serving(tmp_path, do, undo, fail, books) as at:
        ended = asyncio.run(at.client.run("books"))

    assert ended.status == "failed"
    assert ended.variables["error"]["message"] == "broken"
    assert noted == ["do flight", "do hotel", "undo hotel", "undo flight"]


def test_continue_as_new_keeps_the_instance(tmp_path):
    """Key and result are those of one instance; the history begins anew (behaviour 21)."""

    @workflow
    async def counts(left: int, total: int = 0) -> int:
        await note(f"{left}")
        if left:
            wf.continue_as_new(left - 1, total + left)
        return total

    async def talk(client):
        return await (await client.begin(counts, 3)).result()

    with serving(tmp_path, counts) as at:
        assert asyncio.run(talk(at.client)) == 6

    assert noted == ["3", "2", "1", "0"]


def test_a_step_has_another_key_in_each_run_of_an_instance(tmp_path):
    """What continues as new does not repeat the keys that it gave to the outside."""

    @step
    async def remember() -> str:
        noted.append(step_context().idempotency_key)
        return ""

    @workflow
    async def again(left: int) -> None:
        await remember()
        if left:
            wf.continue_as_new(left - 1)

    with serving(tmp_path, remember, again) as at:
        asyncio.run(at.client.run("again", {"left": 2}))

    assert len(set(noted)) == 3


def test_what_a_workflow_asks_outside_of_one_is_refused():
    """The error says where it belongs."""
    with pytest.raises(InputError, match="within a workflow"):
        asyncio.run(wf.receive("x"))


def test_the_world_outside_is_refused_in_a_body(tmp_path):
    """A thread or socket belongs into a step."""

    @workflow
    async def reaches_out() -> None:
        await asyncio.to_thread(print, "x")

    with serving(tmp_path, reaches_out) as at:
        ended = asyncio.run(at.client.run("reaches_out"))

    assert ended.status == "failed"
    assert "@step" in ended.variables["error"]["message"]
