"""Reachability for inclusive joins: which incoming flows can a token elsewhere still arrive on?

BPMN 2.0.2 §13.4.3: an inclusive join waits as long as a token of its scope has a path to one of its
empty incoming flows without visiting the gateway. The paths are known before anything runs, so each
join gets a table: node or sequence flow of its scope -> incoming flows that a token there can
reach.

Edges are sequence flows, and boundary events of both kinds, which lead from their activity to what
follows them. A token inside a nested scope counts as sitting on that subprocess; one inside an
event subprocess leads nowhere, because an event subprocess has no outgoing flow.

All joins are solved at once. Every (join, incoming flow) is one bit; the bits of a node are those
of its outgoing flows and of what lies behind them, without the bits of a join that is passed.
Python's integers make the union of thousands of joins one operation, and a table decodes only what
is asked.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping

from msgspec import structs

from tenuto.graph.nodes import AnyNode, InclusiveGateway
from tenuto.graph.process import ProcessGraph

_NOTHING: frozenset[str] = frozenset()


class Reach(Mapping[str, frozenset[str]]):
    """The table of one join; a node or flow that cannot reach it is not in the table."""

    __slots__ = ("_decoded", "_incoming", "_masks", "_shift", "_width")

    def __init__(self, masks: Mapping[str, int], incoming: tuple[str, ...], shift: int) -> None:
        """Read the bits of `incoming`, which start at `shift`, from masks that all joins share."""
        self._masks = masks
        self._incoming = incoming
        self._shift = shift
        self._width = (1 << len(incoming)) - 1
        self._decoded: dict[int, frozenset[str]] = {0: _NOTHING}

    def __getitem__(self, key: str) -> frozenset[str]:
        bits = self._bits(key)
        if not bits:
            raise KeyError(key)
        return self._decode(bits)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self._bits(key) != 0

    def __iter__(self) -> Iterator[str]:
        return (key for key in self._masks if self._bits(key))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"Reach({dict(self)!r})"

    def _bits(self, key: str) -> int:
        return (self._masks.get(key, 0) >> self._shift) & self._width

    def _decode(self, bits: int) -> frozenset[str]:
        flows = self._decoded.get(bits)
        if flows is None:
            flows = frozenset(
                flow for place, flow in enumerate(self._incoming) if bits >> place & 1
            )
            self._decoded[bits] = flows
        return flows


def with_reach(graph: ProcessGraph) -> ProcessGraph:
    """Return the graph with the table of every inclusive join filled in."""
    joins = [node for node in graph.nodes.values() if isinstance(node, InclusiveGateway)]
    joins = [join for join in joins if len(join.incoming) > 1]
    if not joins:
        return graph
    shifts: dict[str, int] = {}
    next_shift = 0
    for join in joins:
        shifts[join.id] = next_shift
        next_shift += len(join.incoming)
    masks = _solve(graph, joins, shifts)
    nodes = dict(graph.nodes)
    for join in joins:
        nodes[join.id] = structs.replace(join, reach=Reach(masks, join.incoming, shifts[join.id]))
    return structs.replace(graph, nodes=nodes)


def _solve(
    graph: ProcessGraph, joins: list[InclusiveGateway], shifts: dict[str, int]
) -> dict[str, int]:
    """Return the bits of every node and flow that reaches a join."""
    arrival = {
        flow: 1 << (shifts[join.id] + place)
        for join in joins
        for place, flow in enumerate(join.incoming)
    }
    through = {join.id: ~(((1 << len(join.incoming)) - 1) << shifts[join.id]) for join in joins}
    before = _predecessors(graph)
    masks = dict.fromkeys(graph.nodes, 0)
    # Successors first: then one pass is enough wherever there is no cycle.
    waiting = deque(_postorder(graph))
    queued = set(waiting)
    while waiting:
        id_ = waiting.popleft()
        queued.discard(id_)
        node = graph.nodes[id_]
        mask = 0
        for flow in node.outgoing:
            mask |= arrival.get(flow.id, 0)
            mask |= masks[flow.target] & through.get(flow.target, -1)
        for boundary in node.boundaries:
            mask |= masks.get(boundary, 0)
        if mask != masks[id_]:
            masks[id_] = mask
            for previous in before.get(id_, ()):
                if previous not in queued:
                    queued.add(previous)
                    waiting.append(previous)
    for flow_id, flow in graph.flows.items():
        behind = masks[flow.target] & through.get(flow.target, -1)
        masks[flow_id] = arrival.get(flow_id, 0) | behind
    return masks


def _successors(node: AnyNode) -> list[str]:
    return [flow.target for flow in node.outgoing] + list(node.boundaries)


def _predecessors(graph: ProcessGraph) -> dict[str, list[str]]:
    before: dict[str, list[str]] = {}
    for id_, node in graph.nodes.items():
        for successor in _successors(node):
            before.setdefault(successor, []).append(id_)
    return before


def _postorder(graph: ProcessGraph) -> list[str]:
    """Return all nodes, each behind what it leads to (but for cycles), without recursion."""
    order: list[str] = []
    seen: set[str] = set()
    for root in graph.nodes:
        if root in seen:
            continue
        seen.add(root)
        ways = [(root, iter(_successors(graph.nodes[root])))]
        while ways:
            id_, successors = ways[-1]
            following = next((s for s in successors if s not in seen and s in graph.nodes), None)
            if following is None:
                order.append(id_)
                ways.pop()
            else:
                seen.add(following)
                ways.append((following, iter(_successors(graph.nodes[following]))))
    return order
