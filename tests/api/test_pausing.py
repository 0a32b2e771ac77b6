"""Pausing over HTTP."""

from __future__ import annotations

from tests.api.conftest import code_of
from tests.api.test_jobs import lease


def test_an_instance_is_paused_found_and_resumed(worked):
    """It says since when and why, and a list finds it by its state."""
    key = worked.start()

    assert worked.post(f"instances/{key}/pause", {"reason": "look"}).status_code == 204

    found = worked.get("instances", params={"status": "paused"}).json()["items"]
    assert [one["instance"] for one in found] == [key]
    shown = worked.get(f"instances/{key}").json()
    assert (shown["status"], shown["paused"]["reason"]) == ("paused", "look")
    assert shown["waiting"][0]["detail"].startswith("paused")

    assert worked.post(f"instances/{key}/resume").status_code == 204
    shown = worked.get(f"instances/{key}").json()
    assert (shown["status"], shown["paused"]) == ("active", None)


def test_no_job_of_a_paused_instance_is_leased(worked):
    """A poll comes back empty until it is resumed."""
    key = worked.start()
    worked.post(f"instances/{key}/pause")

    assert lease(worked) == []
    worked.post(f"instances/{key}/resume")
    assert len(lease(worked)) == 1


def test_pausing_twice_is_refused_and_a_repeat_is_not(worked):
    """The same idempotency key gets the first answer again."""
    key = worked.start()
    once = {"idempotency-key": "k"}

    assert worked.post(f"instances/{key}/pause", headers=once).status_code == 204
    assert worked.post(f"instances/{key}/pause", headers=once).status_code == 204
    assert code_of(worked.post(f"instances/{key}/pause")) == (409, "paused")
    assert worked.post(f"instances/{key}/resume").status_code == 204
    assert code_of(worked.post(f"instances/{key}/resume")) == (409, "not-paused")


def test_who_may_only_read_may_not_pause(worked):
    """The permission to change instances is asked for."""
    key = worked.start()
    token = worked.issue("developer")

    assert worked.post(f"instances/{key}/pause", token=token).status_code == 403
