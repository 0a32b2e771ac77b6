"""Routines: workers outside of this process run workflows, and say how their coroutines go on.

They lease routines as other jobs (`routes.jobs`). A lease token is sealed and bound to its job:
whoever brings it back was given the routine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from msgspec import Meta, Struct

from tenuto.api.http import Request, Response, json_response
from tenuto.api.keys import element_key
from tenuto.api.problems import problem_of
from tenuto.api.routes.jobs import lost_lease, opened_token, token_of
from tenuto.api.routing import Route
from tenuto.client import routine_wire as wire
from tenuto.client.history import read_history
from tenuto.engine import rejections as why
from tenuto.engine.rejections import Rejection
from tenuto.errors import TenutoError
from tenuto.governance.permits import Permission, Principal
from tenuto.runtime import requests as runtime
from tenuto.runtime.leases import Holder, JobKey
from tenuto.runtime.routines import Outcome

if TYPE_CHECKING:
    from tenuto.api.service import Service
    from tenuto.client.history import History
    from tenuto.client.reading import Reading

BODY_LIMIT: Final = 16 * 1024 * 1024
PAGE_BYTES: Final = 4 * 1024 * 1024
PAGE_OUTCOMES: Final = 5_000


class HistoryQuery(Struct, forbid_unknown_fields=True):
    """Which run of a routine: it began in the turn `since`; `token` holds its lease.

    The page has the outcomes after the first `after` ones.
    """

    token: wire.Token
    since: Annotated[int, Meta(ge=1, le=2**53)] = 1
    after: wire.Count = 0


async def advance(service: Service, request: Request) -> Response:
    """Take what routines say; answer when it is durable."""
    service.check_room()
    given = await request.json(wire.Advances)
    results = await _advanced(service, request.caller, given.items)
    if not given.worker:
        return json_response(wire.AllAdvanced(results))
    receiver = service.receivers.of((request.caller.token, given.worker))
    wakes = receiver.after(given.heard)
    return json_response(wire.AllAdvanced(results, receiver.session, wakes))


async def _advanced(
    service: Service, caller: Principal, items: list[wire.Item]
) -> list[wire.Advanced]:
    """Return what became of each item; one that is refused stands in the way of no other."""
    refused: dict[int, wire.Advanced] = {}
    asked: list[runtime.Request] = []
    for place, one in enumerate(items):
        try:
            key = element_key("routine", one.job)
            token = opened_token(service, key, one.token)
            command = wire.command_of(one, key[1], token)
        except TenutoError as error:
            problem = problem_of(error)
            refused[place] = wire.Advanced(one.job, problem.code, problem.detail)
        else:
            asked.append(runtime.Request(key[0], command, caller.name))
    answers = iter(await service.client.ask_all(asked))
    return [
        refused[place] if place in refused else _outcome(one.job, next(answers))
        for place, one in enumerate(items)
    ]


def _outcome(job: str, result: runtime.Result) -> wire.Advanced:
    if isinstance(result, Rejection):
        return wire.Advanced(job, result.code, result.message)
    return wire.Advanced(job)


async def wakes(service: Service, request: Request) -> Response:
    """Wait for what happens for the routines that a worker holds."""
    given = await request.json(wire.AskWakes)
    receiver = service.receivers.of((request.caller.token, given.worker))
    now = service.node.now
    lost: list[str] = []
    if given.leases:
        lost = await _told_here(
            service, given.leases, service.holder(request.caller.token, given.worker)
        )
    if given.session != receiver.session or given.leases:
        heard = given.heard if given.session == receiver.session else 0
        told = wire.Wakes(receiver.session, now(), receiver.after(heard), lost)
        return json_response(told)
    with service.questions.ask((request.caller.token, given.worker)) as ended:
        found = await request.while_here(
            receiver.wait_after(given.heard, given.wait, ended), service.stopping
        )
    return json_response(wire.Wakes(receiver.session, now(), found))


async def _told_here(service: Service, leases: list[wire.HeldRoutine], holder: Holder) -> list[str]:
    """Let what happens for held routines be told to a worker; return those that are lost."""
    known: dict[str, tuple[JobKey, int]] = {}
    for one in leases:
        key = element_key("routine", one.job)
        token = token_of(service, key, one.token)
        if token is not None:
            known[one.job] = (key, token)
    held = await service.client.jobs.tell(list(known.values()), holder)
    is_held = dict(zip(known, held, strict=True))
    return [one.job for one in leases if not is_held.get(one.job, False)]


async def history(service: Service, request: Request) -> Response:
    """Return what a coroutine is replayed from."""
    query = request.query(HistoryQuery)
    key = _routine_key(request)
    if token_of(service, key, query.token) is None:
        raise lost_lease(wire.job_text(key))

    def read(at: Reading) -> History:
        return read_history(at, *key, query.since)

    found = await service.reading(read)
    return json_response(_page(found, query.after))


def _routine_key(request: Request) -> JobKey:
    return element_key("routine", f"{request.params['key']}-{request.params['element']}")


def _page(found: History, after: int) -> wire.RoutineHistory:
    """Return what is needed to replay, with outcomes of a bounded size."""
    page: list[Outcome] = []
    size = 0
    for one in found.outcomes[after : after + PAGE_OUTCOMES]:
        size += len(one.value or b"") + len(one.error or b"")
        if page and size > PAGE_BYTES:
            break
        page.append(one)
    end = after + len(page)
    is_first = after == 0
    return wire.RoutineHistory(
        found.began_at,
        found.seen,
        found.advances,
        found.variables if is_first else {},
        found.asked if is_first else [],
        found.marks if is_first else [],
        found.steps if is_first else {},
        page,
        end if end < len(found.outcomes) else None,
        {key: at for key, at in found.asked_at.items() if is_first and key in found.open_steps},
        {key: data for key, data in found.details.items() if is_first and key in found.open_steps},
    )


ROUTES = (
    Route(
        method="POST",
        path="/api/v1/routines/advance",
        endpoint=advance,
        name="advanceRoutines",
        summary="Say how coroutines go on",
        tag="jobs",
        permission=Permission.JOBS_WORK,
        body=wire.Advances,
        answer=wire.AllAdvanced,
        body_limit=BODY_LIMIT,
        problems=("too-busy",),
    ),
    Route(
        method="POST",
        path="/api/v1/routines/wakes",
        endpoint=wakes,
        name="awaitRoutines",
        summary="Wait for what happens for the routines that a worker holds",
        tag="jobs",
        permission=Permission.JOBS_WORK,
        body=wire.AskWakes,
        answer=wire.Wakes,
        body_limit=BODY_LIMIT,
        problems=(why.NOT_FOUND,),
    ),
    Route(
        method="GET",
        path="/api/v1/instances/{key}/routines/{element}/history",
        endpoint=history,
        name="readRoutine",
        summary="Read what a coroutine is replayed from",
        tag="jobs",
        permission=Permission.JOBS_WORK,
        query=HistoryQuery,
        answer=wire.RoutineHistory,
        problems=(why.NOT_FOUND, why.STALE_LEASE),
    ),
)
