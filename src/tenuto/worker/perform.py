"""Calling a handler, and what its result or its failure is to the engine.

Whatever a handler raises is a failure of its job, never of the worker: also what ends other
programs (`SystemExit`), and a cancelled task that it waited for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from tenuto.client.requests import encode_variables
from tenuto.engine.commands import Command, CompleteJob, FailJob, ThrowJobError
from tenuto.errors import InputError, ValueRefused
from tenuto.runtime.jitter import draw_jitter
from tenuto.worker.declared import fields_of
from tenuto.worker.handlers import BpmnError, Handler, NoRetry, RetryAfter

if TYPE_CHECKING:
    from tenuto.runtime.leases import Job
    from tenuto.worker.context import Extend

MESSAGE_LENGTH_MAX: Final = 1_000


async def perform(one: Handler, job: Job, extend: Extend) -> Command:
    """Call an async handler; return the command that reports how it went."""
    try:
        return completion(job, await one.function(**one.arguments(job, extend)))
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():  # the worker ends, not what was waited for
            raise
        return failure(job, error, draw_jitter())
    except (Exception, SystemExit) as error:  # noqa: BLE001  (the edge of user code: whatever it raises is its failure)
        return failure(job, error, draw_jitter())


def perform_here(one: Handler, job: Job, extend: Extend) -> Command:
    """Call a sync handler on this thread; return the command that reports how it went."""
    try:
        return completion(job, one.function(**one.arguments(job, extend)))
    except (Exception, SystemExit) as error:  # noqa: BLE001  (the edge of user code: whatever it raises is its failure)
        return failure(job, error, draw_jitter())


def completion(job: Job, result: Any) -> Command:
    """Return the command that reports a handler's result.

    Raises `InputError` for a result that is neither nothing, nor a mapping of values, nor a
    dataclass or `msgspec.Struct` with values as fields.
    """
    if result is None:
        return CompleteJob(job.element, {}, job.token)
    variables = result if isinstance(result, Mapping) else fields_of(result)
    if variables is None:
        raise InputError(
            f"expected handler `{job.type}` to return a dict of variables, a dataclass or None, "
            f"got {type(result).__name__}"
        )
    return CompleteJob(job.element, encode_variables(variables), job.token)


def failure(job: Job, error: BaseException, jitter: float) -> Command:
    """Return the command that reports what a handler raised; `jitter` is from 0 to 1."""
    text = _told(str(error) or type(error).__name__)
    if isinstance(error, BpmnError):
        try:
            variables = encode_variables(error.variables)
        except ValueRefused as refused:
            return FailJob(job.element, str(refused), job.token, retry=False)
        return ThrowJobError(job.element, error.code, _told(error.message), variables, job.token)
    if isinstance(error, NoRetry | InputError):
        return FailJob(job.element, text, job.token, retry=False)
    if isinstance(error, RetryAfter):
        after = max(0, int(error.seconds * 1000))
        return FailJob(job.element, text, job.token, retry_after_ms=after, jitter=jitter)
    return FailJob(job.element, f"{type(error).__name__}: {text}", job.token, jitter=jitter)


def error_of(command: Command) -> str | None:
    """Return what a command says of a failure, if it reports one."""
    if isinstance(command, FailJob | ThrowJobError):
        return command.message
    return None


def _told(text: str) -> str:
    """Return a text that every store can hold: names of files may carry lone surrogates."""
    return text[:MESSAGE_LENGTH_MAX].encode(errors="replace").decode()
