"""Bulk over HTTP: what was done, what refused, and a repeat of the call."""

from __future__ import annotations

import pytest

from tests.api.conftest import code_of


def ask(api, action, where=None, headers=None, **more):
    """Do something in bulk."""
    body = {"action": action, "where": {"process": "p"} if where is None else where, **more}
    return api.post("instances/bulk", body, headers=headers or {})


def test_the_answer_counts_and_names_those_that_refuse(worked):
    """Each refusal has its instance, a code and a sentence."""
    first, second = worked.start(), worked.start()
    worked.post(f"instances/{first}/pause")

    answer = ask(worked, "pause", reason="look")

    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["matched"], found["done"], found["instances"]) == (2, 1, [second])
    assert [(one["instance"], one["code"]) for one in found["refused"]] == [(first, "paused")]
    assert worked.get(f"instances/{second}").json()["paused"]["reason"] == "look"


def test_a_call_under_an_idempotency_key_is_done_once(worked):
    """A repeat gets the first answer; another body under the key is refused."""
    worked.start()
    key = {"idempotency-key": "op-1"}

    first = ask(worked, "cancel", headers=key).json()
    worked.start()
    again = ask(worked, "cancel", headers=key).json()

    assert (first["operation"], first["done"]) == ("op-1", 1)
    assert again == first
    assert code_of(ask(worked, "pause", headers=key)) == (422, "key-reused")


@pytest.mark.parametrize(
    ("action", "where"), [("cancel", {}), ("pause", {"state": "x"}), ("resume", {"sate": "paused"})]
)
def test_filters_that_say_nothing_are_refused(worked, action, where):
    """Nothing is done to everything by mistake."""
    worked.start()

    assert ask(worked, action, where=where).status_code in {400, 422}
    assert worked.get("instances").json()["items"][0]["status"] == "active"


def test_each_action_asks_for_its_permission(worked):
    """Who may not change instances may not change many."""
    worked.start()
    body = {"action": "cancel", "where": {"process": "p"}}

    refused = worked.post("instances/bulk", body, token=worked.issue("developer"))
    done = worked.post("instances/bulk", body, token=worked.issue("operator", name="bob"))

    assert refused.status_code == 403
    assert done.json()["done"] == 1


def test_an_incident_is_resolved_with_changed_variables(worked):
    """One call sets them and tries again."""
    key = worked.start(variables={"card": "bad"})
    [job] = worked.post("jobs/activate", {"types": ["work"], "limit": 1}).json()["jobs"]
    failed = {"token": job["token"], "message": "no such card", "retry": False}
    assert worked.post(f"jobs/{job['job']}/fail", failed).status_code < 300
    [incident] = worked.get("incidents").json()["items"]
    [cause] = worked.get("incidents/causes", params={"process": "p"}).json()
    assert (cause["cause"], cause["element"], cause["count"]) == ("job-failed", "w", 1)
    assert worked.get("incidents/causes", params={"process": "q"}).json() == []

    answer = worked.post(
        f"incidents/{incident['incident']}/resolve", {"variables": {"card": "good"}}
    )

    assert answer.status_code == 204, answer.text
    [job] = worked.post("jobs/activate", {"types": ["work"], "limit": 1}).json()["jobs"]
    assert job["variables"]["card"] == "good"
    assert worked.get(f"instances/{key}").json()["incidents"] == []
