"""Updates and streams: what those outside ask of a workflow, and what it tells them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tenuto import Rejected, step, wf, workflow
from tenuto.client.client import Client
from tenuto.client.handle import Handle
from tenuto.errors import InputError
from tenuto.runtime.verify import verify
from tenuto.testing.durable import Durable

bid = wf.Update[int, int]("bid", int, returns=int)
slow = wf.Update[str, str]("slow", str, returns=str)
late = wf.Update[int, int]("late", int, returns=int)
told = wf.Stream[str]("told", str)
GO = wf.Message[str]("go", str)

checked: list[int] = []
noted: list[int] = []


@pytest.fixture(autouse=True)
def _forget() -> None:
    checked.clear()
    noted.clear()


@step
async def note(amount: int) -> int:
    """Write an amount down."""
    noted.append(amount)
    return amount


@workflow
async def auction() -> int:
    """Take higher and higher bids until told to end."""
    best = 0

    def check(amount: int) -> None:
        checked.append(amount)
        if amount <= best:
            raise ValueError(f"expected more than {best}, got {amount}")

    async def take(amount: int) -> int:
        nonlocal best
        best = amount
        told.write(f"now {amount}")
        return await note(amount)

    bid.handle(take, validate=check)
    told.write("open")
    await GO.receive()
    told.write("sold")
    return best


@workflow
async def patient(unfinished: str) -> str:
    """End while an answer is under way."""

    async def answer(text: str) -> str:
        await wf.sleep("1h")
        return text.upper()

    slow.handle(answer, unfinished=unfinished)
    return await GO.receive()


@workflow
async def opens_late() -> int:
    """Handle an update only after a while."""
    await wf.sleep("1h")
    late.handle(lambda amount: amount + 1)
    await wf.sleep("1h")
    return 0


@workflow
async def careless() -> str:
    """Have a validator that does more than read."""

    async def answer(amount: int) -> int:
        return amount

    bid.handle(answer, validate=lambda amount: asyncio.ensure_future(note.call(amount)))
    return await GO.receive()


@workflow
async def rounds(left: int) -> str:
    """Write, and continue as new."""
    told.write(f"round {left}")
    await wf.sleep("1m")
    if left:
        wf.continue_as_new(left - 1)
    told.close()
    return await GO.receive()


def check(durable: Durable) -> None:
    """Every row is what the journal says."""
    found = verify(durable.read.reader)
    assert not found.differences, found.differences


@pytest.mark.parametrize("evicts", [False, True])
def test_an_update_is_validated_done_and_answered(durable: Durable, evicts: bool) -> None:
    """26: the answer comes back; it may ask for steps; also when the coroutine is made again."""
    durable.evict_always = evicts
    run = durable.start(auction)
    assert run.update(bid, 5) == 5
    assert run.update(bid, 9) == 9
    assert noted == [5, 9]
    run.send(GO, "now")
    assert run.result == 9
    check(durable)


def test_updates_that_come_while_a_workflow_begins_are_answered(durable: Durable) -> None:
    """26: an update that meets the first words of the workflow in one commit is not overlooked."""

    async def begin_and_ask(client: Client, amount: int) -> int:
        handle = await client.begin(auction)
        return await handle.update(bid, amount)

    async def many(client: Client) -> list[int]:
        async with asyncio.timeout(10):
            return await asyncio.gather(*(begin_and_ask(client, n) for n in range(1, 101)))

    durable.start(auction)
    assert durable.ask(many) == list(range(1, 101))


def test_what_a_validator_refuses_the_workflow_never_sees(durable: Durable) -> None:
    """26: the caller gets the error by type, and nothing of it is in the history."""
    run = durable.start(auction)
    run.update(bid, 5)
    before = durable.calls(note), run.read_stream(told)
    with pytest.raises(ValueError, match="expected more than 5, got 3"):
        run.update(bid, 3)
    assert (durable.calls(note), run.read_stream(told)) == before
    durable.restart()
    run.send(GO, "now")
    assert run.result == 5
    assert checked == [5, 3]


def test_an_id_is_done_once_and_has_one_answer(durable: Durable) -> None:
    """26: the same id twice, also after a restart: one execution, the same answer."""
    run = durable.start(auction)
    assert run.update(bid, 5, id="first") == 5
    assert run.update(bid, 5, id="first") == 5
    durable.restart()
    assert run.update(bid, 700, id="first") == 5
    assert noted == [5]
    with pytest.raises(ValueError, match="expected more than 5"):
        run.update(bid, 1, id="low")
    with pytest.raises(ValueError, match="expected more than 5"):
        run.update(bid, 1, id="low")
    assert checked == [5, 1]


def test_an_accepted_update_is_found_again_by_its_id(durable: Durable) -> None:
    """27: a worker that restarts in between is not seen; a new client gets the result."""
    run = durable.start(patient, "wait")

    async def accept(client: Client) -> str:
        handle: Handle[str] = Handle(client, patient, run.key)
        return (await handle.accepted(slow, "hello", id="u-1")).id

    assert durable.ask(accept) == "u-1"
    durable.restart()
    durable.advance("1h")
    assert run.update(slow, "hello", id="u-1") == "HELLO"


def test_the_end_waits_for_answers_that_are_under_way(durable: Durable) -> None:
    """30: policy wait."""
    run = durable.start(patient, "wait")

    async def accept(client: Client) -> None:
        await Handle(client, patient, run.key).accepted(slow, "hello", id="u-1")

    durable.ask(accept)
    run.send(GO, "end")
    assert run.status == "active"
    durable.advance("1h")
    assert run.result == "end"


def test_the_end_may_abandon_answers_that_are_under_way(durable: Durable) -> None:
    """30: policy abandon; who waits is told that the workflow has ended."""
    run = durable.start(patient, "abandon")

    async def ask(client: Client) -> Any:
        handle: Handle[str] = Handle(client, patient, run.key)
        waiting = asyncio.ensure_future(handle.update(slow, "hello", id="u-1"))
        await handle.accepted(slow, "hello", id="u-1")
        await handle.send(GO, "end")
        return await asyncio.gather(waiting, return_exceptions=True)

    (refusal,) = durable.ask(ask)
    assert isinstance(refusal, Rejected)
    assert "has ended" in str(refusal)
    assert run.result == "end"


def test_an_update_waits_until_the_workflow_handles_it(durable: Durable) -> None:
    """What comes before its handler is kept."""
    run = durable.start(opens_late)

    async def ask(client: Client) -> asyncio.Future[int]:
        handle: Handle[int] = Handle(client, opens_late, run.key)
        future = asyncio.ensure_future(handle.update(late, 1, id="u"))
        await asyncio.sleep(0)
        return future

    with pytest.raises(TimeoutError):
        durable.ask(lambda client: _briefly(client, run.key))
    durable.advance("1h")
    assert run.update(late, 1, id="u") == 2


async def _briefly(client: Client, key: str) -> None:
    handle: Handle[int] = Handle(client, opens_late, key)
    await asyncio.wait_for(handle.update(late, 1, id="u"), 0.05)


def test_an_update_of_a_workflow_that_has_ended_is_refused(durable: Durable) -> None:
    """24: nothing is lost: the sender is told."""
    run = durable.start(auction)
    run.send(GO, "now")
    with pytest.raises(Rejected, match="expected instance"):
        run.update(bid, 5)


def test_a_validator_that_does_more_than_read_is_refused(durable: Durable) -> None:
    """A validator has no way into the history."""
    run = durable.start(careless)
    with pytest.raises(InputError, match="expected a validator that only reads"):
        run.update(bid, 5)
    assert noted == []


def test_an_update_outlives_a_crash_after_every_commit(durable: Durable) -> None:
    """26: with the id the caller may ask again after any crash."""
    durable.evict_always = True
    run = durable.start(auction)
    for amount in (3, 4):
        durable.restart()
        assert run.update(bid, amount, id=f"u-{amount}") == amount
    assert noted == [3, 4]
    check(durable)


def test_a_stream_is_read_in_order_and_from_an_offset(durable: Durable) -> None:
    """72: offsets count from 0; a replayed writer writes nothing twice."""
    durable.evict_always = True
    run = durable.start(auction)
    run.update(bid, 5)
    durable.restart()
    run.update(bid, 9)
    assert run.read_stream(told) == ["open", "now 5", "now 9"]
    assert run.read_stream(told, 2) == ["now 9"]
    run.send(GO, "now")

    async def follow(client: Client) -> list[tuple[int, str]]:
        handle: Handle[int] = Handle(client, auction, run.key)
        return [one async for one in handle.stream(told, 1)]

    assert durable.ask(follow) == [(1, "now 5"), (2, "now 9"), (3, "sold")]


def test_a_reader_follows_while_the_workflow_writes(durable: Durable) -> None:
    """72: it sees what comes, and ends when the workflow closes the stream, not only at its end."""
    run = durable.start(rounds, 2)
    assert run.read_stream(told) == ["round 2"]
    durable.advance("1m")
    durable.advance("1m")
    durable.advance("1m")
    assert run.status == "active"

    async def follow(client: Client) -> list[tuple[int, str]]:
        handle: Handle[str] = Handle(client, rounds, run.key)
        return [one async for one in handle.stream(told)]

    assert durable.ask(follow) == [(0, "round 2"), (1, "round 1"), (2, "round 0")]
    check(durable)
