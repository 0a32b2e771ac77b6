"""Instances over HTTP: started, found, shown, changed and ended."""

from __future__ import annotations

from datetime import date, timedelta
from urllib.parse import quote

import pytest

from tests.api.conftest import code_of
from tests.spec.models import end, flows, model, start, user


def pages(api, path, **query):
    """Return the pages of a list, each as its items."""
    found, cursor = [], None
    while True:
        answer = api.get(path, params=query | ({"cursor": cursor} if cursor else {}))
        assert answer.status_code == 200, answer.text
        found.append(answer.json()["items"])
        cursor = answer.json()["next"]
        if cursor is None:
            return found


def keys(found):
    """Return the instance keys on pages."""
    return [one["instance"] for items in found for one in items]


def test_a_start_that_waits_answers_with_the_end(api):
    """Status and variables come as JSON, temporals as text."""
    script = (
        '<scriptTask id="s"><extensionElements><zeebe:script expression="=a * 2" '
        'resultVariable="b"/></extensionElements></scriptTask>'
    )
    api.deploy(model(start() + script + end() + flows("start>s", "s>end")))
    api.runner.run(api.service.client.start("p", {"a": 1}))

    answer = api.post("instances", {"process": "p", "variables": {"a": 1.25}, "wait": True})

    assert answer.status_code == 200
    assert answer.json()["status"] == "completed"
    assert answer.json()["variables"] == {"a": 1.25, "b": 2.5}


def test_a_start_says_what_its_texts_stand_for(worked):
    """JSON has no dates; what is said beside it makes the variable one, wherever it is."""
    given = {"day": "2026-01-31", "stays": [{"a/b": "P3D"}], "text": "2026-01-31"}
    typed = {"variables": given, "typed": ["/day", "/stays/0/a~1b"]}
    key = worked.start(**typed)

    state = worked.service.client.read.variables(int(key))

    assert state["day"] == date(2026, 1, 31)
    assert state["stays"] == [{"a/b": timedelta(days=3)}]
    assert state["text"] == "2026-01-31"
    assert worked.get(f"instances/{key}/variables").json() == given


@pytest.mark.parametrize("pointer", ["day", "/no", "/list/7", "/list/x", "/n", "/text", "/day/0"])
def test_what_stands_for_nothing_is_refused(worked, pointer):
    """A pointer leads to a text, and the text is a date, a time, a duration or a range."""
    variables = {"day": "2026-01-31", "list": ["P1D"], "n": 1, "text": "soon"}

    answer = worked.post("instances", {"process": "p", "variables": variables, "typed": [pointer]})

    assert code_of(answer) == (400, "invalid-input")


def test_a_repeated_start_says_so(worked):
    """The first answer, and that it is one."""
    key = {"idempotency-key": "once"}

    first = worked.post("instances", {"process": "p"}, headers=key).json()
    again = worked.post("instances", {"process": "p"}, headers=key).json()

    assert again == {**first, "repeated": True}
    assert "repeated" not in first


def test_a_start_that_waits_again_gets_the_same_end(worked):
    """A repeat under the key of a start tells how the instance ended, with its variables."""
    given = {"process": "p", "variables": {"a": 1.25}}
    key = {"idempotency-key": "once"}
    started = worked.post("instances", given, headers=key).json()["instance"]
    [job] = worked.post("jobs/activate", {"types": ["work"]}).json()["jobs"]
    worked.post(f"jobs/{job['job']}/complete", {"token": job["token"], "variables": {"b": 2.5}})

    answer = worked.post("instances", {**given, "wait": True}, headers=key)

    ended = {"status": "completed", "variables": {"a": 1.25, "b": 2.5}}
    assert answer.json() == {"instance": started, **ended}


@pytest.mark.parametrize("wait", [True, False])
def test_a_unique_business_key_names_one_instance(api, wait):
    """The second start is refused, whether its end is waited for or not."""
    api.deploy(model(start() + end() + flows("start>end")))
    body = {"process": "p", "business_key": "b", "unique": True, "wait": wait}

    first = api.post("instances", body)
    second = api.post("instances", body)

    assert first.status_code == (200 if wait else 201)
    assert code_of(second) == (409, "duplicate-business-key")


