"""Jobs for workers outside of the process: polls, leases that outlive the node, heartbeats."""

from __future__ import annotations

import asyncio

import pytest

from tenuto import values
from tenuto.assembly import running
from tenuto.client.client import accepted
from tenuto.engine.commands import CompleteJob
from tenuto.errors import Rejected
from tenuto.runtime.desk import Beat, Question
from tenuto.runtime.requests import Request
from tests.spec.models import end, flows, model, start, task

SOURCES = (("one.bpmn", "bpmn", model(start() + task("w") + end() + flows("start>w", "w>end"))),)


def completed(job):
    """Return the request that completes a job."""
    return Request(job.instance, CompleteJob(job.element, {}, job.token))


async def poll(at, limit=10, wait=5.0, lease=60.0, gather=0.0):
    """Ask for jobs of the one type of the model."""
    return await at.client.jobs.activate(Question(["work"], limit, lease, wait, gather))


def test_a_waiting_poll_gets_the_job_that_a_commit_creates(tmp_path):
    """The job is leased in the commit that creates it, and completed under its token."""

    async def scenario(at):
        await at.client.deploy_sources(SOURCES)
        waiting = asyncio.create_task(poll(at))
        await asyncio.sleep(0)
        key = await at.client.start("p", {"n": 1})
        [job] = await waiting
        accepted((await at.client.ask_all([completed(job)]))[0])
        return key, job, at.client.read.find(key).status

    with running(tmp_path / "t.db") as at:
        key, job, status = asyncio.run(scenario(at))
    assert (str(job.instance), job.attempt, status) == (key, 1, "completed")


def test_a_poll_that_gathers_gets_the_jobs_of_more_than_one_commit(tmp_path):
    """What comes within its time comes together."""

    async def scenario(at):
        await at.client.deploy_sources(SOURCES)
        waiting = asyncio.create_task(poll(at, limit=2, gather=1.0))
        await asyncio.sleep(0)
        first = await at.client.start("p")
        second = await at.client.start("p")
        return {first, second}, await waiting

    with running(tmp_path / "t.db") as at:
        keys, jobs = asyncio.run(scenario(at))
    assert {str(job.instance) for job in jobs} == keys


def test_a_poll_without_work_is_answered_with_nothing(tmp_path):
    """A poll ends after its time, and leases nothing afterwards."""

    async def scenario(at):
        await at.client.deploy_sources(SOURCES)
        nothing = await poll(at, wait=0.0)
        await at.client.start("p")
        return nothing, await poll(at)

    with running(tmp_path / "t.db") as at:
        nothing, jobs = asyncio.run(scenario(at))
    assert nothing == []
    assert [job.attempt for job in jobs] == [1]


def test_what_a_cancelled_poll_was_given_goes_to_the_next(tmp_path):
    """A caller that has gone loses nothing: whoever asks next gets the job."""

    async def scenario(at):
        await at.client.deploy_sources(SOURCES)
        gone = asyncio.create_task(poll(at))
        await asyncio.sleep(0)
        started = asyncio.create_task(at.client.start("p"))
        await asyncio.sleep(0)
        gone.cancel()
        await started
        return await poll(at)

    with running(tmp_path / "t.db") as at:
        jobs = asyncio.run(scenario(at))
    assert len(jobs) == 1


def test_a_lease_outside_outlives_the_node(tmp_path):
    """The next life knows the lease: nobody else gets the job, and its holder completes it."""

    async def take(at):
        await at.client.deploy_sources(SOURCES)
        await at.client.start("p")
        return (await poll(at))[0]

    async def finish(at, job):
        other = await poll(at, wait=0.0)
        accepted((await at.client.ask_all([completed(job)]))[0])
        return other, at.client.read.find(str(job.instance)).status

    with running(tmp_path / "t.db") as at:
        job = asyncio.run(take(at))
    with running(tmp_path / "t.db") as at:
        other, status = asyncio.run(finish(at, job))
    assert (other, status) == ([], "completed")


def test_a_heartbeat_is_kept_for_the_next_attempt(tmp_path):
    """What a worker said of its progress comes with the job after it was given back, also in the
    next life.
    """

    async def work(at):
        await at.client.deploy_sources(SOURCES)
        await at.client.start("p")
        [job] = await poll(at)
        beat = Beat(job.instance, job.element, job.token, 60_000, values.encode({"page": 7}))
        assert await at.client.jobs.extend([beat]) == [True]
        key = (job.instance, job.element)
        assert await at.client.jobs.give_back([(key, job.token)]) == [True]
        assert await at.client.jobs.extend([beat]) == [False]
        return job

    with running(tmp_path / "t.db") as at:
        job = asyncio.run(work(at))
    with running(tmp_path / "t.db") as at:
        [again] = asyncio.run(poll(at))
    assert values.to_python(values.decode(again.details)) == {"page": 7}
    assert again.attempt == job.attempt + 1
    assert again.token > job.token


def test_a_result_under_an_old_token_is_refused(tmp_path):
    """Only the holder of the current lease completes a job."""

    async def scenario(at):
        await at.client.deploy_sources(SOURCES)
        await at.client.start("p")
        [first] = await poll(at)
        await at.client.jobs.give_back([((first.instance, first.element), first.token)])
        [_] = await poll(at)
        with pytest.raises(Rejected) as refused:
            accepted((await at.client.ask_all([completed(first)]))[0])
        return refused.value.code

    with running(tmp_path / "t.db") as at:
        assert asyncio.run(scenario(at)) == "stale-lease"
