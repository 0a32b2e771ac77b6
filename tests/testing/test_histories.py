"""Recorded histories, replayed with the code of today."""

from __future__ import annotations

import asyncio

import pytest

from tenuto import InputError, step, wf, workflow
from tenuto.testing import replay_history

go = wf.Message[int]("go", int)


@step
async def fetch(n: int) -> int:
    """Give what came."""
    return n


@step
async def store(n: int) -> str:
    """Keep it."""
    return f"kept {n}"


@workflow
async def line(n: int) -> int:
    """Fetch, wait, store."""
    found = await fetch(n)
    await asyncio.sleep(60)
    await store(found)
    return found


async def line_turned(n: int) -> int:
    """Store first."""
    await store(n)
    await asyncio.sleep(60)
    return await fetch(n)


async def line_cut(n: int) -> int:
    """Store no more."""
    found = await fetch(n)
    await asyncio.sleep(60)
    return found


async def line_longer(n: int) -> int:
    """Wait for a word at the end."""
    found = await fetch(n)
    await asyncio.sleep(60)
    await store(found)
    return await go.receive()


async def line_patched(n: int) -> int:
    """Store twice, in newer runs."""
    found = await fetch(n)
    await asyncio.sleep(60)
    if wf.patched("twice"):
        await store(found)
    await store(found)
    return found


@workflow
async def another() -> None:
    """Do nothing."""


def changed_to(code):
    """Return the workflow with other code."""
    return workflow(name="line")(code)


def recorded_line(durable, tmp_path):
    """Return the file of a history of `line`."""
    run = durable.start(line, 7)
    durable.advance(60)
    path = tmp_path / "line.json"
    durable.record(run).write(path)
    return path


def test_a_recorded_history_fits_the_code_that_made_it(durable, tmp_path):
    """From its file, from its data, and without the fixture; no step runs."""
    path = recorded_line(durable, tmp_path)
    durable.watch(fetch)
    durable.assert_replays(line, path)
    durable.assert_replays(changed_to(line_patched), path)
    run = durable.start(line, 7)
    durable.assert_replays(line, durable.record(run).as_json())
    replay_history(line, path)

    assert durable.calls(fetch) == 1


@pytest.mark.parametrize(
    ("code", "expected", "got"),
    [
        (line_turned, "fetch#1", "store#1"),
        (line_cut, "store#3", "nothing"),
        (line_longer, "its end", "something more"),
    ],
)
def test_code_that_does_not_fit_fails_with_both_sides(durable, tmp_path, code, expected, got):
    """The expected and the actual step are named."""
    path = recorded_line(durable, tmp_path)
    with pytest.raises(AssertionError, match=f"{expected}.*{got}"):
        durable.assert_replays(changed_to(code), path)


def test_what_is_no_history_is_refused(durable, tmp_path):
    """The error says how to make one."""
    path = tmp_path / "a.json"
    path.write_text("{}")
    with pytest.raises(InputError, match=r"durable\.record"):
        replay_history(line, path)
    with pytest.raises(InputError, match=r"`another`.*`line`"):
        replay_history(another, recorded_line(durable, tmp_path))
