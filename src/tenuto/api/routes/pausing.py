"""Pausing: an instance stands still, and goes on with what came meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, Struct

from tenuto.api.http import IDEMPOTENCY_KEY, Request, Response, empty_response
from tenuto.api.repeats import once
from tenuto.api.routing import Route
from tenuto.api.search import found_instance
from tenuto.engine import commands as c
from tenuto.engine import rejections as why
from tenuto.governance.permits import Permission
from tenuto.runtime import requests as runtime

if TYPE_CHECKING:
    from tenuto.api.service import Service


class Pause(Struct, forbid_unknown_fields=True):
    """Why an instance stands still, for its history and for those who find it so."""

    reason: Annotated[str, Meta(max_length=1_000)] = ""


class Resume(Struct, forbid_unknown_fields=True):
    """Nothing has to be said."""


async def pause(service: Service, request: Request) -> Response:
    """Let an instance stand still until it is resumed."""
    given = await request.json(Pause)
    row = await service.reading(lambda read: found_instance(read, request.params["key"]))
    asked = runtime.Request(row.key, c.PauseInstance(given.reason))
    await service.ask(once(asked, request, given), request.caller)
    return empty_response()


async def resume(service: Service, request: Request) -> Response:
    """Let a paused instance go on."""
    given = await request.json(Resume)
    row = await service.reading(lambda read: found_instance(read, request.params["key"]))
    asked = runtime.Request(row.key, c.ResumeInstance())
    await service.ask(once(asked, request, given), request.caller)
    return empty_response()


ROUTES = (
    Route(
        method="POST",
        path="/api/v1/instances/{key}/pause",
        endpoint=pause,
        name="pauseInstance",
        summary="Let an instance stand still until it is resumed",
        tag="instances",
        permission=Permission.INSTANCES_CHANGE,
        body=Pause,
        status=204,
        headers=(IDEMPOTENCY_KEY,),
        problems=(why.NOT_FOUND, why.NOT_ACTIVE, why.PAUSED, why.KEY_REUSED, "too-busy"),
    ),
    Route(
        method="POST",
        path="/api/v1/instances/{key}/resume",
        endpoint=resume,
        name="resumeInstance",
        summary="Let a paused instance go on with what came meanwhile",
        tag="instances",
        permission=Permission.INSTANCES_CHANGE,
        body=Resume,
        status=204,
        headers=(IDEMPOTENCY_KEY,),
        problems=(why.NOT_FOUND, why.NOT_ACTIVE, why.NOT_PAUSED, why.KEY_REUSED, "too-busy"),
    ),
)
