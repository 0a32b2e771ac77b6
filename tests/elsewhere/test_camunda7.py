"""Process instances of Camunda 7 from workflows."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from tenuto import workflow
from tenuto.elsewhere import camunda7
from tenuto.elsewhere.camunda7 import Refused, RunFailed, RunStopped, typed, untyped
from tenuto.errors import InputError
from tests.elsewhere.servers import AWAY, LOST, per_instance

there = camunda7.engine("http://127.0.0.1:1/engine-rest")  # each test has its own
ORDER = {"order": "o-1", "amount": 40, "lines": [{"sku": "a", "n": 2}]}


@workflow
async def refund() -> dict:
    """Let Camunda refund an order."""
    done = await there.start_and_wait("refund", ORDER)
    return {"id": done.id, "state": done.state, "value": done.value, "link": done.link}


@workflow
async def impatient() -> str:
    """Go on when the instance is stuck."""
    return (await there.start_and_wait("refund", on_incident="fail")).state


@workflow
async def of_tenant() -> str:
    """Start the process of a tenant."""
    return (await there.start_and_wait("refund", tenant="north")).state


@workflow
async def unknown() -> str:
    """Start a process that nobody has."""
    return (await there.start_and_wait("unknown")).state


@pytest.fixture
def server(camunda_server, monkeypatch):
    monkeypatch.setitem(globals(), "there", camunda7.engine(camunda_server.at, auth=("u", "p")))
    return camunda_server


def test_an_instance_is_started_and_waited_for(durable, server):
    """Variables go with their types and come back as plain data; local ones stay there."""
    run = durable.start(refund)
    durable.advance("1h")

    (only,) = server.instances.values()
    assert only["given"]["amount"] == {"value": 40, "type": "Integer"}
    assert only["businessKey"].startswith(f"tenuto-{run.key}-")
    assert run.result == {
        "id": only["id"],
        "state": "COMPLETED",
        "value": ORDER,
        "link": f"{server.url}/camunda/app/cockpit/default/#/process-instance/{only['id']}",
    }


@pytest.mark.parametrize("faults", [(LOST,), (LOST, LOST), (AWAY, LOST), (500, LOST), (429, 503)])
def test_a_start_whose_answer_was_lost_starts_nothing_twice(durable, server, faults):
    """The second attempt finds its business key, as Camunda would not refuse it."""
    server.fail_next("POST", *faults)
    run = durable.start(refund)
    durable.advance("1h")

    assert run.result["state"] == "COMPLETED"
    assert len(server.instances) == 1


def test_an_instance_that_ended_before_the_repeat_is_found(durable, server):
    """In the history, where ended ones are."""
    server.looks = 0
    server.fail_next("POST", LOST)
    run = durable.start(refund)
    for one in server.instances.values():
        one["state"] = "COMPLETED"
    durable.advance("1h")

    assert run.result["state"] == "COMPLETED"
    assert len(server.instances) == 1


@pytest.mark.parametrize(
    ("state", "kind"),
    [("EXTERNALLY_TERMINATED", RunStopped), ("INTERNALLY_TERMINATED", RunFailed)],
)
def test_an_instance_that_did_not_complete_is_an_error(durable, server, state, kind):
    """With its id, its state and its place in the cockpit."""
    server.ends = state
    run = durable.start(refund)
    durable.advance("1h")

    assert isinstance(run.error, kind)
    assert run.error.state == state
    assert run.error.run in run.error.link


def test_an_incident_is_waited_out_unless_the_call_says_otherwise(durable, server):
    """People there resolve it; or the workflow is told."""
    server.looks = 10_000
    server.stuck = [
        {"incidentType": "failedJob", "incidentMessage": "no money", "activityId": "pay"}
    ]
    patient, other = durable.start(refund), durable.start(impatient)
    durable.advance("1h")

    assert patient.status == "active"
    assert isinstance(other.error, RunFailed)
    assert other.error.reason == "no money at pay"


def test_cancel_here_deletes_the_instance_there(durable, server):
    """And one that has ended meanwhile is left."""
    server.looks = 10_000
    run = durable.start(refund)
    durable.advance("1m")
    run.cancel()

    assert run.status == "terminated"
    assert [one["state"] for one in server.instances.values()] == ["EXTERNALLY_TERMINATED"]


def test_a_process_of_a_tenant_is_started_there(durable, server):
    """By the path that names the tenant."""
    durable.start(of_tenant)

    assert [one["tenantId"] for one in server.instances.values()] == ["north"]


def test_what_camunda_refuses_is_not_tried_again(durable, server):
    """A process that nobody has deployed."""
    run = durable.start(unknown)

    assert isinstance(run.error, Refused)
    assert "No matching process definition" in str(run.error)


@pytest.mark.parametrize("crash", ["before_every_commit", "after_every_commit"])
@pytest.mark.parametrize("evict", [False, True])
def test_a_crash_between_their_acceptance_and_our_record_starts_nothing_twice(
    durable, server, evict, crash
):
    """Behaviour 3: a crash at every commit."""
    durable.evict_always = evict
    server.looks = 2
    durable.explore(impatient, crash=crash)

    keys = [one["businessKey"] for one in server.instances.values()]
    assert set(per_instance(keys).values()) == {1}
    repeats = server.count("GET", "history/process-instance$") - len(keys)
    assert repeats == (1 if crash.startswith("before") else 0)


def test_values_have_types_that_java_knows():
    """A large number is a long, an exact one a text; lists and dicts are JSON."""
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    given = {"n": 2**40, "x": 1.5, "d": Decimal("0.10"), "at": moment, "day": date(2026, 1, 2)}

    assert {name: (one["type"], one["value"]) for name, one in typed(given).items()} == {
        "n": ("Long", 2**40),
        "x": ("Double", 1.5),
        "d": ("String", "0.10"),
        "at": ("Date", "2026-01-02T03:04:05.000+0000"),
        "day": ("String", "2026-01-02"),
    }
    assert typed({"a": None, "b": True})["a"] == {"value": None, "type": "Null"}
    assert untyped({"type": "Json", "value": '{"a":[1]}'}) == {"a": [1]}
    assert untyped({"type": "Object", "value": "rO0AB"}) == "rO0AB"


def test_what_has_no_type_is_refused_with_its_name():
    """Before anything is sent."""
    with pytest.raises(InputError, match="variable `x`: expected plain data, got a object"):
        typed({"x": object()})
    with pytest.raises(InputError, match="variable `at`: expected a moment with a time zone"):
        typed({"at": datetime(2026, 1, 1)})
