"""The report: everything at once, with code, element and line."""

import pytest

from tenuto import bpmn
from tenuto.errors import ModelError

PLAIN = '<startEvent id="s"/><endEvent id="e"/><sequenceFlow id="f" sourceRef="s" targetRef="e"/>'


def test_plain_model_is_accepted(models):
    """A model with nothing to say about is accepted."""
    reading = models.reading(models.process(PLAIN))

    assert reading.report.verdict == "accepted"
    assert reading.report.processes == ("p",)
    assert [graph.id for graph in reading.graphs] == ["p"]


def test_ignored_parts_show_in_the_verdict(models):
    """A model with something ignored is accepted, and says so."""
    content = PLAIN + '<textAnnotation id="note"><text>read me</text></textAnnotation>'

    report = models.reading(models.process(content)).report

    assert report.verdict == "accepted-with-ignored"
    assert [(one.code, one.element) for one in report.ignored] == [("decoration", "note")]


def test_refused_model_has_no_graphs(models):
    """A refused file gives no graph, even of its sound processes."""
    content = f'<process id="p" isExecutable="true">{PLAIN}</process>'
    content += '<process id="q" isExecutable="true"><complexGateway id="x"/></process>'

    reading = models.reading(models.definitions(content))

    assert reading.report.verdict == "refused"
    assert reading.graphs == ()


def test_everything_is_found_in_one_reading(models):
    """One reading names all that stands in the way, by line."""
    content = (
        '\n<startEvent id="s"/>\n<parallelGateway id="x"/>\n'
        '<scriptTask id="y" scriptFormat="ruby"><script>1</script></scriptTask>\n'
        '<sequenceFlow id="f" sourceRef="s" targetRef="nobody"/>'
    )

    refusals = models.reading(models.process(content)).report.refusals

    assert [(one.code, one.element, one.line) for one in refusals] == [
        ("gateway-unconnected", "x", 4),
        ("script-language", "y", 5),
        ("dangling-flow", "f", 6),
    ]


def test_duplicate_ids_are_refused(models):
    """An id names one element of a file."""
    content = PLAIN + '<task id="s"/>'

    assert ("duplicate-id", "s") in models.refusals(content)


def test_duplicate_ids_across_processes_are_refused(models):
    """Two processes of one file do not share ids."""
    one = f'<process id="p" isExecutable="true">{PLAIN}</process>'
    two = '<process id="q" isExecutable="true"><task id="s"/></process>'

    report = models.reading(models.definitions(one + two)).report

    assert [(found.code, found.element) for found in report.refusals] == [("duplicate-id", "s")]


def test_node_without_id_is_refused(models):
    """Every node has an id."""
    assert ("id-missing", None) in models.refusals(PLAIN + "<task/>")


def test_process_without_id_is_refused(models):
    """Every process has an id."""
    source = models.definitions(f'<process isExecutable="true">{PLAIN}</process>')

    assert [one.code for one in models.reading(source).report.refusals] == ["id-missing"]


@pytest.mark.parametrize("side", ["sourceRef", "targetRef"])
def test_dangling_flows_are_refused(models, side):
    """A sequence flow joins nodes that exist."""
    content = PLAIN.replace(f'{side}="s"', f'{side}="x"').replace(f'{side}="e"', f'{side}="x"')

    assert ("dangling-flow", "f") in models.refusals(content)


def test_flow_across_scopes_is_refused(models):
    """A sequence flow does not cross the border of a subprocess."""
    inner = '<startEvent id="is"/><task id="it"/>'
    inner += '<sequenceFlow id="if" sourceRef="is" targetRef="it"/>'
    content = models.between("", name="subProcess", inner=inner)
    content += '<sequenceFlow id="cross" sourceRef="s" targetRef="it"/>'

    assert models.refusals(content) == [("dangling-flow", "cross")]


def test_empty_process_is_refused(models):
    """A process in which nothing can start is refused."""
    assert models.refusals("") == [("no-start", "p")]


def test_circle_without_start_is_refused(models):
    """A process without start event in which every node has an incoming flow cannot start."""
    content = '<task id="a"/><task id="b"/><sequenceFlow id="f" sourceRef="a" targetRef="b"/>'
    content += '<sequenceFlow id="g" sourceRef="b" targetRef="a"/>'

    assert models.refusals(content) == [("no-start", "p")]


def test_file_without_process_is_refused(models):
    """A file without process has nothing to deploy."""
    refusals = models.reading(models.definitions("")).report.refusals

    assert [one.code for one in refusals] == ["no-process"]


def test_process_beside_executable_ones_is_drawn(models):
    """Beside a process that is marked executable, one that is not is context."""
    one = f'<process id="p" isExecutable="true">{PLAIN}</process>'
    two = '<process id="q" isExecutable="false"><complexGateway id="x"/></process>'

    reading = models.reading(models.definitions(one + two))

    assert [graph.id for graph in reading.graphs] == ["p"]
    assert [(found.code, found.element) for found in reading.report.ignored] == [
        ("not-executable", "q")
    ]


@pytest.mark.parametrize("mark", ["", 'isExecutable="false"'])
def test_process_runs_where_nothing_is_marked(models, mark):
    """Where no process is marked executable, all run, with a warning."""
    reading = models.reading(models.definitions(f'<process id="p" {mark}>{PLAIN}</process>'))

    assert [graph.id for graph in reading.graphs] == ["p"]
    assert [found.code for found in reading.report.warnings] == ["not-executable"]


def test_version_tag_is_kept(models):
    """Both dialects tag versions."""
    extension = '<extensionElements><zeebe:versionTag value="v2"/></extensionElements>'

    assert models.graph(extension + PLAIN, "zeebe").version_tag == "v2"


def test_lint_tells_everything_by_line(models):
    """Linting gives errors, warnings and ignored parts in one list by line."""
    content = PLAIN + '\n<task id="t"/>\n<group id="g"/>\n<complexGateway id="x"/>'

    found = bpmn.lint(models.process(content), name="m.bpmn")

    assert [(one.severity.value, one.element) for one in found if one.line and one.line > 2] == [
        ("warning", "t"),
        ("ignored", "g"),
        ("error", "x"),
        ("warning", "x"),
    ]


def test_unreadable_xml_raises_with_its_source():
    """Only what is no BPMN XML raises, and names the file."""
    with pytest.raises(ModelError, match=r"broken\.bpmn"):
        bpmn.read(b"<a", name="broken.bpmn")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ('<startEvent id="s"><outgoing>x</outgoing></startEvent>', "flow-reference"),
        ('<exclusiveGateway id="s" gatewayDirection="Mixed"/>', "gateway-direction"),
    ],
)
def test_contradictions_are_warned_about(models, content, code):
    """Where a node's own words do not fit the flows, the flows decide and a warning says so."""
    content += '<endEvent id="e"/><sequenceFlow id="f" sourceRef="s" targetRef="e"/>'

    report = models.reading(models.process(content)).report

    assert code in [one.code for one in report.warnings]


def test_lint_tells_of_unreadable_xml():
    """Linting what is no BPMN gives one finding instead of raising."""
    assert [one.code for one in bpmn.lint(b"<a", name="broken.bpmn")] == ["xml-malformed"]
