"""Steps on a Ray cluster. What they meet is told by files."""

from __future__ import annotations

import os
import time
from pathlib import Path

from tenuto import Retry, StepKilled, StepTimeout, step, step_context, wf, workflow

QUICK = Retry(attempts=2, first=0.001, jitter=0.0)


class Refusal(Exception):
    """Crosses the border as it is."""


@step(on="ray", retries=QUICK)
def compute(folder: str) -> dict:
    """Say that it began, once for each time; wait to be told to end."""
    context = step_context()
    with Path(folder, "begun").open("a") as begun:
        begun.write(f"{os.getpid()}\n")
    while not Path(folder, "end").exists():
        time.sleep(0.02)
    return {"attempt": context.attempt, "key": context.idempotency_key, "pid": os.getpid()}


@step(on="ray", retries=Retry(attempts=5, first=0.001, never=(Refusal,)))
def refuse() -> None:
    """Raise an error with a cause."""
    raise Refusal("no", step_context().attempt) from KeyError("k")


@step(on="ray", retries=QUICK)
def dies() -> int:
    """End the actor in the first attempt."""
    if step_context().attempt == 1:
        os._exit(1)
    return step_context().attempt


@workflow(id=lambda folder: "computing")
async def computing(folder: str) -> dict:
    """Compute until told to end."""
    return await compute.call(folder)


@workflow
async def several(folder: str) -> dict:
    """Meet an error, a death, a timeout and a lost race."""
    found: dict = {"died": await dies.call()}
    try:
        await refuse.call()
    except Refusal as refusal:
        found["refused"] = [*refusal.args, type(refusal.__cause__).__name__]
    try:
        await dies.options(retries=1).call()
    except StepKilled as killed:
        found["killed"] = str(killed)
    try:
        await compute.options(retries=1, timeout=1.0).call(folder)
    except StepTimeout as late:
        found["late"] = late.kind
    won = await wf.race(step=compute.call(folder), timer=wf.sleep(3))
    found["won"] = won.key
    return found
