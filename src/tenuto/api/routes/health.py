"""Whether the server lives and works."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from tenuto.api.http import Request, Response, json_response
from tenuto.api.routing import Route

if TYPE_CHECKING:
    from tenuto.api.service import Service


class Health(Struct):
    """`status` is ok or failed; `reason` says why it failed."""

    status: str
    reason: str = ""


async def live(service: Service, request: Request) -> Response:
    """Answer while the process runs."""
    return json_response(Health("ok"))


async def ready(service: Service, request: Request) -> Response:
    """Answer whether the corridor takes work."""
    corridor = service.node.corridor
    if corridor.stopped.is_set():
        return json_response(Health("failed", str(corridor.failed or "stopped")), 503)
    return json_response(Health("ok"))


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/health/live",
        endpoint=live,
        name="getLiveness",
        summary="Whether the process runs",
        tag="health",
        is_public=True,
        answer=Health,
    ),
    Route(
        method="GET",
        path="/api/v1/health/ready",
        endpoint=ready,
        name="getReadiness",
        summary="Whether the node takes work",
        other_statuses=(503,),
        tag="health",
        is_public=True,
        answer=Health,
    ),
)
