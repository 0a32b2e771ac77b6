"""Pruning over HTTP, and by the server itself."""

from __future__ import annotations

import asyncio

from tenuto.client.prune import retention_of
from tests.api.conftest import code_of


def test_what_ended_is_deleted_and_then_not_found(worked):
    """What runs stays; the handle of what is gone finds nothing (behaviour 71)."""
    done, runs = worked.start(), worked.start()
    worked.post(f"instances/{done}/cancel")
    gone = 0
    while not gone:
        gone = worked.post("prune", {"older_than": "0s"}).json()["instances"]

    assert gone == 1
    assert code_of(worked.get(f"instances/{done}")) == (404, "not-found")
    assert code_of(worked.post(f"instances/{done}/resume")) == (404, "not-found")
    assert worked.get(f"instances/{runs}").json()["status"] == "active"


def test_only_operators_may_delete_and_a_period_is_asked_for(worked):
    """Reading is not enough, and what is no period is refused."""
    token = worked.issue("developer")

    assert worked.post("prune", {"older_than": "90d"}, token=token).status_code == 403
    assert worked.post("prune", {"older_than": "soon"}).status_code == 400
    assert worked.post("prune", {}).status_code == 400
    found = worked.post("prune", {"older_than": "90d", "dry_run": True}).json()
    assert (found["instances"], found["next"], found["dry_run"]) == (0, None, True)


def test_a_server_deletes_steadily_what_it_is_told_to_keep_no_longer(worked):
    """Beside its requests, for as long as it runs."""
    done = worked.start()
    worked.post(f"instances/{done}/cancel")
    ended = worked.service.client.read.find(done).ended_at
    while worked.at.running.node.now() <= ended:
        pass
    worked.at.keep_for(retention_of(["p=0s"]))

    async def until_gone():
        at_work = asyncio.create_task(worked.app.background[-1]())
        while (await worked.ask("GET", f"instances/{done}")).status_code != 404:
            pass
        at_work.cancel()
        await asyncio.gather(at_work, return_exceptions=True)

    worked.runner.run(until_gone())
