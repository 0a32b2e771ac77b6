"""Steps that run in processes, and workflows of them. What they meet is told by files."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

from tenuto import (
    InputError,
    Retry,
    StepFailed,
    StepKilled,
    StepTimeout,
    step,
    step_context,
    wf,
    workflow,
)

QUICK = Retry(attempts=3, first=0.001, backoff=1.0, jitter=0.0)


class Wrong(Exception):
    """Has an argument that its pickle does not bring."""

    def __init__(self, message, *, code):
        super().__init__(f"{message} ({code})")


class Refusal(Exception):
    """Crosses the border as it is."""


def say(folder, name, text=""):
    """Write a file at once and whole."""
    part = Path(folder, f".{name}.{os.getpid()}")
    part.write_text(str(text))
    part.replace(Path(folder, name))


def spin_until(folder, name):
    """Compute until a file is there."""
    path = Path(folder, name)
    while not path.exists():
        sum(range(1_000))


@step(on="process")
def know() -> dict:
    """Return what a step knows of its attempt."""
    context = step_context()
    return {
        "pid": os.getpid(),
        "key": context.idempotency_key,
        "attempt": context.attempt,
        "deadline": context.deadline,
    }


@step(on="process")
async def know_later() -> int:
    """Wait for something, as a coroutine."""
    await asyncio.sleep(0)
    return os.getpid()


@workflow
async def know_twice() -> list:
    """Know of two attempts, one after the other."""
    first = await know.call()
    limited = know.options(timeout=60)
    return [first, await limited.call(), await know_later()]


@step(on="process")
def meet(folder: str, me: int, other: int) -> list:
    """Compute until another computes as well; the first one waits for the end of the second."""
    say(folder, f"begun-{me}")
    spin_until(folder, f"begun-{other}")
    if me < other:
        spin_until(folder, f"ended-{other}")
    say(folder, f"ended-{me}")
    return [me, os.getpid()]


@workflow
async def meeting(folder: str) -> list:
    """Let two steps meet."""
    return await asyncio.gather(meet.call(folder, 1, 2), meet.call(folder, 2, 1))


@step(on="process")
def compute(folder: str) -> dict:
    """Compute until told to end; start a program that would outlive it."""
    program = subprocess.Popen(
        [sys.executable, "-c", "import signal; signal.pause()"], stdin=subprocess.DEVNULL
    )
    say(folder, "pids", f"{os.getpid()} {program.pid}")
    spin_until(folder, "end")
    program.kill()
    program.wait()
    return {"key": step_context().idempotency_key, "attempt": step_context().attempt}


@workflow
async def computing(folder: str) -> dict:
    """Compute for long."""
    return await compute.call(folder)


@workflow
async def computing_in_time(folder: str) -> str:
    """Compute for longer than is allowed."""
    try:
        await compute.options(timeout=1.0, retries=1).call(folder)
    except StepTimeout as late:
        return late.kind
    return "in time"


@step
def quick(n: int) -> int:
    """Return at once."""
    return n + 1


@workflow
async def quickly(n: int) -> int:
    """Return at once."""
    return await quick.call(n)


@step(on="process", retries=QUICK)
def dies(times: int) -> int:
    """Be killed in the first attempts."""
    attempt = step_context().attempt
    if attempt <= times:
        os.kill(os.getpid(), signal.SIGKILL)
    return attempt


@workflow
async def survives(times: int) -> list:
    """Tell how a step ended whose process was killed."""
    try:
        return ["ended", await dies.call(times)]
    except StepKilled as killed:
        return ["killed", str(killed)]


@step(on="process")
def leaves() -> None:
    """End the process."""
    os._exit(3)


@workflow
async def left() -> str:
    """Tell how a step ended whose process ended itself."""
    try:
        await leaves.options(retries=1).call()
    except StepKilled as killed:
        return str(killed)
    return "ended"


@step(on="process", retries=Retry(attempts=2, first=0.001, never=(Refusal, Wrong)))
def raises(kind: str) -> None:
    """Raise an error with a chain."""
    try:
        {}["k"]
    except KeyError as missing:
        if kind == "wrong":
            raise Wrong("bad", code=7) from missing
        if kind == "exit":
            sys.exit("enough")
        raise Refusal("no", step_context().attempt) from missing


@workflow
async def caught(kind: str) -> list:
    """Tell what a step raised."""
    try:
        await raises.call(kind)
    except (Wrong, Refusal, StepFailed) as error:
        return [type(error).__name__, list(error.args), type(error.__cause__).__name__]
    return ["nothing"]


@step(on="process")
def takes(anything: object) -> object:
    """Return what came."""
    return object() if anything == "an object" else anything


@workflow
async def strange(kind: str) -> list:
    """Give a step what cannot be pickled, or let it return what cannot be recorded."""
    given = (lambda: 1) if kind == "lambda" else "an object"
    try:
        await takes.call(given)
    except (InputError, StepFailed) as refused:
        return [str(refused), await takes.call("still here")]
    return ["nothing"]


@step(on="process")
def logs(text: str) -> None:
    """Say something in the log."""
    logging.getLogger("heavy").warning("it says %s", text)


@workflow
async def logging_ones(text: str) -> None:
    """Say something in the log."""
    await logs.call(text)


@step(on="process", retries=QUICK, heartbeat="15s")
def goes_on(rows: int) -> list:
    """Fail halfway, and go on there."""
    context = step_context()
    begin = context.details or 0
    context.heartbeat(begin + rows)
    if context.attempt < QUICK.attempts:
        raise ConnectionError("halfway")
    return [begin, context.attempt]


@step(on="process")
def careful(folder: str) -> str:
    """Compute until the process is told to stop."""
    say(folder, "began")
    while not step_context().is_stopping:
        sum(range(1_000))
    return "came to a good place"


@workflow
async def in_parts() -> list:
    """Do something in parts."""
    return await goes_on.call(10)


@workflow
async def told(folder: str) -> str:
    """Be told of the end."""
    return await careful.call(folder)


@workflow
async def raced(folder: str) -> str:
    """Leave a computation when a timer was faster."""
    won = await wf.race(step=compute.call(folder), timer=wf.sleep(1.0))
    return str(won.key)


@workflow
async def on_ray() -> str:
    """Ask for a cluster."""
    try:
        await dies.options(on="ray").call(0)
    except InputError as refused:
        return str(refused)
    return "there is one"


if __name__ == "__main__":  # the life that is killed
    from tenuto.assembly import running
    from tenuto.worker.program import program_of
    from tests.workflows import heavy_steps

    with running(sys.argv[1], handlers=program_of(heavy_steps)) as at:
        asyncio.run(at.client.run("computing", {"folder": sys.argv[2]}))
