"""Requests that come twice, that come late, and that change who is let in."""

from __future__ import annotations

import asyncio

import pytest

from tenuto.assembly import running
from tenuto.client import requests as ask
from tenuto.engine import commands as c
from tenuto.engine.records import ElementTerminating
from tenuto.engine.registry import REGISTRY
from tenuto.engine.rejections import Rejection
from tenuto.errors import InputError, ValueRefused
from tenuto.keys import Kind, named_key
from tenuto.runtime.requests import Answer, Request
from tenuto.runtime.verify import verify
from tests.spec.models import end, flows, model, start, task, user

SOURCES = (("one.bpmn", "bpmn", model(start() + task("w") + end() + flows("start>w", "w>end"))),)
REVIEW = (("two.bpmn", "bpmn", model(start() + user("u") + end() + flows("start>u", "u>end"))),)


def published(**fields):
    """Return a publication under an idempotency key."""
    request = ask.publish_request("paid", "k", {"n": 1}, time_to_live="PT1H")
    return request._replace(idempotency_key="a", **fields)


def asked(path, *requests, sources=SOURCES):
    """Return what requests are answered, asked one after another in lives of their own."""

    async def one(at, request):
        return (await at.client.ask_all([request]))[0]

    results = []
    for request in requests:
        with running(path) as at:
            asyncio.run(at.client.deploy_sources(sources))
            results.append(asyncio.run(one(at, request)))
    return results


def test_a_repeated_request_is_answered_again_in_the_next_life(tmp_path):
    """The first answer is kept; nothing is published twice."""
    first, again = asked(tmp_path / "t.db", published(), published())

    assert isinstance(first, Answer)
    assert again.facts == {**first.facts, "repeated": True}
    with running(tmp_path / "t.db") as at:
        assert len(at.client.read.reader.rows("message")) == 1


def test_a_key_with_another_payload_is_refused(tmp_path):
    """The same key may not mean something else."""
    other = published(command=ask.publish_request("paid", "k", {"n": 2}).command)

    _, refused = asked(tmp_path / "t.db", published(), other)

    assert isinstance(refused, Rejection)
    assert refused.code == "key-reused"


def test_keys_of_two_scopes_are_apart_and_a_fingerprint_decides(tmp_path):
    """A scope has keys of its own; what must be the same is said by the fingerprint given."""
    event = published(scope="event", fingerprint=b"1")
    changed = published(
        scope="event", fingerprint=b"1", command=ask.publish_request("paid", "k", {"n": 3}).command
    )

    results = asked(tmp_path / "t.db", published(), event, changed)

    assert [result.facts.get("repeated", False) for result in results] == [False, False, True]


def test_equal_keys_in_one_batch_are_one_request(tmp_path):
    """Two equal requests that one commit takes are published once."""

    async def both(at):
        return await at.client.ask_all([published(), published()])

    with running(tmp_path / "t.db") as at:
        results = asyncio.run(both(at))
        assert len(at.client.read.reader.rows("message")) == 1
    assert [result.facts.get("repeated", False) for result in results] == [False, True]


def test_a_command_for_an_older_version_is_refused(tmp_path):
    """What was read and has changed since is not overwritten."""

    async def scenario(at):
        await at.client.deploy_sources(SOURCES)
        key = int(await at.client.start("p", {"n": 1}))
        change = Request(key, c.SetVariables(0, ask.encode_variables({"n": 2})), if_version=1)
        return await at.client.ask_all([change, change])

    with running(tmp_path / "t.db") as at:
        first, second = asyncio.run(scenario(at))
    assert isinstance(first, Answer)
    assert second.code == "version-mismatch"


