"""What the soak runs: steps and workflows that note every attempt, and write the user's own books.

A program is data (`programs.py`). Every step says that it begins in a file of its life, and those
with `tx` write one row into the user's database.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections import Counter
from pathlib import Path

from tenuto import Queue, Retry, step, step_context, wf, workflow

FOLDER = Path(os.environ.get("TENUTO_SOAK_FOLDER", "."))
NOTES = "notes"
BOOKS = "books.db"
PATIENT = Retry(attempts=1_000, first=0.05, backoff=1.5, longest=0.5)
NARROW = Queue("narrow", concurrency=3)
KEYED = Queue("keyed", per_key=1)

_beside: Counter[str] = Counter()


def note(*words: object) -> None:
    """Write a line that outlives the process, in one piece."""
    place = os.open(FOLDER / NOTES, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(place, (" ".join(map(str, words)) + "\n").encode())
    finally:
        os.close(place)


def begin(place: str) -> None:
    """Note that an attempt of a step begins."""
    context = step_context()
    note("run", context.idempotency_key, context.instance, place)


def open_books() -> sqlite3.Connection:
    """Open the user's database."""
    return sqlite3.connect(FOLDER / BOOKS, timeout=30)


def make_books(folder: Path) -> None:
    """Make the user's database."""
    books = sqlite3.connect(folder / BOOKS)
    books.execute("PRAGMA journal_mode = WAL")
    books.execute("CREATE TABLE IF NOT EXISTS effect (place TEXT NOT NULL)")
    books.commit()
    books.close()


@step(retries=PATIENT)
async def number(n: int, place: str) -> int:
    """Return twice a number."""
    begin(place)
    return n * 2


@step(retries=PATIENT)
def plain(n: int, place: str) -> int:
    """Return a number plus one, on a thread."""
    begin(place)
    return n + 1


@step(tx=open_books, retries=PATIENT)
def write(books: sqlite3.Connection, place: str) -> str:
    """Write a row into the user's database."""
    begin(place)
    books.execute("INSERT INTO effect VALUES (?)", (place,))
    return place


@step(retries=1)
async def failing(place: str) -> None:
    """Fail; it notes nothing, for a full disk would give it another reason."""
    raise ValueError(place)


@step(tx=open_books, retries=PATIENT)
def undo_write(books: sqlite3.Connection, place: str, result: str) -> None:
    """Undo a row by another one."""
    assert result == place
    begin(f"{place}.undo")
    books.execute("INSERT INTO effect VALUES (?)", (f"{place}.undo",))


@step(tx=open_books, undo=undo_write, retries=PATIENT)
def undoable(books: sqlite3.Connection, place: str) -> str:
    """Write a row that can be undone."""
    begin(place)
    books.execute("INSERT INTO effect VALUES (?)", (place,))
    return place


async def _beside_others(name: str, limit: int, place: str) -> None:
    begin(place)
    _beside[name] += 1
    try:
        if _beside[name] > limit:
            note("over", name, _beside[name])
        await asyncio.sleep(0.001)
    finally:
        _beside[name] -= 1


@step(queue=NARROW, retries=PATIENT)
async def narrow(n: int, place: str) -> int:
    """Run beside two others at most."""
    await _beside_others("narrow", 3, place)
    return n


@step(queue=KEYED, key="key", retries=PATIENT)
async def keyed(key: str, n: int, place: str) -> int:
    """Run alone of its key."""
    await _beside_others(key, 1, place)
    return n


@workflow
async def child(program: list, place: str) -> object:
    """Run a part in an instance of its own."""
    return await play(program, place)


@workflow
async def soaked(program: list, place: str) -> object:
    """Run a program."""
    return await play(program, place)


@workflow
async def canceled(place: str) -> None:
    """Wait until it is canceled, and write down that it was."""
    try:
        await write.call(f"{place}.began")
        await wf.receive("never", place)
    finally:
        await write.call(f"{place}.ended")


async def play(program: list, place: str) -> object:
    """Run a part; `place` names it."""
    kind, *rest = program
    return await PLAYS[kind](place, *rest)


def at(place: str, parts: tuple) -> list[tuple]:
    """Return parts with the names of their places."""
    return [(part, f"{place}.{index}") for index, part in enumerate(parts)]


async def _number(place, n):
    return await number(n, place)


async def _plain(place, n):
    return await plain.call(n, place)


async def _write(place):
    return await write.call(place)


async def _narrow(place, n):
    return await narrow(n, place)


async def _keyed(place, n):
    return await keyed(f"k{n % 3}", n, place)


async def _in_order(place, *parts):
    return [await play(part, where) for part, where in at(place, parts)]


async def _at_once(place, *parts):
    return list(await asyncio.gather(*(play(part, where) for part, where in at(place, parts))))


async def _race(place, part):
    won = await wf.race(part=play(part, f"{place}.0"), never=wf.sleep("3d"))
    return [won.key, won.value]


async def _sleep(place, ms):
    await number(0, f"{place}.before")
    before = wf.now()
    await asyncio.sleep(ms / 1000)
    slept = (wf.now() - before).total_seconds() * 1000
    return "slept" if slept >= ms - 1 else f"woke after {slept} of {ms} ms"


async def _child(place, part):
    return await child(part, f"{place}.0")


async def _told(place, n):
    found = await wf.receive("told", place)
    return found["n"]


async def _publish(place, n):
    await wf.publish("own", place, time_to_live=86_400, n=n)
    found = await wf.receive("own", place)
    return found["n"]


async def _saga(place, count):
    try:
        async with wf.saga() as saga:
            for index in range(count):
                await saga.run(undoable, f"{place}.{index}")
            await failing(place)
    except ValueError as error:
        return ["undone", error.args[0]]
    return "not undone"


async def _cancel(place, part):
    async def waits():
        try:
            await wf.receive("never", place)
        finally:
            found.append(await play(part, f"{place}.0"))

    found: list = []
    task = asyncio.ensure_future(waits())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    return [task.cancelled(), found]


async def _late(place, part):
    before = await play(part, f"{place}.0")
    try:
        async with asyncio.timeout(0.02):
            await wf.receive("never", place)
    except TimeoutError:
        return [before, "late"]
    return [before, "in time"]


PLAYS = {
    "number": _number,
    "plain": _plain,
    "write": _write,
    "narrow": _narrow,
    "keyed": _keyed,
    "in order": _in_order,
    "at once": _at_once,
    "race": _race,
    "sleep": _sleep,
    "child": _child,
    "told": _told,
    "publish": _publish,
    "saga": _saga,
    "cancel": _cancel,
    "late": _late,
}
