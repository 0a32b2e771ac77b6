"""Instances: find one, see its path, and why it went that way."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from msgspec import Struct

from tenuto.api.http import Request, Response
from tenuto.console.asking import ask, form
from tenuto.console.rendering import render
from tenuto.console.sessions import local_path, see

if TYPE_CHECKING:
    from tenuto.api.service import Service

PAGE = 50
TURNS = 200
STATUSES = ("active", "paused", "completed", "terminated", "failed")


class Find(Struct):
    """Which instances; empty fields match all."""

    process: str = ""
    status: str = ""
    business_key: str = ""
    cursor: str = ""


async def list_instances(service: Service, request: Request) -> Response:
    """Find instances by process, status and business key."""
    given = request.query(Find)
    query = {
        "process": given.process,
        "status": given.status,
        "business_key": given.business_key,
        "cursor": given.cursor,
        "limit": PAGE,
    }
    found = await ask(service, request, "listInstances", query=query)
    more = ""
    if found["next"]:
        kept = {name: value for name, value in query.items() if value and name != "limit"}
        more = "?" + urlencode({**kept, "cursor": found["next"]})
    return render(
        "instances.html",
        service,
        request,
        given=given,
        instances=found["items"],
        more=more,
        statuses=STATUSES,
        processes=sorted(service.node.world.latest),
    )


async def show_instance(service: Service, request: Request) -> Response:
    """Show an instance: where it is, its path, its variables and its decisions."""
    key = request.params["key"]
    instance = await ask(service, request, "getInstance", key=key)
    path = await ask(service, request, "getPath", key=instance["instance"])
    decisions = await ask(service, request, "getDecisions", key=instance["instance"])
    history = await ask(
        service, request, "getHistory", key=instance["instance"], query={"limit": TURNS}
    )
    definition = service.node.world.latest.get(instance["process"])
    nodes = definition.graph.nodes.values() if definition is not None else ()
    return render(
        "instance.html",
        service,
        request,
        instance=instance,
        names={node.id: node.name or node.id for node in nodes},
        visits=path,
        decisions=decisions,
        turns=history["items"],
        has_more=history["next"] is not None,
    )


async def cancel(service: Service, request: Request) -> Response:
    """End an instance."""
    fields = await form(service, request)
    key = request.params["key"]
    await ask(
        service, request, "cancelInstance", key=key, body={"reason": fields.get("reason", "")}
    )
    return see(f"/instances/{key}")


async def pause(service: Service, request: Request) -> Response:
    """Let an instance stand still."""
    fields = await form(service, request)
    key = request.params["key"]
    await ask(service, request, "pauseInstance", key=key, body={"reason": fields.get("reason", "")})
    return see(f"/instances/{key}")


async def resume(service: Service, request: Request) -> Response:
    """Let a paused instance go on."""
    await form(service, request)
    key = request.params["key"]
    await ask(service, request, "resumeInstance", key=key, body={})
    return see(f"/instances/{key}")


async def resolve(service: Service, request: Request) -> Response:
    """Try again what was stuck."""
    fields = await form(service, request)
    incident = request.params["incident"]
    await ask(service, request, "resolveIncident", incident=incident, body={"retries": 1})
    return see(local_path(fields.get("back", "/")))