def test_a_start_is_found_at_its_location(worked):
    """`Location` leads to the instance, which shows what it waits for."""
    answer = worked.post("instances", {"process": "p", "variables": {"n": 1}, "business_key": "b"})

    shown = worked.get(answer.headers["location"])

    data = shown.json()
    assert data["instance"] == answer.json()["instance"]
    assert (data["process"], data["version"], data["status"]) == ("p", 1, "active")
    assert (data["business_key"], data["parent"], data["ended_at"]) == ("b", None, None)
    assert data["variables"] == {"n": 1}
    assert [(one["element"], one["what"]) for one in data["waiting"]] == [("w", "job:work")]
    assert data["waiting"][0]["since"] == data["started_at"]
    assert data["incidents"] == []
    assert shown.headers["etag"] == f'"{data["version_number"]}"'


def test_a_business_key_leads_to_the_newest_instance_that_has_it(worked):
    """A path takes a key or a business key, percent-encoded."""
    worked.start(business_key="a/b ü")
    newest = worked.start(business_key="a/b ü")

    shown = worked.get(f"instances/{quote('a/b ü', safe='')}")

    assert shown.json()["instance"] == newest


@pytest.mark.parametrize("key", ["1", "nobody", "²", "9" * 19, "9" * 60, "-1", "0"])
@pytest.mark.parametrize("tail", ["", "/variables", "/history", "/path", "/decisions"])
def test_an_unknown_instance_is_not_found(worked, key, tail):
    """No text in a key's place does anything else."""
    assert code_of(worked.get(f"instances/{quote(key)}{tail}")) == (404, "not-found")


def test_instances_come_newest_first_on_pages(worked):
    """Every instance is on one page exactly."""
    started = [worked.start() for _ in range(5)]

    found = pages(worked, "instances", limit=2)

    assert [len(items) for items in found] == [2, 2, 1]
    assert keys(found) == started[::-1]


def test_instances_are_found_by_what_they_are(worked):
    """Process, status and business key narrow the list; all that is given must hold."""
    worked.deploy(model(start() + end() + flows("start>end"), process="q"))
    ended = worked.start("q", business_key="b")
    active = worked.start(business_key="b")

    assert keys(pages(worked, "instances", process="q")) == [ended]
    assert keys(pages(worked, "instances", status="active")) == [active]
    assert keys(pages(worked, "instances", business_key="b")) == [active, ended]
    assert keys(pages(worked, "instances", business_key="b", status="completed")) == [ended]
    assert keys(pages(worked, "instances", process="q", status="active")) == []


def test_instances_are_found_by_when_they_were(worked):
    """At or after the one time, before the other."""
    key = worked.start()
    at = worked.get(f"instances/{key}").json()["started_at"]

    assert keys(pages(worked, "instances", started_after=at)) == [key]
    assert keys(pages(worked, "instances", started_before=at)) == []
    assert keys(pages(worked, "instances", started_before="2999-01-01")) == [key]
    assert keys(pages(worked, "instances", ended_after="2000-01-01T00:00:00+02:00")) == []
    bad = worked.get("instances", params={"started_after": "yesterday"})
    assert code_of(bad) == (400, "invalid-query")


def test_instances_are_found_by_their_variables(worked):
    """Every variable that is given must equal, whatever the order of members or zeros of a
    number.
    """
    big = {"text": "x" * 3000}
    one = worked.start(variables={"a": {"x": 1, "y": [1.50]}, "n": 1, "big": big})
    two = worked.start(variables={"a": {"x": 1, "y": [1.5]}, "n": True})
    worked.runner.run(worked.service.client.start("p", {"due": date(2026, 2, 28)}))

    assert keys(pages(worked, "instances", variable='a:{"y": [1.500], "x": 1}')) == [two, one]
    assert keys(pages(worked, "instances", variable="n:1")) == [one]
    assert keys(pages(worked, "instances", variable="n:true")) == [two]
    assert keys(pages(worked, "instances", variable=["n:1", 'a:{"x":1}'])) == []
    assert keys(pages(worked, "instances", variable='big:{"text":"' + "x" * 3000 + '"}')) == [one]
    assert len(keys(pages(worked, "instances", variable='due:"2026-02-28"'))) == 1
    for bad in ("n", "n:", ":1", "n:{", "n:NaN"):
        assert code_of(worked.get("instances", params={"variable": bad})) == (400, "invalid-query")


