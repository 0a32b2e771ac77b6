"""Parents and children, and what is undone: started once, ended together, in order."""

from __future__ import annotations

import asyncio

import pytest

from tenuto import InputError, Retry, step, wf, workflow
from tenuto.store.port import InstanceQuery

ANSWER = wf.Message[str]("answer", str)
GATE = wf.Message[str]("gate", str)

done: list[str] = []
weak: set[str] = set()


@pytest.fixture(autouse=True)
def _forget() -> None:
    done.clear()
    weak.clear()


@step
async def work(text: str) -> str:
    """Note that it ran."""
    done.append(text)
    return text.upper()


@workflow
async def child(text: str) -> str:
    """Do one thing, then wait for a word."""
    found = await work(text)
    return f"{found} {await ANSWER.receive()}"


@workflow
async def mother(text: str) -> str:
    """Start a child, see to something else, and only then wait for the child."""
    born = asyncio.ensure_future(child(text))
    seen = await GATE.receive()
    return f"{await born}, {seen}"


@workflow
async def quick_child(text: str) -> str:
    """Do one thing."""
    return await work(text)


@workflow
async def busy_mother(text: str) -> list[str]:
    """Do something between the start of a child and the wait for it."""
    born = asyncio.ensure_future(quick_child(f"{text} child"))
    mine = await work(f"{text} mother")
    return [mine, await born]


@workflow
async def patient_child(text: str) -> None:
    """Sleep long; clean up if asked to end."""
    try:
        await asyncio.sleep(86_400)
    finally:
        await work(f"{text} cleaned")


@workflow
async def patient_mother(text: str) -> None:
    """Wait for a child; clean up if asked to end."""
    try:
        await patient_child(f"{text} child")
    finally:
        await work(f"{text} mother")


def children(durable, name):
    """Return the instances of a workflow."""
    return durable.read.instances(InstanceQuery(process=name))


@pytest.mark.parametrize("evict", [False, True])
def test_a_crash_between_the_start_of_a_child_and_the_wait_for_it_starts_no_second(durable, evict):
    """Behaviour 41: the parent that is made again finds the child that it started."""
    durable.evict_always = evict
    run = durable.start(mother, "a")
    [born] = children(durable, "child")
    durable.restart()
    durable.restart()
    durable.send(run, GATE, "gate")
    assert [one.key for one in children(durable, "child")] == [born.key]

    durable.restart()
    durable.ask(lambda client: client.tell(str(born.key), "answer", "yes"))
    durable.settle()

    assert run.result == "A yes, gate"
    assert done == ["a"]
    assert len(children(durable, "child")) == 1


@pytest.mark.parametrize("crash", ["after_every_commit", "before_every_commit"])
def test_a_child_is_started_once_wherever_its_parent_crashes(durable, crash):
    """Behaviour 41: at each commit; also when the commit of the start is lost."""
    assert durable.explore(busy_mother, "a", crash=crash) >= 2
    assert len(children(durable, "quick_child")) == 1


@workflow(when_left="abandon")
async def independent_child(text: str) -> None:
    """Sleep long, and note what comes after."""
    try:
        await asyncio.sleep(86_400)
        await work(f"{text} slept")
    except asyncio.CancelledError:
        await work(f"{text} cleaned")
        raise


@workflow
async def strict_mother(text: str, when_left: str) -> None:
    """Wait for a child whose end is decided by the call; clean up if asked to end."""
    try:
        await independent_child.options(when_left=when_left)(f"{text} child")
    finally:
        await work(f"{text} mother")


@workflow
async def forgetful_mother(text: str) -> str:
    """Begin a child and end before it."""
    born = asyncio.ensure_future(independent_child(f"{text} child"))
    done = await work(text)
    assert not born.done()
    return done


