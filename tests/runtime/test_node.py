"""A node's life: start, work, a clean end, and the next life."""

from __future__ import annotations

import asyncio
import threading

import pytest

from tenuto import JobContext, handler
from tenuto.assembly import running
from tenuto.errors import Rejected, StoreBusy
from tenuto.store.sqlite_reader import SqliteReader
from tenuto.worker.handlers import describe
from tests.spec.models import end, flows, model, start, task

ONE_TASK = model(start() + task("w") + end() + flows("start>w", "w>end"))
SOURCES = (("one.bpmn", "bpmn", ONE_TASK),)


@handler("work")
async def work(n: int) -> dict[str, int]:
    """Add one."""
    return {"n": n + 1}


def test_run_waits_for_the_end_of_an_instance(tmp_path):
    """A caller that waits gets the status and the variables at the end."""
    asyncio.run(_test_run_waits_for_the_end_of_an_instance(tmp_path))


async def _test_run_waits_for_the_end_of_an_instance(tmp_path):
    with running(tmp_path / "t.db", handlers={"work": describe("work", work)}) as at:
        await at.client.deploy_sources(SOURCES)

        ended = await at.client.run("p", {"n": 1})

    assert (ended.status, ended.variables) == ("completed", {"n": 2})


def test_same_idempotency_key_gives_the_same_instance(tmp_path):
    """A repeated start is answered again; the same key with another payload is refused."""
    asyncio.run(_test_same_idempotency_key_gives_the_same_instance(tmp_path))


async def _test_same_idempotency_key_gives_the_same_instance(tmp_path):
    with running(tmp_path / "t.db") as at:
        await at.client.deploy_sources(SOURCES)
        first = await at.client.start("p", {"n": 1}, idempotency_key="k")

        again = await at.client.start("p", {"n": 1}, idempotency_key="k")

        assert again == first
        with pytest.raises(Rejected) as refused:
            await at.client.start("p", {"n": 2}, idempotency_key="k")
    assert refused.value.code == "key-reused"


def test_clean_end_gives_back_the_jobs_at_work(tmp_path):
    """A worker that does not end within its grace loses its job to the next life, at once."""
    asyncio.run(_test_clean_end_gives_back_the_jobs_at_work(tmp_path))


async def _test_clean_end_gives_back_the_jobs_at_work(tmp_path):
    begun, release = threading.Event(), threading.Event()

    def stubborn(ctx: JobContext) -> None:
        begun.set()
        release.wait(10)

    path = tmp_path / "t.db"
    with running(path, handlers={"work": describe("work", stubborn)}, grace_seconds=0.1) as at:
        await at.client.deploy_sources(SOURCES)
        await at.client.start("p", {"n": 1})
        assert begun.wait(10)
    release.set()

    reader = SqliteReader(path)
    assert [row.status for row in reader.rows("job")] == ["ready"]
    reader.close()
    with running(path, handlers={"work": describe("work", work)}) as at:
        while at.client.read.counts() != {("p", "completed"): 1}:
            pass


def test_second_process_is_told_who_holds_the_database(tmp_path):
    """Opening a database that is in use names the process and the way out."""
    asyncio.run(_test_second_process_is_told_who_holds_the_database(tmp_path))


async def _test_second_process_is_told_who_holds_the_database(tmp_path):
    with (
        running(tmp_path / "t.db"),
        pytest.raises(StoreBusy, match="--db"),
        running(tmp_path / "t.db"),
    ):
        pass


def test_deployments_survive_a_restart(tmp_path):
    """The next life compiles the sources again and starts the same process."""
    asyncio.run(_test_deployments_survive_a_restart(tmp_path))


async def _test_deployments_survive_a_restart(tmp_path):
    with running(tmp_path / "t.db") as at:
        await at.client.deploy_sources(SOURCES)
    with running(tmp_path / "t.db", handlers={"work": describe("work", work)}) as at:
        assert (await at.client.run("p", {"n": 4})).variables == {"n": 5}
