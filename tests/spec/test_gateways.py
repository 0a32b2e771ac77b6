"""Gateways: BPMN 2.0.2 §13.4, and the joins where engines go wrong."""

from __future__ import annotations

from tests.spec.models import boundary, end, error, flows, model, on_error, start, task, user


def test_exclusive_takes_the_first_true_flow_in_model_order(scenario):
    """Two conditions hold: the first one in the model wins."""
    body = start() + '<exclusiveGateway id="g"/>' + user("a") + user("b")
    scenario.deploy(model(body + flows("start>g", "g>a?x > 1", "g>b?x > 0")))

    case = scenario.start("p", x=5)

    assert case.active == ["a"]


def test_exclusive_without_true_condition_is_an_incident_that_can_be_retried(scenario):
    """No condition holds and there is no default: the instance waits for repair and then goes
    on.
    """
    body = start() + '<exclusiveGateway id="g"/>' + user("a")
    scenario.deploy(model(body + flows("start>g", "g>a?x > 1")))
    case = scenario.start("p", x=0)
    assert [incident.code for incident in case.incidents] == ["no-flow-qualifies"]

    scenario.set_variables(case, x=2)
    scenario.resolve(case)

    assert case.active == ["a"]
    assert case.incidents == []


def test_parallel_split_ignores_conditions_and_the_join_waits_for_every_flow(scenario):
    """An AND split takes conditional flows too; the join fires once all have come."""
    body = start() + '<parallelGateway id="s"/><parallelGateway id="j"/>' + user("a") + user("b")
    wires = flows("start>s", "s>a?false", "s>b", "a>j", "b>j", "j>end")
    scenario.deploy(model(body + end() + wires))
    case = scenario.start("p")

    scenario.complete_task("a")
    assert case.active == ["b"]
    scenario.complete_task("b")

    assert case.is_completed


def test_parallel_join_counts_tokens_by_flow(scenario):
    """Two tokens on one flow do not fire the join; the other flow's token does, once."""
    body = (
        start()
        + '<parallelGateway id="s"/><exclusiveGateway id="m"/><parallelGateway id="j"/>'
        + user("a")
        + user("b")
        + user("c")
        + user("after")
        + end()
    )
    wires = flows(
        "start>s", "s>a", "s>b", "s>c", "a>m", "b>m", "m>j", "c>j", "j>after", "after>end"
    )
    scenario.deploy(model(body + wires))
    case = scenario.start("p")

    scenario.complete_task("a")
    scenario.complete_task("b")
    assert case.active == ["c"]
    scenario.complete_task("c")

    assert case.active == ["after"]
    assert case.state.elements[0].waiting == {"m_j": 1}


def test_exclusive_merge_behind_a_parallel_split_runs_twice(scenario):
    """An XOR merge does not join: what follows it runs for each token."""
    body = start() + '<parallelGateway id="s"/><exclusiveGateway id="m"/>' + user("t") + end()
    scenario.deploy(
        model(
            body
            + flows("start>s", "s>m", "m>t", "t>end")
            + ('<sequenceFlow id="second" sourceRef="s" targetRef="m"/>')
        )
    )

    case = scenario.start("p")

    assert case.active == ["t", "t"]


def _inclusive(extra: str = "", *wires: str) -> bytes:
    body = start() + '<inclusiveGateway id="s"/><inclusiveGateway id="j"/>' + user("a") + user("b")
    body += user("after") + end() + extra
    always = ("start>s", "s>a?a", "s>b?b", "a>j", "b>j", "j>after", "after>end")
    return model(body + flows(*always, *wires), roots=error("e", "E"))


def test_inclusive_join_waits_only_for_what_was_taken(scenario):
    """One branch of the OR split was taken: the join does not wait for the other."""
    scenario.deploy(_inclusive())
    case = scenario.start("p", a=True, b=False)

    scenario.complete_task("a")

    assert case.active == ["after"]


def test_inclusive_join_waits_for_both_when_both_were_taken(scenario):
    """Two branches were taken: the join fires after the second."""
    scenario.deploy(_inclusive())
    case = scenario.start("p", a=True, b=True)

    scenario.complete_task("a")
    assert case.active == ["b"]
    scenario.complete_task("b")

    assert case.active == ["after"]


def test_inclusive_join_fires_when_the_awaited_token_is_diverted(scenario):
    """The other branch leaves by an error boundary to an end: the join fires at once."""
    extra = task("w") + boundary("x", "w", on_error("e")) + end("gone")
    body = start() + '<inclusiveGateway id="s"/><inclusiveGateway id="j"/>' + user("a")
    body += user("after") + end() + extra
    wires = flows("start>s", "s>a?true", "s>w?true", "a>j", "w>j", "j>after", "after>end", "x>gone")
    scenario.deploy(model(body + wires, roots=error("e", "E")))
    case = scenario.start("p")
    scenario.complete_task("a")
    assert case.active == ["w"]

    scenario.throw_error(case, "w", "E")

    assert case.active == ["after"]


def test_inclusive_split_without_true_condition_is_an_incident(scenario):
    """No condition holds: an incident; after a change the retry takes the right flows."""
    scenario.deploy(_inclusive())
    case = scenario.start("p", a=False, b=False)
    assert [incident.code for incident in case.incidents] == ["no-flow-qualifies"]

    scenario.set_variables(case, b=True)
    scenario.resolve(case)

    assert case.active == ["b"]


def test_conditional_default_and_plain_flow_out_of_a_task(scenario):
    """The plain flow is always taken, the default one only when no condition held."""
    body = start() + '<task id="t" default="t_d"/>' + user("plain") + user("c") + user("d")
    scenario.deploy(model(body + flows("start>t", "t>plain", "t>c?x > 1", "t>d")))

    assert scenario.start("p", x=2).active == ["plain", "c"]
    assert scenario.start("p", x=0).active == ["plain", "d"]


def test_a_join_that_nothing_can_reach_is_an_incident(scenario):
    """A parallel join that waits for ever is named instead of hanging silently."""
    body = (
        start() + '<exclusiveGateway id="s" default="s_b"/><parallelGateway id="j"/><task id="b"/>'
    )
    body += '<task id="a"/>' + end()
    scenario.deploy(model(body + flows("start>s", "s>a?false", "s>b", "a>j", "b>j", "j>end")))

    case = scenario.start("p")

    assert [incident.code for incident in case.incidents] == ["join-deadlock"]
    assert "j" in case.incidents[0].message
