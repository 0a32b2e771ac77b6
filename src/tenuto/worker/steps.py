"""Running one attempt of a step: on the loop or a thread, its timeout, what its failure is."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any

from tenuto.engine import routine_commands as a
from tenuto.errors import InputError
from tenuto.runtime.jitter import draw_jitter
from tenuto.worker.handlers import BpmnError, NoRetry, RetryAfter
from tenuto.workflows import codec
from tenuto.workflows.context import StepContext, within
from tenuto.workflows.failures import StepTimeout, encode_error

if TYPE_CHECKING:
    from tenuto.workflows.routine import Begun

Report = a.StepEnded | a.StepFailed


class StepRunner:
    """Runs steps of workflows in this process."""

    def __init__(self, threads: Executor, now: Callable[[], int]) -> None:
        """Run plain functions on `threads`; `now` is the clock (Unix milliseconds)."""
        self._threads = threads
        self._now = now

    def run(
        self, begun: Begun, context: StepContext, report: Callable[[Report], None]
    ) -> asyncio.Future[Any]:
        """Begin an attempt; `report` is called when it has ended, unless it is canceled."""
        task = asyncio.get_running_loop().create_task(self._perform(begun, context))

        def ended(done: asyncio.Task[Report]) -> None:
            if not done.cancelled():
                report(done.result())

        task.add_done_callback(ended)
        return task

    async def _perform(self, begun: Begun, context: StepContext) -> Report:
        step = begun.step
        args, kwargs = begun.arguments
        try:
            async with asyncio.timeout(step.options.timeout):
                with within(context):
                    if step.is_async:
                        result = await step.function(*args, **kwargs)
                    else:
                        result = await self._on_thread(lambda: step.function(*args, **kwargs))
            value = codec.encode(result, where=f"the result of step `{step.name}`")
            return a.StepEnded(begun.key, self._now(), value)
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            return self._failed(begun, context, error)
        except TimeoutError as error:
            if step.options.timeout is None:
                return self._failed(begun, context, error)
            late = StepTimeout(
                f"expected step `{step.name}` to end within {step.options.timeout} s"
            )
            late.__cause__ = error
            return self._failed(begun, context, late)
        except (Exception, SystemExit) as error:  # noqa: BLE001  (the edge of user code: whatever it raises is its failure)
            return self._failed(begun, context, error)

    async def _on_thread(self, call: Callable[[], Any]) -> Any:
        inherited = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, inherited.run, call)

    def _failed(self, begun: Begun, context: StepContext, error: BaseException) -> Report:
        """Return a failed attempt: another may follow, or the error is the outcome."""
        policy = begun.step.options.retries
        attempt = context.attempt
        is_final = (
            attempt >= policy.attempts
            or isinstance(error, (NoRetry, BpmnError, InputError, *policy.never))
            or not isinstance(error, (*policy.only, RetryAfter))
        )
        if is_final:
            return a.StepEnded(begun.key, self._now(), None, encode_error(error))
        delay = policy.delay_seconds(attempt, draw_jitter())
        if isinstance(error, RetryAfter):
            delay = error.seconds
        message = f"{type(error).__name__}: {error}"[:2_000].encode(errors="replace").decode()
        return a.StepFailed(begun.key, attempt, message, max(0, int(delay * 1000)))
