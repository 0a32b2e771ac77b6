"""Jobs over HTTP: leased with what they need, their results fenced by sealed tokens."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from tests.api.conftest import code_of


def lease(api, **more):
    """Return jobs that were leased."""
    answer = api.post("jobs/activate", {"types": ["work"], "limit": 10, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()["jobs"]


def status(api, instance):
    """Return the status of an instance."""
    return api.service.client.read.find(instance).status


def test_a_leased_job_carries_what_its_worker_needs(worked):
    """A job says where it belongs, which attempt it is, and the variables that it sees."""
    key = worked.start(variables={"n": 1, "claim": {"id": "c", "tags": []}}, business_key="b-1")

    [job] = lease(worked, lease=60)

    assert job["job"].startswith(f"{key}-")
    assert job["instance"] == key
    assert (job["type"], job["process"], job["element"]) == ("work", "p", "w")
    assert (job["attempt"], job["retries"], job["business_key"]) == (1, 3, "b-1")
    assert job["variables"] == {"n": 1, "claim": {"id": "c", "tags": []}}
    assert job["deadline"].endswith("Z")
    assert job["details"] is None


def test_numbers_of_variables_stay_exact(worked):
    """A decimal comes back digit by digit, and a large whole number as a whole."""
    body = (
        '{"process":"p","variables":{"rate":0.10000000000000000000001,"big":123456789012345678901}}'
    )
    worked.post("instances", content=body, headers={"content-type": "application/json"})

    answer = worked.post("jobs/activate", {"types": ["work"]})

    assert '"rate":0.10000000000000000000001' in answer.text
    assert '"big":123456789012345678901' in answer.text


def test_temporal_variables_come_as_iso_text(worked):
    """A date, a duration and a range are text in JSON."""
    from datetime import date, timedelta

    variables = {"due": date(2026, 2, 28), "list": [timedelta(hours=2)], "rate": Decimal("1.50")}
    worked.runner.run(worked.service.client.start("p", variables))

    [job] = lease(worked)

    assert job["variables"] == {"due": "2026-02-28", "list": ["PT2H"], "rate": 1.5}


def test_a_completed_job_lets_its_instance_go_on(worked):
    """The result's variables are the instance's, and it ends."""
    key = worked.start()
    [job] = lease(worked)

    answer = worked.post(
        f"jobs/{job['job']}/complete", {"token": job["token"], "variables": {"ok": True}}
    )

    assert (answer.status_code, answer.content) == (204, b"")
    assert status(worked, key) == "completed"


def test_a_failed_job_comes_again_until_its_retries_are_spent(worked):
    """`retry_after` 0 gives the next attempt at once; `retry` false makes an incident."""
    key = worked.start()
    [first] = lease(worked)
    worked.post(
        f"jobs/{first['job']}/fail",
        {"token": first["token"], "message": "no", "retry_after": 0},
    )

    [second] = lease(worked, wait=5)
    worked.post(
        f"jobs/{second['job']}/fail", {"token": second["token"], "message": "bad", "retry": False}
    )

    assert (second["attempt"], second["retries"]) == (2, 2)
    [incident] = worked.service.client.read.incidents(key)
    assert "bad" in incident.message


def test_a_thrown_error_that_nobody_catches_is_an_incident(worked):
    """The code of the error is in the incident."""
    key = worked.start()
    [job] = lease(worked)

    answer = worked.post(
        f"jobs/{job['job']}/throw", {"token": job["token"], "code": "E-1", "message": "why"}
    )

    assert answer.status_code == 204
    [incident] = worked.service.client.read.incidents(key)
    assert "E-1" in incident.message


def test_a_lease_is_extended_and_its_details_reach_the_next_attempt(worked):
    """Whoever gets the job next knows how far the one before had come."""
    worked.start()
    [job] = lease(worked)

    beat = worked.post(
        f"jobs/{job['job']}/extend", {"token": job["token"], "lease": 60, "details": {"page": 7}}
    )
    back = worked.post("jobs/release", {"leases": [{"job": job["job"], "token": job["token"]}]})
    [again] = lease(worked)

    assert beat.status_code == 204
    assert back.json() == {"results": [{"job": job["job"], "held": True}]}
    assert again["details"] == {"page": 7}
    assert again["token"] != job["token"]


def test_many_results_are_answered_one_by_one(worked):
    """A result that is refused stands in the way of no other, and more jobs come with the
    answer.
    """
    for _ in range(4):
        worked.start()
    first, second, third = lease(worked, limit=3)
    results = [
        {"outcome": "complete", "job": first["job"], "token": first["token"], "variables": {}},
        {"outcome": "complete", "job": second["job"], "token": first["token"], "variables": {}},
        {"outcome": "fail", "job": third["job"], "token": third["token"], "message": "x"},
        {"outcome": "throw", "job": "nonsense", "token": "x", "code": "c"},
    ]

    answer = worked.post("jobs/results", {"results": results, "activate": {"types": ["work"]}})

    taken = answer.json()["results"]
    assert [one["status"] for one in taken] == ["accepted", "stale-lease", "accepted", "not-found"]
    assert taken[1]["detail"].startswith("expected the token")
    assert len(answer.json()["jobs"]) == 1


def test_many_heartbeats_tell_which_leases_are_held(worked):
    """What was given back or never held is told apart from what is held."""
    worked.start()
    worked.start()
    held, lost = lease(worked)
    worked.post("jobs/release", {"leases": [{"job": lost["job"], "token": lost["token"]}]})

    answer = worked.post(
        "jobs/extend",
        {
            "beats": [
                {"job": held["job"], "token": held["token"], "lease": 60},
                {"job": lost["job"], "token": lost["token"]},
                {"job": held["job"], "token": "forged"},
            ]
        },
    )

    assert [one["held"] for one in answer.json()["results"]] == [True, False, False]


@pytest.mark.parametrize("verb", ["complete", "fail", "throw", "extend"])
def test_a_result_under_a_guessed_token_is_refused(worked, verb):
    """The number of a lease does not let in: tokens are sealed, each for one job."""
    worked.start()
    worked.start()
    one, other = lease(worked)

    for token in ("1", str((1 << 40) + 1), other["token"], one["token"][:-2] + "xx"):
        body = {"token": token, **({"code": "c"} if verb == "throw" else {})}
        answer = worked.post(f"jobs/{one['job']}/{verb}", body)
        assert code_of(answer) == (409, "stale-lease")


@pytest.mark.parametrize(
    "key", ["0-7", "1", "x-1", "²-1", "9" * 30 + "-1", "-1-1", "1-" + "9" * 30]
)
def test_a_key_that_is_none_is_not_found(worked, key):
    """No text in a key's place reaches the corridor as something else."""
    answer = worked.post(f"jobs/{key}/complete", {"variables": {}})

    assert code_of(answer) == (404, "not-found")
    assert worked.get("health/ready").status_code == 200


