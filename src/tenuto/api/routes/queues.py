"""Queues: what they allow, who stands in them, pause and change at run time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

from msgspec import UNSET, Meta, Struct, UnsetType, structs

from tenuto.api.http import IDEMPOTENCY_KEY, Request, Response, empty_response, json_response
from tenuto.api.pages import Items, Paged, page, place_of
from tenuto.api.problems import Problem
from tenuto.api.repeats import once
from tenuto.api.routing import Route
from tenuto.client import queues as queued
from tenuto.client.queues import EntryView, QueueView
from tenuto.engine import queue_commands as qc
from tenuto.engine import rejections as why
from tenuto.errors import InputError
from tenuto.governance.permits import Permission
from tenuto.runtime import requests as runtime
from tenuto.workflows.queues import queue_options

if TYPE_CHECKING:
    from tenuto.api.service import Service
    from tenuto.client.reading import Reading

CURSOR: Final = "queues"
ENTRIES: Final = "queue-entries"
Text = Annotated[str, Meta(max_length=40)]
Count = Annotated[int, Meta(ge=1)]


class Change(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What a queue allows from now on; what is not given stays, null takes a limit away.

    `rate` is such as `10/s` or `100/5m`, durations such as `200ms`, `2s`, `PT5M`. `weights` are by
    fairness key. `duplicates`: reject, return-existing, replace. `busy`: wait, cancel-in-progress,
    cancel-newest. A queue that nobody has used yet is made.
    """

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    concurrency: Count | UnsetType | None = UNSET
    per_key: Count | UnsetType | None = UNSET
    rate: Text | UnsetType | None = UNSET
    weights: dict[str, Count] | UnsetType | None = UNSET
    duplicates: Text | UnsetType = UNSET
    busy: Text | UnsetType = UNSET
    debounce: Text | UnsetType | None = UNSET
    max_wait: Text | UnsetType | None = UNSET


class Declaration(Struct, forbid_unknown_fields=True):
    """The queues that a program declares; one counts when its last declaration was another."""

    queues: Annotated[list[Change], Meta(max_length=1_000)]


class Nothing(Struct, forbid_unknown_fields=True):
    """Nothing has to be said."""


async def list_queues(service: Service, request: Request) -> Response:
    """List queues in order of their names."""
    paged = request.query(Paged)
    after = place_of(service.cursors, CURSOR, paged, str)
    found = await service.reading(queued.read_queues)
    left = [one for one in found if after is None or one.name > after]
    items = left[: paged.limit]
    following = items[-1].name if len(left) > len(items) else None
    return json_response(page(service.cursors, CURSOR, items, following))


async def show(service: Service, request: Request) -> Response:
    """Show a queue."""
    name = request.params["name"]
    return json_response(await service.reading(lambda read: _found(read, name)))


async def list_entries(service: Service, request: Request) -> Response:
    """List who stands in a queue, in order of their coming."""
    name, paged = request.params["name"], request.query(Paged)
    after = place_of(service.cursors, ENTRIES, paged, int) or 0

    def look(read: Reading) -> list[EntryView]:
        _found(read, name)
        return queued.read_entries(read, name, after=after, limit=paged.limit + 1)

    found = await service.reading(look)
    items = found[: paged.limit]
    following = items[-1].entry if len(found) > len(items) else None
    return json_response(page(service.cursors, ENTRIES, items, following))


async def change(service: Service, request: Request) -> Response:
    """Change what a queue allows."""
    given = await request.json(Change)
    changes: dict[str, Any] = {
        name: value for name, value in structs.asdict(given).items() if value is not UNSET
    }
    name = changes.pop("name")
    command = await service.reading(lambda read: queued.change_command(read, name, **changes))
    await _tell(service, request, command, given)
    return empty_response()


async def declare(service: Service, request: Request) -> Response:
    """Take what a program declares, all of it or nothing."""
    given = await request.json(Declaration)
    commands = []
    for one in given.queues:
        said = {
            name: value
            for name, value in structs.asdict(one).items()
            if name != "name" and value is not UNSET
        }
        options = queue_options(one.name, **said)
        commands.append(qc.SetQueue(one.name, options, is_declared=True))
    for command in commands:
        await service.ask(runtime.Request(queued.key_of(command.name), command), request.caller)
    return empty_response()