def test_a_search_that_reads_much_goes_on_on_the_next_page(worked, monkeypatch):
    """One request reads a bounded number of instances; a page may be empty and have a next one."""
    monkeypatch.setattr("tenuto.api.search.SCAN_MAX", 4)
    monkeypatch.setattr("tenuto.api.search.ROWS_AT_ONCE", 2)
    wanted = worked.start(variables={"n": 7})
    for _ in range(9):
        worked.start()

    found = pages(worked, "instances", variable="n:7")

    assert [len(items) for items in found] == [0, 0, 1]
    assert keys(found) == [wanted]


def test_variables_change_only_as_they_were_read(worked):
    """`If-Match` guards a change: without it 428, with another version 412, `*` overwrites."""
    key = worked.start(variables={"n": 1})
    path = f"instances/{key}/variables"
    read = worked.get(path)

    missing = worked.patch(path, {"n": 2})
    done = worked.patch(path, {"n": 2}, headers={"if-match": read.headers["etag"]})
    stale = worked.patch(path, {"n": 3}, headers={"if-match": read.headers["etag"]})
    odd = worked.patch(path, {"n": 3}, headers={"if-match": "three"})

    assert read.json() == {"n": 1}
    assert code_of(missing) == (428, "if-match-required")
    assert (done.status_code, done.content) == (204, b"")
    assert code_of(stale) == (412, "version-mismatch")
    assert code_of(odd) == (412, "version-mismatch")
    assert worked.get(path).json() == {"n": 2}
    assert worked.patch(path, {"n": 4}, headers={"if-match": "*"}).status_code == 204
    assert worked.get(path).json() == {"n": 4}


def test_a_cancelled_instance_is_terminated(worked):
    """Its history says so and by whom, and it cannot be cancelled again."""
    key = worked.start(business_key="b")

    done = worked.post("instances/b/cancel", {"reason": "no longer wanted"})

    assert (done.status_code, done.content) == (204, b"")
    assert worked.get(f"instances/{key}").json()["status"] == "terminated"
    last = worked.get(f"instances/{key}/history").json()["items"][-1]
    assert (last["command"], last["actor"]) == ("CancelInstance", "op")
    assert last["records"][-1]["record"] == "InstanceTerminated"
    assert code_of(worked.post(f"instances/{key}/cancel"))[0] == 409


def test_history_tells_every_turn_with_its_actor(worked):
    """Turns come oldest first on pages; values in records are JSON."""
    token = worked.issue("operator", name="olga")
    key = worked.start(variables={"n": 1.5})
    worked.patch(
        f"instances/{key}/variables",
        {"big": "x" * 3000},
        headers={"if-match": "*"},
        token=token,
    )

    first, second = pages(worked, f"instances/{key}/history", limit=1)

    assert [one["version"] for one in first + second] == [1, 2]
    assert (first[0]["command"], second[0]["actor"]) == ("StartInstance", "olga")
    [told] = [one for one in first[0]["records"] if one["record"] == "VariablesSet"]
    assert told["variables"] == {"n": 1.5}
    assert second[0]["records"][0]["variables"] == {"big": "x" * 3000}


def test_history_ends_a_page_before_it_weighs_too_much(worked, monkeypatch):
    """A page of large turns is shorter than its limit and has a next one."""
    monkeypatch.setattr("tenuto.api.past.PAGE_BYTES_MAX", 1_000)
    key = worked.start()
    for n in range(3):
        worked.patch(
            f"instances/{key}/variables", {"big": f"{n}" * 2000}, headers={"if-match": "*"}
        )

    found = pages(worked, f"instances/{key}/history")

    assert [one["version"] for items in found for one in items] == [1, 2, 3, 4]
    assert len(found) == 3


def test_a_path_tells_each_element_in_order(worked):
    """An element that is left says when; one that waits is active."""
    key = worked.start()

    before = worked.get(f"instances/{key}/path").json()
    [job] = worked.post("jobs/activate", {"types": ["work"]}).json()["jobs"]
    worked.post(f"jobs/{job['job']}/complete", {"token": job["token"]})
    after = worked.get(f"instances/{key}/path").json()

    seen = [(one["element"], one["type"], one["state"]) for one in before]
    assert seen == [("start", "startEvent", "passed"), ("w", "serviceTask", "active")]
    assert before[1]["left_at"] is None
    assert [one["state"] for one in after] == ["passed", "completed", "passed"]
    assert after[1]["left_at"] >= after[1]["entered_at"]


