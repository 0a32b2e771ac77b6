"""A program whose database may not grow for a while: the argument is the database.

Lines: `refused CODE`, then `started N` and `completed N` after the limit was lifted.
"""

from __future__ import annotations

import asyncio
import resource
import signal
import sys
from pathlib import Path

from tenuto import handler
from tenuto.assembly import Running, running
from tenuto.errors import Rejected
from tenuto.worker.handlers import handlers_of

MODEL = Path(__file__).parents[1] / "crash" / "three_steps.bpmn"
SPACE = 1_500_000
RECORDS_MAX = 200


@handler("step")
async def step(record: int) -> None:
    """Do nothing."""


def limit(size: int) -> None:
    """Let no file grow beyond a size."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


async def start(at: Running, record: int) -> None:
    """Start a record with much to keep."""
    variables = {"record": record, "text": f"{record}-" * 10_000}
    await at.client.start("three-steps", variables, idempotency_key=f"record-{record}")


async def life(at: Running) -> None:
    """Start until the disk is full, lift the limit, start the refused one again, and end all."""
    await at.client.deploy(MODEL)
    limit(SPACE)
    record = 0
    try:
        while record < RECORDS_MAX:
            await start(at, record)
            record += 1
    except Rejected as rejected:
        print("refused", rejected.code)
    limit(resource.RLIM_INFINITY)
    await start(at, record)
    print("started", record + 1)
    while at.client.read.counts().get(("three-steps", "active"), 0):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    print("completed", at.client.read.counts()[("three-steps", "completed")])


def main() -> None:
    """Run one life."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with running(Path(sys.argv[1]), handlers=handlers_of(sys.modules[__name__])) as at:
        asyncio.run(life(at))


if __name__ == "__main__":
    main()
