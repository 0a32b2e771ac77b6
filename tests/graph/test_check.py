"""Static checks: what of a graph cannot run, and what probably does not run as meant."""

import pytest
from msgspec.structs import replace

from tenuto.graph.check import check
from tenuto.graph.findings import Severity
from tenuto.graph.policy import MultiInstance


def errors(graph):
    """Return (code, element) of the errors of a graph."""
    return [(f.code, f.element) for f in check(graph) if f.severity is Severity.ERROR]


def warnings(graph):
    """Return (code, element) of the warnings of a graph."""
    return [(f.code, f.element) for f in check(graph) if f.severity is Severity.WARNING]


def test_sound_graph_has_nothing_against_it(drawn):
    """A graph of every gateway kind, well joined, has no finding."""
    graph = drawn(
        "s1 x1, x1 t1, x1 t2, t1 x2, t2 x2, x2 a1, a1 t3, a1 t4, t3 a2, t4 a2, a2 v1,"
        "v1 c1, v1 m1, c1 x3, m1 x3, x3 e1",
        conditions=["x1>t1"],
        defaults={"x1": "x1>t2"},
    )

    assert check(graph) == ()


@pytest.mark.parametrize(
    ("arrows", "code", "element"),
    [
        ("t1 s1, s1 e1", "start-incoming", "s1"),
        ("s1 e1, e1 t1", "end-outgoing", "e1"),
        ("t1 t2, t2 t1", "no-start", "process"),
        ("", "no-start", "process"),
        ("s1 t1, s2 t1, t1 e1", "several-starts", "s2"),
        ("s1 v1, v1 t1, v1 c1", "event-gateway-target", "v1"),
        ("s1 e1, h1 e1", "event-subprocess-flow", "h1"),
        ("s1 h1", "event-subprocess-flow", "h1"),
    ],
)
def test_what_cannot_run_is_an_error(drawn, arrows, code, element):
    """Flows that the standard forbids and scopes without beginning are errors."""
    assert (code, element) in errors(drawn(arrows))


@pytest.mark.parametrize(
    ("arrows", "code", "element"),
    [
        ("s1 x1, x1 t1, x1 t2", "conditions-missing", "x1"),
        ("s1 o1, o1 t1, o1 t2", "conditions-missing", "o1"),
        ("s1 x1", "gateway-without-outgoing", "x1"),
        ("s1 v1, v1 c1", "event-gateway-single", "v1"),
        ("s1 v1, v1 m1, v1 r1", "event-gateway-mixed", "v1"),
        ("s1 v1, v1 c1, v1 c2, s1 c1", "event-gateway-target-shared", "v1"),
        ("s1 e1, t1 e1", "unreachable", "t1"),
        ("s1 t1", "end-missing", "s1"),
        ("t1 e1", "start-missing", "e1"),
        ("s1 p1", "empty-subprocess", "p1"),
    ],
)
def test_what_runs_strangely_is_a_warning(drawn, arrows, code, element):
    """What can run, though hardly as meant, is a warning."""
    graph = drawn(arrows)

    assert (code, element) in warnings(graph)
    assert errors(graph) == []


def test_gateway_without_flows_is_an_error(drawn):
    """A gateway that joins and parts nothing is an error."""
    assert errors(drawn("s1 e1", lone=["x1"])) == [("gateway-unconnected", "x1")]


def test_one_flow_without_condition_counts_as_true(drawn):
    """A flow without condition beside others with one is a warning: it counts as true."""
    graph = drawn("s1 x1, x1 t1, x1 t2", conditions=["x1>t1"])

    assert ("condition-missing", "x1") in warnings(graph)


def test_default_flow_with_condition_is_an_error(drawn):
    """The default flow has no condition."""
    graph = drawn("s1 x1, x1 t1, x1 t2", conditions=["x1>t1"], defaults={"x1": "x1>t1"})

    assert ("default-with-condition", "x1>t1") in errors(graph)


