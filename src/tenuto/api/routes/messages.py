"""Messages and signals: what reaches instances from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Meta, Struct

from tenuto.api.durations import milliseconds
from tenuto.api.http import IDEMPOTENCY_KEY, Request, Response, empty_response, json_response
from tenuto.api.repeats import once
from tenuto.api.routing import Route
from tenuto.client.requests import broadcast_request, publish_request
from tenuto.engine import rejections as why
from tenuto.governance.permits import Permission

if TYPE_CHECKING:
    from tenuto.api.service import Service

Name = Annotated[str, Meta(min_length=1, max_length=255)]
Key = Annotated[str, Meta(max_length=255)]


class Publish(Struct, forbid_unknown_fields=True):
    """Publish a message to whoever waits for `name` with `correlation_key`.

    It is kept for `time_to_live`, an ISO 8601 duration, until somebody takes it. While it is kept,
    another with the same `message_id` is a duplicate.
    """

    name: Name
    correlation_key: Key = ""
    variables: dict[str, Any] = {}
    message_id: Name | None = None
    time_to_live: Annotated[str, Meta(max_length=40)] = "PT0S"


class Published(Struct):
    """What became of the message: correlated, buffered, expired or duplicate."""

    status: str


class Broadcast(Struct, forbid_unknown_fields=True):
    """Broadcast a signal to everyone who waits for it now."""

    name: Name
    variables: dict[str, Any] = {}


async def publish(service: Service, request: Request) -> Response:
    """Publish a message."""
    given = await request.json(Publish)
    now = service.node.now()
    lives = milliseconds(given.time_to_live, at=now, what="time_to_live")
    asked = publish_request(
        given.name,
        given.correlation_key,
        given.variables,
        message_id=given.message_id,
        time_to_live=f"PT{lives // 1000}.{lives % 1000:03d}S",
        at=now,
    )
    answer = await service.ask(once(asked, request, given), request.caller)
    return json_response(Published(str(answer.facts["status"])))


async def broadcast(service: Service, request: Request) -> Response:
    """Broadcast a signal."""
    given = await request.json(Broadcast)
    asked = broadcast_request(given.name, given.variables)
    await service.ask(once(asked, request, given), request.caller)
    return empty_response()


def _route(tag: str, endpoint: Any, name: str, summary: str, **more: Any) -> Route:
    return Route(
        method="POST",
        path=f"/api/v1/{tag}",
        endpoint=endpoint,
        name=name,
        summary=summary,
        tag=tag,
        permission=Permission.MESSAGES_PUBLISH,
        headers=(IDEMPOTENCY_KEY,),
        problems=(
            why.INVALID_VALUE,
            why.KEY_REUSED,
            why.MAILBOX_FULL,
            "invalid-input",
            "too-busy",
        ),
        **more,
    )


ROUTES = (
    _route(
        "messages", publish, "publishMessage", "Publish a message", body=Publish, answer=Published
    ),
    _route(
        "signals", broadcast, "broadcastSignal", "Broadcast a signal", body=Broadcast, status=204
    ),
)
