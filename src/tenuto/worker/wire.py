"""Jobs and results as they travel between a server and a worker in another process.

The protocol is `docs/reference/worker-protocol`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from tenuto import values
from tenuto.client.routine_wire import RoutineProgress, RoutineWake, read_progress
from tenuto.engine import rejections as why
from tenuto.engine.commands import Command, CompleteJob, FailJob, ThrowJobError
from tenuto.runtime.leases import Job

ACCEPTED: Final = "accepted"
# Another attempt has the job, or its instance is no more: nobody waits for the result.
GONE: Final = frozenset({why.STALE_LEASE, why.NOT_FOUND, why.NOT_ACTIVE})
# The same result is taken when it comes again.
LATER: Final = frozenset(
    {"too-busy", "store-failed", why.MAILBOX_FULL, why.STOPPING, why.STORE_BUSY, why.STORE_FULL}
)
RETRY_SECONDS_MAX: Final = 31_536_000.0
LEASE_SECONDS_MIN: Final = 1.0
LEASE_SECONDS_MAX: Final = 86_400.0
_NULL: Final = msgspec.Raw(b"null")


class WireJob(Struct):
    """A job as the server sends it; variables are JSON texts."""

    job: str
    token: str
    type: str
    process: str
    element: str
    instance: str
    business_key: str | None
    idempotency_key: str
    headers: dict[str, str]
    attempt: int
    retries: int
    deadline: str | None
    variables: dict[str, msgspec.Raw]
    details: msgspec.Raw = _NULL
    routine: RoutineProgress | None = None


class Jobs(Struct):
    """The answer to a question for jobs."""

    jobs: list[WireJob] = []


class Said(Struct):
    """What the server says of one result or heartbeat."""

    job: str
    status: str = ACCEPTED
    detail: str = ""
    held: bool = True


class AllSaid(Struct):
    """What the server says of many, in order, and what happened for routines."""

    results: list[Said]
    session: str = ""
    wakes: list[RoutineWake] = []


encode: Final = msgspec.json.Encoder(decimal_format="number").encode
read_jobs: Final = msgspec.json.Decoder(Jobs).decode
read_said: Final = msgspec.json.Decoder(AllSaid).decode


def job_of(wire: WireJob) -> Job:
    """Return a job as handlers know it."""
    instance, _, element = wire.job.partition("-")
    variables = {name: values.encode(values.loads(raw)) for name, raw in wire.variables.items()}
    return Job(
        int(instance),
        int(element),
        wire.type,
        wire.process,
        wire.element,
        wire.business_key,
        wire.idempotency_key,
        tuple(wire.headers.items()),
        wire.attempt,
        wire.retries,
        0,
        _milliseconds(wire.deadline),
        variables,
        _details(wire),
    )


def routine_of(wire: WireJob) -> Job:
    """Return a routine as a host knows it; its token is the name of its lease."""
    told = wire.routine
    assert told is not None, f"job {wire.job} is a routine"
    instance, _, element = wire.job.partition("-")
    return Job(
        int(instance),
        int(element),
        wire.type,
        wire.process,
        wire.element,
        wire.business_key,
        wire.idempotency_key,
        (),
        wire.attempt,
        wire.retries,
        told.lease,
        0,
        told.arguments,
        _details(wire),
        read_progress(told),
    )


def _details(wire: WireJob) -> bytes | None:
    value = values.loads(wire.details)
    return None if value is None else values.encode(value)


def result_of(wire: WireJob, command: Command) -> dict[str, Any]:
    """Return the result that a command is, as the server takes it."""
    result: dict[str, Any] = {"job": wire.job, "token": wire.token}
    if isinstance(command, CompleteJob):
        return {**result, "outcome": "complete", "variables": _json(command.variables)}
    if isinstance(command, ThrowJobError):
        return {
            **result,
            "outcome": "throw",
            "code": command.code,
            "message": command.message,
            "variables": _json(command.variables),
        }
    assert isinstance(command, FailJob), "a handler completes, throws or fails"
    result |= {"outcome": "fail", "message": command.message, "retry": command.retry}
    if command.retry_after_ms is not None:
        result["retry_after"] = min(command.retry_after_ms / 1000, RETRY_SECONDS_MAX)
    return result


def refused_result(wire: WireJob, reason: str) -> dict[str, Any]:
    """Return the failure that stands for a result that the server cannot use."""
    message = f"the server cannot use the handler's result: {reason}"[:1_000]
    return {
        "job": wire.job,
        "token": wire.token,
        "outcome": "fail",
        "message": message.encode(errors="replace").decode(),
        "retry": False,
    }


def _milliseconds(text: str | None) -> int:
    return 0 if text is None else int(datetime.fromisoformat(text).timestamp() * 1000)


def _json(variables: Mapping[str, Any]) -> dict[str, msgspec.Raw]:
    return {
        name: msgspec.Raw(values.dumps(values.decode(data)).encode())
        for name, data in variables.items()
    }
