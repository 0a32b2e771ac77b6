"""Random workflow programs: written as data, run by one workflow, with a result that is known."""

from __future__ import annotations

import asyncio
from collections import Counter

from hypothesis import strategies as st

from tenuto import step, wf, workflow

ran: Counter[str] = Counter()


@step
async def number(n: int, place: str) -> int:
    """Return twice a number; count that it ran."""
    ran[place] += 1
    return n * 2


@step
def plain(n: int, place: str) -> int:
    """Return a number plus one, on a thread."""
    ran[place] += 1
    return n + 1


@step(retries=1)
async def broken(place: str) -> None:
    """Fail."""
    ran[place] += 1
    raise ValueError(place)


@step
async def undo(n: int, place: str, result: int) -> int:
    """Undo a number."""
    ran[f"undo {place}"] += 1
    return -result


@step(undo=undo)
async def undoable(n: int, place: str) -> int:
    """Return a number that can be undone."""
    ran[place] += 1
    return n


@workflow
async def child(program: list, place: str) -> object:
    """Run a part in an instance of its own."""
    return await play(program, place)


@workflow
async def whole(program: list, salt: str) -> object:
    """Run a program."""
    return await play(program, salt)


async def play(program, place):
    """Run a part; `place` names it."""
    kind, *rest = program
    return await PLAYS[kind](place, *rest)


def _at(place, parts):
    return [(part, f"{place}.{index}") for index, part in enumerate(parts)]


async def _number(place, n):
    return await number(n, place)


async def _plain(place, n):
    return await plain.call(n, place)


async def _in_order(place, *parts):
    return [await play(part, at) for part, at in _at(place, parts)]


async def _at_once(place, *parts):
    return list(await asyncio.gather(*(play(part, at) for part, at in _at(place, parts))))


async def _in_a_group(place, *parts):
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(play(part, at)) for part, at in _at(place, parts)]
    return [task.result() for task in tasks]


async def _race(place, part):
    won = await wf.race(part=play(part, f"{place}.0"), never=asyncio.sleep(3600))
    return [won.key, won.value]


async def _sleep(place, ms):
    await asyncio.sleep(ms / 1000)
    return


async def _child(place, part):
    return await child(part, f"{place}.0")


async def _message(place, n):
    await wf.publish("program", place, time_to_live=60, n=n)
    found = await wf.receive("program", place)
    return found["n"]


async def _fail(place):
    try:
        await broken(place)
    except ValueError as error:
        return ["caught", error.args[0]]
    return "not caught"


async def _saga(place, *numbers):
    try:
        async with wf.saga() as saga:
            for index, n in enumerate(numbers):
                await saga.run(undoable, n, f"{place}.{index}")
            await broken(f"{place}.last")
    except ValueError:
        return "undone"
    return "not undone"


async def _cancel(place, part):
    async def waits():
        try:
            await wf.receive("never", place)
        finally:
            found.append(await play(part, f"{place}.0"))

    found = []
    task = asyncio.ensure_future(waits())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    return [task.cancelled(), found]


async def _late(place, part):
    before = await play(part, f"{place}.0")
    try:
        async with asyncio.timeout(0.002):
            await wf.receive("never", place)
    except TimeoutError:
        return [before, "late"]
    return [before, "in time"]


PLAYS = {
    "number": _number,
    "plain": _plain,
    "in order": _in_order,
    "at once": _at_once,
    "group": _in_a_group,
    "race": _race,
    "sleep": _sleep,
    "child": _child,
    "message": _message,
    "fail": _fail,
    "saga": _saga,
    "cancel": _cancel,
    "late": _late,
}
MEMBERS = (number, plain, broken, undo, undoable, child, whole)


def result_of(program, place):
    """Return what a program comes to."""
    kind, *rest = program
    parts = [result_of(part, at) for part, at in _at(place, rest) if isinstance(part, list)]
    return RESULTS[kind](rest, parts, place)


RESULTS = {
    "number": lambda rest, parts, place: rest[0] * 2,
    "plain": lambda rest, parts, place: rest[0] + 1,
    "in order": lambda rest, parts, place: parts,
    "at once": lambda rest, parts, place: parts,
    "group": lambda rest, parts, place: parts,
    "race": lambda rest, parts, place: ["part", parts[0]],
    "sleep": lambda rest, parts, place: None,
    "child": lambda rest, parts, place: parts[0],
    "message": lambda rest, parts, place: rest[0],
    "fail": lambda rest, parts, place: ["caught", place],
    "saga": lambda rest, parts, place: "undone",
    "cancel": lambda rest, parts, place: [True, parts],
    "late": lambda rest, parts, place: [parts[0], "late"],
}


small = st.integers(0, 9)
leaves = st.one_of(
    st.tuples(st.just("number"), small),
    st.tuples(st.just("plain"), small),
    st.tuples(st.just("sleep"), st.integers(0, 8)),
    st.tuples(st.just("message"), small),
    st.just(("fail",)),
    st.lists(small, max_size=3).map(lambda numbers: ("saga", *numbers)),
).map(list)


def _branches(parts):
    many = st.lists(parts, min_size=1, max_size=3)
    one = ("race", "child", "cancel", "late")
    return st.one_of(
        *[many.map(lambda found, kind=kind: [kind, *found]) for kind in ("in order", "group")],
        many.map(lambda found: ["at once", *found]),
        *[parts.map(lambda found, kind=kind: [kind, found]) for kind in one],
    )


programs = st.recursive(leaves, _branches, max_leaves=8)
