# mypy: disable-error-code="import-not-found,untyped-decorator"
"""Prefect: async flows and tasks in one process, their states in its local server."""

from __future__ import annotations

import asyncio

from prefect import flow, task

from bench.peers import closed_loop

SETTINGS = (
    "local server with its services, one worker; async flow and tasks, results persisted to files;"
    " no logs to the server, no analytics, no UI; SQLite in WAL with synchronous=NORMAL, which"
    " Prefect fixes: no fsync at each commit, nor of the results' files; a locked database is a"
    " 503, after which its client waits from 2 s on, five times, as is its default"
)


@task(persist_result=True)
async def step(number: int) -> int:
    """Do nothing; the result is kept, so that a retried flow does not repeat it."""
    return number


@flow(persist_result=True)
async def workflow(steps: int) -> None:
    """Do so many steps, one after the other."""
    for number in range(steps):
        await step(number)


async def main() -> None:
    """Measure Prefect with the server that PREFECT_API_URL names."""
    given = closed_loop.arguments()
    facts = {
        "peer": "prefect",
        "settings": SETTINGS,
        "version": closed_loop.versions("prefect"),
    }
    await closed_loop.report(workflow, given, own=True, facts=facts)


if __name__ == "__main__":
    asyncio.run(main())
