"""Runs of Airflow DAGs from workflows."""

from __future__ import annotations

import pytest

from tenuto import wf, workflow
from tenuto.elsewhere import airflow
from tenuto.elsewhere.airflow import Refused, RunFailed, RunStopped
from tenuto.errors import InputError
from tests.elsewhere.servers import AWAY, LOST, per_instance

runs = airflow.dag("http://127.0.0.1:1")  # each test has its own


@workflow
async def ledger(month: str) -> dict:
    """Run a DAG for a month."""
    done = await runs.start_and_wait("ledger", {"month": month}, result_of="totals")
    return {"id": done.id, "state": done.state, "value": done.value, "link": done.link}


@workflow
async def unknown() -> str:
    """Run a DAG that nobody has."""
    return (await runs.start_and_wait("unknown")).state


@workflow
async def left() -> str:
    """Leave the run be when the workflow is canceled."""
    return (await runs.start_and_wait("ledger", on_cancel="leave")).state


@workflow
async def two() -> int:
    """Run the same DAG twice, one after the other."""
    found = {(await runs.start_and_wait("ledger")).id for _ in range(2)}
    await wf.sleep(1)
    return len(found)


@pytest.fixture
def server(airflow_server, monkeypatch):
    monkeypatch.setitem(globals(), "runs", airflow.dag(airflow_server.url, auth="secret"))
    return airflow_server


def test_a_run_is_started_and_waited_for(durable, server):
    """The configuration goes there; the state and what a task returned come back."""
    run = durable.start(ledger, "2026-01")
    durable.advance("1h")

    (only,) = server.runs.values()
    assert only["conf"] == {"month": "2026-01"}
    assert run.result == {
        "id": only["dag_run_id"],
        "state": "success",
        "value": {"rows": 42},
        "link": f"{server.url}/dags/ledger/runs/{only['dag_run_id']}",
    }
    assert only["dag_run_id"].startswith(f"tenuto-{run.key}-")
    assert server.headers["authorization"] == "Bearer secret"


@pytest.mark.parametrize(
    "faults",
    [(LOST,), (LOST, LOST, 503), (AWAY, LOST), (502, LOST), ((429, {"retry-after": "7"}), LOST)],
)
def test_a_start_whose_answer_was_lost_starts_nothing_twice(durable, server, faults):
    """The second attempt finds the run that the first began."""
    server.fail_next("POST", *faults)
    run = durable.start(ledger, "2026-01")
    durable.advance("1h")

    assert run.result["state"] == "success"
    assert len(server.runs) == 1
    assert server.count("POST", "dagRuns$") == len(faults) + 1


def test_an_engine_that_asks_for_a_pause_gets_it(durable, server):
    """429 with Retry-After: the next attempt comes that much later."""
    server.fail_next("POST", (429, {"retry-after": "90"}))
    durable.start(ledger, "2026-01")
    durable.advance(89)
    before = server.count("POST", "dagRuns$")
    durable.advance(1)

    assert (before, server.count("POST", "dagRuns$")) == (1, 2)


def test_looks_that_fail_are_repeated(durable, server):
    """A server that is restarted fails nobody."""
    server.fail_next("GET", AWAY, 500, 503, (429, {}), LOST)
    run = durable.start(ledger, "2026-01")
    durable.advance("1h")

    assert run.result["state"] == "success"


def test_a_long_run_takes_few_looks(durable, server):
    """The delay between looks grows to a minute, and stays there."""
    server.looks = 10_000
    durable.start(ledger, "2026-01")
    durable.advance("1h")
    first = server.count("GET", "dagRuns")
    durable.advance("1h")

    assert first < 75
    assert server.count("GET", "dagRuns") - first == 60


def test_a_run_that_failed_is_an_error_with_its_place(durable, server):
    """Which run, which tasks, where to look."""
    server.ends = "failed"
    run = durable.start(ledger, "2026-01")
    durable.advance("1h")

    (id,) = server.runs
    assert isinstance(run.error, RunFailed)
    assert (run.error.engine, run.error.run, run.error.state) == ("airflow", id, "failed")
    assert run.error.link == f"{server.url}/dags/ledger/runs/{id}"
    assert run.error.reason == "task load failed"


