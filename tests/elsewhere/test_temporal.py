"""Temporal workflows from workflows."""

from __future__ import annotations

import pytest

from tenuto import workflow
from tenuto.elsewhere import temporal
from tenuto.elsewhere.temporal import RunFailed, RunStopped, payload, unpacked
from tenuto.errors import InputError
from tests.elsewhere.servers import AWAY, LOST, per_instance
from tests.elsewhere.servers import payload as theirs

there = temporal.namespace("http://127.0.0.1:1")  # each test has its own


@workflow
async def ship(order: str, on_cancel: str = "cancel") -> dict:
    """Let Temporal ship an order."""
    done = await there.start_and_wait(
        "Ship",
        [order, []],
        queue="shipping",
        options={"workflowExecutionTimeout": "3600s"},
        on_cancel=on_cancel,
    )
    return {"state": done.state, "value": done.value, "link": done.link}


@pytest.fixture
def server(temporal_server, monkeypatch):
    made = temporal.namespace(temporal_server.url, auth="key", ui="http://ui")
    monkeypatch.setitem(globals(), "there", made)
    return temporal_server


def test_a_workflow_is_started_and_waited_for(durable, server):
    """Arguments go as JSON payloads, an empty list too; the result comes back."""
    run = durable.start(ship, "o-1")
    durable.advance("1h")

    ((id, only),) = server.workflows.items()
    assert (only["type"], only["queue"], only["input"]) == ("Ship", "shipping", ["o-1", []])
    assert id.startswith(f"tenuto-{run.key}-")
    assert server.requests[0][2]["workflowExecutionTimeout"] == "3600s"
    assert run.result == {
        "state": "COMPLETED",
        "value": {"shipped": True},
        "link": f"http://ui/namespaces/default/workflows/{id}/run-1/history",
    }


@pytest.mark.parametrize("faults", [(LOST,), (LOST, 503, LOST), (AWAY, LOST), (429, 500)])
def test_a_start_whose_answer_was_lost_starts_nothing_twice(durable, server, faults):
    """The refusal names the run that is there."""
    server.fail_next("POST", *faults)
    run = durable.start(ship, "o-1")
    durable.advance("1h")

    assert run.result["state"] == "COMPLETED"
    assert len(server.workflows) == 1


def test_a_conflict_of_another_kind_is_tried_again(durable, server):
    """409 is also what an aborted request gets."""
    server.again = 10
    server.fail_next("POST", LOST)
    run = durable.start(ship, "o-1")
    durable.advance(2)
    before = run.status, server.count("GET", "history")
    server.again = 6
    durable.advance("1h")

    assert before == ("active", 0)
    assert run.result["state"] == "COMPLETED"


def test_a_workflow_that_continues_as_new_is_waited_for_to_its_end(durable, server):
    """Through each run; the link leads to the last one."""
    server.continues = 2
    run = durable.start(ship, "o-1")
    durable.advance("1h")

    assert run.result["value"] == {"shipped": True}
    assert run.result["link"].endswith("/run-3/history")


def test_a_workflow_that_failed_says_why(durable, server):
    """The failure and its cause, by their types."""
    cause = {"message": "no stock", "applicationFailureInfo": {"type": "OutOfStock"}}
    server.last = ("FAILED", {"failure": {"message": "activity error", "cause": cause}})
    run = durable.start(ship, "o-1")
    durable.advance("1h")

    assert isinstance(run.error, RunFailed)
    assert run.error.reason == "activity error; OutOfStock: no stock"
    assert run.error.state == "FAILED"


@pytest.mark.parametrize(
    ("close", "kind"),
    [
        (("TIMED_OUT", {}), RunFailed),
        (("CANCELED", {}), RunStopped),
        (("TERMINATED", {"reason": "by hand"}), RunStopped),
    ],
)
def test_each_other_end_is_an_error_of_its_kind(durable, server, close, kind):
    """A reason that was given is told."""
    server.last = close
    run = durable.start(ship, "o-1")
    durable.advance("1h")

    assert isinstance(run.error, kind)
    assert run.error.reason == close[1].get("reason", "")


@pytest.mark.parametrize(
    ("on_cancel", "kind"), [("cancel", "CANCELED"), ("terminate", "TERMINATED"), ("leave", None)]
)
def test_cancel_here_does_there_what_the_call_says(durable, server, on_cancel, kind):
    """Ask it to end, end it, or let it be."""
    server.looks = 10_000
    run = durable.start(ship, "o-1", on_cancel)
    durable.advance("1m")
    run.cancel()

    (only,) = server.workflows.values()
    assert run.status == "terminated"
    assert only["close"] is None if kind is None else only["close"][0] == kind


def test_a_word_for_cancel_that_nobody_knows_is_refused(durable, server):
    """Before anything is started."""
    run = durable.start(ship, "o-1", "kill")

    assert isinstance(run.error, InputError)
    assert "one of leave, cancel, terminate, got 'kill'" in str(run.error)
    assert server.requests == []


@pytest.mark.parametrize("crash", ["before_every_commit", "after_every_commit"])
@pytest.mark.parametrize("evict", [False, True])
def test_a_crash_between_their_acceptance_and_our_record_starts_nothing_twice(
    durable, server, evict, crash
):
    """Behaviour 3: a crash at every commit."""
    durable.evict_always = evict
    server.looks = 2
    durable.explore(shipped, crash=crash)

    assert set(per_instance(server.workflows).values()) == {1}
    repeats = server.count("POST", "workflows") - len(server.workflows)
    assert repeats == (1 if crash.startswith("before") else 0)


@workflow
async def shipped() -> str:
    """Ship, and say how it ended."""
    return (await there.start_and_wait("Ship", ["o-1"], queue="shipping")).state


def test_payloads_are_read_by_their_encoding():
    """JSON, nothing and bytes; what somebody encrypted stays as it is."""
    secret = {"metadata": {"encoding": "YmluYXJ5L2VuY3J5cHRlZA=="}, "data": "AAEC"}

    assert unpacked(payload({"a": [1]})) == {"a": [1]} == unpacked(theirs({"a": [1]}))
    assert unpacked({"metadata": {"encoding": "YmluYXJ5L251bGw="}}) is None
    assert unpacked({"metadata": {"encoding": "YmluYXJ5L3BsYWlu"}, "data": "AAEC"}) == b"\0\1\2"
    assert unpacked(secret) == secret
    with pytest.raises(InputError, match="expected plain data as an argument"):
        payload(object())
