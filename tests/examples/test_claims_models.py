"""The claims models as XML: what any modeler expects of them, without our readers."""

from itertools import pairwise
from xml.etree import ElementTree

import pytest

from tests.examples.reports import CLAIMS

BPMN = "{http://www.omg.org/spec/BPMN/20100524/MODEL}"
BPMNDI = "{http://www.omg.org/spec/BPMN/20100524/DI}"
DC = "{http://www.omg.org/spec/DD/20100524/DC}"
DI = "{http://www.omg.org/spec/DD/20100524/DI}"
DMN = "{https://www.omg.org/spec/DMN/20230324/MODEL/}"
DMNDI = "{https://www.omg.org/spec/DMN/20230324/DMNDI/}"
ZEEBE = "{http://camunda.org/schema/zeebe/1.0}"

PROCESSES = ["claims.bpmn", "claim-manual.bpmn"]
DECISIONS = ["claims.dmn", "claims-2027.dmn"]
FLOW_NODES = {
    f"{BPMN}{name}"
    for name in (
        "startEvent",
        "endEvent",
        "boundaryEvent",
        "exclusiveGateway",
        "serviceTask",
        "userTask",
        "receiveTask",
        "businessRuleTask",
        "subProcess",
    )
}


def root_of(name):
    """Return the root element of a model."""
    return ElementTree.parse(CLAIMS / name).getroot()


def nodes_of(root):
    """Return flow nodes by id."""
    return {element.get("id"): element for element in root.iter() if element.tag in FLOW_NODES}


def bounds_of(shape):
    """Return left, top, right and bottom of a shape."""
    box = shape.find(f"{DC}Bounds")
    x, y, width, height = (float(box.get(key)) for key in ("x", "y", "width", "height"))
    return x, y, x + width, y + height


