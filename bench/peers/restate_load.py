# mypy: disable-error-code="import-not-found"
"""Starts Restate's workflows through its HTTP ingress and waits for their ends.

This process is neither engine nor worker: its CPU is not counted, though it shares the cores.
"""

from __future__ import annotations

import asyncio

import aiohttp

from bench.peers import closed_loop

SETTINGS = (
    "one node, server's defaults: replicated loglet with rocksdb-disable-wal-fsync=false, 24"
    " partitions; Service handler with ctx.run_typed; Hypercorn over HTTP/2 with the guide's"
    " production settings, one worker process for a core; started over the HTTP ingress, whose"
    " client's CPU is not counted"
)


async def main() -> None:
    """Measure the Restate server whose ingress is at the URL."""
    given = closed_loop.arguments()
    facts = {
        "peer": "restate",
        "settings": SETTINGS,
        "version": closed_loop.versions("restate_sdk", "Hypercorn"),
    }
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def workflow(steps: int) -> None:
            async with session.post(f"{given.url}/bench/workflow", json=steps) as answer:
                answer.raise_for_status()
                await answer.read()

        await closed_loop.report(workflow, given, own=False, facts=facts)


if __name__ == "__main__":
    asyncio.run(main())
