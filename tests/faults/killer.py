"""A program one of whose jobs ends its process: arguments are the database and the number of
records.

It ends by itself when every instance is completed or stands at an incident.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from tenuto import handler
from tenuto.assembly import Running, running
from tenuto.worker.handlers import handlers_of

MODEL = Path(__file__).parents[1] / "crash" / "three_steps.bpmn"
GUILTY = 7


@handler("step")
async def step(record: int) -> None:
    """Do nothing, or end the whole process."""
    if record == GUILTY:
        os._exit(9)


async def life(at: Running, records: int) -> None:
    """Start the records, then wait until nothing but incidents is left."""
    await at.client.deploy(MODEL)
    for record in range(records):
        await at.client.start("three-steps", {"record": record}, idempotency_key=f"record-{record}")
    while unfinished(at):  # noqa: ASYNC110
        await asyncio.sleep(0.01)


def unfinished(at: Running) -> bool:
    """Tell whether an instance is active that stands at no incident."""
    active = at.client.read.counts().get(("three-steps", "active"), 0)
    return active > len(at.client.read.incidents())


def main() -> None:
    """Run one life."""
    path, records = Path(sys.argv[1]), int(sys.argv[2])
    with running(path, handlers=handlers_of(sys.modules[__name__])) as at:
        asyncio.run(life(at, records))


if __name__ == "__main__":
    main()
