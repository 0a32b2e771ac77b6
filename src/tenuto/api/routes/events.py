"""CloudEvents in: structured, in batches, or in headers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from tenuto.api.http import Request, Response, json_response
from tenuto.api.problems import Problem
from tenuto.api.routing import Route
from tenuto.events.accept import ACCEPTED, DUPLICATE, REFUSED, UNMAPPED, Effect, Outcome
from tenuto.events.envelope import (
    BATCH,
    STRUCTURED,
    Event,
    EventRefused,
    NoEvents,
    is_binary,
    read_batch,
    read_binary,
    read_structured,
)
from tenuto.governance.permits import Permission

if TYPE_CHECKING:
    from tenuto.api.service import Service


class Accepted(Struct):
    """What became of one event: accepted, duplicate or unmapped, and what the mappings made."""

    status: str
    effects: list[Effect] = []


class RefusedEvent(Struct):
    """An event of a batch that was refused, by its place from 0; the others went on."""

    index: int
    code: str
    detail: str


class AcceptedBatch(Struct):
    """How many events of a batch were new, known and without a mapping, and which were refused."""

    accepted: int
    duplicates: int
    unmapped: int
    refused: list[RefusedEvent]


async def publish(service: Service, request: Request) -> Response:
    """Take events; the answer comes when what they made is durable."""
    service.check_room()
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if kind == BATCH:
            events = read_batch(await request.body())
            return json_response(_batch(await _accept(service, request, events)))
        if kind == STRUCTURED:
            event = read_structured(await request.body())
        elif is_binary(request.headers):
            event = read_binary(request.headers, await request.body())
        else:
            raise Problem(
                "unsupported-media-type",
                f"expected {STRUCTURED}, {BATCH}, or an event in `ce-` headers, got "
                f"`{kind[:60] or 'none'}`",
            )
    except NoEvents as error:
        raise Problem("invalid-json", str(error)) from None
    [outcome] = await _accept(service, request, [event])
    if outcome.status == REFUSED:
        raise Problem(outcome.code, outcome.detail)
    status = 200 if outcome.status == DUPLICATE else 202
    return json_response(Accepted(outcome.status, outcome.effects), status)


async def _accept(
    service: Service, request: Request, events: list[Event | EventRefused]
) -> list[Outcome]:
    caller = request.caller
    client = service.client_of(caller)
    return await service.acceptor.accept(client, events, actor=caller.name)


def _batch(outcomes: list[Outcome]) -> AcceptedBatch:
    statuses = [outcome.status for outcome in outcomes]
    return AcceptedBatch(
        statuses.count(ACCEPTED),
        statuses.count(DUPLICATE),
        statuses.count(UNMAPPED),
        [
            RefusedEvent(index, outcome.code, outcome.detail)
            for index, outcome in enumerate(outcomes)
            if outcome.status == REFUSED
        ],
    )


ROUTES = (
    Route(
        method="POST",
        path="/api/v1/events",
        endpoint=publish,
        name="publishEvents",
        summary="Take CloudEvents; deployed mappings make them messages and starts",
        tag="events",
        permission=Permission.EVENTS_PUBLISH,
        body_types=(STRUCTURED, BATCH),
        answer=Accepted | AcceptedBatch,
        status=202,
        other_statuses=(200,),
        problems=("invalid-event", "unmappable-event", "key-reused", "too-busy"),
    ),
)
