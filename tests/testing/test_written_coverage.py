"""What scenarios passed: elements and sequence flows, over all files that deploy a process."""

import pytest

from tenuto.testing.written import run_files
from tests.spec.models import end, error, flows, message, model, on_error, on_message, start, timer
from tests.testing.conftest import GIVEN


def coverage(refunds, scenarios):
    """Return the coverage of the refund process."""
    (found,) = refunds.run(f"{GIVEN}scenarios:\n{scenarios}").coverage
    return found


def test_what_was_never_passed_is_listed(refunds):
    """One straight case passes its own path; the rest is listed in model order."""
    found = coverage(refunds, "  - {name: a, then: {status: completed}}\n")

    assert found.process == "refund"
    assert found.model.endswith("refund.bpmn")
    assert found.elements.missed == (
        "approve",
        "late",
        "remind",
        "reminded",
        "papers",
        "closed",
        "mend",
    )
    assert (found.elements.total, found.elements.count) == (12, 5)
    assert found.flows.missed == (
        "choose_approve",
        "choose_papers",
        "approve_pay",
        "late_remind",
        "remind_reminded",
        "papers_pay",
        "closed_mend",
        "mend_pay",
    )
    assert found.percent == pytest.approx(100 * 4 / 12)


def test_cases_and_files_add_up(refunds):
    """What one scenario passes in one file and another in another file counts together."""
    one = "scenarios:\n  - name: a\n    given: {variables: {amount: 400}}\n"
    first = refunds.write(
        "a.scenario.yaml",
        f"{GIVEN}{one}    when: [start, advance: P1D, complete: approve]\n"
        "    then: {status: completed}\n",
    )
    second = refunds.write(
        "b.scenario.yaml",
        f"{GIVEN}scenarios:\n  - name: b\n"
        "    given: {variables: {papers: false}, handlers: {pay: [{error: CLOSED}, {}]}}\n"
        "    when: [start, {message: papers, key: O-1}, complete: mend]\n"
        "    then: {status: completed}\n"
        "  - {name: c, then: {status: completed}}\n",
    )

    (found,) = run_files([first, second]).coverage

    assert found.elements.missed == ()
    assert found.flows.missed == ()
    assert found.percent == 100


def test_a_process_that_nobody_started_counts(refunds):
    """A deployed process without any instance was passed by nothing."""
    refunds.write("other.bpmn", model(start() + end() + flows("start>end"), process="other"))

    report = refunds.run(
        "given: {models: [refund.bpmn, level.dmn, other.bpmn], process: other}\n"
        "then: {status: completed}\n"
    )

    assert [(one.process, one.percent) for one in report.coverage] == [
        ("refund", 0.0),
        ("other", 100.0),
    ]


def test_called_processes_count(refunds):
    """What a call activity starts is passed too."""
    call = (
        '<callActivity id="call"><extensionElements><zeebe:calledElement processId="called"/>'
        "</extensionElements></callActivity>"
    )
    refunds.write("caller.bpmn", model(start() + call + end() + flows("start>call", "call>end")))
    refunds.write("called.bpmn", model(start() + end() + flows("start>end"), process="called"))

    report = refunds.run(
        "given: {models: [caller.bpmn, called.bpmn], process: p}\n"
        "then: [{status: completed, passed: call}, {process: called, status: completed}]\n"
    )

    assert report.failed == 0
    assert [one.percent for one in report.coverage] == [100.0, 100.0]


def test_joins_events_and_subprocesses_count(refunds):
    """Both ways into a join, events behind a gateway, and an event subprocess are seen."""
    body = (
        start()
        + '<parallelGateway id="fork"/><parallelGateway id="join"/>'
        + "<task id='a'/><task id='b'/>"
        + '<eventBasedGateway id="which"/>'
        + f'<intermediateCatchEvent id="came">{on_message("m")}</intermediateCatchEvent>'
        + '<intermediateCatchEvent id="waited">'
        + f"{timer('Duration', 'PT1H')}</intermediateCatchEvent>"
        + '<endEvent id="end"/>'
        + end("thrown", on_error("e"))
        + flows("start>fork", "fork>a", "fork>b", "a>join", "b>join", "join>which", "which>came")
        + flows("which>waited", "came>end", "waited>thrown")
        + '<subProcess id="rescue" triggeredByEvent="true"><startEvent id="caught">'
        + f"{on_error('e')}</startEvent>{end('rescued')}{flows('caught>rescued')}</subProcess>"
    )
    refunds.write("wide.bpmn", model(body, roots=message("m", "go", "1") + error("e", "E")))

    report = refunds.run(
        "given: {models: [wide.bpmn]}\n"
        "scenarios:\n"
        "  - {name: a, when: [start, {message: go, key: 1}], then: {status: completed}}\n"
        "  - {name: b, when: [start, advance: PT1H], then: {path: [waited, thrown, rescued]}}\n"
    )

    assert report.lines() == []
    (found,) = report.coverage
    assert (found.elements.missed, found.flows.missed) == ((), ())


def test_a_process_without_flows_is_covered_when_it_ran(refunds):
    """All of nothing is everything."""
    refunds.write("lone.bpmn", model('<task id="only"/>'))

    report = refunds.run("given: {models: lone.bpmn}\nthen: {status: completed}\n")

    assert report.coverage[0].percent == 100
    assert report.below(100) == []
