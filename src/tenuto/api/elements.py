"""The types of elements by the names that BPMN gives them."""

from __future__ import annotations

from typing import Final

from tenuto.graph.nodes import (
    AnyNode,
    BoundaryEvent,
    CallActivity,
    CatchEvent,
    DecisionTask,
    EndEvent,
    EventGateway,
    EventSubProcess,
    ExclusiveGateway,
    InclusiveGateway,
    JobTask,
    Node,
    ParallelGateway,
    PassTask,
    ReceiveTask,
    Routine,
    ScriptTask,
    StartEvent,
    SubProcess,
    ThrowEvent,
    UserTask,
)

NAMES: Final[dict[type[Node], str]] = {
    ScriptTask: "scriptTask",
    DecisionTask: "businessRuleTask",
    UserTask: "userTask",
    ReceiveTask: "receiveTask",
    CallActivity: "callActivity",
    SubProcess: "subProcess",
    Routine: "routine",
    EventSubProcess: "subProcess",
    ExclusiveGateway: "exclusiveGateway",
    ParallelGateway: "parallelGateway",
    InclusiveGateway: "inclusiveGateway",
    EventGateway: "eventBasedGateway",
    StartEvent: "startEvent",
    CatchEvent: "intermediateCatchEvent",
    ThrowEvent: "intermediateThrowEvent",
    EndEvent: "endEvent",
    BoundaryEvent: "boundaryEvent",
}


# What a worker performs has the name of its task, but one has a hyphen in it.
JOBS: Final = {"business-rule": "businessRuleTask"}


def type_of(node: AnyNode) -> str:
    """Return the BPMN name of a node's type, such as `userTask`."""
    if isinstance(node, PassTask):
        return "manualTask" if node.manual else "task"
    if isinstance(node, JobTask):
        return JOBS.get(node.kind, f"{node.kind}Task")
    return NAMES[type(node)]
