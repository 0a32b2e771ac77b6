"""User tasks over HTTP: found, claimed, completed, by whom they are meant for."""

from __future__ import annotations

import pytest

from tests.api.conftest import code_of
from tests.spec.models import end, flows, model, start


def task_of(users="", groups="", due=""):
    """Return a user task with candidates."""
    schedule = f'<zeebe:taskSchedule dueDate="{due}"/>' if due else ""
    return (
        '<userTask id="u" name="Review"><extensionElements><zeebe:userTask/>'
        f'<zeebe:assignmentDefinition candidateUsers="{users}" candidateGroups="{groups}"/>'
        f'{schedule}<zeebe:ioMapping><zeebe:input source="=n + 1" target="m"/></zeebe:ioMapping>'
        "</extensionElements></userTask>"
    )


def source(body, process="p"):
    """Return a process with one user task."""
    return model(start() + body + end() + flows("start>u", "u>end"), process=process)


@pytest.fixture
def reviewed(api):
    """Give a server with an open task for `ann` and the group `clerks`."""
    api.deploy(source(task_of("ann", "clerks")))
    api.start(variables={"n": 1})
    return api


def only(api):
    """Return the one open task."""
    [task] = api.get("tasks").json()["items"]
    return task


def test_a_task_shows_whom_it_is_for_and_what_it_sees(reviewed):
    """Its variables are those of its scopes, the nearest first."""
    task = only(reviewed)

    shown = reviewed.get(f"tasks/{task['task']}").json()

    assert (task["element"], task["name"], task["process"]) == ("u", "Review", "p")
    assert (task["candidate_users"], task["candidate_groups"]) == (["ann"], ["clerks"])
    assert task["assignee"] is None
    assert shown["variables"] == {"n": 1, "m": 2}
    assert {**shown, **task} == shown


def test_a_candidate_claims_and_completes(reviewed):
    """By name or by group; whoever has the task completes it."""
    task = only(reviewed)["task"]
    ann = reviewed.issue("person", name="ann")
    bob = reviewed.issue("person", name="bob", groups=("clerks",))
    eve = reviewed.issue("person", name="eve")

    assert code_of(reviewed.post(f"tasks/{task}/claim", token=eve)) == (403, "forbidden")
    assert reviewed.post(f"tasks/{task}/claim", token=bob).status_code == 204
    assert code_of(reviewed.post(f"tasks/{task}/claim", token=ann)) == (409, "already-claimed")
    assert only(reviewed)["assignee"] == "bob"
    assert code_of(reviewed.post(f"tasks/{task}/complete", token=ann)) == (403, "forbidden")
    assert code_of(reviewed.post(f"tasks/{task}/release", token=ann)) == (403, "forbidden")
    done = reviewed.post(f"tasks/{task}/complete", {"variables": {"ok": True}}, token=bob)
    assert done.status_code == 204
    assert reviewed.get("tasks").json()["items"] == []
    assert code_of(reviewed.post(f"tasks/{task}/complete", token=bob)) == (404, "not-found")


def test_a_task_without_an_assignee_is_completed_by_a_candidate_only(reviewed):
    """Nobody has to claim first."""
    task = only(reviewed)["task"]
    eve = reviewed.issue("person", name="eve")

    assert code_of(reviewed.post(f"tasks/{task}/complete", token=eve)) == (403, "forbidden")
    ann = reviewed.issue("person", name="ann")
    assert reviewed.post(f"tasks/{task}/complete", token=ann).status_code == 204


def test_an_operator_assigns_reassigns_and_takes_back(reviewed):
    """A person claims for itself only."""
    task = only(reviewed)["task"]
    ann = reviewed.issue("person", name="ann")
    operator = reviewed.issue("operator", name="olga")

    refused = reviewed.post(f"tasks/{task}/claim", {"assignee": "bob"}, token=ann)
    assert code_of(refused) == (403, "forbidden")
    for name in ("ann", "bob"):
        done = reviewed.post(f"tasks/{task}/claim", {"assignee": name}, token=operator)
        assert (done.status_code, only(reviewed)["assignee"]) == (204, name)
    assert reviewed.post(f"tasks/{task}/release", token=operator).status_code == 204
    assert only(reviewed)["assignee"] is None
    assert reviewed.post(f"tasks/{task}/release", token=operator).status_code == 204


def test_a_change_of_a_stale_task_is_refused(reviewed):
    """An ETag that was read before another claimed no longer matches."""
    task = only(reviewed)["task"]
    tag = reviewed.get(f"tasks/{task}").headers["etag"]
    reviewed.post(f"tasks/{task}/claim", {"assignee": "bob"})

    for verb in ("claim", "release", "complete"):
        answer = reviewed.post(f"tasks/{task}/{verb}", headers={"if-match": tag})
        assert code_of(answer) == (412, "version-mismatch")

    fresh = reviewed.get(f"tasks/{task}").headers["etag"]
    assert fresh != tag
    done = reviewed.post(f"tasks/{task}/complete", headers={"if-match": fresh})
    assert done.status_code == 204


def test_a_completion_that_comes_twice_under_a_key_is_taken_once(reviewed):
    """The repeat is answered as the first, though the task is gone."""
    task = only(reviewed)["task"]
    ann = reviewed.issue("person", name="ann")
    headers = {"idempotency-key": "k"}

    first = reviewed.post(
        f"tasks/{task}/complete", {"variables": {"a": 1}}, token=ann, headers=headers
    )
    again = reviewed.post(
        f"tasks/{task}/complete", {"variables": {"a": 1}}, token=ann, headers=headers
    )
    other = reviewed.post(
        f"tasks/{task}/complete", {"variables": {"a": 2}}, token=ann, headers=headers
    )

    assert (first.status_code, again.status_code) == (204, 204)
    assert code_of(other) == (422, "key-reused")


def test_tasks_come_on_pages_the_earliest_due_first(api):
    """Those without a due date come last; filters narrow the list."""
    api.deploy(source(task_of("ann", due="=due")), source(task_of("", "clerks"), "q"))
    late = api.start(variables={"n": 1, "due": "2026-03-01T00:00:00Z"})
    never = api.start("q", {"n": 1})
    early = api.start(variables={"n": 1, "due": "2026-02-01T00:00:00Z"})

    seen, cursor = [], None
    while True:
        query = {"limit": 1} | ({"cursor": cursor} if cursor else {})
        answer = api.get("tasks", params=query).json()
        seen += [one["instance"] for one in answer["items"]]
        cursor = answer["next"]
        if cursor is None:
            break

    assert seen == [early, late, never]
    of_process = api.get("tasks", params={"process": "q"}).json()["items"]
    of_group = api.get("tasks", params={"group": "clerks"}).json()["items"]
    of_nobody = api.get("tasks", params={"assignee": "bob"}).json()["items"]
    assert [one["instance"] for one in of_process + of_group + of_nobody] == [never, never]


@pytest.mark.parametrize("key", ["0-1", "1-1", "x", "²-1", "9" * 30 + "-1"])
def test_an_unknown_task_is_not_found(reviewed, key):
    """Also for a verb."""
    assert code_of(reviewed.get(f"tasks/{key}")) == (404, "not-found")
    for verb in ("claim", "release", "complete"):
        assert code_of(reviewed.post(f"tasks/{key}/{verb}")) == (404, "not-found")
