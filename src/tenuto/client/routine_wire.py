"""Routines as they travel between a server and a worker in another process.

The protocol is `docs/reference/worker-protocol`. Values travel as the bytes that the journal has
(base64 in JSON), so that they are encoded once. Times are Unix milliseconds.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Annotated, Any, Final

from msgspec import Meta, Struct, structs

from tenuto import values
from tenuto.engine import commands as c
from tenuto.engine import routine_commands as a
from tenuto.engine.command import Command
from tenuto.engine.routines import KEYED
from tenuto.engine.stored import Encoded
from tenuto.errors import InputError, ValueRefused
from tenuto.runtime.leases import Job, JobKey
from tenuto.runtime.routines import Asked, Outcome, Progress, Wake

JobText = Annotated[str, Meta(max_length=64)]
Token = Annotated[str, Meta(max_length=128)]
WorkerName = Annotated[str, Meta(min_length=1, max_length=255)]
Count = Annotated[int, Meta(ge=0, le=2**53)]
ITEMS_MAX: Final = 1_000
# The last millisecond of the year 9999, and the smallest number that a worker has to say.
_INT_MAX: Final = 253_402_300_799_999
_INT_MIN: Final = -(2**31)


class RoutineProgress(Struct):
    """Where a routine stands when it is leased; `lease` names its lease in what is told of it.

    Of `ordered` outcomes its coroutine has consumed `seen`; `outcomes` are the last of them, as far
    as they were at hand. `steps` are open, with their attempts. It began at `began_at`, in the turn
    `since` of its instance, and was advanced `advances` times. `arguments` are what a new one
    begins with, `updates` what it has not looked at, of `asked` in this run.
    """

    lease: int
    seen: int
    ordered: int
    advances: int
    began_at: int
    since: int
    steps: tuple[tuple[str, int], ...]
    outcomes: tuple[Outcome, ...]
    updates: tuple[Asked, ...]
    asked: int
    arguments: Encoded


class RoutineWake(Struct, omit_defaults=True):
    """What happened for a routine that is held under `lease`: see `runtime.routines.Wake`.

    They are numbered for each worker, from 1.
    """

    number: int
    job: str
    lease: int
    outcomes: tuple[Outcome, ...] = ()
    resumed: tuple[tuple[str, int], ...] = ()
    updates: tuple[Asked, ...] = ()
    is_gone: bool = False
    is_resumed: bool = False


class AdvanceOne(Struct, forbid_unknown_fields=True, tag_field="say", tag="advance", kw_only=True):
    """A coroutine goes on: `seen` outcomes were consumed before `reports`, and after them it asks
    for `asks`; `after` counts the advances before this one. `order` names all that it asked for,
    where some of it had its outcome already. `looked` counts the updates that came to it: `asked`
    of its progress and those of later wakes.
    """

    job: JobText
    token: Token
    seen: Count
    after: Count
    reports: tuple[a.StepReport, ...] = ()
    asks: tuple[a.Ask, ...] = ()
    order: tuple[str, ...] = ()
    looked: Count = 0


class ReportOne(Struct, forbid_unknown_fields=True, tag_field="say", tag="report", kw_only=True):
    """Outcomes of steps of a paused routine; with `is_last` it is given back."""

    job: JobText
    token: Token
    reports: tuple[a.StepReport, ...] = ()
    is_last: bool = False


class StuckOne(Struct, forbid_unknown_fields=True, tag_field="say", tag="stuck", kw_only=True):
    """The code does not fit the record of the routine: a person decides."""

    job: JobText
    token: Token
    code: Annotated[str, Meta(min_length=1, max_length=255)]
    message: Annotated[str, Meta(max_length=10_000)] = ""


Item = AdvanceOne | ReportOne | StuckOne


class Advances(Struct, forbid_unknown_fields=True):
    """What routines of a worker say, in order. `heard` is the number of the last wake that came
    to it.
    """

    items: Annotated[list[Item], Meta(max_length=ITEMS_MAX)]
    worker: Annotated[str, Meta(max_length=255)] = ""
    heard: Count = 0


class Advanced(Struct, omit_defaults=True):
    """What became of one item: `accepted`, or the code of the problem with its detail."""

    job: str
    status: str = "accepted"
    detail: str = ""


class AllAdvanced(Struct):
    """What became of each item, in order, and the wakes that have not been heard of."""

    results: list[Advanced]
    session: str = ""
    wakes: list[RoutineWake] = []


class HeldRoutine(Struct, forbid_unknown_fields=True):
    """A routine and the token that holds it."""

    job: JobText
    token: Token


class AskWakes(Struct, forbid_unknown_fields=True):
    """Wait at most `wait` seconds for wakes after the one with the number `heard`.

    A server that began anew has another `session`; the worker names its `leases` then, once, and
    hears of them from there on.
    """

    worker: WorkerName
    session: Annotated[str, Meta(max_length=64)] = ""
    heard: Count = 0
    wait: Annotated[float, Meta(ge=0, le=60)] = 0.0
    leases: Annotated[list[HeldRoutine], Meta(max_length=10_000)] = []


class Wakes(Struct):
    """Wakes in order; `lost` are those of the named leases that are held no more, `now` the clock
    of the server.
    """

    session: str
    now: int
    wakes: list[RoutineWake] = []
    lost: list[str] = []


class RoutineHistory(Struct):
    """What a coroutine asked for and the outcomes that it got.

    `outcomes` are a page; the next one begins after `next` of them. `asked_at` says when steps were
    asked for, `details` what their last attempts said of their progress.
    """

    began_at: int
    seen: int
    advances: int
    variables: Encoded
    asked: list[str]
    marks: list[str]
    steps: dict[str, int]
    outcomes: list[Outcome]
    next: int | None = None
    asked_at: dict[str, int] = {}
    details: dict[str, bytes] = {}


def job_text(key: JobKey) -> str:
    """Return the key of a job as callers write it."""
    return f"{key[0]}-{key[1]}"


def progress_of(job: Job) -> RoutineProgress | None:
    """Return the progress of a routine that is leased, for its worker."""
    found = job.progress
    if found is None:
        return None
    return RoutineProgress(
        job.token,
        found.seen,
        found.ordered,
        found.advances,
        found.began_at,
        found.since,
        found.steps,
        found.outcomes,
        found.updates,
        found.asked,
        {} if found.advances else job.variables,
    )


def read_progress(told: RoutineProgress) -> Progress:
    """Return progress as a host knows it."""
    return Progress(
        told.seen,
        told.ordered,
        told.steps,
        told.outcomes,
        told.began_at,
        told.since,
        told.advances,
        told.updates,
        told.asked,
    )


def wake_of(number: int, wake: Wake) -> RoutineWake:
    """Return a wake as it travels."""
    return RoutineWake(
        number,
        job_text((wake.instance, wake.element)),
        wake.lease,
        wake.outcomes,
        wake.resumed,
        wake.updates,
        wake.is_gone,
        wake.is_resumed,
    )


def read_wake(told: RoutineWake) -> Wake:
    """Return a wake as a host knows it."""
    instance, _, element = told.job.partition("-")
    return Wake(
        int(instance),
        int(element),
        told.outcomes,
        told.resumed,
        told.is_gone,
        told.is_resumed,
        told.updates,
        told.lease,
    )


def item_of(command: Command, job: str, token: str) -> Item:
    """Return what a host says as it travels."""
    if isinstance(command, c.AdvanceRoutine):
        return AdvanceOne(
            job=job,
            token=token,
            seen=command.seen,
            after=command.after,
            reports=command.reports,
            asks=command.asks,
            order=command.order,
            looked=command.looked,
        )
    if isinstance(command, c.ReportSteps):
        return ReportOne(job=job, token=token, reports=command.reports, is_last=command.is_last)
    assert isinstance(command, c.StuckRoutine), "a host advances, reports or is stuck"
    return StuckOne(job=job, token=token, code=command.code, message=command.message[:2_000])


def command_of(item: Item, element: int, token: int) -> c.InstanceCommand:
    """Return what an item asks of its instance. Raises `InputError` for what no worker says."""
    if isinstance(item, StuckOne):
        return c.StuckRoutine(element, token, item.code, item.message)
    for report in item.reports:
        _check(report)
    _check_once(report.key for report in item.reports)
    if isinstance(item, ReportOne):
        return c.ReportSteps(element, token, item.reports, item.is_last)
    for place, ask in enumerate(item.asks, 1):
        _check(ask)
        if isinstance(ask, a.ENDS) and place < len(item.asks):
            raise InputError(
                f"expected {type(ask).__name__} to be the last ask, got {len(item.asks) - place} "
                "after it"
            )
    _check_once(ask.key for ask in item.asks if isinstance(ask, KEYED))
    return c.AdvanceRoutine(
        element,
        token,
        item.seen,
        item.reports,
        item.asks,
        item.order,
        item.after,
        item.looked,
    )


def _check_once(keys: Iterable[str]) -> None:
    seen: set[str] = set()
    for key in keys:
        if not key or key in seen:
            raise InputError(f"expected each key once, and none that is empty, got `{key}`")
        seen.add(key)


def _check(said: Struct) -> None:
    """Refuse what the journal could not keep. Raises `InputError`."""
    for name in _looked_at(type(said)):
        part = getattr(said, name)
        if type(part) is bytes:
            _check_value(part)
        elif type(part) is dict:
            for data in part.values():
                _check_value(data)
        elif type(part) is int and not _INT_MIN <= part <= _INT_MAX:
            raise InputError(
                f"expected a number from {_INT_MIN} to {_INT_MAX} in {type(said).__name__}, "
                f"got {part}"
            )


@functools.cache
def _looked_at(kind: type[Struct]) -> tuple[str, ...]:
    """Return the members of a kind that hold more than text."""
    return tuple(field.name for field in structs.fields(kind) if field.type not in {str, bool})


def _check_value(data: Any) -> None:
    if len(data) > values.ENCODED_BYTES_MAX:
        raise ValueRefused(
            f"expected a value of at most {values.ENCODED_BYTES_MAX} bytes, got {len(data)}; "
            "keep the content elsewhere and its reference here"
        )
    # Bytes are text here, a third longer than they are in the journal.
    values.check_form(values.decode(data), where="value")
