"""Pruning: instances that ended long ago go, with their history."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenuto.api.http import Request, Response, json_response
from tenuto.api.routing import Route
from tenuto.client.prune import Prune, Pruned
from tenuto.governance.permits import Permission

if TYPE_CHECKING:
    from tenuto.api.service import Service


async def prune(service: Service, request: Request) -> Response:
    """Delete a page of instances that ended long ago."""
    order = await request.json(Prune)
    client = service.client_of(request.caller)
    return json_response(await client.prune_by(order, service.reading))


ROUTES = (
    Route(
        method="POST",
        path="/api/v1/prune",
        endpoint=prune,
        name="prune",
        summary="Delete instances that ended long ago, with their history",
        tag="instances",
        permission=Permission.OPERATE,
        body=Prune,
        answer=Pruned,
        problems=("invalid-input", "too-busy"),
    ),
)
