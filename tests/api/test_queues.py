"""Queues over HTTP."""

from __future__ import annotations

from tests.api.conftest import code_of


def test_a_queue_is_made_changed_listed_and_removed(api):
    """What is not given stays; null takes a limit away."""
    assert api.post("queues", {"name": "mail", "concurrency": 3, "rate": "10/s"}).status_code == 204
    assert api.post("queues", {"name": "mail", "per_key": 1, "rate": None}).status_code == 204
    api.post("queues", {"name": "print"})

    shown = api.get("queues/mail").json()
    assert shown["options"] == {
        "concurrency": 3,
        "per_key": 1,
        "duplicates": "reject",
        "busy": "wait",
    }
    first = api.get("queues", params={"limit": 1}).json()
    second = api.get("queues", params={"limit": 1, "cursor": first["next"]}).json()
    names = [page["items"][0]["name"] for page in (first, second)]
    assert (names, second["next"]) == (["mail", "print"], None)
    assert api.get("queues/mail/entries").json() == {"items": [], "next": None}

    assert api.delete("queues/mail").status_code == 204
    assert code_of(api.delete("queues/mail")) == (404, "not-found")


def test_a_queue_that_nobody_used_is_not_found(api):
    """Also its entries."""
    assert code_of(api.get("queues/none")) == (404, "not-found")
    assert code_of(api.get("queues/none/entries")) == (404, "not-found")


def test_what_a_queue_cannot_be_is_refused(api):
    """The problem names the queue and what was expected."""
    answer = api.post("queues", {"name": "mail", "rate": "often"})

    assert code_of(answer) == (400, "invalid-input")
    assert "queue `mail`: expected a rate such as 10/s" in answer.json()["detail"]
    assert api.post("queues", {"name": "mail", "concurrency": 0}).status_code == 400


def test_who_may_only_read_may_not_change_a_queue(api):
    """The permission to operate is asked for."""
    token = api.issue("developer")

    assert api.get("queues", token=token).status_code == 200
    assert api.post("queues", {"name": "mail"}, token=token).status_code == 403
    assert api.post("queues/mail/pause", token=token).status_code == 403


def test_what_a_program_declares_counts_when_it_has_changed(api):
    """What an operator changed since stays; a declaration that cannot be changes nothing."""
    first = {"queues": [{"name": "mail", "concurrency": 3}, {"name": "print"}]}
    token = api.issue("developer")
    assert api.post("queue-declarations", first, token=token).status_code == 204
    api.post("queues", {"name": "mail", "concurrency": 5})
    assert api.post("queue-declarations", first).status_code == 204
    assert api.get("queues/mail").json()["options"]["concurrency"] == 5

    bad = {"queues": [{"name": "mail", "concurrency": 9}, {"name": "print", "rate": "often"}]}
    assert code_of(api.post("queue-declarations", bad)) == (400, "invalid-input")
    assert api.get("queues/mail").json()["options"]["concurrency"] == 5
    bad["queues"].pop()
    assert api.post("queue-declarations", bad).status_code == 204
    assert api.get("queues/mail").json()["options"]["concurrency"] == 9