@pytest.mark.parametrize("node", ["a1", "s1"])
def test_default_flow_of_a_node_that_does_not_choose_is_a_warning(drawn, node):
    """A default flow means nothing where no condition is asked."""
    graph = drawn("s1 a1, a1 t1, a1 t2", defaults={"a1": "a1>t1", "s1": "s1>a1"})

    assert ("default-without-choice", node) in warnings(graph)


def test_condition_behind_a_parallel_gateway_is_a_warning(drawn):
    """A parallel gateway takes every flow, whatever its condition."""
    graph = drawn("s1 a1, a1 t1, a1 t2", conditions=["a1>t1"])

    assert ("condition-without-effect", "a1") in warnings(graph)


def test_lone_condition_is_a_warning(drawn):
    """A condition on an activity's only flow leaves no way when it does not hold."""
    assert ("lone-condition", "t1") in warnings(drawn("s1 t1, t1 e1", conditions=["t1>e1"]))


@pytest.mark.parametrize("host", ["nobody", "x1", "e1", "c1"])
def test_boundary_event_sits_on_an_activity(drawn, host):
    """A boundary event that is attached to no activity is an error."""
    graph = drawn("s1 x1, x1 c1, c1 e1, b1 e1", boundaries={"b1": host})

    assert errors(graph) == [("boundary-unattached", "b1")]


def test_boundary_event_has_no_incoming_flow(drawn):
    """A flow into a boundary event is an error."""
    graph = drawn("s1 t1, t1 b1, b1 e1", boundaries={"b1": "t1"})

    assert errors(graph) == [("boundary-incoming", "b1")]


def test_boundary_event_that_leads_nowhere_is_a_warning(drawn):
    """A boundary event without outgoing flow is a warning: its token ends."""
    graph = drawn("s1 t1, t1 e1", boundaries={"b1": "t1"})

    assert warnings(graph) == [("boundary-without-outgoing", "b1")]


def test_receive_task_behind_an_event_gateway_is_alone(drawn):
    """A receive task behind an event-based gateway has no boundary events."""
    graph = drawn("s1 v1, v1 r1, v1 c1, b1 e1", boundaries={"b1": "r1"})

    assert errors(graph) == [("event-gateway-target", "v1")]


def test_what_only_an_event_reaches_is_reachable(drawn):
    """Nodes behind boundary events are reachable."""
    graph = drawn("s1 t1, t1 e1, b1 t2, t2 e1", boundaries={"b1": "t1"})

    assert warnings(graph) == []


def test_event_subprocess_has_no_boundary(drawn):
    """A boundary event on an event subprocess is an error."""
    graph = drawn("s1 e1, b1 e1", boundaries={"b1": "h1"}, lone=["h1"])

    assert ("event-subprocess-boundary", "h1") in errors(graph)


def test_events_do_not_repeat(drawn):
    """An event with loop characteristics is an error."""
    graph = drawn("s1 c1, c1 e1")
    repeated = replace(graph.nodes["c1"], multi_instance=MultiInstance(sequential=False))

    found = errors(replace(graph, nodes=graph.nodes | {"c1": repeated}))

    assert found == [("event-repeated", "c1")]


def test_subprocess_in_which_nothing_starts_is_an_error(drawn):
    """A subprocess whose nodes all have incoming flows cannot start."""
    graph = drawn("s1 p1, p1 e1, t1 t2, t2 t1")
    inner = {id_: replace(graph.nodes[id_], scope="p1") for id_ in ("t1", "t2")}

    assert errors(replace(graph, nodes=graph.nodes | inner)) == [("no-start", "p1")]


def test_too_many_inclusive_joins_are_an_error(drawn):
    """A graph whose joins would need tables of hundreds of megabytes is refused."""
    arrows = ["s1 o0"]
    for number in range(0, 20_000, 2):
        arrows += [f"o{number} t{number}", f"o{number} o{number + 1}"]
        arrows += [f"t{number} o{number + 1}", f"o{number + 1} o{number + 2}"]

    assert errors(drawn(",".join(arrows))) == [("joins-too-many", "process")]
