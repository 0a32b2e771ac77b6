"""Schedules: what starts a process again and again, by a plan.

`PUT` with `If-Match` changes only what was read. Who changes a schedule lets it start processes
with its variables, so that is a permission of its own; a tick by hand asks for the one to start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

from msgspec import Meta, Struct, structs

from tenuto.api.http import IDEMPOTENCY_KEY, Request, Response, empty_response, json_response
from tenuto.api.pages import Items, Paged, page, place_of
from tenuto.api.preconditions import IF_MATCH, etag, expected_tag
from tenuto.api.rendering import python_json
from tenuto.api.repeats import once
from tenuto.api.routing import Route
from tenuto.client import schedules as planned
from tenuto.client.schedules import Backfilled, ScheduleView, Triggered
from tenuto.engine import rejections as why
from tenuto.engine import schedule_commands as sc
from tenuto.engine.command import Command
from tenuto.errors import Rejected
from tenuto.governance.permits import Permission
from tenuto.runtime import requests as runtime

if TYPE_CHECKING:
    from tenuto.api.service import Service

CURSOR: Final = "schedules"
COUNT_MAX: Final = 2**31
Word = Annotated[str, Meta(max_length=40)]
Count = Annotated[int, Meta(ge=0, lt=COUNT_MAX)]
_NEVER: Final = sc.Plan("", "")


class PutSchedule(Struct, forbid_unknown_fields=True):
    """What starts and when. `schedule` is such as `{"cron": "0 9 * * MON-FRI", "tz":
    "Europe/Berlin"}`.

    `overlap` says what a tick does while a run goes on, `catch_up` what becomes of ticks that
    passed while nobody looked; so many failures in a row as `pause_after` says pause it.
    """

    process: Annotated[str, Meta(min_length=1, max_length=255)]
    schedule: dict[str, Any]
    variables: dict[str, Any] = {}
    overlap: Word = "skip"
    catch_up: Any = "last"
    pause_after: Count = 0


class PutAnswer(Struct):
    """What a put came to."""

    name: str
    created: bool
    changed: bool


class Pause(Struct, forbid_unknown_fields=True):
    """Why; it is shown with the schedule."""

    reason: Annotated[str, Meta(max_length=2_000)] = ""


class Nothing(Struct, forbid_unknown_fields=True):
    """Nothing has to be said."""


class Backfill(Struct, forbid_unknown_fields=True):
    """A past range, both ends included: `all` of its ticks, the `missing` or the `failed` ones.

    With a `count`, so many start every `every`, a duration; else all as fast as may be. `dry_run`
    only tells the ticks.
    """

    start: Word
    end: Word
    which: Word = "all"
    reverse: bool = False
    count: Count = 0
    every: Word = "PT0S"
    dry_run: bool = False


async def list_schedules(service: Service, request: Request) -> Response:
    """List schedules in order of their names."""
    paged = request.query(Paged)
    after = place_of(service.cursors, CURSOR, paged, str)
    found = await service.reading(planned.read_schedules)
    left = [one for one in found if after is None or one.name > after]
    items = left[: paged.limit]
    following = items[-1].name if len(left) > len(items) else None
    shown = [_shown(one) for one in items]
    return json_response(page(service.cursors, CURSOR, shown, following))


async def show(service: Service, request: Request) -> Response:
    """Show a schedule; its ETag names its plan."""
    name = request.params["name"]
    found = await service.reading(lambda read: planned.read_one(read, name))
    return json_response(_shown(found), 200, (etag(found.tag),))


async def put(service: Service, request: Request) -> Response:
    """Create a schedule or change it."""
    given = await request.json(PutSchedule)
    name = request.params["name"]
    plan = planned.PlanRequest(**structs.asdict(given))
    expected = await _expected(service, request, name)
    command = planned.put_command(name, plan, expected)
    facts = await _tell(service, request, command, given)
    created = bool(facts["created"])
    answer = PutAnswer(name, created, bool(facts["changed"]))
    return json_response(answer, 201 if created else 200, (etag(planned.tag_of(command.plan)),))


async def _expected(service: Service, request: Request, name: str) -> sc.Plan | None:
    """Return the plan that the caller read; nothing for any.

    What was changed meanwhile may have been changed by the same request, whose answer was lost: its
    idempotency key tells, so the corridor is asked with a plan that no schedule has.
    """
    tag = expected_tag(request)
    if tag is None:
        return None
    try:
        return await service.reading(lambda read: planned.expected_plan(read, name, tag))
    except Rejected:
        if request.idempotency_key is None:
            raise
        return _NEVER


async def pause(service: Service, request: Request) -> Response:
    """Let a schedule start nothing more by itself."""
    given = await request.json(Pause)
    await _tell(service, request, sc.PauseSchedule(given.reason), given)
    return empty_response()


async def resume(service: Service, request: Request) -> Response:
    """Let a schedule go on from now."""
    await _tell(service, request, sc.ResumeSchedule(), await request.json(Nothing))
    return empty_response()


async def trigger(service: Service, request: Request) -> Response:
    """Act as if a schedule were due now."""
    facts = await _tell(service, request, sc.TriggerSchedule(), await request.json(Nothing))
    return json_response(planned.triggered(facts))


async def backfill(service: Service, request: Request) -> Response:
    """Start the ticks of a past range that were not started, or only tell them."""
    given = await request.json(Backfill)
    fields = structs.asdict(given)
    dry_run = fields.pop("dry_run")
    command = planned.backfill_command(planned.BackfillRequest(**fields), dry_run=dry_run)
    return json_response(planned.backfilled(await _tell(service, request, command, given)))


async def delete(service: Service, request: Request) -> Response:
    """Forget a schedule; what it started goes on."""
    key = planned.key_of(request.params["name"])
    await service.ask(runtime.Request(key, sc.DeleteSchedule()), request.caller)
    return empty_response()


async def _tell(
    service: Service, request: Request, command: Command, given: Struct
) -> dict[str, object]:
    asked = runtime.Request(planned.key_of(request.params["name"]), command)
    answer = await service.ask(once(asked, request, given), request.caller)
    return answer.facts


def _shown(one: ScheduleView) -> ScheduleView:
    """Return a schedule whose variables are as JSON writes them, exact."""
    shown = {name: python_json(value) for name, value in one.variables.items()}
    return structs.replace(one, variables=shown)


def _verb(
    endpoint: Any,
    word: str,
    summary: str,
    *,
    body: Any = Nothing,
    answer: Any = None,
    permission: Permission = Permission.SCHEDULES_CHANGE,
) -> Route:
    return Route(
        method="POST",
        path=f"/api/v1/schedules/{{name}}/{word}",
        endpoint=endpoint,
        name=f"{word}Schedule",
        summary=summary,
        tag="schedules",
        permission=permission,
        body=body,
        answer=answer,
        status=204 if answer is None else 200,
        headers=(IDEMPOTENCY_KEY,),
        problems=(
            why.NOT_FOUND,
            why.KEY_REUSED,
            why.INVALID_VALUE,
            "invalid-input",
            "too-busy",
        ),
    )


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/schedules",
        endpoint=list_schedules,
        name="listSchedules",
        summary="List schedules in order of their names",
        tag="schedules",
        permission=Permission.INSTANCES_READ,
        query=Paged,
        answer=Items[ScheduleView],
        problems=("invalid-cursor",),
    ),
    Route(
        method="GET",
        path="/api/v1/schedules/{name}",
        endpoint=show,
        name="showSchedule",
        summary="Show a schedule: its plan, what it does next, what goes on",
        tag="schedules",
        permission=Permission.INSTANCES_READ,
        answer=ScheduleView,
        problems=(why.NOT_FOUND, "invalid-input"),
    ),
    Route(
        method="PUT",
        path="/api/v1/schedules/{name}",
        endpoint=put,
        name="putSchedule",
        summary="Create a schedule or change it, at once",
        tag="schedules",
        permission=Permission.SCHEDULES_CHANGE,
        body=PutSchedule,
        answer=PutAnswer,
        other_statuses=(201,),
        headers=(IDEMPOTENCY_KEY, IF_MATCH),
        problems=(
            why.ALREADY_EXISTS,
            why.INVALID_VALUE,
            why.KEY_REUSED,
            why.NO_START_EVENT,
            why.UNKNOWN_PROCESS,
            why.VERSION_MISMATCH,
            "invalid-input",
            "too-busy",
        ),
    ),
    Route(
        method="DELETE",
        path="/api/v1/schedules/{name}",
        endpoint=delete,
        name="deleteSchedule",
        summary="Forget a schedule; what it started goes on",
        tag="schedules",
        permission=Permission.SCHEDULES_CHANGE,
        status=204,
        problems=(why.NOT_FOUND, "invalid-input", "too-busy"),
    ),
    _verb(pause, "pause", "Let a schedule start nothing more by itself", body=Pause),
    _verb(resume, "resume", "Let a paused schedule go on from now"),
    _verb(
        trigger,
        "trigger",
        "Act as if a schedule were due now",
        answer=Triggered,
        permission=Permission.INSTANCES_START,
    ),
    _verb(
        backfill,
        "backfill",
        "Start the ticks of a past range, or only tell them",
        body=Backfill,
        answer=Backfilled,
    ),
)
