"""Jobs: workers outside of this process lease them, say how it goes, and bring results.

A lease token is sealed and bound to its job. Whoever brings it back was given the job, so a result
needs no look at the job's type.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from msgspec import UNSET

from tenuto import values
from tenuto.api.http import IDEMPOTENCY_KEY, Request, Response, empty_response, json_response
from tenuto.api.keys import element_key
from tenuto.api.problems import Problem, problem_of
from tenuto.api.rendering import encoded_json, moment, variables_json
from tenuto.api.repeats import once
from tenuto.api.routing import Route
from tenuto.api.work import (
    Activate,
    Beats,
    Complete,
    Extend,
    Fail,
    HeldLease,
    HeldLeases,
    LeasedJob,
    LeasedJobs,
    OneOutcome,
    Outcome,
    Release,
    Results,
    ResultsTaken,
    Taken,
    Throw,
)
from tenuto.client.requests import encode_variables
from tenuto.client.routine_wire import progress_of
from tenuto.engine import commands as c
from tenuto.engine import rejections as why
from tenuto.engine.rejections import Rejection
from tenuto.errors import TenutoError
from tenuto.governance.permits import Permission, Principal
from tenuto.runtime import requests as runtime
from tenuto.runtime.desk import Beat, Question
from tenuto.runtime.jitter import draw_jitter
from tenuto.runtime.leases import Job, JobKey

if TYPE_CHECKING:
    from tenuto.api.service import Service

BODY_LIMIT: Final = 16 * 1024 * 1024
MESSAGE_LENGTH_MAX: Final = 1_000


# --- the routes


async def activate(service: Service, request: Request) -> Response:
    """Lease jobs."""
    service.check_room()
    given = await request.json(Activate)
    return json_response(LeasedJobs(await _leased(service, request, given)))


async def complete(service: Service, request: Request) -> Response:
    """Complete one job."""
    return await _one(service, request, await request.json(Complete))


async def fail(service: Service, request: Request) -> Response:
    """Fail one attempt of a job."""
    return await _one(service, request, await request.json(Fail))


async def throw(service: Service, request: Request) -> Response:
    """Throw a BPMN error from a job."""
    return await _one(service, request, await request.json(Throw))


async def extend(service: Service, request: Request) -> Response:
    """Give one lease more time."""
    given = await request.json(Extend)
    job = request.params["job"]
    key = element_key("job", job)
    beat = _beat(key, opened_token(service, key, given.token), given)
    if not (await service.client.jobs.extend([beat]))[0]:
        raise lost_lease(job)
    return empty_response()


async def take_results(service: Service, request: Request) -> Response:
    """Take results of many jobs, and lease more."""
    service.check_room()
    given = await request.json(Results)
    if given.activate is not None:
        _check_types(request.caller, given.activate)
    taking = asyncio.create_task(_taken(service, request.caller, given.results))
    if given.activate is None:
        return json_response(ResultsTaken(await taking))
    # The results are put before the corridor first, then the question for more: mostly one commit
    # takes the results and leases what they free.
    await asyncio.sleep(0)
    try:
        jobs = await _leased(service, request, given.activate)
    finally:
        taken = await taking
    return json_response(ResultsTaken(taken, jobs))


async def extend_many(service: Service, request: Request) -> Response:
    """Give many leases more time."""
    given = await request.json(Beats)
    held = dict.fromkeys(range(len(given.beats)), False)
    beats: dict[int, Beat] = {}
    for place, one in enumerate(given.beats):
        key = element_key("job", one.job)
        token = token_of(service, key, one.token)
        if token is not None:
            beats[place] = _beat(key, token, one)
    if beats:
        answers = await service.client.jobs.extend(list(beats.values()))
        held.update(zip(beats, answers, strict=True))
    results = [HeldLease(one.job, held[place]) for place, one in enumerate(given.beats)]
    return json_response(HeldLeases(results))


async def release(service: Service, request: Request) -> Response:
    """Give leases back."""
    given = await request.json(Release)
    service.questions.end((request.caller.token, given.worker))
    held = dict.fromkeys(range(len(given.leases)), False)
    leases: dict[int, tuple[JobKey, int]] = {}
    for place, one in enumerate(given.leases):
        key = element_key("job", one.job)
        token = token_of(service, key, one.token)
        if token is not None:
            leases[place] = (key, token)
    if leases:
        answers = await service.client.jobs.give_back(list(leases.values()))
        held.update(zip(leases, answers, strict=True))
    results = [HeldLease(one.job, held[place]) for place, one in enumerate(given.leases)]
    return json_response(HeldLeases(results))


# --- leases


async def _leased(service: Service, request: Request, given: Activate) -> list[LeasedJob]:
    """Lease jobs for a caller; what it does not wait for goes back."""
    _check_types(request.caller, given)
    asker = (request.caller.token, given.worker)
    with service.questions.ask(asker) as ended:
        work = service.client.jobs.activate(
            Question(given.types, given.limit, given.lease, given.wait, given.gather),
            ended,
            service.holder(*asker) if given.worker else None,
        )
        jobs = await (request.while_here(work, service.stopping) if given.wait else work)
    return [leased_job(service, job) for job in jobs]


def _check_types(caller: Principal, given: Activate) -> None:
    refused = [kind for kind in given.types if not caller.may_work(kind)]
    if refused:
        raise Problem(
            "forbidden",
            f"expected job types among {', '.join(caller.job_types)}, to which the token is "
            f"limited, got {', '.join(refused)}",
        )


def leased_job(service: Service, job: Job) -> LeasedJob:
    """Return a job as its worker gets it."""
    key = f"{job.instance}-{job.element}"
    progress = progress_of(job)
    return LeasedJob(
        key,
        service.leases.close(key, job.token),
        job.type,
        job.process,
        job.element_id,
        str(job.instance),
        job.business_key,
        job.idempotency_key,
        dict(job.headers),
        job.attempt,
        job.retries,
        moment(job.deadline),
        variables_json(job.variables) if progress is None else {},
        None if job.details is None else encoded_json(job.details),
        UNSET if progress is None else progress,
    )


def token_of(service: Service, key: JobKey, text: str) -> int | None:
    """Return the fencing token that was sealed for a job, or nothing."""
    try:
        token: int = service.opened_lease(f"{key[0]}-{key[1]}", text)
    except ValueError:
        return None
    return token


def opened_token(service: Service, key: JobKey, text: str) -> int:
    """Return the fencing token that was sealed for a job. Raises `Problem` (stale-lease)."""
    token = token_of(service, key, text)
    if token is None:
        raise lost_lease(f"{key[0]}-{key[1]}")
    return token


def lost_lease(job: str) -> Problem:
    """Return the problem of whoever says something under a lease that is held no more."""
    return Problem(
        why.STALE_LEASE,
        f"expected the token of the lease that holds job {job}, got another: the lease has ended, "
        "or was never given; ask for jobs again",
    )


def _beat(key: JobKey, token: int, given: Extend) -> Beat:
    details = None
    if given.details is not None:
        value = values.from_python(given.details)
        values.check_value(value, where="details")
        details = values.encode(value)
    return Beat(*key, token, int(given.lease * 1000), details)


# --- results


async def _one(service: Service, request: Request, outcome: Outcome) -> Response:
    asked = _asked(service, request.caller, request.params["job"], outcome)
    await service.ask(once(asked, request, outcome), request.caller)
    return empty_response()


async def _taken(service: Service, caller: Principal, results: list[OneOutcome]) -> list[Taken]:
    """Return what became of each result; one that is refused stands in the way of no other."""
    refused: dict[int, Taken] = {}
    asked: list[runtime.Request] = []
    for place, one in enumerate(results):
        try:
            request = _asked(service, caller, one.job, one)
        except TenutoError as error:
            problem = problem_of(error)
            refused[place] = Taken(one.job, problem.code, problem.detail)
        else:
            asked.append(request._replace(actor=caller.name))
    answers = iter(await service.client.ask_all(asked))
    return [
        refused[place] if place in refused else _outcome(one.job, next(answers))
        for place, one in enumerate(results)
    ]


def _outcome(job: str, result: runtime.Result) -> Taken:
    if isinstance(result, Rejection):
        return Taken(job, result.code, result.message)
    return Taken(job, "accepted")


def _asked(service: Service, caller: Principal, job: str, outcome: Outcome) -> runtime.Request:
    """Return what a result asks of the corridor."""
    key = element_key("job", job)
    token: int | None = None
    if outcome.token is not None:
        token = opened_token(service, key, outcome.token)
    elif not caller.may(Permission.INSTANCES_CHANGE) or caller.job_types:
        raise Problem(
            "forbidden",
            "expected the token of the job's lease; a result without one asks for the permission "
            f"`{Permission.INSTANCES_CHANGE}`",
        )
    return runtime.Request(key[0], _command(key[1], token, outcome))


def _command(element: int, token: int | None, outcome: Outcome) -> c.InstanceCommand:
    if isinstance(outcome, Complete):
        return c.CompleteJob(element, encode_variables(outcome.variables), token)
    message = outcome.message[:MESSAGE_LENGTH_MAX]
    if isinstance(outcome, Throw):
        variables = encode_variables(outcome.variables)
        return c.ThrowJobError(element, outcome.code, message, variables, token)
    after = None if outcome.retry_after is None else int(outcome.retry_after * 1000)
    return c.FailJob(element, message, token, outcome.retry, after, draw_jitter())


RESULT_PROBLEMS: Final = (
    why.NOT_FOUND,
    why.NOT_ACTIVE,
    why.STALE_LEASE,
    why.INVALID_VALUE,
    why.KEY_REUSED,
    "too-busy",
)


def _of_one(verb: str, endpoint: Any, summary: str, body: Any) -> Route:
    return Route(
        method="POST",
        path=f"/api/v1/jobs/{{job}}/{verb}",
        endpoint=endpoint,
        name=f"{verb}Job",
        summary=summary,
        tag="jobs",
        permission=Permission.JOBS_WORK,
        body=body,
        status=204,
        headers=(IDEMPOTENCY_KEY,) if verb != "extend" else (),
        problems=RESULT_PROBLEMS,
    )


def _of_many(verb: str, endpoint: Any, summary: str, *kinds: Any) -> Route:
    body, answer = kinds
    return Route(
        method="POST",
        path=f"/api/v1/jobs/{verb}",
        endpoint=endpoint,
        name=f"{verb}Jobs",
        summary=summary,
        tag="jobs",
        permission=Permission.JOBS_WORK,
        body=body,
        answer=answer,
        body_limit=BODY_LIMIT,
        problems=("forbidden", "too-busy"),
    )


ROUTES = (
    _of_many("activate", activate, "Lease jobs, and wait for the first one", Activate, LeasedJobs),
    _of_many(
        "results", take_results, "Bring results of many jobs, and lease more", Results, ResultsTaken
    ),
    _of_many("extend", extend_many, "Give many leases more time", Beats, HeldLeases),
    _of_many("release", release, "Give leases back", Release, HeldLeases),
    _of_one("complete", complete, "Complete a job", Complete),
    _of_one("fail", fail, "Fail one attempt of a job", Fail),
    _of_one("throw", throw, "Throw a BPMN error from a job", Throw),
    _of_one("extend", extend, "Give a lease more time", Extend),
)