def overlaps(one, other):
    """Tell whether two boxes share more than an edge."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


@pytest.mark.parametrize("name", PROCESSES + DECISIONS)
def test_ids_are_unique(name):
    """No id is given twice in a model."""
    ids = [element.get("id") for element in root_of(name).iter() if element.get("id")]

    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("name", PROCESSES)
def test_references_of_a_process_resolve(name):
    """Every flow, attachment, message, error and diagram element refers to what is in the model."""
    root = root_of(name)
    ids = {element.get("id") for element in root.iter()}
    keys = ("sourceRef", "targetRef", "attachedToRef", "messageRef", "errorRef", "default")

    referred = [element.get(key) for element in root.iter() for key in (*keys, "bpmnElement")]
    referred += [e.text for tag in ("incoming", "outgoing") for e in root.iter(f"{BPMN}{tag}")]

    assert [ref for ref in referred if ref is not None and ref not in ids] == []


@pytest.mark.parametrize("name", PROCESSES)
def test_flows_and_their_ends_agree(name):
    """A node lists exactly the flows that enter and leave it."""
    root = root_of(name)
    flows = list(root.iter(f"{BPMN}sequenceFlow"))
    for key, node in nodes_of(root).items():
        entering = {flow.get("id") for flow in flows if flow.get("targetRef") == key}
        leaving = {flow.get("id") for flow in flows if flow.get("sourceRef") == key}

        assert {e.text for e in node.findall(f"{BPMN}incoming")} == entering
        assert {e.text for e in node.findall(f"{BPMN}outgoing")} == leaving


@pytest.mark.parametrize("name", PROCESSES)
def test_everything_of_a_process_is_drawn(name):
    """Each node has a shape and each flow an edge."""
    root = root_of(name)
    flows = {flow.get("id") for flow in root.iter(f"{BPMN}sequenceFlow")}

    shapes = {shape.get("bpmnElement") for shape in root.iter(f"{BPMNDI}BPMNShape")}
    edges = {edge.get("bpmnElement") for edge in root.iter(f"{BPMNDI}BPMNEdge")}

    assert shapes == set(nodes_of(root))
    assert edges == flows


@pytest.mark.parametrize("name", PROCESSES)
def test_shapes_do_not_overlap(name):
    """Only a boundary event lies on another shape, and only a subprocess contains shapes."""
    root = root_of(name)
    nodes = nodes_of(root)
    skipped = {f"{BPMN}boundaryEvent", f"{BPMN}subProcess"}
    boxes = {
        shape.get("bpmnElement"): bounds_of(shape)
        for shape in root.iter(f"{BPMNDI}BPMNShape")
        if nodes[shape.get("bpmnElement")].tag not in skipped
    }

    pairs = [(a, b) for a in boxes for b in boxes if a < b and overlaps(boxes[a], boxes[b])]

    assert pairs == []


@pytest.mark.parametrize("name", PROCESSES)
def test_flows_run_straight_from_border_to_border(name):
    """Edges are horizontal or vertical and begin and end on the border of their nodes."""
    root = root_of(name)
    boxes = {s.get("bpmnElement"): bounds_of(s) for s in root.iter(f"{BPMNDI}BPMNShape")}
    flows = {flow.get("id"): flow for flow in root.iter(f"{BPMN}sequenceFlow")}
    for edge in root.iter(f"{BPMNDI}BPMNEdge"):
        flow = flows[edge.get("bpmnElement")]
        points = [(float(p.get("x")), float(p.get("y"))) for p in edge.iter(f"{DI}waypoint")]

        for here, there in pairwise(points):
            assert here[0] == there[0] or here[1] == there[1], edge.get("id")
        for (x, y), end in ((points[0], "sourceRef"), (points[-1], "targetRef")):
            left, top, right, bottom = boxes[flow.get(end)]
            assert x in (left, right) or y in (top, bottom), edge.get("id")
            assert left <= x <= right, edge.get("id")
            assert top <= y <= bottom, edge.get("id")


@pytest.mark.parametrize("name", PROCESSES)
def test_conditions_say_that_they_are_feel(name):
    """Conditions of flows begin with `=`."""
    texts = [e.text for e in root_of(name).iter(f"{BPMN}conditionExpression")]

    assert texts
    assert all(text.startswith("=") for text in texts)


def test_the_process_calls_decisions_that_exist():
    """Business rule tasks name decisions of the table file, in both editions."""
    called = {e.get("decisionId") for e in root_of("claims.bpmn").iter(f"{ZEEBE}calledDecision")}
    for name in DECISIONS:
        drawn = {decision.get("id") for decision in root_of(name).iter(f"{DMN}decision")}

        assert called == drawn


@pytest.mark.parametrize("name", DECISIONS)
def test_references_of_decisions_resolve(name):
    """Requirements and diagram elements refer to what is in the model."""
    root = root_of(name)
    ids = {element.get("id") for element in root.iter()}

    hrefs = [e.get("href").removeprefix("#") for e in root.iter() if e.get("href")]
    drawn = [e.get("dmnElementRef") for e in root.iter() if e.get("dmnElementRef")]

    assert [ref for ref in hrefs + drawn if ref not in ids] == []


@pytest.mark.parametrize("name", DECISIONS)
def test_everything_of_the_requirements_graph_is_drawn(name):
    """Decisions, inputs and knowledge sources have shapes; requirements have edges."""
    root = root_of(name)
    nodes = {f"{DMN}{tag}" for tag in ("decision", "inputData", "knowledgeSource")}
    requirements = {f"{DMN}{tag}" for tag in ("informationRequirement", "authorityRequirement")}

    shapes = {shape.get("dmnElementRef") for shape in root.iter(f"{DMNDI}DMNShape")}
    edges = {edge.get("dmnElementRef") for edge in root.iter(f"{DMNDI}DMNEdge")}

    assert shapes == {e.get("id") for e in root.iter() if e.tag in nodes}
    assert edges == {e.get("id") for e in root.iter() if e.tag in requirements}