def test_a_token_limited_to_job_types_gets_no_other(worked):
    """Asking for another type is forbidden, and so is a result without a lease."""
    token = worked.issue("worker", job_types=("mail",))
    worked.start()
    [job] = lease(worked)

    asked = worked.post("jobs/activate", {"types": ["mail", "work"]}, token=token)
    within = worked.post(
        "jobs/results", {"results": [], "activate": {"types": ["work"]}}, token=token
    )
    by_hand = worked.post(f"jobs/{job['job']}/complete", {}, token=token)
    own = worked.post("jobs/activate", {"types": ["mail"]}, token=token)

    assert code_of(asked) == (403, "forbidden")
    assert code_of(within) == (403, "forbidden")
    assert code_of(by_hand) == (403, "forbidden")
    assert own.json() == {"jobs": []}


def test_an_operator_completes_a_job_by_hand(worked):
    """Who may change instances needs no lease; a worker does."""
    key = worked.start()
    [job] = lease(worked)

    refused = worked.post(f"jobs/{job['job']}/complete", {}, token=worked.issue("worker"))
    done = worked.post(f"jobs/{job['job']}/complete", {}, token=worked.issue("operator"))

    assert code_of(refused) == (403, "forbidden")
    assert done.status_code == 204
    assert status(worked, key) == "completed"


def test_a_result_that_comes_twice_under_a_key_is_taken_once(worked):
    """The second answer is the first; without a key it says that the job is gone."""
    worked.start()
    [job] = lease(worked)
    path, body = f"jobs/{job['job']}/complete", {"token": job["token"]}

    answers = [worked.post(path, body, headers={"idempotency-key": "k"}) for _ in range(2)]
    other = worked.post(path, {**body, "variables": {"a": 1}}, headers={"idempotency-key": "k"})

    assert [answer.status_code for answer in answers] == [204, 204]
    assert code_of(other) == (422, "key-reused")
    assert code_of(worked.post(path, body)) == (409, "stale-lease")


def test_a_waiting_caller_gets_the_job_that_is_created_meanwhile(worked):
    """The answer comes with the commit that creates the job."""

    async def scenario():
        asked = {"types": ["work"], "wait": 10}
        waiting = asyncio.create_task(worked.ask("POST", "jobs/activate", json=asked))
        await asyncio.sleep(0)
        await worked.ask("POST", "instances", json={"process": "p"})
        return await waiting

    assert len(worked.runner.run(scenario()).json()["jobs"]) == 1


def test_what_a_client_that_has_gone_was_waiting_for_goes_to_the_next(worked):
    """A client that disconnects while it waits takes no job with it."""

    async def scenario():
        body = b'{"types": ["work"], "wait": 30}'
        gone = asyncio.Event()
        parts = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def receive():
            for part in parts:
                return part
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message):
            raise AssertionError(f"nobody is there to take {message}")

        headers = {
            "host": "127.0.0.1",
            "content-type": "application/json",
            "authorization": f"Bearer {worked.token}",
        }
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/api/v1/jobs/activate",
            "raw_path": b"/api/v1/jobs/activate",
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
        polling = asyncio.create_task(worked.app(scope, receive, send))
        await asyncio.sleep(0)
        gone.set()
        await polling
        await worked.ask("POST", "instances", json={"process": "p"})
        return await worked.ask("POST", "jobs/activate", json={"types": ["work"], "wait": 5})

    [job] = worked.runner.run(scenario()).json()["jobs"]
    assert job["element"] == "w"


def test_a_worker_that_ends_ends_its_own_questions(worked):
    """They are answered with no jobs, so what it gives back never comes to itself again."""

    async def end():
        def ask(worker):
            asked = {"types": ["work"], "wait": 30, "worker": worker}
            return asyncio.create_task(worked.ask("POST", "jobs/activate", json=asked))

        mine, other = ask("a"), ask("b")
        while not mine.done():
            await worked.ask("POST", "jobs/release", json={"worker": "a"})
            await asyncio.sleep(0)
        await worked.ask("POST", "instances", json={"process": "p"})
        return (await mine).json()["jobs"], (await other).json()["jobs"]

    nothing, given = worked.runner.run(end())

    assert nothing == []
    assert len(given) == 1
