"""What is deployed, where its instances are, and for whom they wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tenuto.api.http import Request, Response
from tenuto.console.asking import ask
from tenuto.console.rendering import render
from tenuto.graph.nodes import BoundaryEvent

if TYPE_CHECKING:
    from tenuto.api.service import Service

LIMIT = 1_000
NEWEST = 20


async def overview(service: Service, request: Request) -> Response:
    """Show all processes, what is stuck and what waits for people."""
    processes = (await ask(service, request, "listProcesses", query={"limit": LIMIT}))["items"]
    incidents = await ask(service, request, "listIncidents", query={"limit": NEWEST})
    tasks = await ask(service, request, "listTasks", query={"limit": NEWEST})
    waiting = await service.reading(lambda read: read.waiting())
    by_process: dict[str, list[dict[str, Any]]] = {}
    for process, element, what, count in waiting:
        definition = service.node.world.latest.get(process)
        node = None if definition is None else definition.graph.nodes.get(element)
        # An attached event waits with the activity that it is attached to.
        if isinstance(node, BoundaryEvent):
            continue
        name = element if node is None else node.name or element
        entry = {"name": name, "what": what, "count": count}
        by_process.setdefault(process, []).append(entry)
    for entries in by_process.values():
        entries.sort(key=lambda entry: -entry["count"])
    return render(
        "overview.html",
        service,
        request,
        processes=processes,
        incidents=incidents["items"],
        tasks=tasks["items"],
        waiting=by_process,
    )


async def show_process(service: Service, request: Request) -> Response:
    """Show the map of a process with what is at each element now."""
    id = request.params["id"]
    process = await ask(service, request, "getProcess", id=id)
    live = await ask(service, request, "getProcessMap", id=id)
    newest = await ask(service, request, "listInstances", query={"process": id, "limit": NEWEST})
    return render(
        "process.html",
        service,
        request,
        process=process,
        live=live,
        instances=newest["items"],
    )
