"""Decisions over HTTP: evaluated and explained."""

from __future__ import annotations

from tests.api.conftest import code_of
from tests.api.test_instances import TABLE
from tests.spec.models import end, flows, model, start


def test_a_decision_is_evaluated_and_explained(api):
    """The answer has the result, the inputs, and the rules with what is written beside them."""
    api.post("deployments", {"resources": [{"name": "d.dmn", "source": TABLE}]})

    answer = api.post("decisions/limit/evaluate", {"variables": {"amount": 12.50}})

    told = answer.json()
    assert (answer.status_code, told["result"], told["error"]) == (200, "high", None)
    [made] = told["decisions"]
    assert made["inputs"] == {"amount": 12.5}
    assert [(one["rule"], one["index"]) for one in made["matched"]] == [("r2", 2)]
    assert made["matched"][0]["annotations"] == {"why": "all else"}
    assert told["warnings"] == []
    assert api.get("decisions").json()["items"] == [
        {"id": "limit", "name": "Limit", "version": 1, "inputs": ["amount"]}
    ]


def literal(text):
    """Return a model with one decision `e` that is an expression."""
    return (
        '<definitions name="m" namespace="n" xmlns="https://www.omg.org/spec/DMN/20230324/MODEL/">'
        f'<decision id="e" name="e"><literalExpression><text>{text}</text></literalExpression>'
        "</decision></definitions>"
    )


def test_what_a_decision_cannot_use_is_warned_of(api):
    """A null that an expression came to has its reason, not an error."""
    api.post("deployments", {"resources": [{"name": "d.dmn", "source": literal("1 / 0")}]})

    told = api.post("decisions/e/evaluate").json()

    assert told["result"] is None
    assert told["warnings"][0]["text"] == "1 / 0"


def test_an_unknown_decision_is_not_found(api):
    """The problem names what is deployed."""
    answer = api.post("decisions/limit/evaluate", {})

    assert code_of(answer) == (404, "not-found")
    assert "none" in answer.json()["detail"]


def test_an_evaluation_without_end_is_stopped(api):
    """Its budget ends it; the server goes on."""
    endless = literal("count(for a in 1..100000, b in 1..100000 return a * b)")
    api.post("deployments", {"resources": [{"name": "d.dmn", "source": endless}]})

    answer = api.post("decisions/e/evaluate", {})

    assert code_of(answer) == (422, "budget-exceeded")


def decided(api, *amounts):
    """Start instances that decide about amounts; return the keys."""
    task = (
        '<businessRuleTask id="d"><extensionElements><zeebe:calledDecision decisionId="limit" '
        'resultVariable="limit"/></extensionElements></businessRuleTask>'
    )
    api.deploy(model(start() + task + end() + flows("start>d", "d>end")))
    api.post("deployments", {"resources": [{"name": "d.dmn", "source": TABLE}]})
    return [api.start(variables={"amount": amount}) for amount in amounts]


def test_past_evaluations_come_on_pages(api):
    """Each is on one page, oldest first, with what it read and by which instance."""
    keys = decided(api, 1, 2.5, 3)

    items, cursor = [], None
    while not items or cursor is not None:
        query = {"limit": 1} | ({"cursor": cursor} if cursor else {})
        page = api.get("decisions/limit/evaluations", params=query).json()
        items += page["items"]
        cursor = page["next"]

    assert [one["instance"] for one in items] == keys
    assert [one["inputs"] for one in items] == [{"amount": 1}, {"amount": 2.5}, {"amount": 3}]
    assert [one["typed"] for one in items] == [[], [], []]


def test_evaluations_begin_at_an_instant(api):
    """Those before are left out; what is no instant is refused."""
    decided(api, 1, 2)
    all_of = api.get("decisions/limit/evaluations").json()["items"]
    path = "decisions/limit/evaluations"

    later = api.get(path, params={"since": "2999-01-01T00:00:00Z"}).json()
    same = api.get(path, params={"since": all_of[0]["at"]}).json()

    assert (later["items"], later["next"]) == ([], None)
    assert same["items"] == all_of
    assert code_of(api.get(path, params={"since": "soon"})) == (400, "invalid-query")
    assert api.get("decisions/unknown/evaluations").json()["items"] == []


def test_a_log_is_entered_where_the_time_begins(api):
    """Turns before the time that is asked for are not read, however many there are."""
    keys = decided(api, *range(50))
    items = api.get("decisions/limit/evaluations").json()["items"]
    moments = sorted({one["at"] for one in items})

    for at in (moments[0], moments[len(moments) // 2], moments[-1]):
        found = api.get("decisions/limit/evaluations", params={"since": at}).json()["items"]

        assert [one["instance"] for one in found] == [
            key for key, one in zip(keys, items, strict=True) if one["at"] >= at
        ]


def test_the_source_of_a_decision_is_given(api):
    """The file that it was deployed with, byte by byte; of an unknown one none."""
    decided(api)

    assert api.get("decisions/limit/xml").text == TABLE
    assert code_of(api.get("decisions/x/xml")) == (404, "not-found")