def test_a_run_that_was_deleted_is_an_error(durable, server):
    """Nobody waits for it for ever."""
    run = durable.start(ledger, "2026-01")
    server.runs.clear()
    durable.advance("1h")

    assert isinstance(run.error, RunStopped)


def test_what_airflow_refuses_is_not_tried_again(durable, server):
    """A DAG that nobody has."""
    run = durable.start(unknown)

    assert isinstance(run.error, Refused)
    assert run.error.status == 404
    assert "`unknown` was not found" in str(run.error)
    assert server.count("POST", "dagRuns$") == 1


def test_cancel_here_ends_the_run_there(durable, server):
    """Marked as failed, which ends its tasks."""
    server.looks = 10_000
    run = durable.start(ledger, "2026-01")
    durable.advance("1m")
    run.cancel()

    assert run.status == "terminated"
    assert [one["state"] for one in server.runs.values()] == ["failed"]


def test_cancel_in_the_middle_of_a_start_ends_the_run_too(durable, server):
    """The start is under way, its answer was lost: the workflow ends when the run has."""
    server.fail_next("POST", LOST)
    run = durable.start(ledger, "2026-01")
    run.cancel()
    before = run.status
    durable.advance("5s")

    assert (before, run.status) == ("active", "terminated")
    assert [one["state"] for one in server.runs.values()] == ["failed"]


def test_a_run_can_be_left_alone(durable, server):
    """The policy of the call says so."""
    server.looks = 10_000
    run = durable.start(left)
    durable.advance("1m")
    run.cancel()

    assert run.status == "terminated"
    assert [one["state"] for one in server.runs.values()] == ["queued"]


def test_each_call_has_a_run_of_its_own(durable, server):
    """Another step is another run."""
    run = durable.start(two)
    durable.advance("1h")

    assert run.result == 2
    assert len(server.runs) == 2


@pytest.mark.parametrize("crash", ["before_every_commit", "after_every_commit"])
@pytest.mark.parametrize("evict", [False, True])
def test_a_crash_between_their_acceptance_and_our_record_starts_nothing_twice(
    durable, server, evict, crash
):
    """Behaviour 3: a crash at every commit; each life of the workflow has one run."""
    durable.evict_always = evict
    lives = durable.explore(two, crash=crash)

    assert lives >= 10
    assert set(per_instance(server.runs).values()) == {2}
    repeats = server.count("POST", "dagRuns$") - len(server.runs)
    assert repeats == (2 if crash.startswith("before") else 0)


def test_airflow_2_has_another_path_and_no_logical_date(durable, server, monkeypatch):
    """`/api/v1`, with the password in each request."""
    monkeypatch.setitem(globals(), "runs", airflow.dag(server.url, auth=("u", "p"), api="v1"))
    run = durable.start(ledger, "2026-01")
    durable.advance("1h")

    method, path, body, _ = server.requests[0]
    assert (method, path) == ("POST", "/api/v1/dags/ledger/dagRuns")
    assert "logical_date" not in body
    assert server.headers["authorization"].startswith("Basic ")
    assert run.result["link"].endswith(f"/grid?dag_run_id={run.result['id']}")


def test_airflow_3_exchanges_a_password_for_a_token(durable, server, monkeypatch):
    """And keeps it for the requests that follow."""
    server.wants_token = True
    made = airflow.dag(server.url, auth=("tenuto", "p"))
    monkeypatch.setitem(globals(), "runs", made)
    run = durable.start(ledger, "2026-01")
    durable.advance("1h")

    assert run.result["state"] == "success"
    assert server.count("POST", "/auth/token") == 1


def test_what_is_no_url_and_no_api_is_refused_at_once():
    """Before anything runs."""
    with pytest.raises(InputError, match="URL of airflow"):
        airflow.dag("airflow.example")
    with pytest.raises(InputError, match="expected `api` to be one of v2, v1"):
        airflow.dag("http://airflow", api="v3")
