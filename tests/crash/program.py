"""The program that is killed: it feeds a three-step process and says on standard output what it was
told.

Lines, each whole and flushed: `ack RECORD INSTANCE` after a start was answered, `run KEY` when a
handler begins. Arguments: the database, the number of records, and perhaps a crash point.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tenuto.client.client import Client
from tenuto.deploy import compile_sources
from tenuto.runtime.clock import SystemClock
from tenuto.runtime.node import Node
from tenuto.store.crash_points import crash_at
from tenuto.store.sqlite import SqliteStore
from tenuto.worker.handlers import handlers_of
from tenuto.worker.worker import Worker
from tests.crash import steps
from tests.crash.steps import say

MODEL = Path(__file__).with_name("three_steps.bpmn")
IN_FLIGHT = 200


async def feed(client: Client, records: int) -> None:
    """Start one instance for each record, under its idempotency key, a bounded number at once."""
    await client.deploy(MODEL)
    gate = asyncio.Semaphore(IN_FLIGHT)

    async def one(record: int) -> None:
        async with gate:
            key = await client.start(
                "three-steps", {"record": record}, idempotency_key=f"record-{record}"
            )
            say(f"ack {record} {key}")

    await asyncio.gather(*(one(record) for record in range(records)))


async def drain(client: Client) -> None:
    """Wait until no instance is active."""
    while any(status == "active" for _, status in client.read.counts()):  # noqa: ASYNC110
        await asyncio.sleep(0.02)


def main() -> None:
    """Run one life."""
    path, records = Path(sys.argv[1]), int(sys.argv[2])
    watch = crash_at(sys.argv[3]) if len(sys.argv) > 3 else None
    store = SqliteStore(path, on_phase=watch)
    node = Node(store, SystemClock(), compile_sources, name="crash")
    node.start()
    worker = Worker(node.corridor, handlers_of(steps), seats=300)
    worker.start()
    client = Client(node)

    async def life() -> None:
        await feed(client, records)
        await drain(client)

    asyncio.run(life())
    worker.stop()
    node.stop()
    say("end")


if __name__ == "__main__":
    main()
