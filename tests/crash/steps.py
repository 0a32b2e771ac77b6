"""The handler of the programs that are killed: it says on standard output what runs."""

from __future__ import annotations

import os

from tenuto import JobContext, handler


def say(line: str) -> None:
    """Write one line whole: the reader is another process."""
    os.write(1, f"{line}\n".encode())


@handler("step")
async def step(record: int, ctx: JobContext) -> dict[str, int]:
    """Say that the step runs."""
    say(f"run {ctx.idempotency_key}")
    return {"last": record}
