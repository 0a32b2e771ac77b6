"""A workflow as a process graph: it begins, a coroutine plans what happens, it ends.

What is deployed is a small JSON text, so that every node knows the workflow without its code:

    {"workflow": "fulfil", "version": 2, "doc": "…", "queue": {"queue": "mail", "key": "order.id"}}
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from tenuto.errors import InputError
from tenuto.graph import nodes as n
from tenuto.graph.flows import Flow
from tenuto.graph.process import ProcessGraph
from tenuto.workflows.define import Workflow, job_type

START, RUN, END = "(start)", "(run)", "(end)"
SUFFIX: Final = ".workflow.json"


def source_of(workflow: Workflow[Any, Any]) -> bytes:
    """Return what is deployed of a workflow."""
    described: dict[str, Any] = {
        "workflow": workflow.name,
        "version": workflow.settings.version,
        "doc": (workflow.__doc__ or "").strip().partition("\n")[0],
    }
    if workflow.settings.place is not None:
        described["queue"] = workflow.settings.place.rule()
    return msgspec.json.encode(described)


def read(source: bytes, name: str) -> ProcessGraph:
    """Return the graph of a deployed workflow. Raises `InputError` for what is none."""
    try:
        described = msgspec.json.decode(source, type=dict[str, Any])
        workflow, version = str(described["workflow"]), int(described["version"])
        queue = msgspec.convert(described.get("queue"), n.QueueRule | None)
    except (msgspec.MsgspecError, KeyError, ValueError, TypeError) as error:
        raise InputError(f"{name}: expected the JSON of a workflow: {error}") from error
    into = Flow("(start)-(run)", START, RUN)
    out = Flow("(run)-(end)", RUN, END)
    scope = workflow
    nodes: dict[str, n.AnyNode] = {
        START: n.StartEvent(id=START, scope=scope, outgoing=(into,)),
        RUN: n.Routine(
            id=RUN,
            scope=scope,
            name=workflow,
            incoming=(into.id,),
            outgoing=(out,),
            job_type=job_type(workflow, version),
            queue=queue,
        ),
        END: n.EndEvent(id=END, scope=scope, incoming=(out.id,)),
    }
    return ProcessGraph(
        id=workflow,
        name=str(described.get("doc") or workflow),
        version_tag=str(version),
        nodes=nodes,
        flows={into.id: into, out.id: out},
        starts=(START,),
    )
