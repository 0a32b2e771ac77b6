"""The event loop on which a workflow's coroutine runs: ordinary asyncio, in an order that only the
recorded outcomes decide.

It has no clock, no thread and no socket. Its time is the time of the last outcome; a timer of it is
a durable timer; it runs until nothing is ready and then waits for the next outcome.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio import events, tasks
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import Context
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

import structlog

from tenuto.errors import InputError, TenutoError

if TYPE_CHECKING:
    from tenuto.workflows.kinds import Timekeeper

T = TypeVar("T")

log = structlog.get_logger("tenuto.workflow")

# Handles between two outcomes: a body that never waits is stopped instead of hanging its worker.
HANDLES_MAX: Final = 1_000_000

# A coroutine that is unwound may wait once more in each block that it leaves.
UNWINDS_MAX: Final = 100


class NotInAStep(TenutoError):
    """A workflow did something that only a step may do: reach the world outside."""


class EndlessBody(TenutoError):
    """A workflow's body goes on and on without waiting for anything."""


class Scope:
    """A task of the coroutine: its place, and how many things it has asked for."""

    __slots__ = ("count", "path")

    def __init__(self, path: str = "") -> None:
        """Begin at a place."""
        self.path = path
        self.count = 0

    def next_key(self, name: str) -> str:
        """Return the key of the next await."""
        self.count += 1
        return f"{name}#{self.path}{self.count}"

    def child(self) -> Scope:
        """Return the scope of a task that begins now."""
        self.count += 1
        return Scope(f"{self.path}{self.count}.")


class KeyedTimer(asyncio.TimerHandle):
    """A timer that knows under which key it is durable."""

    __slots__ = ("key",)
    key: str


class ScopedTask(asyncio.Task[T]):
    """A task that knows its place.

    Its hash is the same in every replay, so that sets of tasks, as `asyncio.wait` returns them, are
    in the same order.
    """

    def __init__(
        self,
        coro: Coroutine[Any, Any, T],
        *,
        loop: RoutineLoop,
        name: str | None,
        context: Context | None,
        scope: Scope,
        number: int,
    ) -> None:
        """Begin at a place."""
        self.scope = scope
        self._number = number
        super().__init__(coro, loop=loop, name=name, context=context)

    def __hash__(self) -> int:
        """Return a number of the workflow's own."""
        return self._number


class NumberedFuture(asyncio.Future[Any]):
    """A future whose hash is the same in every replay."""

    def __init__(self, *, loop: RoutineLoop, number: int) -> None:
        """Take a number."""
        self._number = number
        super().__init__(loop=loop)

    def __hash__(self) -> int:
        """Return a number of the workflow's own."""
        return self._number


class KeyedFuture(NumberedFuture):
    """The future of an outcome: when it is canceled, nobody waits for that any longer."""

    def __init__(self, *, loop: RoutineLoop, number: int, key: str) -> None:
        """Wait for the outcome of `key`."""
        super().__init__(loop=loop, number=number)
        self._key = key

    def cancel(self, msg: Any | None = None) -> bool:
        """Wait no longer."""
        is_canceled = super().cancel(msg)
        if is_canceled:
            loop = self.get_loop()
            assert isinstance(loop, RoutineLoop), "its loop is that of a routine"
            loop.routine.let_go(self._key)
        return is_canceled


class Nobody:
    """Whom a loop serves that was closed: its routine may leave memory at once."""

    now = 0
    is_live = False
    first_number = 0
    broken: Any = None

    def set_timer(self, handle: Any) -> str:
        """Keep no timer."""
        return ""

    def drop_timer(self, key: str) -> None:
        """Know no timer."""

    def let_go(self, key: str) -> None:
        """Wait for nothing."""


NOBODY: Final = Nobody()


