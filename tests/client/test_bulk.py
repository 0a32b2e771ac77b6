"""Bulk over the client of a node and of a server: one call for all instances that match."""

from __future__ import annotations

import asyncio

import pytest

from tenuto.assembly import running
from tenuto.client.where import Where
from tenuto.engine.commands import FailJob
from tenuto.errors import InputError, Rejected
from tenuto.runtime.requests import Request
from tests.spec.models import end, flows, model, start, task, user

WAITS = model(start() + user("u") + end() + flows("start>u", "u>end"))
WORKS = model(start() + task("w") + end() + flows("start>w", "w>end"), process="worked")


@pytest.fixture
def at(tmp_path):
    """Give a node with a process that waits for a person, and one that waits for a worker."""
    with asyncio.Runner() as runner, running(tmp_path / "t.db") as node:
        client = node.client
        sources = (("p.bpmn", "bpmn", WAITS), ("w.bpmn", "bpmn", WORKS))
        runner.run(client.deploy_sources(sources))
        yield Asked(client, runner)


class Asked:
    """Asks a client from a test that is not async."""

    def __init__(self, client, runner):
        self.client = client
        self.run = runner.run

    def start(self, count, **variables):
        """Start instances; return their keys in order."""

        async def all_of_them():
            return [await self.client.start("p", variables | {"n": n}) for n in range(count)]

        return sorted(self.run(all_of_them()), key=int)

    def bulk(self, action, idempotency_key=None, options=None, **where):
        """Do something in bulk."""
        asked = self.client.bulk(
            action, Where(**where), idempotency_key=idempotency_key, **(options or {})
        )
        return self.run(asked)

    def statuses(self):
        """Return the instances counted by status."""
        return {status: count for (_, status), count in self.client.read.counts().items()}


def test_a_thousand_instances_are_paused_resumed_and_canceled_in_one_call_each(at):
    """Every one is counted (behaviour 70)."""
    at.start(1_000)

    paused = at.bulk("pause", process="p", state="active")
    assert (paused.matched, paused.done, paused.refused, paused.next) == (1_000, 1_000, [], None)
    assert at.statuses() == {"paused": 1_000}
    assert at.bulk("resume", process="p", state="paused").done == 1_000
    assert at.bulk("cancel", process="p", state="active").done == 1_000
    assert at.statuses() == {"terminated": 1_000}


def test_those_that_refuse_are_named_with_the_reason(at):
    """They hinder no other."""
    first, *_ = at.start(3)
    at.run(at.client.pause(first, reason="before"))

    result = at.bulk("pause", process="p")

    assert (result.matched, result.done) == (3, 2)
    [refused] = result.refused
    assert (refused.instance, refused.code) == (first, "paused")


def test_a_dry_run_names_and_does_nothing(at):
    """The keys come in order."""
    keys = at.start(3)

    result = at.bulk("cancel", process="p", options={"dry_run": True})

    assert (result.instances, result.done) == (keys, 0)
    assert at.statuses() == {"active": 3}


def test_a_limit_ends_a_page_and_the_next_begins_after_it(at):
    """Whatever was done to the instances of the first page."""
    keys = at.start(5)

    first = at.bulk("cancel", process="p", options={"limit": 2})
    rest = at.bulk("cancel", process="p", state="active", options={"after": first.next})

    assert first.instances == keys[:2]
    assert rest.instances == keys[2:]
    assert rest.next is None


def test_variables_and_keys_and_times_choose(at):
    """All filters that are given must hold."""
    at.start(2, region="north")
    south = at.start(2, region="south")
    key = at.run(at.client.start("p", {"region": "south"}, business_key="one"))

    assert at.bulk("cancel", variables={"region": "south", "n": 1}).instances == [south[1]]
    assert at.bulk("pause", business_key="one", variables={"region": "north"}).matched == 0
    assert at.bulk("pause", business_key="one").instances == [key]
    assert at.bulk("cancel", process="p", started_before="2001-01-01").matched == 0
    assert at.bulk("cancel", process="p", started_after="2001-01-01", state="active").done == 3


def test_an_operation_is_done_once_under_its_key(at):
    """A repeat gets the first answer, also when other instances would match now."""
    at.start(2)
    first = at.bulk("pause", "once", process="p")
    at.start(1)

    again = at.bulk("pause", "once", process="p")

    assert again == first
    assert first.operation == "once"
    assert at.statuses() == {"paused": 2, "active": 1}
    with pytest.raises(Rejected) as refused:
        at.bulk("cancel", "once", process="p")
    assert refused.value.code == "key-reused"


def test_stuck_jobs_are_retried_with_other_variables_by_their_cause(at):
    """Edit and retry: each incident of the cause is resolved with what is changed."""
    keys = [at.run(at.client.start("worked", {"card": "bad"})) for _ in range(3)]
    for key in keys:
        [job] = at.client.read.jobs(key)
        failed = Request(int(key), FailJob(job.element, "no such card", retry=False))
        at.run(at.client.ask_all([failed]))

    other = at.bulk("retry", cause="job-crashed")
    result = at.bulk("retry", cause="job-failed", element="w", options={"variables": {"card": 7}})

    assert other.matched == 0
    assert result.done == 3
    assert at.client.read.incidents() == []
    assert {at.client.read.variables(int(key))["card"] for key in keys} == {7}


def test_what_would_match_everything_is_refused(at):
    """At least one filter is asked for, and a state that exists."""
    with pytest.raises(InputError, match="at least one filter"):
        at.bulk("cancel")
    with pytest.raises(InputError, match="got `runs`"):
        at.bulk("cancel", state="runs")
