"""Schedules over HTTP."""

from __future__ import annotations

import pytest

from tests.api.conftest import code_of
from tests.spec.models import end, flows, model, start, user

SLOW = model(start() + user("u") + end() + flows("start>u", "u>end"))
PLAN = {
    "process": "p",
    "schedule": {"cron": "0 2 * * *", "tz": "Europe/Berlin"},
    "variables": {"n": 1.10, "on": "2026-01-01"},
    "overlap": "allow",
}
SPAN = {"start": "2026-01-01T00:00:00Z", "end": "2026-01-05T12:00:00Z", "which": "missing"}


@pytest.fixture
def planned(api):
    """Give a server with a process that waits for a person, and a schedule of it."""
    api.deploy(SLOW)
    assert put(api).status_code == 201
    return api


def put(api, name="nightly", headers=None, token=None, **changes):
    """Put a schedule; return the response."""
    plan = {**PLAN, **changes}
    more = {"headers": headers or {}, "token": token}
    return api.request("PUT", f"schedules/{name}", json=plan, **more)


def test_a_schedule_is_put_shown_and_deleted(planned):
    """What was put comes back exact; a second put of the same changes nothing."""
    shown = planned.get("schedules/nightly").json()
    assert {name: shown[name] for name in PLAN} == {
        **PLAN,
        "schedule": {"cron": ["0 2 * * *"], "tz": "Europe/Berlin"},
    }
    assert b'"n":1.1' in planned.get("schedules/nightly").content
    assert shown["next_at"].endswith(("00:00:00.000Z", "01:00:00.000Z"))

    again = put(planned)
    assert (again.status_code, again.json()) == (
        200,
        {"name": "nightly", "created": False, "changed": False},
    )
    assert planned.delete("schedules/nightly").status_code == 204
    assert code_of(planned.get("schedules/nightly")) == (404, "not-found")
    assert code_of(planned.delete("schedules/nightly")) == (404, "not-found")


def test_schedules_come_in_pages_by_name(planned):
    """A cursor leads to the next page and is bound to its list."""
    put(planned, "a")
    put(planned, "z")
    first = planned.get("schedules", params={"limit": 2}).json()
    second = planned.get("schedules", params={"limit": 2, "cursor": first["next"]}).json()

    assert [one["name"] for one in first["items"]] == ["a", "nightly"]
    assert ([one["name"] for one in second["items"]], second["next"]) == (["z"], None)
    assert planned.get("schedules", params={"cursor": "else"}).status_code == 400


def test_what_was_changed_meanwhile_is_not_overwritten(planned):
    """`If-Match` holds what was read; a pause in between changes nothing of the plan."""
    read = planned.get("schedules/nightly").headers["etag"]
    planned.post("schedules/nightly/pause", {"reason": "holidays"})
    mine = put(planned, headers={"if-match": read}, overlap="skip")
    other = put(planned, headers={"if-match": read}, overlap="buffer_one")

    assert (mine.status_code, mine.json()["changed"]) == (200, True)
    assert code_of(other) == (412, "version-mismatch")
    shown = planned.get("schedules/nightly")
    assert (shown.json()["overlap"], shown.headers["etag"]) == ("skip", mine.headers["etag"])
    assert code_of(put(planned, "none", headers={"if-match": read})) == (412, "version-mismatch")


def test_a_put_whose_answer_was_lost_gets_it_again(planned):
    """Under its idempotency key, also with the tag that it has changed itself."""
    tag = planned.get("schedules/nightly").headers["etag"]
    headers = {"if-match": tag, "idempotency-key": "k-1"}
    first = put(planned, headers=headers, overlap="skip")
    repeat = put(planned, headers=headers, overlap="skip")
    other = put(planned, headers={**headers, "idempotency-key": "k-2"}, overlap="allow")

    assert (first.status_code, repeat.status_code) == (200, 200)
    assert repeat.json() == first.json()
    assert code_of(other) == (412, "version-mismatch")


def test_a_schedule_is_paused_resumed_and_triggered(planned):
    """A paused one says why and has nothing to do; a tick by hand starts at once."""
    assert planned.post("schedules/nightly/pause", {"reason": "holidays"}).status_code == 204
    paused = planned.get("schedules/nightly").json()
    assert (paused["is_paused"], paused["reason"], paused["next_at"]) == (True, "holidays", None)
    assert planned.post("schedules/nightly/resume").status_code == 204

    told = planned.post("schedules/nightly/trigger", headers={"idempotency-key": "t"}).json()
    again = planned.post("schedules/nightly/trigger", headers={"idempotency-key": "t"}).json()
    shown = planned.get("schedules/nightly").json()
    assert (told["status"], again) == ("started", told)
    assert shown["running"] == [{"tick": told["tick"], "instance": told["instance"]}]
    assert shown["counts"]["started"] == 1


def test_a_backfill_is_told_dry_and_then_done_once(planned):
    """Both ends are included; the newest first, two at a time, when that is asked."""
    dry = planned.post("schedules/nightly/backfill", {**SPAN, "dry_run": True}).json()
    slowly = {**SPAN, "reverse": True, "count": 2, "every": "PT1H"}
    done = planned.post("schedules/nightly/backfill", slowly).json()

    assert dry == {
        "count": 5,
        "ticks": [f"2026-01-0{day}T01:00:00.000Z" for day in range(1, 6)],
        "backfill": None,
    }
    assert (done["count"], done["ticks"], done["backfill"]) == (5, None, 1)
    running = planned.get("schedules/nightly").json()["running"]
    assert [one["tick"][:10] for one in running] == ["2026-01-05", "2026-01-04"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"process": "none"}, (404, "unknown-process")),
        ({"schedule": {"cron": "never"}}, (400, "invalid-input")),
        ({"schedule": {"cron": "0 2 * * *", "tz": "Mars/Base"}}, (400, "invalid-input")),
        ({"overlap": "sometimes"}, (422, "invalid-value")),
        ({"catch_up": "most"}, (400, "invalid-input")),
        ({"pause_after": -1}, (400, "invalid-body")),
        ({"colour": "red"}, (400, "invalid-body")),
    ],
)
def test_what_a_schedule_cannot_be_is_refused(planned, changes, code):
    """And the schedule stays what it was."""
    before = planned.get("schedules/nightly").json()

    assert code_of(put(planned, **changes)) == code
    assert planned.get("schedules/nightly").json() == before


@pytest.mark.parametrize(
    "changes",
    [{"start": "soon"}, {"every": "often"}, {"every": "PT-1H"}, {"every": "PT1H"}, {"which": "x"}],
)
def test_what_a_backfill_cannot_be_is_refused(planned, changes):
    """Nothing starts."""
    answer = planned.post("schedules/nightly/backfill", {**SPAN, **changes})

    assert answer.status_code in (400, 422)
    assert planned.get("schedules/nightly").json()["running"] == []


def test_who_may_change_and_who_may_only_start(planned):
    """A publisher triggers, a developer changes, a person neither."""
    developer, publisher = planned.issue("developer"), planned.issue("publisher")
    person = planned.issue("person")

    assert put(planned, token=developer).status_code == 200
    assert put(planned, token=publisher).status_code == 403
    assert planned.post("schedules/nightly/trigger", token=publisher).status_code == 200
    assert planned.post("schedules/nightly/pause", token=publisher).status_code == 403
    assert planned.get("schedules", token=person).status_code == 200
    assert planned.post("schedules/nightly/trigger", token=person).status_code == 403
