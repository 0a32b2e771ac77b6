"""Workflows: messages to one instance, and forks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Meta, Struct

from tenuto.api.http import IDEMPOTENCY_KEY, Request, Response, empty_response, json_response
from tenuto.api.repeats import once
from tenuto.api.routing import Route
from tenuto.api.search import found_instance
from tenuto.client.forks import fork_request
from tenuto.client.requests import encode_variables
from tenuto.engine import commands as c
from tenuto.engine import rejections as why
from tenuto.governance.permits import Permission
from tenuto.runtime import requests as runtime

if TYPE_CHECKING:
    from tenuto.api.service import Service

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


ROUTES: tuple[Route, ...] = (
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
