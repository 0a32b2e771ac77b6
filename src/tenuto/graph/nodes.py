"""The nodes of a process graph: one struct for each kind of element that the engine executes.

Every front end compiles to these. Elements are named by their model id; `scope` is the id of the
enclosing subprocess, or the process id.
"""

from __future__ import annotations

from msgspec import Struct

from tenuto.graph.data import Formula, InputDeclaration, Mapping, OutputDeclaration
from tenuto.graph.flows import Flow
from tenuto.graph.policy import Assignment, JobPolicy, MultiInstance
from tenuto.graph.triggers import MessageTrigger, Throw, Trigger


class Node(Struct, frozen=True, kw_only=True):
    """What all nodes have: identity, place, flows in model order, mappings and attached events."""

    id: str
    scope: str
    name: str = ""
    incoming: tuple[str, ...] = ()
    outgoing: tuple[Flow, ...] = ()
    default_flow: str | None = None
    inputs: tuple[Mapping, ...] = ()
    outputs: tuple[Mapping, ...] = ()
    boundaries: tuple[str, ...] = ()
    multi_instance: MultiInstance | None = None
    properties: tuple[tuple[str, str], ...] = ()
    line: int | None = None


class PassTask(Node, frozen=True, kw_only=True):
    """An undefined or manual task: the engine passes through."""

    manual: bool = False


class JobTask(Node, frozen=True, kw_only=True):
    """A task that a worker performs: service, send, script or rule task with a job type."""

    job: JobPolicy
    kind: str = "service"


class ScriptTask(Node, frozen=True, kw_only=True):
    """A FEEL script, evaluated by the engine."""

    script: Formula
    result_variable: str | None = None


class DecisionTask(Node, frozen=True, kw_only=True):
    """A business-rule task that evaluates a DMN decision in the turn.

    `binding` is `latest` or `deployment`; `result_shape` is one of value, singleEntry,
    singleResult, collectEntries, resultList (the camunda names; `value` leaves the decision's value
    as it is).
    """

    decision: Formula
    result_variable: str
    binding: str = "latest"
    result_shape: str = "value"


class UserTask(Node, frozen=True, kw_only=True):
    """A task that a person performs."""

    assignment: Assignment = Assignment()


class ReceiveTask(Node, frozen=True, kw_only=True):
    """A task that waits for a message."""

    message: MessageTrigger


class CallActivity(Node, frozen=True, kw_only=True):
    """A call of another process; the called instance lives in the slot of its caller.

    With `propagate_all_in` every visible variable goes in beside the input mappings; with
    `propagate_all_out` every variable of the called instance comes back beside the output mappings.
    What is declared is what the caller means to pass and to get; `graph.contracts` holds both ends
    against each other.
    """

    process: Formula
    binding: str = "latest"
    version_tag: str | None = None
    propagate_all_in: bool = True
    propagate_all_out: bool = True
    business_key: Formula | None = None
    declared_inputs: tuple[InputDeclaration, ...] = ()
    declared_outputs: tuple[OutputDeclaration, ...] = ()


class QueueRule(Struct, frozen=True):
    """Which queue lets instances begin; `key`, `fairness` and `dedup_id` are paths in variables."""

    queue: str
    key: str | None = None
    priority: int = 0
    fairness: str | None = None
    dedup_id: str | None = None
    delay_ms: int = 0


class Routine(Node, frozen=True, kw_only=True):
    """A scope whose elements a replayed coroutine plans; workers of `job_type` have its code."""

    job_type: str
    queue: QueueRule | None = None


class SubProcess(Node, frozen=True, kw_only=True):
    """An embedded subprocess; `start` is its none start event.

    Without start event the nodes that have no incoming flow start (BPMN 2.0.2 §13.3.4); they are in
    `starts`.
    """

    starts: tuple[str, ...] = ()


class EventSubProcess(Node, frozen=True, kw_only=True):
    """A subprocess that an event starts while its enclosing scope is active (§13.5.4)."""

    start: str
    trigger: Trigger
    interrupting: bool = True


class ExclusiveGateway(Node, frozen=True, kw_only=True):
    """Leave by the first flow whose condition holds."""


class ParallelGateway(Node, frozen=True, kw_only=True):
    """Join one token of every incoming flow, leave by all outgoing flows."""


class InclusiveGateway(Node, frozen=True, kw_only=True):
    """Leave by every flow whose condition holds; join what can still arrive.

    `reach` maps a node id of the same scope to the incoming flows of this gateway that a token on
    that node can still reach without passing the gateway (BPMN 2.0.2 §13.4.3). Filled by
    `graph.reach`.
    """

    reach: dict[str, frozenset[str]] = {}


class EventGateway(Node, frozen=True, kw_only=True):
    """Wait for the first of several events (exclusive, not instantiating)."""


class StartEvent(Node, frozen=True, kw_only=True):
    """Where a process or subprocess begins; no trigger is the none start event."""

    trigger: Trigger | None = None


class CatchEvent(Node, frozen=True, kw_only=True):
    """An intermediate event that waits."""

    trigger: Trigger


class ThrowEvent(Node, frozen=True, kw_only=True):
    """An intermediate event that throws; no throw is the none intermediate event."""

    throw: Throw | None = None


class EndEvent(Node, frozen=True, kw_only=True):
    """Where a path ends; no throw is the none end event."""

    throw: Throw | None = None


class BoundaryEvent(Node, frozen=True, kw_only=True):
    """An event attached to an activity."""

    attached_to: str
    trigger: Trigger
    interrupting: bool = True


AnyNode = (
    PassTask
    | JobTask
    | ScriptTask
    | DecisionTask
    | UserTask
    | ReceiveTask
    | CallActivity
    | SubProcess
    | EventSubProcess
    | ExclusiveGateway
    | ParallelGateway
    | InclusiveGateway
    | EventGateway
    | StartEvent
    | CatchEvent
    | ThrowEvent
    | EndEvent
    | BoundaryEvent
    | Routine
)
