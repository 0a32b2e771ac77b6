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
from tenuto.worker.transactions import once
from tenuto.workflows import codec
from tenuto.workflows.context import StepContext, within
from tenuto.workflows.failures import StepTimeout, encode_error

if TYPE_CHECKING:
    from tenuto.workflows.routine import Begun

Report = a.StepEnded | a.StepFailed


class StepRunner:
    """Runs steps of workflows in this process."""

    def __init__(
        self,
        threads: Executor,
        now: Callable[[], int],
        on_step: Callable[[StepContext], None] | None = None,
    ) -> None:
        """Run plain functions on `threads`; `now` is the clock (Unix milliseconds), `on_step` is
        told of each attempt that begins.
        """
        self._threads = threads
        self._now = now
        self._on_step = on_step
        self._seats: dict[str, asyncio.Semaphore] = {}

    def run(
        self, begun: Begun, context: StepContext, report: Callable[[Report], None]
    ) -> asyncio.Future[Any]:
        """Begin an attempt; `report` is called when it has ended, unless it is canceled."""
        task = asyncio.get_running_loop().create_task(self._in_turn(begun, context))

        def ended(done: asyncio.Task[Report]) -> None:
            if not done.cancelled():
                report(done.result())

        task.add_done_callback(ended)
        return task

    async def _in_turn(self, begun: Begun, context: StepContext) -> Report:
        """Do an attempt beside as many others of its queue as this process may."""
        place = begun.step.options.place
        if place is None or place.queue.per_worker is None:
            return await self._perform(begun, context)
        seats = self._seats.get(place.queue.name)
        if seats is None:
            seats = asyncio.Semaphore(place.queue.per_worker)
            self._seats[place.queue.name] = seats
        async with seats:
            return await self._perform(begun, context)

    async def _perform(self, begun: Begun, context: StepContext) -> Report:
        step = begun.step
        args, kwargs = begun.arguments
        try:
            async with asyncio.timeout(self._seconds_left(begun)):
                with within(context):
                    if step.options.tx is not None:
                        value = await self._on_thread(lambda: _in_transaction(begun, context))
                    elif step.is_async:
                        value = _encoded(begun, await step.function(*args, **kwargs))
                    else:
                        result = await self._on_thread(lambda: step.function(*args, **kwargs))
                        value = _encoded(begun, result)
            return a.StepEnded(begun.key, self._now(), value)
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            return self._failed(begun, context, error)
        except TimeoutError as error:
            return self._failed(begun, context, self._late(begun, error))
        except (Exception, SystemExit) as error:  # noqa: BLE001  (the edge of user code: whatever it raises is its failure)
            return self._failed(begun, context, error)

    def _seconds_left(self, begun: Begun) -> float | None:
        """Return how long an attempt may take: its own limit, or what is left of all of them."""
        options = begun.step.options
        if options.total is None:
            limit: float | None = options.timeout
            return limit
        left: float = max(0.0, options.total - (self._now() - begun.asked_at) / 1000)
        return left if options.timeout is None else min(left, options.timeout)

    def _late(self, begun: Begun, error: TimeoutError) -> BaseException:
        """Return which limit an attempt met; an error of its own stays what it is."""
        options = begun.step.options
        name = begun.step.name
        if self._is_spent(begun, 0):
            message = f"expected step `{name}` to end within {options.total} s with all attempts"
            late = StepTimeout(message, "schedule_to_close")
        elif options.timeout is not None:
            late = StepTimeout(f"expected step `{name}` to end within {options.timeout} s")
        else:
            return error
        late.__cause__ = error
        return late

    def _is_spent(self, begun: Begun, delay_seconds: float) -> bool:
        """Tell whether a delay would end after the time that all attempts have."""
        total = begun.step.options.total
        ends = self._now() + delay_seconds * 1000
        return total is not None and bool(ends >= begun.asked_at + total * 1000)

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
        delay = policy.delay_seconds(attempt, draw_jitter())
        if isinstance(error, RetryAfter):
            delay = error.seconds
        if is_final or self._is_spent(begun, delay):
            return a.StepEnded(begun.key, self._now(), None, encode_error(error))
        message = f"{type(error).__name__}: {error}"[:2_000].encode(errors="replace").decode()
        return a.StepFailed(begun.key, attempt, message, max(0, int(delay * 1000)))


def _encoded(begun: Begun, result: Any) -> bytes:
    return codec.encode(result, where=f"the result of step `{begun.step.name}`")


def _in_transaction(begun: Begun, context: StepContext) -> bytes:
    """Do a step with a connection of its database, exactly once."""
    args, kwargs = begun.arguments

    def work(connection: Any) -> bytes:
        return _encoded(begun, begun.step.function(connection, *args, **kwargs))

    return once(begun.step.options.tx, context.idempotency_key, work)