async def pause(service: Service, request: Request) -> Response:
    """Let nothing of a queue begin."""
    given = await request.json(Nothing)
    await _tell(service, request, qc.SetQueue(request.params["name"], is_paused=True), given)
    return empty_response()


async def resume(service: Service, request: Request) -> Response:
    """Let a queue go on."""
    given = await request.json(Nothing)
    await _tell(service, request, qc.SetQueue(request.params["name"], is_paused=False), given)
    return empty_response()


async def remove(service: Service, request: Request) -> Response:
    """Forget what a queue allows."""
    asked = runtime.Request(queued.key_of(request.params["name"]), qc.RemoveQueue())
    await service.ask(asked, request.caller)
    return empty_response()


async def _tell(service: Service, request: Request, command: qc.SetQueue, given: Struct) -> None:
    asked = runtime.Request(queued.key_of(command.name), command)
    await service.ask(once(asked, request, given), request.caller)


def _found(read: Reading, name: str) -> QueueView:
    try:
        return queued.read_queue(read, name)
    except InputError as error:
        raise Problem(why.NOT_FOUND, str(error)) from error


def _verb(what: Any, word: str, summary: str) -> Route:
    return Route(
        method="POST",
        path=f"/api/v1/queues/{{name}}/{word}",
        endpoint=what,
        name=f"{word}Queue",
        summary=summary,
        tag="queues",
        permission=Permission.OPERATE,
        body=Nothing,
        status=204,
        headers=(IDEMPOTENCY_KEY,),
        problems=(why.KEY_REUSED, "invalid-input", "too-busy"),
    )


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/queues",
        endpoint=list_queues,
        name="listQueues",
        summary="List queues in order of their names",
        tag="queues",
        permission=Permission.INSTANCES_READ,
        query=Paged,
        answer=Items[QueueView],
        problems=("invalid-cursor",),
    ),
    Route(
        method="GET",
        path="/api/v1/queues/{name}",
        endpoint=show,
        name="showQueue",
        summary="Show a queue: what it allows, how many wait and run",
        tag="queues",
        permission=Permission.INSTANCES_READ,
        answer=QueueView,
        problems=(why.NOT_FOUND, "invalid-input"),
    ),
    Route(
        method="GET",
        path="/api/v1/queues/{name}/entries",
        endpoint=list_entries,
        name="listQueueEntries",
        summary="List who stands in a queue, in order of their coming",
        tag="queues",
        permission=Permission.INSTANCES_READ,
        query=Paged,
        answer=Items[EntryView],
        problems=(why.NOT_FOUND, "invalid-cursor", "invalid-input"),
    ),
    Route(
        method="POST",
        path="/api/v1/queues",
        endpoint=change,
        name="setQueue",
        summary="Change what a queue allows, from now on",
        tag="queues",
        permission=Permission.OPERATE,
        body=Change,
        status=204,
        headers=(IDEMPOTENCY_KEY,),
        problems=(why.KEY_REUSED, why.INVALID_VALUE, "invalid-input", "too-busy"),
    ),
    Route(
        method="POST",
        path="/api/v1/queue-declarations",
        endpoint=declare,
        name="declareQueues",
        summary="Take the queues that a program declares, as far as they are new",
        tag="queues",
        permission=Permission.DEPLOY,
        body=Declaration,
        status=204,
        problems=(why.INVALID_VALUE, "invalid-input", "too-busy"),
    ),
    _verb(pause, "pause", "Let nothing of a queue begin; what runs goes on"),
    _verb(resume, "resume", "Let a paused queue go on, in order"),
    Route(
        method="DELETE",
        path="/api/v1/queues/{name}",
        endpoint=remove,
        name="removeQueue",
        summary="Forget what a queue allows: it holds what waits until it is declared again",
        tag="queues",
        permission=Permission.OPERATE,
        status=204,
        problems=(why.NOT_FOUND, "invalid-input", "too-busy"),
    ),
)
