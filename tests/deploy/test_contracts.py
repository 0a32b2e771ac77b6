"""A deployment whose processes do not fit each other is refused, with both ends named."""

import pytest

from tenuto.deploy import Refused, compile_sources, prepare
from tests.spec.models import end, flows, model, start, user

CALLER = (
    '<callActivity id="pay"><extensionElements><zeebe:calledElement processId="payment"/>'
    '<zeebe:ioMapping><zeebe:input source="{}" target="amount"/></zeebe:ioMapping>'
    "</extensionElements></callActivity>"
)


def source(name, body):
    """Return a source: the name is that of the file and of the process."""
    return f"{name}.bpmn", "bpmn", model(body, process=name)


def claim(given, *, before=""):
    """Return a caller that passes an expression as amount."""
    way = ("start>before", "before>pay", "pay>end") if before else ("start>pay", "pay>end")
    return source("claim", start() + before + CALLER.format(given) + end() + flows(*way))


def payment(kind):
    """Return a called process that declares the type of the amount."""
    begin = (
        '<startEvent id="start"><extensionElements>'
        f'<tenuto:input name="amount" type="{kind}"/></extensionElements></startEvent>'
    )
    return source("payment", begin + end() + flows("start>end"))


def latest(*sources):
    """Return the processes of sources by id, as a deployment left them."""
    return {graph.id: graph for graph in compile_sources(sources).graphs}


def test_a_mismatch_in_one_deployment_is_refused():
    """The error names the file, the element, and both processes; the report has line and code."""
    with pytest.raises(Refused, match=r"claim\.bpmn: pay expected `amount` to be number") as caught:
        prepare([claim("=&quot;x&quot;"), payment("number")])

    report, other = caught.value.reports
    (refusal,) = report.refusals
    assert (report.verdict, refusal.code, refusal.element) == ("refused", "input-mismatch", "pay")
    assert refusal.line is not None
    assert other.verdict == "accepted"


def test_what_fits_is_deployed():
    """Both ends of one type say nothing."""
    prepared = prepare([claim("=1"), payment("number")])

    assert [report.verdict for report in prepared.reports] == ["accepted", "accepted"]
    assert [report.warnings for report in prepared.reports] == [(), ()]


def test_a_call_of_what_is_deployed_already_is_held_against_it():
    """The latest version counts, unless the deployment brings its own."""
    with pytest.raises(Refused, match="process `payment` declares at its start"):
        prepare([claim("=&quot;x&quot;")], latest(payment("number")))

    assert prepare([claim("=&quot;x&quot;"), payment("string")], latest(payment("number")))


def test_a_deployed_caller_only_warns():
    """What comes may be right and the caller old: the next deployment of it mends that."""
    prepared = prepare([payment("number")], latest(claim("=&quot;x&quot;"), payment("string")))

    (warning,) = prepared.reports[0].warnings
    assert "call activity `pay` of process `claim` passes string" in warning.message
    assert prepared.reports[0].verdict == "accepted"


def test_what_is_deployed_already_is_not_refused_when_it_is_read_again():
    """A stricter check never keeps a database from opening."""
    compiled = compile_sources([claim("=&quot;x&quot;"), payment("number")])

    assert [graph.id for graph in compiled.graphs] == ["claim", "payment"]


def test_a_deployed_process_that_the_deployment_replaces_does_not_warn():
    """Both ends come together and fit."""
    prepared = prepare([claim("=1"), payment("number")], latest(claim("=&quot;x&quot;")))

    assert [report.warnings for report in prepared.reports] == [(), ()]


def test_a_scenario_deploys_against_what_it_has(scenario):
    """Whoever deploys holds what comes against what is there."""
    scenario.deploy(payment("number")[2])

    with pytest.raises(Refused, match="process `payment` declares at its start"):
        scenario.deploy(claim("=&quot;x&quot;")[2])


def test_a_warning_does_not_keep_a_deployment_out():
    """What a person may have mended on the way is said, and deployed."""
    caller = claim("=amount", before=user("before"))
    name, kind, text = caller
    declared = text.replace(
        b'<startEvent id="start"/>',
        b'<startEvent id="start"><extensionElements><tenuto:input name="amount" type="string"/>'
        b"</extensionElements></startEvent>",
    )

    prepared = prepare([(name, kind, declared), payment("number")])

    (warning,) = prepared.reports[0].warnings
    assert warning.code == "input-mismatch"
