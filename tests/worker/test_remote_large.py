"""Values as large as a store takes, and larger ones, between a worker and its server."""

from __future__ import annotations

import pytest

from tests.worker.asking import outcomes, result, run, start, until

pytestmark = pytest.mark.timeout(60)

MIB = 1024 * 1024

APP = """
import os
from tenuto import Retry, handler, step, wf, workflow

@handler("letters")
def letters(count: int) -> dict:
    return {"text": "x" * count}

@handler("pair")
def pair(count: int) -> dict:
    return {"left": "x" * count, "right": "y" * count}

@handler("count")
def count(text: str) -> dict:
    return {"count": len(text)}

@step(retries=Retry(3, first=0.01))
def make(count: int) -> bytes:
    with open("notes", "a") as file:
        file.write(f"make {count}\\n")
    return os.urandom(count)

@step
def size(data: bytes) -> int:
    return len(data)

@workflow
async def inner(data: bytes) -> int:
    return await size.call(data)

@workflow
async def several(each: int) -> list:
    made = [await make.call(each) for _ in range(3)]
    return [await size.call(one) for one in made]

@workflow
async def handed_down(each: int) -> int:
    return await inner(await make.call(each))

@workflow
async def returned(each: int) -> bytes:
    return await make.call(each)

@workflow
async def paired(each: int) -> str:
    try:
        await wf.job("pair", count=each)
    except Exception as failed:
        return str(failed)
    return "taken"

@workflow
async def handed_up(each: int) -> int:
    return len(await returned(each))

@workflow
async def waits(each: int) -> int:
    data = await make.call(each)
    await wf.receive("go", "k")
    return await size.call(data)

@workflow
async def lettered(each: int) -> int:
    made = await wf.job("letters", count=each)
    return (await wf.job("count", text=made["text"]))["count"]
"""

LARGE = 4 * MIB - 100
"""Of the 4 MiB that a value may have, as many bytes as leave room for what is around them."""


@pytest.mark.parametrize("each", [3 * MIB, LARGE])
def test_large_bytes_go_into_steps_and_come_out(work, ask, each):
    """Also into a workflow that is called (behaviours 1, 12)."""
    work()
    assert run(ask, "several", each=each) == [each] * 3
    assert run(ask, "handed_down", each=each) == each
    assert run(ask, "handed_up", each=each) == each


@pytest.mark.parametrize("each", [3 * MIB, LARGE])
def test_large_text_goes_through_handlers(work, ask, each):
    """As it does through steps."""
    work()
    assert run(ask, "lettered", each=each) == each


def test_large_bytes_are_replayed_by_another_worker(work, ask, tmp_path):
    """It gets them from the journal (behaviour 6)."""
    first = work()
    key = start(ask, "waits", each=LARGE)
    until(lambda: outcomes(tmp_path, key) == ["make#1"])
    first.kill()
    first.wait()
    work()
    message = {"name": "go", "correlation_key": "k", "time_to_live": "PT60S"}
    ask("POST", "messages", message)

    assert result(ask, key) == LARGE
    assert (tmp_path / "notes").read_text() == f"make {LARGE}\n"


@pytest.mark.parametrize("workflow", ["several", "lettered"])
def test_what_is_too_large_is_refused_with_the_limit_and_the_cure(work, ask, workflow):
    """It fails at once, whether a step or a handler gave it: another attempt would be as large."""
    work()
    key = start(ask, workflow, each=4 * MIB)
    told = until(lambda: refusal(ask, key))

    assert "expected at most 4194304 bytes" in told
    assert "keep the content elsewhere and its reference here" in told


def test_what_is_too_large_together_is_an_error_of_the_workflow(work, ask):
    """Two results of a handler, each as large as it may be; the server goes on."""
    work()
    assert run(ask, "paired", each=MIB) == "taken"
    told = run(ask, "paired", each=3 * MIB)
    assert "left, right: expected at most 4194304 bytes together" in told
    assert "keep the content elsewhere" in told


def refusal(ask, key):
    """Return what an instance failed with, or why it is stuck."""
    shown = ask("GET", f"instances/{key}")
    if shown["incidents"]:
        return shown["incidents"][0]["message"]
    return shown["variables"]["error"]["message"] if shown["status"] == "failed" else ""
