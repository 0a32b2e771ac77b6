"""Bulk: one thing done to all instances that match."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tenuto.api.http import IDEMPOTENCY_KEY, Request, Response, json_response
from tenuto.api.problems import Problem
from tenuto.api.routing import Route
from tenuto.client.bulk import BulkResult, Order
from tenuto.engine import rejections as why
from tenuto.governance.permits import Permission

if TYPE_CHECKING:
    from tenuto.api.service import Service

# What is asked of the caller besides the permission of the route.
ALSO: Final = {"fork": Permission.INSTANCES_START, "retry": Permission.INCIDENTS_RESOLVE}


async def bulk(service: Service, request: Request) -> Response:
    """Do one thing to all instances that match; each answers for itself."""
    service.check_room()
    order = await request.json(Order)
    also = ALSO.get(order.action)
    if also is not None and not request.caller.may(also):
        raise Problem("forbidden", f"expected the permission `{also}` to {order.action} instances")
    client = service.client_of(request.caller)
    return json_response(await client.carry_out(order, service.reading, request.idempotency_key))


ROUTES = (
    Route(
        method="POST",
        path="/api/v1/instances/bulk",
        endpoint=bulk,
        name="bulkInstances",
        summary="Cancel, pause, resume, fork or retry all instances that match",
        tag="instances",
        permission=Permission.INSTANCES_CHANGE,
        body=Order,
        answer=BulkResult,
        headers=(IDEMPOTENCY_KEY,),
        problems=(why.KEY_REUSED, "invalid-input", "too-busy"),
    ),
)
