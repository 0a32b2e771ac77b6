"""Reachability of inclusive joins (BPMN 2.0.2 §13.4.3)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenuto.bpmn import read
from tenuto.graph.reach import with_reach


def table(graph, join):
    """Return the table of a join as a plain dict."""
    return dict(with_reach(graph).nodes[join].reach)


def test_branches_reach_their_own_flow(drawn):
    """A token on a branch reaches the flow at its end; one before the split reaches both."""
    graph = drawn("s1 o1, o1 t1, o1 t2, t1 o2, t2 o2, o2 e1")

    found = table(graph, "o2")

    assert found["t1"] == {"t1>o2"}
    assert found["t2"] == {"t2>o2"}
    assert found["s1"] == found["o1"] == {"t1>o2", "t2>o2"}


def test_nodes_behind_the_join_reach_nothing(drawn):
    """What lies behind the join is not in its table."""
    found = table(drawn("s1 o1, o1 t1, o1 t2, t1 o2, t2 o2, o2 e1"), "o2")

    assert "e1" not in found
    assert "o2" not in found


def test_flows_reach_what_their_target_reaches(drawn):
    """A token on a sequence flow reaches what its target reaches; on an incoming flow, that one."""
    found = table(drawn("s1 o1, o1 t1, o1 t2, t1 o2, t2 o2, o2 e1"), "o2")

    assert found["o1>t1"] == {"t1>o2"}
    assert found["t1>o2"] == {"t1>o2"}


def test_a_path_through_the_join_does_not_count(drawn):
    """In a loop behind the join only the way back to it counts, not the way through it."""
    graph = drawn("s1 t1, t1 o1, o1 x1, x1 t2, t2 o1, x1 e1")

    found = table(graph, "o1")

    assert found["x1"] == {"t2>o1"}
    assert found["t1"] == {"t1>o1"}


def test_boundary_events_lead_on_from_their_activity(drawn):
    """A token on an activity may leave by its boundary events."""
    graph = drawn("s1 o1, o1 t1, o1 t2, t1 e1, b1 o2, t2 o2", boundaries={"b1": "t1"})

    assert table(graph, "o2")["t1"] == {"b1>o2"}


def test_event_subprocesses_lead_nowhere(drawn):
    """A token inside an event subprocess cannot come back to the gateway."""
    graph = drawn("s1 o1, o1 t1, o1 t2, t1 o2, t2 o2, o2 e1", lone=["h1"])

    assert "h1" not in table(graph, "o2")


def test_two_joins_in_a_circle_see_each_other(drawn):
    """Joins that wait for each other are in each other's table."""
    graph = drawn("s1 o1, s1 o2, o1 x1, x1 o2, o2 x2, x2 o1, x1 e1, x2 e2")

    assert table(graph, "o1")["o2"] == {"x2>o1"}
    assert table(graph, "o2")["o1"] == {"x1>o2"}


def test_inner_scopes_count_as_their_subprocess():
    """A join's table names the subprocess, not the nodes inside it."""
    source = b"""<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL">
      <process id="p" isExecutable="true"><startEvent id="s"/><inclusiveGateway id="o1"/>
      <subProcess id="n"><task id="inner"/></subProcess><task id="t"/><inclusiveGateway id="o2"/>
      <sequenceFlow id="f1" sourceRef="s" targetRef="o1"/>
      <sequenceFlow id="f2" sourceRef="o1" targetRef="n"/>
      <sequenceFlow id="f3" sourceRef="o1" targetRef="t"/>
      <sequenceFlow id="f4" sourceRef="n" targetRef="o2"/>
      <sequenceFlow id="f5" sourceRef="t" targetRef="o2"/></process></definitions>"""

    reach = read(source, name="m.bpmn").graphs[0].nodes["o2"].reach

    assert reach["n"] == {"f4"}
    assert "inner" not in reach


def test_a_table_is_a_mapping(drawn):
    """A table has a length, a readable form, and no entry for what it does not reach."""
    reach = with_reach(drawn("s1 o1, t1 o1")).nodes["o1"].reach

    assert len(reach) == 4
    assert repr(reach).startswith("Reach({'s1': ")
    assert reach.get("o1") is None
    with pytest.raises(KeyError):
        reach["nobody"]


def test_gateway_with_one_incoming_flow_has_no_table(drawn):
    """A gateway that joins nothing has nothing to wait for."""
    assert table(drawn("s1 o1, o1 t1, o1 t2"), "o1") == {}


def slow_reach(graph, join):
    """Say by search, node by node, which incoming flows of a join a token can reach."""
    found = {}
    for start in graph.nodes:
        seen, ways, flows = set(), [start], set()
        while ways:
            id_ = ways.pop()
            if id_ in seen or (id_ == join and id_ != start):
                continue
            seen.add(id_)
            node = graph.nodes[id_]
            flows |= {flow.id for flow in node.outgoing if flow.target == join}
            ways += [flow.target for flow in node.outgoing] + list(node.boundaries)
        if flows:
            found[start] = flows
    return found


NODES = [f"{kind}{number}" for kind in "tox" for number in range(4)]


@given(
    st.lists(st.tuples(st.sampled_from(NODES), st.sampled_from(NODES)), unique=True, max_size=30),
    st.sampled_from([None, "t0", "t1"]),
)
def test_the_tables_equal_a_search(pairs, host):
    """For any graph the tables of all joins equal a plain search from every node."""
    from tests.graph.conftest import graph_of

    arrows = ", ".join(f"{one} {two}" for one, two in pairs)
    joined = {id_ for pair in pairs for id_ in pair}
    boundaries = {"b1": host} if host in joined else None
    if boundaries and "o1" in joined:
        arrows += ", b1 o1"
    graph = graph_of(arrows, boundaries=boundaries)

    solved = with_reach(graph)

    for id_, node in graph.nodes.items():
        if id_[0] == "o" and len(node.incoming) > 1:
            reach = solved.nodes[id_].reach
            assert {key: set(reach[key]) for key in reach if key in graph.nodes} == slow_reach(
                graph, id_
            )


@pytest.mark.parametrize("blocks", [2_500])
def test_ten_thousand_nodes_are_solved_at_once(drawn, blocks):
    """A chain of thousands of joins, closed to a circle, is solved without search for each."""
    arrows = ["s1 o0", f"t{2 * blocks - 1} o0"]
    for number in range(0, 2 * blocks, 2):
        split, join = f"o{number}", f"o{number + 1}"
        arrows += [f"{split} t{number}", f"{split} t{number + 1}"]
        arrows += [f"t{number} {join}", f"t{number + 1} {join}", f"{join} o{number + 2}"]
    graph = drawn(",".join(arrows))

    reach = with_reach(graph).nodes["o1"].reach

    assert set(reach["s1"]) == {"t0>o1", "t1>o1"}
