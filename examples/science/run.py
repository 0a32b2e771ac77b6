"""Run a plan to its end, or go on where an earlier life of this program was ended.

    python -m examples.science.run full magnet.db lattices

It says `round N` after each round and the result, as JSON, at the end.
"""

from __future__ import annotations

import asyncio
import sys

import msgspec

from examples.science import ising
from tenuto.assembly import running
from tenuto.worker.program import program_of

LOOK_SECONDS = 0.02


async def work(client, plan: ising.Plan, folder: str) -> list[ising.Row]:
    """Begin the plan, or find it at work; tell of its rounds."""
    handle = await client.begin(ising.magnetize, plan, folder)
    result = asyncio.ensure_future(handle.result())
    said = None
    while not result.done():
        done = await handle.state(ising.done_rounds)
        if done != said:
            said = done
            print(f"round {done}", flush=True)
        await asyncio.wait([result], timeout=LOOK_SECONDS)
    return await result


def main(plan: str, database: str, folder: str) -> None:
    """Run one life."""
    with running(database, handlers=program_of(ising)) as at:
        rows = asyncio.run(work(at.client, ising.PLANS[plan], folder))
    print(msgspec.json.encode(rows).decode(), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
