"""Who writes a variable before a node runs, and what is declared of its type there.

A declared input, a typed handler and a call that declares its outputs write a known type. A mapping
that computes, a user task, a message or a job of an unknown handler may write anything. What may
have come before is asked of the flows alone, and where tokens run beside each other everything may
have: so *certain* is never said too often.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct

from tenuto import feel
from tenuto.graph.data import HandlerDeclaration
from tenuto.graph.nodes import (
    AnyNode,
    BoundaryEvent,
    CallActivity,
    CatchEvent,
    DecisionTask,
    EndEvent,
    EventSubProcess,
    ExclusiveGateway,
    InclusiveGateway,
    JobTask,
    ParallelGateway,
    ReceiveTask,
    ScriptTask,
    SubProcess,
    ThrowEvent,
    UserTask,
)
from tenuto.graph.policy import JobPolicy
from tenuto.graph.process import ProcessGraph
from tenuto.graph.static_types import are_disjoint, declared_type
from tenuto.graph.triggers import ErrorTrigger, JobThrow, TimerTrigger

Called = Callable[[CallActivity], ProcessGraph | None]


class Writer(Struct, frozen=True):
    """Somebody who writes a variable: the type, and where it is declared, as a clause."""

    type: feel.Type
    place: str


class Known(Struct, frozen=True):
    """Who declares a variable before a node; `is_certain` when nobody else can have written it."""

    writers: tuple[Writer, ...]
    is_certain: bool


class Variables:
    """The variables of one process, as far as declarations tell."""

    def __init__(
        self,
        graph: ProcessGraph,
        handlers: Mapping[str, HandlerDeclaration] | None = None,
        called: Called = lambda _: None,
    ) -> None:
        """Know a process, the handlers of its jobs by type, and the processes that it calls."""
        self.graph = graph
        self._handlers = handlers or {}
        self._called = called
        self._computed = {name for node in graph.nodes.values() for name in _computed(node)}
        if graph.natural_key is not None:
            self._computed.add(graph.natural_key.result)
        # Writers by variable, with the node that writes; those at the start have none.
        self._writers: dict[str, list[tuple[str, Writer]]] = {}
        # Nodes that may write anything else too.
        self._open: set[str] = set()
        self._note_inputs()
        for node in graph.nodes.values():
            self._note(node)
        self._before = _Before(graph)

    def writers(self, name: str, at: AnyNode) -> tuple[Writer, ...]:
        """Return everybody in the process who declares a variable that a node sees.

        Nobody when a mapping, a decision or a script computes it, or a scope has its own.
        """
        if name in self._computed or self._is_local(name, at):
            return ()
        return tuple(writer for _, writer in self._writers.get(name, ()))

    def contradiction(self, name: str, at: AnyNode, wanted: feel.Type) -> Known | None:
        """Return who declares a variable before a node when none of the types can be what is
        wanted there.
        """
        if not any(are_disjoint(writer.type, wanted) for writer in self.writers(name, at)):
            return None
        known = self.known(name, at)
        if known.writers and all(are_disjoint(writer.type, wanted) for writer in known.writers):
            return known
        return None

    def known(self, name: str, at: AnyNode) -> Known:
        """Return who declares a variable before a node."""
        before = self._before.of(at)
        found = [(id, one) for id, one in self._writers.get(name, ()) if not id or id in before]
        typed = {id for id, _ in found}
        is_certain = "" in typed and not (self._open & before) - typed
        return Known(tuple(writer for _, writer in found), is_certain)

    def _is_local(self, name: str, at: AnyNode) -> bool:
        """Tell whether a scope around a node, or its own repetition, has a variable of a name."""
        node: AnyNode | None = at
        while node is not None:
            loop = node.multi_instance
            if loop is not None and name in (loop.element, "loopCounter"):
                return True
            node = self.graph.nodes.get(node.scope)
            if node is not None and any(mapping.target[0] == name for mapping in node.inputs):
                return True
        return False

    def _add(self, name: str, id: str, kind: str, place: str) -> None:
        writer = Writer(declared_type(kind), f"{place} as {kind}")
        self._writers.setdefault(name, []).append((id, writer))

    def _note_inputs(self) -> None:
        for one in self.graph.inputs:
            place = f"process `{self.graph.id}` declares it at its start"
            self._add(one.name, "", one.type, place)

    def _note(self, node: AnyNode) -> None:
        """Note what a node writes; output mappings are computed, and nothing else leaves then."""
        if node.outputs:
            return
        policy = job_of(node)
        if policy is not None:
            self._note_job(node, policy)
        elif isinstance(node, CallActivity) and node.propagate_all_out:
            self._note_call(node)
        elif _takes_anything(node):
            self._open.add(node.id)

    def _note_job(self, node: AnyNode, policy: JobPolicy) -> None:
        if policy.result_variable:
            return
        handler = self._handlers.get(str(policy.type.constant)) if policy.type.is_constant else None
        if handler is None or handler.outputs is None:
            self._open.add(node.id)
            return
        for one in handler.outputs:
            place = f"handler `{handler.job_type}` ({handler.place}) returns it"
            self._add(one.name, node.id, one.type, place)

    def _note_call(self, node: CallActivity) -> None:
        self._open.add(node.id)
        called = self._called(node)
        given = (
            {one.name: (one, f"process `{called.id}`") for one in called.outputs} if called else {}
        )
        given |= {one.name: (one, f"call activity `{node.id}`") for one in node.declared_outputs}
        for name, (one, owner) in given.items():
            self._add(name, node.id, one.type, f"{owner} gives it")


def job_of(node: AnyNode) -> JobPolicy | None:
    """Return the job that a node is, if it is one."""
    if isinstance(node, JobTask):
        return node.job
    if isinstance(node, ThrowEvent | EndEvent) and isinstance(node.throw, JobThrow):
        return node.throw.job
    return None


def _takes_anything(node: AnyNode) -> bool:
    """Tell whether a person, a message, a signal or an error brings variables of its own."""
    if isinstance(node, CatchEvent | BoundaryEvent | EventSubProcess):
        return not isinstance(node.trigger, TimerTrigger)
    return isinstance(node, UserTask | ReceiveTask)


def _computed(node: AnyNode) -> list[str]:
    """Return the variables to which a node writes something of a type that is not declared."""
    names = [mapping.target[0] for mapping in node.outputs]
    if node.multi_instance is not None:
        names.append(node.multi_instance.output_collection or "")
    if isinstance(node, DecisionTask | ScriptTask):
        names.append(node.result_variable or "")
    if isinstance(node, BoundaryEvent | EventSubProcess) and isinstance(node.trigger, ErrorTrigger):
        names += (node.trigger.code_variable or "", node.trigger.message_variable or "")
    policy = job_of(node)
    if policy is not None:
        names.append(policy.result_variable or "")
    return [name for name in names if name]


class _Before:
    """Which nodes may have run before a node runs."""

    def __init__(self, graph: ProcessGraph) -> None:
        self._graph = graph
        self._edges: dict[str, list[str]] = {id: [] for id in graph.nodes}
        self._is_concurrent = bool(graph.event_subprocesses) or any(
            map(_is_concurrent, graph.nodes.values())
        )
        for flow in graph.flows.values():
            self._lead(flow.source, flow.target)
        for node in graph.nodes.values():
            for boundary in node.boundaries:
                self._lead(node.id, boundary)
            if isinstance(node, SubProcess):
                for start in node.starts:
                    self._lead(node.id, start)
            if node.scope in graph.nodes:
                self._lead(node.id, node.scope)

    def _lead(self, source: str, target: str) -> None:
        self._edges[target].append(source)

    def of(self, at: AnyNode) -> set[str]:
        """Return the ids of the nodes that may have run."""
        if self._is_concurrent:
            return set(self._edges)
        seen: set[str] = set()
        ways = list(self._edges[at.id])
        while ways:
            id = ways.pop()
            if id not in seen:
                seen.add(id)
                ways += self._edges[id]
        return seen


def _is_concurrent(node: AnyNode) -> bool:
    """Tell whether tokens may run beside each other because of a node."""
    if isinstance(node, BoundaryEvent | EventSubProcess) and not node.interrupting:
        return True
    if node.multi_instance is not None and not node.multi_instance.sequential:
        return True
    if isinstance(node, ParallelGateway | InclusiveGateway):
        return len(node.outgoing) > 1
    return len(node.outgoing) > 1 and not isinstance(node, ExclusiveGateway)
