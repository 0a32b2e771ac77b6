"""The guard reports what differs in a replay, with its place and what to use instead."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import socket
import subprocess
import threading
import time
import uuid
from datetime import UTC, date, datetime
from pathlib import Path
from time import time as the_time

import pytest
import structlog

from tenuto import step, wf, workflow
from tenuto.errors import InputError
from tenuto.workflows.guard import guard_of
from tenuto.workflows.loop import NotInAStep

BAD = {
    "time": (time.time, "time.time", "wf.now"),
    "another name": (the_time, "time.time", "wf.now"),
    "monotonic": (time.monotonic, "time.monotonic", "wf.now"),
    "sleep": (lambda: time.sleep(0), "time.sleep", "wf.sleep"),
    "now": (datetime.now, "datetime.now", "wf.now"),
    "today": (date.today, "date.today", "wf.now"),
    "random": (random.random, "random.random", "wf.random"),
    "randint": (lambda: random.randint(1, 6), "random.", "wf.random"),
    "uuid4": (uuid.uuid4, "uuid.uuid4", "wf.uuid4"),
    "urandom": (lambda: os.urandom(4), "urandom", "wf.uuid4"),
    "connect": (lambda: socket.create_connection(("127.0.0.1", 9)), "socket.", "@step"),
    "thread": (lambda: threading.Thread(target=print).start(), "threading.", "@step"),
    "process": (lambda: subprocess.run(["true"], check=True), "subprocess.", "@step"),
    "file": (lambda: Path(__file__).read_text(), "pathlib.", "@step"),
}


@step
async def free() -> bool:
    """Do it all where it belongs."""
    for name in ("time", "now", "random", "uuid4", "urandom", "file"):
        BAD[name][0]()
    return True


@step
def free_on_a_thread() -> bool:
    """Do it on a thread."""
    return time.time() > 0 and random.random() >= 0


@workflow
async def good() -> list[str]:
    """Use everything that a body may use."""
    logging.getLogger("tests.guard").warning("a line knows the time")
    wf.log.info("another")
    await asyncio.gather(free(), free_on_a_thread.call(), wf.sleep(1))
    async with asyncio.timeout(5):
        await asyncio.sleep(0)
    seeded = random.Random(1).random()
    return [str(wf.now()), str(wf.uuid4()), str(wf.random().random()), str(seeded)]


@workflow
async def bad(kind: str) -> bool:
    """Do what a body must not do, after a wait."""
    await asyncio.sleep(0)
    BAD[kind][0]()  # the place
    return True


@workflow
def bad_and_plain(kind: str) -> bool:
    """Do the same in a plain function."""
    wf.wait(asyncio.sleep(0))
    BAD[kind][0]()
    return True


@workflow
async def bad_twice() -> int:
    """Do it several times at one place, and once at another."""
    for _ in range(3):
        time.time()
    return len(str(datetime.now(UTC)))


@pytest.mark.parametrize("kind", BAD)
def test_the_guard_names_the_place_and_what_to_use_instead(durable, kind):
    """In a test it is an error (behaviour 19)."""
    error = durable.start(bad, kind).error

    _, name, instead = BAD[kind]
    assert isinstance(error, NotInAStep)
    assert name in str(error)
    assert instead in str(error)
    assert f"{__file__}:" in str(error)


def test_a_body_that_is_a_plain_function_is_guarded_too(durable):
    """On its own thread."""
    assert "time.time" in str(durable.start(bad_and_plain, "time").error)


@pytest.mark.parametrize("evict", [False, True])
def test_steps_loggers_and_what_is_offered_are_free(durable, evict):
    """Nothing is reported that a workflow may do."""
    durable.evict_always = evict
    run = durable.start(good)
    durable.advance(1)

    assert len(run.result) == 4


def test_a_warning_is_written_once_for_each_place(durable):
    """With `warn` the workflow goes on."""
    durable.guard = "warn"
    durable.evict_always = True
    with structlog.testing.capture_logs() as lines:
        assert durable.run(bad_twice) > 0
        assert durable.run(bad_twice) > 0

    found = [(one["workflow"], one["call"], one["log_level"]) for one in lines]
    assert found == [
        ("bad_twice", "time.time", "warning"),
        ("bad_twice", "datetime.now", "warning"),
    ]
    assert {one["file"] for one in lines} == {__file__}


def test_a_guard_that_is_off_looks_at_nothing(durable):
    """Then nothing is reported."""
    durable.guard = "off"

    assert durable.run(bad, "time") is True


def test_an_unknown_mode_is_refused():
    """The message names what there is."""
    with pytest.raises(InputError, match="off, warn, error"):
        guard_of("loud")
