"""The process graph, frozen: what every front end compiles to and the engine executes."""

from __future__ import annotations

from msgspec import Struct

from tenuto.graph.data import Formula, InputDeclaration, NaturalKey, OutputDeclaration
from tenuto.graph.flows import Flow
from tenuto.graph.nodes import AnyNode


class ProcessGraph(Struct, frozen=True, kw_only=True):
    """One process. All ids are model ids; `nodes` holds the nodes of every scope, in model order.

    - `starts`: the root start events, none and triggered, in model order. A process without any
      start event has the nodes without incoming flow in `implicit_starts`.
    - `event_subprocesses`: scope id -> ids of the event subprocesses in that scope.
    """

    id: str
    name: str = ""
    version_tag: str | None = None
    nodes: dict[str, AnyNode]
    flows: dict[str, Flow]
    starts: tuple[str, ...] = ()
    implicit_starts: tuple[str, ...] = ()
    event_subprocesses: dict[str, tuple[str, ...]] = {}
    business_key: Formula | None = None
    natural_key: NaturalKey | None = None
    inputs: tuple[InputDeclaration, ...] = ()
    outputs: tuple[OutputDeclaration, ...] = ()