def test_a_task_is_completed_by_whom_it_was_assigned_to_only(tmp_path):
    """A completion that expects another assignee is refused, and changes nothing."""

    async def scenario(at):
        await at.client.deploy_sources(REVIEW)
        await at.client.start("p")
        [task_] = at.client.read.tasks()
        await at.client.claim_task(task_.key, "ann")
        instance, element = ask.task_key(task_.key)
        late = c.CompleteUserTask(element, {}, expected="")
        right = c.CompleteUserTask(element, {}, expected="ann")
        return await at.client.ask_all([Request(instance, late), Request(instance, right)])

    with running(tmp_path / "t.db") as at:
        late, right = asyncio.run(scenario(at))
    assert late.code == "version-mismatch"
    assert isinstance(right, Answer)


def test_tokens_and_webhooks_live_in_the_registry(tmp_path):
    """What was issued and subscribed is there in the next life, and ends when it is ended."""
    path = tmp_path / "t.db"
    issue = c.IssueToken("t1", "ann", "api", ("admin",), (), (), b"d" * 32)
    hook = c.SubscribeWebhook("w1", "https://a.example", (), (), False, b"")
    asked(path, Request(REGISTRY, issue), Request(REGISTRY, hook))

    with running(path) as at:
        assert at.node.world.tokens["t1"].name == "ann"
        assert at.node.world.webhooks["w1"].status == "active"
    again, bad, _, _ = asked(
        path,
        Request(REGISTRY, issue),
        Request(REGISTRY, c.IssueToken("t2", "ann", "api", (), (), (), b"")),
        Request(REGISTRY, c.RevokeToken("t1")),
        Request(REGISTRY, c.EndWebhook("w1", "gone")),
    )
    with running(path) as at:
        assert at.node.world.tokens == {}
        assert at.node.world.webhooks["w1"].reason == "gone"
        assert at.client.read.reader.count_instances() == {}
        report = verify(at.client.read.reader)
    assert (again.code, bad.code) == ("already-exists", "invalid-value")
    assert report.differences == []


def test_expired_tokens_leave_with_the_next_one(tmp_path):
    """What lets nobody in any more is not kept."""
    path = tmp_path / "t.db"
    old = c.IssueToken("old", "ann", "session", ("admin",), (), (), b"", expires_at=1)
    new = c.IssueToken("new", "ann", "session", ("admin",), (), (), b"")

    asked(path, Request(REGISTRY, old), Request(REGISTRY, new))

    with running(path) as at:
        assert list(at.node.world.tokens) == ["new"]


def test_how_far_a_webhook_was_told_is_kept(tmp_path):
    """The cursor of the last advance is read in the next life."""
    path = tmp_path / "t.db"
    with running(path) as at:
        assert at.client.read.webhook_cursor("w1") is None
    receiver = named_key(Kind.WEBHOOK, "w1")
    advances = [Request(receiver, c.AdvanceWebhook("w1", cursor)) for cursor in (b"1", b"2")]

    asked(path, *advances)

    with running(path) as at:
        assert at.client.read.webhook_cursor("w1") == b"2"
        assert verify(at.client.read.reader).differences == []


@pytest.mark.parametrize(
    "text", ["0-7", "²-1", "9223372036854775808-1", "1-²", "-1", "1", "1-99999999999"]
)
def test_a_text_that_is_no_key_is_refused(text):
    """What names no instance never reaches the corridor."""
    with pytest.raises(InputError):
        ask.task_key(text)


def test_the_reason_of_a_cancellation_is_in_the_journal(tmp_path):
    """Who ended an instance said why, and the journal keeps it."""

    async def scenario(at):
        await at.client.deploy_sources(REVIEW)
        key = await at.client.start("p")
        await at.client.cancel(key, reason="a mistake")
        return [
            record.reason
            for turn in at.client.read.history(int(key))
            for record in turn.records
            if isinstance(record, ElementTerminating) and record.element == 0
        ]

    with running(tmp_path / "t.db") as at:
        assert asyncio.run(scenario(at)) == ["a mistake"]


def test_deep_data_is_refused_before_it_exhausts_the_stack():
    """A value that nests without end is no value."""
    deep = []
    for _ in range(100_000):
        deep = [deep]

    with pytest.raises(ValueRefused):
        ask.encode_variables({"deep": deep})
