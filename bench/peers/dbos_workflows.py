# mypy: disable-error-code="import-not-found,untyped-decorator"
"""DBOS: workflow, steps and engine in one process on asyncio, after its programming guide."""

from __future__ import annotations

import asyncio

from dbos import DBOS, DBOSConfig

from bench.peers import closed_loop


@DBOS.step()
async def step(number: int) -> int:
    """Do nothing, durably."""
    return number


@DBOS.workflow()
async def workflow(steps: int) -> None:
    """Do so many steps, one after the other."""
    for number in range(steps):
        await step(number)


async def main() -> None:
    """Measure DBOS on the database of the URL."""
    given = closed_loop.arguments()
    config: DBOSConfig = {
        "name": "bench",
        "system_database_url": given.url,
        "log_level": "ERROR",
    }
    DBOS(config=config)
    DBOS.launch()
    facts = {
        "peer": "dbos",
        "settings": SETTINGS[given.store],
        "version": closed_loop.versions("dbos"),
    }
    try:
        await closed_loop.report(workflow, given, own=True, facts=facts)
    finally:
        DBOS.destroy()


_COMMON = "one process, asyncio, async steps, pool of 20, log_level ERROR, no tracing"
SETTINGS = {
    "postgresql": f"{_COMMON}; PostgreSQL on a Unix socket, fsync=on, synchronous_commit=on",
    "sqlite_as_shipped": f"{_COMMON}; a new file, with the synchronous=FULL and journal_mode=DELETE"
    " that DBOS leaves it",
    "sqlite": f"{_COMMON}; synchronous=FULL, journal_mode=WAL set on the empty file (DBOS alone"
    " leaves DELETE, which is slower)",
}

if __name__ == "__main__":
    asyncio.run(main())
