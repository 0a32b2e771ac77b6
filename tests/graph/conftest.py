"""What the tests of the graph room share: graphs written as a few arrows."""

import pytest

from tenuto.graph.data import constant, formula
from tenuto.graph.flows import Flow
from tenuto.graph.nodes import (
    BoundaryEvent,
    CatchEvent,
    EndEvent,
    EventGateway,
    EventSubProcess,
    ExclusiveGateway,
    InclusiveGateway,
    ParallelGateway,
    PassTask,
    ReceiveTask,
    StartEvent,
    SubProcess,
)
from tenuto.graph.process import ProcessGraph
from tenuto.graph.triggers import MessageTrigger, SignalTrigger

_SIGNAL = SignalTrigger(constant("alarm"))
_MESSAGE = MessageTrigger(constant("paid"), constant(""))

# The first letter of a node's id says what it is.
_KINDS = {
    "s": (StartEvent, {}),
    "t": (PassTask, {}),
    "e": (EndEvent, {}),
    "x": (ExclusiveGateway, {}),
    "a": (ParallelGateway, {}),
    "o": (InclusiveGateway, {}),
    "v": (EventGateway, {}),
    "c": (CatchEvent, {"trigger": _SIGNAL}),
    "m": (CatchEvent, {"trigger": _MESSAGE}),
    "r": (ReceiveTask, {"message": _MESSAGE}),
    "p": (SubProcess, {}),
    "h": (EventSubProcess, {"start": "", "trigger": _SIGNAL}),
}


def graph_of(arrows, *, boundaries=None, conditions=(), defaults=None, lone=()):
    """Return the graph of arrows like `s1 x1, x1 t1`; a flow's id is `source>target`.

    `boundaries` maps a boundary event, whose id begins with b, to its activity; `conditions` are
    flows with a condition; `lone` are nodes without flows.
    """
    pairs = [tuple(arrow.split()) for arrow in arrows.split(",") if arrow.strip()]
    flows = {
        f"{one}>{two}": Flow(
            f"{one}>{two}", one, two, formula("go") if f"{one}>{two}" in conditions else None
        )
        for one, two in pairs
    }
    incoming, outgoing = {}, {}
    for flow in flows.values():
        incoming.setdefault(flow.target, []).append(flow.id)
        outgoing.setdefault(flow.source, []).append(flow)
    boundaries = boundaries or {}
    ids = dict.fromkeys([*(id_ for pair in pairs for id_ in pair), *boundaries, *lone])
    nodes = {}
    for id_ in ids:
        kind, extra = _KINDS.get(id_[0], (None, {}))
        if id_ in boundaries:
            kind, extra = BoundaryEvent, {"attached_to": boundaries[id_], "trigger": _SIGNAL}
        nodes[id_] = kind(
            id=id_,
            scope="process",
            incoming=tuple(incoming.get(id_, ())),
            outgoing=tuple(outgoing.get(id_, ())),
            boundaries=tuple(event for event, host in boundaries.items() if host == id_),
            default_flow=(defaults or {}).get(id_),
            **extra,
        )
    starts = tuple(id_ for id_ in nodes if id_[0] == "s")
    entered = tuple(id_ for id_, node in nodes.items() if not node.incoming and id_[0] not in "sbh")
    return ProcessGraph(
        id="process",
        nodes=nodes,
        flows=flows,
        starts=starts,
        implicit_starts=() if starts else entered,
        event_subprocesses={"process": tuple(id_ for id_ in nodes if id_[0] == "h")},
    )


@pytest.fixture
def drawn():
    """Give a way to write graphs as arrows."""
    return graph_of
