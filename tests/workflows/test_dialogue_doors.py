"""Queues, updates and streams over HTTP and from the command line."""

from __future__ import annotations

import json
import textwrap

import httpx
import pytest

from tests.serving import Server
from tests.workflows.test_doors import tenuto

APP = textwrap.dedent(
    """
    from tenuto import Queue, workflow, wf

    narrow = Queue("narrow", concurrency=1, per_key=1)
    raise_to = wf.Update("raise_to", int, returns=int)
    told = wf.Stream("told", str)
    go = wf.Message("go")

    @workflow(queue=narrow, key="who")
    async def bidding(who: str) -> int:
        best = 0

        def check(amount: int) -> None:
            if amount <= best:
                raise ValueError(f"expected more than {best}")

        def take(amount: int) -> int:
            nonlocal best
            best = amount
            told.write(f"{who} gives {amount}")
            return amount

        raise_to.handle(take, validate=check)
        await go.receive()
        return best
    """
)


@pytest.fixture
def server(tmp_path):
    """Serve the workflow of a module."""
    (tmp_path / "app.py").write_text(APP)
    with Server(tmp_path, app="app") as made:
        yield made


@pytest.mark.timeout(120)
def test_a_workflow_is_asked_and_followed_by_command(server, tmp_path):
    """26, 72: the answer is printed, a refusal says why, the stream comes by offset."""
    key = tenuto(server, tmp_path, "start", "bidding", "-v", "who=ada")

    assert tenuto(server, tmp_path, "update", key, "raise_to", "5", "--id", "a") == "5"
    assert tenuto(server, tmp_path, "update", key, "raise_to", "9") == "9"
    assert tenuto(server, tmp_path, "update", key, "raise_to", "7", "--id", "a") == "5"
    lines = tenuto(server, tmp_path, "stream", key, "told").splitlines()
    assert [json.loads(line) for line in lines] == [
        {"offset": 0, "value": "ada gives 5"},
        {"offset": 1, "value": "ada gives 9"},
    ]
    path = f"{server.url}/api/v1/instances/{key}/updates"
    headers = {"authorization": f"Bearer {server.token}"}
    low = httpx.post(path, json={"name": "raise_to", "value": 1}, headers=headers).json()
    assert (low["status"], low["error"]["message"]) == ("refused", "expected more than 9")


@pytest.mark.timeout(120)
def test_a_queue_is_shown_paused_and_changed_by_command(server, tmp_path):
    """66, 68: who waits is seen; a change counts at once."""
    for who in ("ada", "bo", "ada"):
        tenuto(server, tmp_path, "start", "bidding", "-v", f"who={who}")
    shown = json.loads(tenuto(server, tmp_path, "queue", "show", "narrow", "-o", "json"))
    assert shown["queue"]["options"]["concurrency"] == 1
    assert [one["status"] for one in shown["entries"]] == ["running", "waiting", "waiting"]

    tenuto(server, tmp_path, "queue", "pause", "narrow")
    tenuto(server, tmp_path, "queue", "set", "narrow", "--concurrency", "3", "--rate", "100/s")
    [one] = json.loads(tenuto(server, tmp_path, "queue", "list", "-o", "json"))
    assert (one["is_paused"], one["running"], one["waiting"]) == (True, 1, 2)
    tenuto(server, tmp_path, "queue", "resume", "narrow")
    [one] = json.loads(tenuto(server, tmp_path, "queue", "list", "-o", "json"))
    assert (one["running"], one["waiting"]) == (2, 1)
    assert one["options"]["rate"] == "100/1000ms"
    tenuto(server, tmp_path, "queue", "remove", "narrow")
    [one] = json.loads(tenuto(server, tmp_path, "queue", "list", "-o", "json"))
    assert one["options"] is None