TABLE = """<definitions name="m" namespace="n" xmlns="https://www.omg.org/spec/DMN/20230324/MODEL/">
<inputData id="amount" name="amount"><variable name="amount"/></inputData>
<decision id="limit" name="Limit"><informationRequirement><requiredInput href="#amount"/>
</informationRequirement><decisionTable hitPolicy="FIRST">
<input id="i"><inputExpression><text>amount</text></inputExpression></input>
<output id="o" name="limit"/><annotation name="why"/>
<rule id="r1"><inputEntry><text>&lt; 10</text></inputEntry><outputEntry><text>"low"</text>
</outputEntry><annotationEntry><text>small claims</text></annotationEntry></rule>
<rule id="r2"><inputEntry><text>-</text></inputEntry><outputEntry><text>"high"</text>
</outputEntry><annotationEntry><text>all else</text></annotationEntry></rule>
</decisionTable></decision></definitions>"""
RULE = (
    '<businessRuleTask id="d"><extensionElements><zeebe:calledDecision decisionId="limit" '
    'resultVariable="limit"/></extensionElements></businessRuleTask>'
)


def test_decisions_tell_why(api):
    """A decision names its inputs and the rules that matched, with what is written beside them."""
    source = model(start() + RULE + user("u") + end() + flows("start>d", "d>u", "u>end"))
    files = [("p.bpmn", "bpmn", source), ("d.dmn", "dmn", TABLE.encode())]
    api.runner.run(api.at.running.client.deploy_sources(files))
    key = api.start(variables={"amount": 2.5})

    [made] = api.get(f"instances/{key}/decisions").json()

    assert (made["element"], made["decision"], made["name"]) == ("d", "limit", "Limit")
    assert made["inputs"] == {"amount": 2.5}
    assert (made["outputs"], made["result"], made["error"]) == ("low", "low", None)
    assert made["matched"] == [
        {
            "rule": "r1",
            "index": 1,
            "annotations": {"why": "small claims"},
            "outputs": {"limit": "low"},
        }
    ]
    assert made["required"] == []


def test_a_pruned_instance_keeps_its_row(worked):
    """What was pruned is shown as such, and breaks no list."""
    key = worked.start(variables={"n": 1})
    worked.post(f"instances/{key}/cancel")
    worked.service.node.corridor.call(lambda corridor: corridor.store.prune_turns(int(key), 99))
    worked.start()

    shown = worked.get(f"instances/{key}").json()

    assert (shown["status"], shown["variables"], shown["waiting"]) == ("terminated", {}, [])
    history = worked.get(f"instances/{key}/history").json()["items"]
    assert [(one["records"], one["pruned"]) for one in history] == [([], True)] * len(history)
    assert worked.get(f"instances/{key}/path").json() == []
    assert worked.get(f"instances/{key}/variables").json() == {}
    assert keys(pages(worked, "instances", variable="n:1")) == []


def test_incidents_are_listed_and_resolved(worked):
    """An incident names its place and its cause; resolving it gives the job new attempts."""
    worked.deploy(
        model(
            '<startEvent id="s"/><exclusiveGateway id="g"/><endEvent id="e"/>'
            + flows("s>g", "g>e?missing > 1"),
            process="q",
        )
    )
    stuck = [worked.start() for _ in range(2)] + [worked.start("q")]
    jobs = worked.post("jobs/activate", {"types": ["work"], "limit": 5}).json()["jobs"]
    for job in jobs:
        body = {"token": job["token"], "retry": False, "message": "no"}
        worked.post(f"jobs/{job['job']}/fail", body)

    found = pages(worked, "incidents", limit=2)
    [of_instance] = worked.get("incidents", params={"instance": stuck[1]}).json()["items"]
    [of_process] = worked.get("incidents", params={"process": "q"}).json()["items"]
    done = worked.post(f"incidents/{of_instance['incident']}/resolve", {"retries": 2})

    assert [len(items) for items in found] == [2, 1]
    assert keys(found) == stuck
    assert (of_instance["element"], of_instance["message"]) == ("w", "no")
    assert (of_process["instance"], of_process["element"]) == (stuck[2], "g")
    assert done.status_code == 204
    [job] = worked.post("jobs/activate", {"types": ["work"], "limit": 5}).json()["jobs"]
    assert (job["instance"], job["retries"]) == (stuck[1], 2)
    again = worked.post(f"incidents/{of_instance['incident']}/resolve")
    assert code_of(again) == (409, "not-stuck")
    assert code_of(worked.post("incidents/0-1/resolve")) == (404, "not-found")
    nobody = worked.get("incidents", params={"instance": "nobody"})
    assert code_of(nobody) == (404, "not-found")
