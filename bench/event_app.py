"""The handler of the event benchmark."""

from __future__ import annotations

from tenuto import handler


@handler("step")
async def step(n: int) -> dict[str, int]:
    """Do next to nothing, durably."""
    return {"n": n + 1}
