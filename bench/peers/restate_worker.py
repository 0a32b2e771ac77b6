# mypy: disable-error-code="import-not-found,untyped-decorator"
"""Restate's worker: a durable handler in a process of its own, served over HTTP/2 by Hypercorn."""

from __future__ import annotations

from typing import Any

import restate

bench = restate.Service("bench")


async def step(number: int) -> int:
    """Do nothing, durably."""
    return number


@bench.handler()
async def workflow(context: restate.Context, steps: int) -> None:
    """Do so many steps, one after the other."""
    for number in range(steps):
        await context.run_typed("step", step, number=number)


app: Any = restate.app(services=[bench])