@pytest.mark.parametrize("end", ["cancel", "terminate"])
@pytest.mark.parametrize(
    ("when_left", "status", "noted"),
    [
        ("cancel", "terminated", {"a child cleaned"}),
        ("terminate", "terminated", set()),
        ("abandon", "completed", {"a child slept"}),
    ],
)
def test_a_child_that_is_left_is_canceled_terminated_or_left_alone(
    durable, end, when_left, status, noted
):
    """Behaviour 42: each policy, whether its parent may clean up or not."""
    run = durable.start(strict_mother, "a", when_left)
    durable.ask(lambda client: getattr(client, end)(run.key))
    durable.settle()
    assert run.status == "terminated"

    durable.restart()
    durable.advance("2d")

    assert [one.status for one in children(durable, "independent_child")] == [status]
    assert set(done) - {"a mother"} == noted
    assert ("a mother" in done) is (end == "cancel")


def test_a_child_that_is_abandoned_outlives_a_parent_that_returns(durable):
    """Nobody waits for it, and its end disturbs nobody."""
    run = durable.start(forgetful_mother, "a")
    assert run.status == "completed"
    durable.advance("2d")

    assert [one.status for one in children(durable, "independent_child")] == ["completed"]
    assert "a child slept" in done


def test_what_becomes_of_a_child_is_one_of_three(durable):
    """Another word is refused where it is written."""
    with pytest.raises(InputError, match="expected `when_left` to be one of cancel, terminate"):
        workflow(when_left="forget")(patient_child.function)
    with pytest.raises(InputError, match="got 'forget'"):
        patient_child.options(when_left="forget")


@pytest.mark.parametrize(
    ("end", "cleaned"),
    [("cancel", {"a child cleaned", "a mother"}), ("terminate", {"a child cleaned"})],
)
def test_a_child_ends_with_its_parent_and_cleans_up(durable, end, cleaned):
    """Behaviour 42: it is asked to end, also by the end of a parent that may not clean up."""
    run = durable.start(patient_mother, "a")
    durable.ask(lambda client: getattr(client, end)(run.key))
    durable.settle()

    assert run.status == "terminated"
    assert [one.status for one in children(durable, "patient_child")] == ["terminated"]
    assert set(done) == cleaned
    assert len(done) == len(cleaned)


@step(retries=Retry(4, first=60.0, jitter=0.0))
async def undo(name: str, result: str) -> None:
    """Undo; something weak needs several attempts."""
    if name in weak:
        weak.discard(name)
        raise ConnectionError(name)
    done.append(f"undo {name}")


@step(undo=undo)
async def do(name: str) -> str:
    """Do one part."""
    done.append(f"do {name}")
    return name


@step(retries=1, undo=undo)
async def fail(name: str) -> str:
    """Do nothing and fail."""
    raise ValueError(name)


@workflow
async def trip() -> str:
    """Book three things; the fourth fails."""
    try:
        async with wf.saga() as saga:
            for name in ("flight", "hotel", "car"):
                await saga.run(do, name)
            await saga.run(fail, "tour")
    except ValueError as error:
        return f"without {error}"
    return "whole"


BOOKED = ["do flight", "do hotel", "do car"]
UNDONE = ["undo car", "undo hotel", "undo flight"]


def test_what_cannot_be_undone_at_first_is_tried_again_in_its_place(durable):
    """Behaviour 48: the older ones wait for it, and what did not succeed is never undone."""
    weak.add("hotel")
    run = durable.start(trip)
    assert done == [*BOOKED, "undo car"]
    durable.restart()
    assert done == [*BOOKED, "undo car"]
    durable.advance("1m")

    assert run.result == "without tour"
    assert done == [*BOOKED, *UNDONE]


@pytest.mark.parametrize("crash", ["after_every_commit", "before_every_commit"])
def test_a_crash_while_undoing_goes_on_with_what_is_left(durable, crash):
    """Behaviour 48: in every life last first, each once unless its commit was lost."""
    lives: list[list[str]] = []
    begin, undone = durable._life, set(UNDONE)

    def life(*args, **kwargs):
        done.clear()
        found = begin(*args, **kwargs)
        lives.append([one for one in done if one in undone])
        return found

    durable._life = life
    assert durable.explore(trip, crash=crash) >= 7

    for one in lives:
        assert list(dict.fromkeys(one)) == UNDONE
        assert one == sorted(one, key=UNDONE.index)
    if crash == "after_every_commit":
        assert all(one == UNDONE for one in lives)
