"""What waits in all processes, counted by element."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from tenuto.api.http import Request, Response, json_response
from tenuto.api.routing import Route
from tenuto.governance.permits import Permission

if TYPE_CHECKING:
    from tenuto.api.service import Service


class WaitingAt(Struct):
    """How many element instances wait at an element, and for what.

    `what` is job:TYPE, user-task, timer, message:NAME, signal:NAME, or incident for what is stuck.
    """

    process: str
    element: str
    what: str
    count: int


async def list_waiting(service: Service, request: Request) -> Response:
    """Count what waits: as many rows as there are elements where something does."""
    found = await service.reading(lambda read: read.waiting())
    return json_response([WaitingAt(*one) for one in found])


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/waiting",
        endpoint=list_waiting,
        name="listWaiting",
        summary="Count what waits, by process, element and for what it waits",
        tag="instances",
        permission=Permission.INSTANCES_READ,
        answer=list[WaitingAt],
    ),
)
