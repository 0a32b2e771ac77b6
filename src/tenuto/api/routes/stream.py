"""Life-cycle events as they happen, by server-sent events (HTML §9.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from msgspec import Meta, Struct, field

from tenuto.api.http import Request, Response
from tenuto.api.problems import Problem
from tenuto.api.routing import Route
from tenuto.api.stream import Client
from tenuto.events.lifecycle import NAMES, Told
from tenuto.governance.permits import Permission

if TYPE_CHECKING:
    from tenuto.api.service import Service

EVENT_STREAM: Final = "text/event-stream"
LAST_EVENT_ID: Final = "last-event-id"
Names = Annotated[list[Annotated[str, Meta(min_length=1, max_length=255)]], Meta(max_length=100)]


class Wanted(Struct, forbid_unknown_fields=True):
    """Events of these processes and types; all, if none is given. Both may come several times."""

    process: Names = field(default_factory=list)
    type: Names = field(default_factory=list)


async def stream(service: Service, request: Request) -> Response:
    """Tell what happens from now on, or from after the event that the client saw last."""
    given = request.query(Wanted)
    unknown = [name for name in given.type if name not in NAMES]
    if unknown:
        raise Problem(
            "invalid-query", f"expected types among {', '.join(NAMES)}, got {', '.join(unknown)}"
        )
    processes, types = frozenset(given.process), frozenset(given.type)
    caller = request.caller

    def wants(told: Told) -> bool:
        return (not types or told.type in types) and (not processes or told.process in processes)

    client = Client(wants, lambda: service.lets_in(caller))
    parts = await service.stream.open(client, request.headers.get(LAST_EVENT_ID))
    request.when_gone(client.end)
    return Response(200, b"", EVENT_STREAM, (("x-accel-buffering", "no"),), parts)


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/events/stream",
        endpoint=stream,
        name="streamEvents",
        summary="Tell life-cycle events as they happen (server-sent events)",
        tag="events",
        permission=Permission.EVENTS_READ,
        query=Wanted,
        answer_type=EVENT_STREAM,
        headers=(LAST_EVENT_ID,),
        problems=("invalid-cursor", "too-busy"),
    ),
)
