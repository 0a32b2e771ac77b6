"""Workflows: messages to one instance, and forks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import Meta, Struct

from tenuto.api.http import IDEMPOTENCY_KEY, Request, Response, empty_response, json_response
from tenuto.api.rendering import python_json
from tenuto.api.repeats import once
from tenuto.api.routing import Route
from tenuto.api.search import found_instance
from tenuto.client.client import plain
from tenuto.client.forks import fork_request
from tenuto.client.requests import encode_variables
from tenuto.client.streams import read_stream
from tenuto.client.views import StreamItem, StreamPart
from tenuto.engine import commands as c
from tenuto.engine import rejections as why
from tenuto.governance.permits import Permission
from tenuto.governance.tokens import mint_token
from tenuto.runtime import requests as runtime

if TYPE_CHECKING:
    from tenuto.api.service import Service
    from tenuto.client.reading import Reading
    from tenuto.client.streams import StreamPage

Name = Annotated[str, Meta(min_length=1, max_length=255)]


class Send(Struct, forbid_unknown_fields=True):
    """A message to one instance of a workflow, which receives it in the order of arrival."""

    name: Name
    value: Any = None


class Fork(Struct, forbid_unknown_fields=True):
    """Where a fork begins to run steps again, and arguments that it gets instead of the old ones.

    `from_step` is the key of a step (`charge#3`) or its name (the last call); without it the last
    step that failed.
    """

    from_step: Annotated[str, Meta(max_length=1_000)] | None = None
    variables: dict[str, Any] = {}


class Forked(Struct):
    """The key of the new instance."""

    instance: str


class AskUpdate(Struct, forbid_unknown_fields=True):
    """What is asked of a workflow. The same `id` is asked once and has one answer.

    With `wait` accepted the answer comes as soon as the workflow's validator let it pass.
    """

    name: Name
    value: Any = None
    id: Annotated[str, Meta(min_length=1, max_length=255)] | None = None
    wait: Literal["done", "accepted"] = "done"


class Updated(Struct):
    """What the workflow said: `done`, `accepted` or `refused`, with its value or error."""

    id: str
    status: str
    value: Any = None
    error: Any = None


class Follow(Struct, forbid_unknown_fields=True):
    """From which offset on; `after` is the `version` of the last part, to read only what is new."""

    start: Annotated[int, Meta(ge=0)] = 0
    after: Annotated[int, Meta(ge=0)] = 0


async def send(service: Service, request: Request) -> Response:
    """Send a message to one instance."""
    given = await request.json(Send)
    row = await service.reading(lambda read: found_instance(read, request.params["key"]))
    value = encode_variables({"value": given.value})["value"]
    asked = runtime.Request(row.key, c.SendToRoutine(given.name, value))
    await service.ask(once(asked, request, given), request.caller)
    return empty_response()


async def fork(service: Service, request: Request) -> Response:
    """Start a fork."""
    given = await request.json(Fork)
    row = await service.reading(lambda read: found_instance(read, request.params["key"]))
    asked = await service.reading(
        lambda read: fork_request(
            read, str(row.key), from_step=given.from_step, variables=given.variables
        )
    )
    answer = await service.ask(once(asked, request, given), request.caller)
    return json_response(Forked(str(answer.key)), 201)


async def update(service: Service, request: Request) -> Response:
    """Ask a workflow for something and wait for its answer."""
    service.check_room()
    given = await request.json(AskUpdate)
    row = await service.reading(lambda read: found_instance(read, request.params["key"]))
    value = encode_variables({"value": given.value})["value"]
    id = given.id or request.idempotency_key or mint_token().id
    asking = service.client_of(request.caller).update(
        str(row.key), given.name, value, id=id, until_accepted=given.wait == "accepted"
    )
    answer = await request.while_here(asking, service.stopping)
    return json_response(Updated(id, answer.status, _plain(answer.value), _plain(answer.error)))


def _plain(data: bytes | None) -> Any:
    return None if data is None else python_json(plain(data))


async def read(service: Service, request: Request) -> Response:
    """Read what a workflow wrote to a stream."""
    given = request.query(Follow)
    name = request.params["name"]

    def look(reading: Reading) -> StreamPage:
        row = found_instance(reading, request.params["key"])
        return read_stream(
            reading,
            row.key,
            name,
            start=given.start,
            after_version=given.after,
        )

    found = await service.reading(look)
    items = [StreamItem(one.offset, _plain(one.data)) for one in found.written]
    return json_response(StreamPart(items, found.version, found.is_closed))


ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path="/api/v1/instances/{key}/updates",
        endpoint=update,
        name="updateInstance",
        tag="instances",
        summary="Ask a workflow for something, and wait for its answer",
        permission=Permission.INSTANCES_CHANGE,
        body=AskUpdate,
        answer=Updated,
        headers=(IDEMPOTENCY_KEY,),
        problems=(why.NOT_FOUND, why.NOT_ACTIVE, why.ALREADY_EXISTS, "too-busy"),
    ),
    Route(
        method="GET",
        path="/api/v1/instances/{key}/streams/{name}",
        endpoint=read,
        name="readStream",
        tag="instances",
        summary="Read what a workflow wrote to a stream, in order",
        permission=Permission.INSTANCES_READ,
        query=Follow,
        answer=StreamPart,
        problems=(why.NOT_FOUND,),
    ),
    Route(
        method="POST",
        path="/api/v1/instances/{key}/messages",
        endpoint=send,
        name="sendToInstance",
        tag="instances",
        summary="Send a message to one instance of a workflow",
        permission=Permission.INSTANCES_CHANGE,
        body=Send,
        status=204,
        headers=(IDEMPOTENCY_KEY,),
        problems=(why.NOT_FOUND, why.NOT_ACTIVE, why.KEY_REUSED, "too-busy"),
    ),
    Route(
        method="POST",
        path="/api/v1/instances/{key}/fork",
        endpoint=fork,
        name="forkInstance",
        tag="instances",
        summary="Start a workflow again from one of its steps, with what was seen before it",
        permission=Permission.INSTANCES_CHANGE,
        body=Fork,
        answer=Forked,
        status=201,
        headers=(IDEMPOTENCY_KEY,),
        problems=(
            why.NOT_FOUND,
            why.UNKNOWN_PROCESS,
            why.KEY_REUSED,
            "invalid-input",
            "too-busy",
        ),
    ),
)
