"""Decisions over HTTP: evaluated and explained."""

from __future__ import annotations

from tests.api.conftest import code_of
from tests.api.test_instances import TABLE


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
