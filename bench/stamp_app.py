"""The step of W1 with a note of when it ran, for the latency from a start to its handler."""

from __future__ import annotations

import os
import time
from functools import cache
from pathlib import Path

from tenuto import handler


@cache
def stamps() -> int:
    """Return where the notes go."""
    path = Path(os.environ["TENUTO_BENCH_STAMPS"])
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)


@handler("step")
async def step(n: int) -> dict[str, int]:
    """Note when a step begins."""
    os.write(stamps(), f"{n} {time.time()}\n".encode())
    return {"n": n + 1}
