"""Running one attempt of a step: where its option says, and what its failure is."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any, NamedTuple

from tenuto.engine import routine_commands as a
from tenuto.errors import InputError
from tenuto.runtime.jitter import draw_jitter
from tenuto.worker.batching import Batches
from tenuto.worker.handlers import BpmnError, NoRetry, RetryAfter
from tenuto.worker.limits import TO_START, Alarms, Limits, has_limits
from tenuto.worker.orders import Call
from tenuto.worker.rays import name_of
from tenuto.worker.transactions import once
from tenuto.workflows import codec
from tenuto.workflows.batches import BatchStep
from tenuto.workflows.context import StepContext, enter_step
from tenuto.workflows.failures import StepTimeout, encode_error
from tenuto.workflows.rooms import PROCESS, THREAD

if TYPE_CHECKING:
    from tenuto.worker.pools import ProcessPool
    from tenuto.worker.rays import RayRoom
    from tenuto.workflows.routine import Begun

Report = a.StepEnded | a.StepFailed


class Watch(NamedTuple):
    """What a runner of steps reads the time by: `now` (Unix milliseconds) and `alarms`. `on_step`
    is told of each attempt that begins.
    """

    now: Callable[[], int]
    alarms: Alarms
    on_step: Callable[[StepContext], None] | None = None


class Attempt:
    """One attempt of a step, under way."""

    __slots__ = ("_is_over", "_report", "begun", "context", "limits", "task")

    def __init__(
        self, begun: Begun, context: StepContext, report: Callable[[Report], None]
    ) -> None:
        """Prepare; `report` is told once how it ended, unless it is canceled."""
        self.begun = begun
        self.context = context
        self.limits: Limits | None = None
        self.task: asyncio.Task[Report] | None = None
        self._report = report
        self._is_over = False

    def cancel(self) -> None:
        """Interrupt it; nobody is told how it ends."""
        self._is_over = True
        self._let_go()
        if self.task is not None:
            self.task.cancel()

    def end(self, report: Report) -> None:
        """Tell how it ended, if that is not known yet."""
        self._let_go()
        if not self._is_over:
            self._is_over = True
            self._report(report)

    def settle(self, task: asyncio.Task[Report]) -> None:
        """Its task is done."""
        if not task.cancelled():
            self.end(task.result())

    def _let_go(self) -> None:
        if self.limits is not None:
            self.limits.stop()


class StepRunner:
    """Runs steps of workflows in this process."""

    def __init__(
        self, threads: Executor, elsewhere: tuple[ProcessPool, RayRoom], watch: Watch
    ) -> None:
        """Run plain functions on `threads`, heavy ones `elsewhere`."""
        self._threads = threads
        self._processes, self._rays = elsewhere
        self._unrecorded: dict[tuple[str, str], str] = {}
        self._watch = watch
        self._seats: dict[str, asyncio.Semaphore] = {}
        self._batches = Batches(self._on_thread)

    def run(self, begun: Begun, context: StepContext, report: Callable[[Report], None]) -> Attempt:
        """Begin an attempt; `report` is called when it has ended, unless it is canceled.

        An attempt that meets a time limit has failed at once: what it still does or gives is not
        looked at.
        """
        attempt = Attempt(begun, context, report)
        if has_limits(begun.step.settings):
            watch = self._watch
            attempt.limits = Limits(
                begun,
                context,
                watch.alarms,
                watch.now,
                lambda late: self._interrupt(attempt, late),
            )
            passed = attempt.limits.passed()
            if passed is not None:
                asyncio.get_running_loop().call_soon(self._interrupt, attempt, passed)
                return attempt
            attempt.limits.watch()
        place = begun.step.settings.place
        if place is None or place.queue.per_worker is None:
            work = self._perform(attempt)
        else:
            work = self._in_turn(attempt, place.queue.name, place.queue.per_worker)
        attempt.task = asyncio.get_running_loop().create_task(work)
        attempt.task.add_done_callback(attempt.settle)
        return attempt

    def _interrupt(self, attempt: Attempt, late: StepTimeout) -> None:
        attempt.end(self._failed(attempt, late))
        attempt.cancel()

    async def _in_turn(self, attempt: Attempt, queue: str, per_worker: int) -> Report:
        """Do an attempt beside as many others of its queue as this process may."""
        seats = self._seats.get(queue)
        if seats is None:
            seats = self._seats[queue] = asyncio.Semaphore(per_worker)
        async with seats:
            return await self._perform(attempt)

    async def _perform(self, attempt: Attempt) -> Report:
        try:
            step = attempt.begun.step
            if isinstance(step, BatchStep):
                value = await self._together(attempt, step)
            elif step.settings.on == THREAD:
                value = await self._here(attempt)
            else:
                value = await self._elsewhere(attempt)
            return a.StepEnded(attempt.begun.key, self._watch.now(), value)
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            return self._failed(attempt, error)
        except (Exception, SystemExit) as error:  # noqa: BLE001  (the edge of user code: whatever it raises is its failure)
            return self._failed(attempt, error)

    async def _together(self, attempt: Attempt, step: BatchStep[Any, Any]) -> bytes:
        """Perform a step with others of its kind; the time of an attempt is that of all of them."""
        begun = attempt.begun
        if self._watch.on_step is not None:
            self._watch.on_step(attempt.context)
        return _encoded(begun, await self._batches.perform(step, begun.arguments[0][0]))

    async def _here(self, attempt: Attempt) -> bytes:
        """Perform a step in this process."""
        begun, context = attempt.begun, attempt.context
        step = begun.step
        args, kwargs = begun.arguments
        enter_step(context)
        if step.settings.tx is not None:
            done: bytes = await self._begin_on_thread(
                attempt, lambda: _in_transaction(begun, context)
            )
            return done
        if step.is_async:
            self._note_begin(attempt)
            return _encoded(begun, await step.function(*args, **kwargs))
        result = await self._begin_on_thread(attempt, lambda: step.function(*args, **kwargs))
        return _encoded(begun, result)

    async def _elsewhere(self, attempt: Attempt) -> bytes:
        """Perform a step in another process. The time of an attempt begins when one is free."""

        def begin() -> StepContext:
            self._note_begin(attempt)
            return attempt.context

        begun, context = attempt.begun, attempt.context
        call = Call(begun.step, begun.arguments, begin)
        if begun.step.settings.on == PROCESS:
            return await self._processes.run(call)
        self._unrecorded[context.instance, begun.key] = name_of(context)
        return await self._rays.run(call, context)

    def recorded(self, instance: str, keys: Iterable[str]) -> None:
        """Take note that the outcomes of these attempts are durable."""
        for key in keys if self._unrecorded else ():
            name = self._unrecorded.pop((instance, key), None)
            if name is not None:
                self._rays.end(name)

    def _note_begin(self, attempt: Attempt) -> None:
        """The function is called now."""
        context, limits = attempt.context, attempt.limits
        context.began_at = self._watch.now()
        if self._watch.on_step is not None:
            self._watch.on_step(context)
        if limits is not None:
            context.deadline = limits.deadline()
            limits.watch()

    def _is_spent(self, begun: Begun, delay_seconds: float) -> bool:
        """Tell whether a delay would end after the time that all attempts have."""
        total = begun.step.settings.total
        ends = self._watch.now() + delay_seconds * 1000
        return total is not None and bool(ends >= begun.asked_at + total * 1000)

    async def _begin_on_thread(self, attempt: Attempt, call: Callable[[], Any]) -> Any:
        loop = asyncio.get_running_loop()

        def work() -> Any:
            if attempt.limits is not None or self._watch.on_step is not None:
                loop.call_soon_threadsafe(self._note_begin, attempt)
            return call()

        return await self._on_thread(work)

    async def _on_thread(self, call: Callable[[], Any]) -> Any:
        inherited = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, inherited.run, call)

    def _failed(self, attempt: Attempt, error: BaseException) -> Report:
        """Return a failed attempt: another may follow, or the error is the outcome."""
        begun, number = attempt.begun, attempt.context.attempt
        policy = begun.step.settings.retries
        is_final = (
            number >= policy.attempts
            or isinstance(error, (NoRetry, BpmnError, InputError, *policy.never))
            or not isinstance(error, (*policy.only, RetryAfter))
            or (isinstance(error, StepTimeout) and error.kind == TO_START)
        )
        delay = policy.delay_seconds(number, draw_jitter())
        if isinstance(error, RetryAfter):
            delay = error.seconds
        if is_final or self._is_spent(begun, delay):
            return a.StepEnded(begun.key, self._watch.now(), None, encode_error(error))
        message = f"{type(error).__name__}: {error}"[:2_000].encode(errors="replace").decode()
        delay_ms = max(0, int(delay * 1000))
        return a.StepFailed(begun.key, number, message, delay_ms, attempt.context.said)


def _encoded(begun: Begun, result: Any) -> bytes:
    return codec.encode(result, where=f"the result of step `{begun.step.name}`")


def _in_transaction(begun: Begun, context: StepContext) -> bytes:
    """Do a step with a connection of its database, exactly once."""
    args, kwargs = begun.arguments

    def work(connection: Any) -> bytes:
        return _encoded(begun, begun.step.function(connection, *args, **kwargs))

    return once(begun.step.settings.tx, context.idempotency_key, work)
