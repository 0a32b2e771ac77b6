"""Running one attempt of a step: where its option says, its timeout, what its failure is."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any

from tenuto.engine import routine_commands as a
from tenuto.errors import InputError
from tenuto.runtime.jitter import draw_jitter
from tenuto.worker.batching import Batches
from tenuto.worker.handlers import BpmnError, NoRetry, RetryAfter
from tenuto.worker.orders import Call
from tenuto.worker.rays import name_of
from tenuto.worker.transactions import once
from tenuto.workflows import codec
from tenuto.workflows.batches import BatchStep
from tenuto.workflows.context import StepContext, within
from tenuto.workflows.failures import StepTimeout, encode_error
from tenuto.workflows.rooms import PROCESS, THREAD

if TYPE_CHECKING:
    from tenuto.worker.pools import ProcessPool
    from tenuto.worker.rays import RayRoom
    from tenuto.workflows.routine import Begun

Report = a.StepEnded | a.StepFailed


class StepRunner:
    """Runs steps of workflows in this process."""

    def __init__(
        self,
        threads: Executor,
        elsewhere: tuple[ProcessPool, RayRoom],
        now: Callable[[], int],
        on_step: Callable[[StepContext], None] | None = None,
    ) -> None:
        """Run plain functions on `threads`, heavy ones `elsewhere`; `now` is the clock (Unix
        milliseconds), `on_step` is told of each attempt that begins.
        """
        self._threads = threads
        self._processes, self._rays = elsewhere
        self._unrecorded: dict[tuple[str, str], str] = {}
        self._now = now
        self._on_step = on_step
        self._seats: dict[str, asyncio.Semaphore] = {}
        self._batches = Batches(self._on_thread)

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
        if self._on_step is not None:
            self._on_step(context)
        try:
            if isinstance(begun.step, BatchStep):
                value = await self._together(begun, begun.step)
            elif begun.step.options.on == THREAD:
                value = await self._here(begun, context)
            else:
                value = await self._elsewhere(begun, context)
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

    async def _together(self, begun: Begun, step: BatchStep[Any, Any]) -> bytes:
        """Perform a step with others of its kind."""
        async with asyncio.timeout(self._total_left(begun)):
            return _encoded(begun, await self._batches.perform(step, begun.arguments[0][0]))

    async def _here(self, begun: Begun, context: StepContext) -> bytes:
        """Perform a step in this process."""
        step = begun.step
        args, kwargs = begun.arguments
        seconds = self._seconds_left(begun)
        async with asyncio.timeout(seconds):
            with within(self._dated(context, seconds)):
                if step.options.tx is not None:
                    done: bytes = await self._on_thread(lambda: _in_transaction(begun, context))
                    return done
                if step.is_async:
                    return _encoded(begun, await step.function(*args, **kwargs))
                result = await self._on_thread(lambda: step.function(*args, **kwargs))
                return _encoded(begun, result)

    async def _elsewhere(self, begun: Begun, context: StepContext) -> bytes:
        """Perform a step in another process. The time of an attempt begins when one is free."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self._total_left(begun)) as limit:

            def begin() -> StepContext:
                seconds = self._seconds_left(begun)
                limit.reschedule(None if seconds is None else loop.time() + seconds)
                return self._dated(context, seconds)

            call = Call(begun.step, begun.arguments, begin)
            if begun.step.options.on == PROCESS:
                return await self._processes.run(call)
            self._unrecorded[context.instance, begun.key] = name_of(context)
            return await self._rays.run(call, context)

    def recorded(self, instance: str, keys: Iterable[str]) -> None:
        """Take note that the outcomes of these attempts are durable."""
        for key in keys:
            name = self._unrecorded.pop((instance, key), None)
            if name is not None:
                self._rays.end(name)

    def _dated(self, context: StepContext, seconds: float | None) -> StepContext:
        """Return a context with its deadline."""
        if seconds is None:
            return context
        return context._replace(deadline=self._now() + int(seconds * 1000))

    def _seconds_left(self, begun: Begun) -> float | None:
        """Return how long an attempt may take: its own limit, or what is left of all of them."""
        options = begun.step.options
        left = self._total_left(begun)
        if left is None:
            limit: float | None = options.timeout
            return limit
        return left if options.timeout is None else min(left, options.timeout)

    def _total_left(self, begun: Begun) -> float | None:
        """Return what is left of the time of all attempts, if that has a limit."""
        total = begun.step.options.total
        if total is None:
            return None
        return max(0.0, float(total) - (self._now() - begun.asked_at) / 1000)

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