class RoutineLoop(asyncio.AbstractEventLoop):
    """Runs the tasks of one workflow."""

    def __init__(self, routine: Timekeeper) -> None:
        """Serve a routine, which keeps its timers."""
        self.routine = routine
        self.root = Scope()
        # Sets of many workflows hold these numbers too: each has a range of its own.
        self._number = routine.first_number
        self._ready: deque[asyncio.Handle] = deque()
        self._tasks: list[asyncio.Task[Any]] = []
        self._tasks_max = 16
        self._is_closed = False
        self.is_reading = False

    def run_ready(self) -> None:
        """Run until nothing is ready, or the routine is broken. Raises `EndlessBody`."""
        before = events._get_running_loop()
        events._set_running_loop(self)
        ready = self._ready
        routine = self.routine
        count = 0
        try:
            while ready and routine.broken is None:
                handle = ready.popleft()
                if not handle._cancelled:
                    handle._run()
                count += 1
                if count > HANDLES_MAX:
                    raise EndlessBody(
                        f"expected the workflow to wait for something within {HANDLES_MAX} "
                        "callbacks, but it does not; put the work into a step"
                    )
        finally:
            events._set_running_loop(before)

    def only_read(self, call: Callable[[], Any]) -> None:
        """Call something that may look at the workflow, and begins and asks for nothing."""
        before = events._get_running_loop()
        events._set_running_loop(self)
        self.is_reading = True
        try:
            found = call()
        finally:
            self.is_reading = False
            events._set_running_loop(before)
        if asyncio.iscoroutine(found):
            found.close()
            raise only_reads("is async")

    def check_reading(self, what: str) -> None:
        """Raise `InputError` while something runs that may only read."""
        if self.is_reading:
            raise only_reads(what)

    def create_main(self, coro: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Begin the task of the body itself."""
        task = asyncio.Task(coro, loop=self)
        self._tasks.append(task)
        return task

    def create_child(self, coro: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Begin a task that an outcome asks for, with a scope of its own below the root."""
        return self._begin_task(coro, self.root.child())

    def _begin_task(
        self,
        coro: Coroutine[Any, Any, T],
        scope: Scope,
        name: str | None = None,
        context: Context | None = None,
    ) -> asyncio.Task[T]:
        number = self._next_number()
        task = ScopedTask(coro, loop=self, name=name, context=context, scope=scope, number=number)
        self._tasks.append(task)
        if len(self._tasks) > self._tasks_max:
            self._tasks = [one for one in self._tasks if not one.done()]
            self._tasks_max = 16 + 2 * len(self._tasks)
        return task

    def current_scope(self) -> Scope:
        """Return the place of the task that runs."""
        task = asyncio.current_task(self)
        return task.scope if isinstance(task, ScopedTask) else self.root

    # --- what asyncio asks of a loop

    def time(self) -> float:
        """Return the time of the last outcome, in seconds since 1970."""
        return self.routine.now / 1000

    def call_soon(  # type: ignore[override]  # as asyncio calls it
        self, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """Run a callback behind those that are ready."""
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_soon_threadsafe(  # type: ignore[override]  # as asyncio calls it
        self, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """Refuse what comes from another thread: it has no place in the order."""
        self._refuse("call_soon_threadsafe")

    def call_later(  # type: ignore[override]  # as asyncio calls it
        self, delay: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Run a callback after a durable delay in seconds."""
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override]  # as asyncio calls it
        self, when: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Run a callback at a durable time."""
        handle = KeyedTimer(when, callback, args, self, context)
        handle.key = self.routine.set_timer(handle)
        return handle

    def fire(self, handle: asyncio.TimerHandle) -> None:
        """A durable timer has fired."""
        self._ready.append(handle)

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        assert isinstance(handle, KeyedTimer), "every timer of this loop has a key"
        self.routine.drop_timer(handle.key)

    def create_future(self) -> asyncio.Future[Any]:
        """Return a future of this loop."""
        return NumberedFuture(loop=self, number=self._next_number())

    def create_outcome(self, key: str) -> asyncio.Future[Any]:
        """Return the future of the outcome of `key`."""
        return KeyedFuture(loop=self, number=self._next_number(), key=key)

    def _next_number(self) -> int:
        self._number += 1
        return self._number

    def create_task(  # type: ignore[override]  # typeshed forgets that a context may be given
        self,
        coro: Coroutine[Any, Any, T],
        *,
        name: str | None = None,
        context: Context | None = None,
    ) -> asyncio.Task[T]:
        """Begin a task, with a scope of its own."""
        caller = sys._getframe(3)  # create_task, _ensure_future, ensure_future
        if caller.f_code.co_name == "<setcomp>" and caller.f_code.co_filename == tasks.__file__:
            coro.close()
            raise NotInAStep(
                "expected `wf.as_completed(...)`: `asyncio.as_completed` begins coroutines in an "
                "order that differs between replays"
            )
        if self.is_reading:
            coro.close()
            raise only_reads("begins a task")
        return self._begin_task(coro, self.current_scope().child(), name, context)

    def get_debug(self) -> bool:
        """Return False: the routine itself watches the body."""
        return False

    def is_running(self) -> bool:
        """Tell whether this loop runs now."""
        return events._get_running_loop() is self

    def is_closed(self) -> bool:
        """Tell whether it was closed."""
        return self._is_closed

    def close(self) -> None:
        """End the tasks where they wait, the last one first, and refer to nothing any more.

        What is left of them is no cycle: it leaves memory at once. The blocks that they leave run
        within this loop, whose routine is not live: they can ask for nothing. Left to the collector
        of cycles they would run outside of any workflow, and a step there is a mere function.
        """
        self._is_closed = True
        before = events._get_running_loop()
        events._set_running_loop(self)
        try:
            while self._tasks:
                task = self._tasks.pop()
                if not task.done():
                    _unwind(task)
        finally:
            events._set_running_loop(before)
        self._ready.clear()
        self.routine = NOBODY

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Log what nobody took, such as the error of a task that was not awaited."""
        if not self._is_closed and self.routine.is_live:
            error = context.get("exception")
            log.warning(context.get("message", "error in a callback"), error=repr(error))

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        """Log it."""
        self.call_exception_handler(context)

    async def shutdown_asyncgens(self) -> None:
        """There is nothing to shut down."""

    def run_in_executor(  # type: ignore[override]  # it only refuses
        self, _: Any, __: Any, *args: Any
    ) -> Any:
        """Refuse a thread: it belongs into a step."""
        self._refuse("a thread")

    def _refuse(self, what: str) -> NoReturn:
        raise NotInAStep(
            f"expected a workflow to wait for steps, timers, messages and people only, but it asks "
            f"for {what}: do that in a function with @step and await it here"
        )


def _unwind(task: asyncio.Task[Any]) -> None:
    """End the coroutine of a task that waits, and free it from who waits for whom."""
    task._log_destroy_pending = False  # type: ignore[attr-defined]
    coro: Any = task.get_coro()
    for _ in range(UNWINDS_MAX):
        with suppress(BaseException):  # nobody is there to hear how it ended
            coro.close()
        if getattr(coro, "cr_frame", None) is None:
            break
    for future in (task, task._fut_waiter):  # type: ignore[attr-defined]
        if isinstance(future, asyncio.Future):
            for callback, _ in future._callbacks or ():
                future.remove_done_callback(callback)


def only_reads(what: str) -> InputError:
    """Return the error of a validator that does more than read."""
    return InputError(f"expected a validator that only reads, but it {what}")


def _refusing(name: str) -> Callable[..., Any]:
    def refuse(self: RoutineLoop, *_: Any, **__: Any) -> NoReturn:
        self._refuse(name)

    return refuse


for _name in (
    "create_connection",
    "create_server",
    "create_unix_connection",
    "create_unix_server",
    "create_datagram_endpoint",
    "getaddrinfo",
    "getnameinfo",
    "sock_connect",
    "sock_recv",
    "sock_sendall",
    "sock_accept",
    "connect_read_pipe",
    "connect_write_pipe",
    "subprocess_exec",
    "subprocess_shell",
    "add_reader",
    "add_writer",
    "start_tls",
    "sendfile",
):
    setattr(RoutineLoop, _name, _refusing(_name))
