"""Instances: start, look, change, end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta, Struct

from tenuto import values
from tenuto.api.http import Request, Response, json_response
from tenuto.api.routing import Route
from tenuto.governance.permits import Permission

if TYPE_CHECKING:
    from tenuto.api.service import Service

IDEMPOTENCY_KEY = "idempotency-key"
Key = Annotated[str, Meta(min_length=1, max_length=255)]


class Start(Struct, forbid_unknown_fields=True):
    """Start an instance of `process`.

    With `unique`, the business key may name one instance of the process only. With `wait`, the
    answer comes when the instance has ended.
    """

    process: Key
    variables: dict[str, Any] = {}
    business_key: Key | None = None
    unique: bool = False
    wait: bool = False


class Started(Struct, omit_defaults=True):
    """The key of the instance; status and variables when it was waited for."""

    instance: str
    status: str | None = None
    variables: dict[str, Any] | None = None


async def start(service: Service, request: Request) -> Response:
    """Start an instance, and wait for its end if that is asked."""
    service.check_room()
    given = await request.json(Start)
    client = service.client_of(request.caller)
    key = request.headers.get(IDEMPOTENCY_KEY)
    if given.wait:
        ended = await client.run(
            given.process,
            given.variables,
            business_key=given.business_key,
            idempotency_key=key,
        )
        variables = {
            name: msgspec.Raw(values.dumps(value).encode())
            for name, value in ended.variables.items()
        }
        return json_response(Started(ended.key, ended.status, variables))
    instance = await client.start(
        given.process,
        given.variables,
        business_key=given.business_key,
        idempotency_key=key,
        unique=given.unique,
    )
    return json_response(Started(instance), 201, (("location", f"/api/v1/instances/{instance}"),))


ROUTES = (
    Route(
        method="POST",
        path="/api/v1/instances",
        endpoint=start,
        name="startInstance",
        summary="Start an instance, and wait for its end if that is asked",
        tag="instances",
        permission=Permission.INSTANCES_START,
        body=Start,
        answer=Started,
        status=201,
        headers=(IDEMPOTENCY_KEY,),
        problems=("unknown-process", "duplicate-business-key", "key-reused", "too-busy"),
    ),
)
