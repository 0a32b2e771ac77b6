"""Instances: start, find, look, change, end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from msgspec import Meta, Struct, field

from tenuto.api import preconditions
from tenuto.api.http import IDEMPOTENCY_KEY, Request, Response, empty_response, json_response
from tenuto.api.pages import Items, Paged, page, place_of
from tenuto.api.preconditions import IF_MATCH, etag
from tenuto.api.problems import Problem
from tenuto.api.rendering import instant, python_json
from tenuto.api.repeats import once
from tenuto.api.routing import Route
from tenuto.api.search import found_instance, found_page, kept_state, wanted_variables
from tenuto.api.shown import ListedInstance, ShownInstance, listed, root_variables, shown
from tenuto.client.requests import encode_variables, start_request
from tenuto.client.typed import restored
from tenuto.engine import commands as c
from tenuto.engine import rejections as why
from tenuto.engine.state import ROOT
from tenuto.errors import InputError
from tenuto.governance.permits import Permission
from tenuto.runtime import requests as runtime
from tenuto.store.port import InstanceQuery

if TYPE_CHECKING:
    from tenuto.api.service import Service
    from tenuto.client.reading import Reading

CURSOR: Final = "instances"
Key = Annotated[str, Meta(min_length=1, max_length=255)]
Status = Literal["active", "paused", "completed", "terminated", "failed"]
Instant = Annotated[str, Meta(max_length=40)]
Pair = Annotated[str, Meta(max_length=4_096)]


class Start(Struct, forbid_unknown_fields=True):
    """Start an instance of `process`.

    An `id` is a business key that is started once: what comes later is given the same instance.
    With `unique`, an instance that has the id or business key refuses the start. With `wait`, the
    answer comes when the instance has ended. JSON knows no dates: `typed` are JSON pointers of the
    texts in `variables` that stand for a date, a time, a duration or a range of FEEL.
    """

    process: Key
    variables: dict[str, Any] = {}
    typed: Annotated[list[Pair], Meta(max_length=10_000)] = []
    business_key: Key | None = None
    id: Key | None = None
    unique: bool = False
    wait: bool = False


class Started(Struct, omit_defaults=True):
    """The key of the instance; status and variables when it was waited for.

    `repeated` says that it had been started before under the same idempotency key or id.
    """

    instance: str
    repeated: bool = False
    status: str | None = None
    variables: dict[str, Any] | None = None


class Find(Paged, kw_only=True):
    """Which instances: every field that is given must hold.

    Times are ISO 8601: at or after the one, before the other. `variable` is a name and JSON, such
    as `amount:12.5`, and may come several times; for it at most 2,000 instances are read, so that
    a page may hold few and still have a next one.
    """

    process: Key | None = None
    status: Status | None = None
    business_key: Key | None = None
    started_after: Instant | None = None
    started_before: Instant | None = None
    ended_after: Instant | None = None
    ended_before: Instant | None = None
    variable: Annotated[list[Pair], Meta(max_length=10)] = field(default_factory=list)


class Cancel(Struct, forbid_unknown_fields=True):
    """Why the instance is ended, for its history. A workflow may clean up, unless `at_once`."""

    reason: Annotated[str, Meta(max_length=1_000)] = ""
    at_once: bool = False


async def start(service: Service, request: Request) -> Response:
    """Start an instance, and wait for its end if that is asked."""
    service.check_room()
    given = await request.json(Start)
    variables = restored(given.variables, given.typed) if given.typed else given.variables
    key = request.idempotency_key
    if given.wait:
        run = service.client_of(request.caller).run(
            given.process,
            variables,
            business_key=given.business_key,
            idempotency_key=key,
            unique=given.unique,
            id=given.id,
        )
        ended = await request.while_here(run, service.stopping)
        left = {name: python_json(value) for name, value in ended.variables.items()}
        return json_response(Started(ended.key, status=ended.status, variables=left))
    asked = start_request(
        given.process,
        variables,
        business_key=given.business_key,
        idempotency_key=key,
        unique=given.unique,
        id=given.id,
    )
    answer = await service.ask(asked, request.caller)
    if service.client.traces is not None:
        now = service.node.corridor.clock.now()
        service.client.traces.answered(answer, given.process, now, request.headers)
    instance, is_repeated = str(answer.key), bool(answer.facts.get("repeated"))
    place = ("location", f"/api/v1/instances/{instance}")
    return json_response(Started(instance, is_repeated), 201, (place,))


async def list_instances(service: Service, request: Request) -> Response:
    """List instances, the newest first."""
    given = request.query(Find)
    wanted = wanted_variables(given.variable)
    query = InstanceQuery(
        given.process,
        given.status,
        given.business_key,
        place_of(service.cursors, CURSOR, given, int),
        given.limit,
        started_after=_instant(given.started_after),
        started_before=_instant(given.started_before),
        ended_after=_instant(given.ended_after),
        ended_before=_instant(given.ended_before),
    )
    rows, following = await service.reading(lambda read: found_page(read, query, wanted))
    world = service.node.world
    items = [listed(row, world) for row in rows]
    return json_response(page(service.cursors, CURSOR, items, following))


async def show(service: Service, request: Request) -> Response:
    """Show an instance with its variables and what it waits for."""
    text, world = request.params["key"], service.node.world

    def look(read: Reading) -> ShownInstance:
        row = found_instance(read, text)
        return shown(read, row, kept_state(read, row.key), world)

    one = await service.reading(look)
    return json_response(one, 200, (etag(one.version_number),))


async def show_variables(service: Service, request: Request) -> Response:
    """Give the variables of an instance."""
    text = request.params["key"]

    def look(read: Reading) -> tuple[int, dict[str, Any]]:
        row = found_instance(read, text)
        state = kept_state(read, row.key)
        if state is None:
            return row.version, {}
        return state.version, root_variables(read, state)

    version, variables = await service.reading(look)
    return json_response(variables, 200, (etag(version),))


async def change_variables(service: Service, request: Request) -> Response:
    """Change variables of an instance that is still as the caller read it."""
    version = preconditions.required_version(request)
    given: dict[str, Any] = await request.json(dict[str, Any])
    command = c.SetVariables(ROOT, encode_variables(given))
    row = await service.reading(lambda read: found_instance(read, request.params["key"]))
    await service.ask(runtime.Request(row.key, command, if_version=version), request.caller)
    return empty_response()


async def cancel(service: Service, request: Request) -> Response:
    """End an instance and everything that it called."""
    given = await request.json(Cancel)
    row = await service.reading(lambda read: found_instance(read, request.params["key"]))
    asked = runtime.Request(row.key, c.CancelInstance(given.reason, given.at_once))
    await service.ask(once(asked, request, given), request.caller)
    return empty_response()


def _instant(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return instant(text)
    except InputError as error:
        raise Problem("invalid-query", str(error)) from None


def _of_one(method: str, tail: str, endpoint: Any, name: str, **more: Any) -> Route:
    return Route(
        method=method,
        path=f"/api/v1/instances/{{key}}{tail}",
        endpoint=endpoint,
        name=name,
        tag="instances",
        **more,
    )


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
        other_statuses=(200,),
        headers=(IDEMPOTENCY_KEY,),
        problems=(
            "unknown-process",
            "duplicate-business-key",
            "key-reused",
            "invalid-input",
            "too-busy",
        ),
    ),
    Route(
        method="GET",
        path="/api/v1/instances",
        endpoint=list_instances,
        name="listInstances",
        summary="List instances, the newest first",
        tag="instances",
        permission=Permission.INSTANCES_READ,
        query=Find,
        answer=Items[ListedInstance],
        problems=("invalid-cursor",),
    ),
    _of_one(
        "GET",
        "",
        show,
        "getInstance",
        summary="Show an instance, by its key or business key",
        permission=Permission.INSTANCES_READ,
        answer=ShownInstance,
        problems=(why.NOT_FOUND,),
    ),
    _of_one(
        "GET",
        "/variables",
        show_variables,
        "getVariables",
        summary="Give the variables of an instance",
        permission=Permission.INSTANCES_READ,
        answer=dict[str, Any],
        problems=(why.NOT_FOUND,),
    ),
    _of_one(
        "PATCH",
        "/variables",
        change_variables,
        "changeVariables",
        summary="Change variables of an instance that is still as it was read",
        permission=Permission.INSTANCES_CHANGE,
        body=dict[str, Any],
        status=204,
        headers=(IF_MATCH,),
        problems=(
            why.NOT_FOUND,
            why.NOT_ACTIVE,
            why.VERSION_MISMATCH,
            why.INVALID_VALUE,
            "if-match-required",
            "too-busy",
        ),
    ),
    _of_one(
        "POST",
        "/cancel",
        cancel,
        "cancelInstance",
        summary="End an instance and everything that it called",
        permission=Permission.INSTANCES_CHANGE,
        body=Cancel,
        status=204,
        headers=(IDEMPOTENCY_KEY,),
        problems=(why.NOT_FOUND, why.NOT_ACTIVE, why.KEY_REUSED, "too-busy"),
    ),
)
