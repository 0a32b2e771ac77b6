"""What goes wrong stays where it went wrong: the others go on, and nothing is half done."""

from __future__ import annotations

import pytest

from tenuto.client.requests import start_request
from tenuto.engine.commands import CompleteJob
from tenuto.errors import Rejected, ValueRefused
from tenuto.runtime.requests import Request
from tenuto.runtime.verify import verify
from tests.spec.models import end, flows, model, start, task

ONE_TASK = model(start() + task("w", retries=2) + end() + flows("start>w", "w>end"))


def test_a_handler_that_raises_stops_its_instance_alone(scenario):
    """The instance whose handler always raises waits at an incident; another one ends."""
    scenario.deploy(ONE_TASK)

    @scenario.handle("work")
    def work(bad: bool) -> None:
        if bad:
            raise RuntimeError("no connection")

    stuck, free = scenario.start("p", bad=True), scenario.start("p", bad=False)
    scenario.advance("PT1H")

    assert free.is_completed
    assert [incident.code for incident in stuck.incidents] == ["job-failed"]
    assert "no connection" in stuck.incidents[0].message


def test_a_result_that_comes_twice_counts_once(scenario):
    """The second copy of a result is refused and changes nothing, whether or not work is left."""
    body = start() + task("w") + task("v") + end() + flows("start>w", "w>v", "v>end")
    scenario.deploy(model(body))
    jobs = []
    scenario.hold("work", jobs.append)
    case = scenario.start("p")
    result = Request(case.key, CompleteJob(jobs[0].element, {}, jobs[0].token))
    scenario.ask(result)
    records = len(case.records)

    with pytest.raises(Rejected):
        scenario.ask(result)

    assert len(case.records) == records
    assert case.active == ["v"]


LOOPS = (
    "count(for a in 1..100000, b in 1..100000 return a)",
    "count(for i in 1..1000000000 return i)",
    "{f: function(n) f(n), x: f(1)}.x",
    'string join(for i in 1..100000 return "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")',
)


@pytest.mark.parametrize("expression", LOOPS)
def test_an_expression_without_end_leaves_the_others_running(scenario, expression):
    """An expression that spends its steps, size or depth is an incident; the next instance ends."""
    script = (
        '<scriptTask id="s"><extensionElements><zeebe:script '
        f"expression='=if big then {expression} else 1' resultVariable=\"n\"/>"
        "</extensionElements></scriptTask>"
    )
    scenario.deploy(model(start() + script + end() + flows("start>s", "s>end")))

    stuck, free = scenario.start("p", big=True), scenario.start("p", big=False)

    assert free.is_completed
    assert [incident.code for incident in stuck.incidents] == ["feel-budget"]
    assert verify(scenario.store.reader()).differences == []


@pytest.mark.parametrize("value", [object(), {1: "a"}, {"a": {2}}, "\ud800", float("nan"), b"raw"])
def test_a_value_that_cannot_be_kept_is_refused_at_the_door(scenario, value):
    """A start with a value that has no encoding is refused by its name; no instance begins."""
    scenario.deploy(ONE_TASK)

    with pytest.raises(ValueRefused, match="expected"):
        scenario.start("p", x=value)

    assert scenario.instances() == []


def test_a_message_with_a_value_too_large_leaves_nothing(scenario):
    """A refused message is not kept."""
    with pytest.raises(ValueRefused, match="expected"):
        scenario.publish("news", "k", time_to_live="PT1H", text="x" * (5 << 20))

    assert scenario.store.reader().rows("message") == []


def test_a_result_too_large_is_an_incident(scenario):
    """A handler whose result no store may keep fails for good, with the reason."""
    scenario.deploy(ONE_TASK)
    scenario.handle("work", lambda: {"text": "x" * (5 << 20)})

    case = scenario.start("p")

    assert [incident.code for incident in case.incidents] == ["job-failed"]
    assert "expected" in case.incidents[0].message


def test_a_business_key_twice_in_one_batch_is_refused_once(scenario):
    """Two starts with one unique business key that come together: the second is refused."""
    scenario.deploy(ONE_TASK)
    twice = start_request("p", {}, business_key="A", unique=True)
    scenario.corridor.submit(twice)

    with pytest.raises(Rejected) as refused:
        scenario.ask(twice)

    assert refused.value.code == "duplicate-business-key"
    assert len(scenario.instances()) == 1
