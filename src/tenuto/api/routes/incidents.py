"""Incidents: what is stuck, and trying it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

from msgspec import Meta, Struct

from tenuto.api.http import IDEMPOTENCY_KEY, Request, Response, empty_response, json_response
from tenuto.api.keys import element_key
from tenuto.api.pages import SCAN_MAX, Items, Paged, page, place_of
from tenuto.api.repeats import once
from tenuto.api.routing import Route
from tenuto.api.search import found_instance
from tenuto.api.shown import ShownIncident, incident_of
from tenuto.client.causes import Cause, causes
from tenuto.client.requests import encode_variables
from tenuto.engine import commands as c
from tenuto.engine import rejections as why
from tenuto.engine.rows import IncidentRow
from tenuto.governance.permits import Permission
from tenuto.runtime import requests as runtime

if TYPE_CHECKING:
    from tenuto.api.service import Service
    from tenuto.client.reading import Reading

CURSOR: Final = "incidents"
Key = Annotated[str, Meta(min_length=1, max_length=255)]


class FindIncidents(Paged, kw_only=True):
    """Which incidents: of a process, of an instance (by its key or business key)."""

    process: Key | None = None
    instance: Key | None = None


class FindCauses(Struct):
    """Of which process."""

    process: Key | None = None


class Resolve(Struct, forbid_unknown_fields=True):
    """Try again what was stuck; a job gets `retries` new attempts.

    Each of the `variables` is changed before where the stuck element finds it, else in the process.
    """

    retries: Annotated[int, Meta(ge=1, le=1_000)] = 1
    variables: dict[str, Any] = {}


async def list_incidents(service: Service, request: Request) -> Response:
    """List open incidents, those of the oldest instances first."""
    given = request.query(FindIncidents)
    place = place_of(service.cursors, CURSOR, given, list)

    def look(read: Reading) -> tuple[list[IncidentRow], IncidentRow | None]:
        return _found(read, given, place)

    rows, last = await service.reading(look)
    following = None if last is None else [last.instance, last.incident]
    items = [incident_of(row) for row in rows]
    return json_response(page(service.cursors, CURSOR, items, following))


def _found(
    read: Reading, given: FindIncidents, place: list[int] | None
) -> tuple[list[IncidentRow], IncidentRow | None]:
    """Return a page and the row after which the next one begins; what a filter leaves out is
    read, up to a bound.
    """
    instance = None if given.instance is None else found_instance(read, given.instance).key
    after = None if place is None else (place[0], place[1])
    limit = given.limit + 1 if given.process is None else SCAN_MAX
    rows = read.reader.rows("incident", instance=instance, after=after, limit=limit)
    found: list[IncidentRow] = []
    for row in rows:
        assert isinstance(row, IncidentRow), "the incident table holds incidents"
        if given.process in (None, row.process):
            found.append(row)
        if len(found) > given.limit:
            return found[:-1], found[-2]
    last = rows[-1] if len(rows) == SCAN_MAX else None
    assert last is None or isinstance(last, IncidentRow), "the incident table holds incidents"
    return found, last


async def list_causes(service: Service, request: Request) -> Response:
    """Group what is stuck or has failed by why."""
    given = request.query(FindCauses)
    return json_response(await service.reading(lambda read: causes(read, given.process)))


async def resolve(service: Service, request: Request) -> Response:
    """Try again what was stuck."""
    given = await request.json(Resolve)
    instance, number = element_key("incident", request.params["incident"])
    command = c.ResolveIncident(number, given.retries, encode_variables(given.variables))
    asked = runtime.Request(instance, command)
    await service.ask(once(asked, request, given), request.caller)
    return empty_response()


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/incidents",
        endpoint=list_incidents,
        name="listIncidents",
        summary="List open incidents",
        tag="incidents",
        permission=Permission.INSTANCES_READ,
        query=FindIncidents,
        answer=Items[ShownIncident],
        problems=("invalid-cursor", why.NOT_FOUND),
    ),
    Route(
        method="GET",
        path="/api/v1/incidents/causes",
        endpoint=list_causes,
        name="listCauses",
        summary="Group open incidents and failed workflows by their cause",
        tag="incidents",
        permission=Permission.INSTANCES_READ,
        query=FindCauses,
        answer=list[Cause],
    ),
    Route(
        method="POST",
        path="/api/v1/incidents/{incident}/resolve",
        endpoint=resolve,
        name="resolveIncident",
        summary="Try again what was stuck",
        tag="incidents",
        permission=Permission.INCIDENTS_RESOLVE,
        body=Resolve,
        status=204,
        headers=(IDEMPOTENCY_KEY,),
        problems=(
            why.NOT_FOUND,
            why.NOT_STUCK,
            why.NOT_ACTIVE,
            why.KEY_REUSED,
            why.INVALID_VALUE,
            "too-busy",
        ),
    ),
)
