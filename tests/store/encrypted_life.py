"""A process that starts instances on a database with a key and says each, until it is killed."""

from __future__ import annotations

import asyncio
import sys

from tenuto.assembly import running
from tests.store.test_encryption import PERSON


async def live(client) -> None:
    """Start one after another."""
    await client.deploy_sources([("p.bpmn", "bpmn", PERSON)])
    while True:
        print(await client.start("p", {"note": "Zq7xSecret"}), flush=True)


if __name__ == "__main__":
    with running(sys.argv[1]) as at:
        asyncio.run(live(at.client))
