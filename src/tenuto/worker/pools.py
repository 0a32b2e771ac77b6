"""A pool of processes that perform steps: computing beside the engine, on all processors.

Each child is a fresh interpreter that is used again and again, in a process group of its own. It
has one thread here that speaks with it, so that neither the corridor nor the worker's loop waits.
To end a step is to kill its child with everything that it started.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from multiprocessing import Pipe
from multiprocessing.connection import wait
from typing import Any, Final

from tenuto.errors import InputError, TenutoError
from tenuto.worker import pool_child as child
from tenuto.worker.orders import Answer, Call, Order, order_of, value_of
from tenuto.worker.telling import tell
from tenuto.workflows.context import StepContext
from tenuto.workflows.failures import StepKilled

JOIN_SECONDS: Final = 2.0
_START: Final = (
    "import sys; sys.path[:] = {path!r}; from tenuto.worker.pool_child import main; "
    "main({descriptor}, {script!r}, {level})"
)


class ProcessPool:
    """Performs steps in at most `size` processes. Used on the worker's loop."""

    def __init__(self, size: int | None = None) -> None:
        """Prepare; a process begins when the first step needs it."""
        self.size = size or len(os.sched_getaffinity(0))
        self._seats = asyncio.Semaphore(self.size)
        self._idle: list[_Child] = []
        self._children: set[_Child] = set()

    async def run(self, call: Call) -> bytes:
        """Perform a step when a process is free; return the bytes of its result, or raise what it
        raised. Raises `StepKilled` when its process ends.
        """
        async with self._seats:
            while True:
                one = self._idle.pop() if self._idle else self._new()
                try:
                    answer = await one.perform(call)
                except _Gone as gone:
                    if one.was_used and not gone.has_begun:
                        continue  # it ended while it had nothing to do
                    raise StepKilled(f"step `{call.step.name}`: {gone}") from None
                finally:
                    self._give_back(one)
                return value_of(answer, call.step)

    def close(self) -> None:
        """End every process. Steps that run there are not reported."""
        children = list(self._children)
        for one in children:
            one.end()
        for one in children:
            one.thread.join(JOIN_SECONDS)

    def _new(self) -> _Child:
        one = _Child(asyncio.get_running_loop())
        self._children.add(one)
        return one

    def _give_back(self, one: _Child) -> None:
        if one.is_ended:
            self._children.discard(one)
        else:
            self._idle.append(one)


class _Gone(TenutoError):
    """The process ended; `has_begun` tells whether it had begun the step."""

    def __init__(self, told: str, *, has_begun: bool) -> None:
        super().__init__(told)
        self.has_begun = has_begun


class _Child:
    """One process, and the thread that speaks with it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.is_ended = False
        self.was_used = False
        self._loop = loop
        self._ready: asyncio.Future[None] = loop.create_future()
        self._answer: asyncio.Future[Answer] | None = None
        self._orders: queue.SimpleQueue[Callable[[], Order] | None] = queue.SimpleQueue()
        self._context: StepContext | None = None
        self._guard = threading.Lock()
        self._may_kill = False
        self._process: subprocess.Popen[bytes] | None = None
        self._connection, self._other_end = Pipe()
        self.thread = threading.Thread(target=self._keep, name="tenuto-process", daemon=True)
        self.thread.start()

    # --- on the loop

    async def perform(self, call: Call) -> Answer:
        """Perform a call. Whoever cancels this ends the process."""
        try:
            await self._ready
            context = self._context = call.begin()
            self._answer = self._loop.create_future()
            self._orders.put(lambda: order_of(call.step, call.arguments, context))
            answer = await self._answer
        except InputError:
            raise  # nothing was asked of the process
        except BaseException:
            self.end()
            raise
        self.was_used = True
        return answer

    # --- from any thread

    def end(self) -> None:
        """Kill the process and all that it started."""
        with self._guard:
            self.is_ended = True
            if self._may_kill:
                assert self._process is not None, "what may be killed was started"
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)
        self._orders.put(None)

    # --- on the thread of this child

    def _keep(self) -> None:
        has_begun = False
        try:
            self._start()
            self._receive(child.READY)
            self._tell(lambda: self._ready, None)
            while (make := self._orders.get()) is not None:
                has_begun = False
                try:
                    order = make()
                except InputError as refused:
                    self._tell(lambda: self._answer, refused)
                    continue
                self._connection.send_bytes(pickle.dumps(order, pickle.HIGHEST_PROTOCOL))
                self._receive(child.BEGUN)
                has_begun = True
                self._pass_on_stop()
                self._tell(lambda: self._answer, self._receive(child.ENDED))
        except (EOFError, OSError):
            pass  # it has ended; how, is told below
        finally:
            gone = _Gone(self._bury(), has_begun=has_begun)
            self._tell(lambda: self._answer if self._ready.done() else self._ready, gone)

    def _pass_on_stop(self) -> None:
        """Let the process know when this one will end soon."""
        context = self._context
        assert context is not None, "a call that began has its context"

        def tell() -> None:
            with contextlib.suppress(OSError):  # it has ended
                self._connection.send_bytes(pickle.dumps(child.STOPPING))

        context.on_stop = tell
        if context.is_stopping:
            tell()

    def _start(self) -> None:
        descriptor = self._other_end.fileno()
        text = _START.format(
            path=[os.path.abspath(one) for one in sys.path],
            descriptor=descriptor,
            script=_script(),
            level=logging.getLogger().getEffectiveLevel(),
        )
        with self._guard:
            if self.is_ended:
                raise EOFError
            self._process = subprocess.Popen(  # noqa: S603  (our own interpreter)
                [sys.executable, "-c", text],
                stdin=subprocess.DEVNULL,
                pass_fds=[descriptor],
                start_new_session=True,
            )
            self._may_kill = True
        self._other_end.close()

    def _bury(self) -> str:
        """Wait for the end of the process; return how it ended, as a sentence for a person."""
        self.end()
        with self._guard:
            self._may_kill = False  # from here on its number may become another's
        self._connection.close()
        self._other_end.close()
        return "its process did not start" if self._process is None else _death(self._process)

    def _receive(self, expected: str) -> Any:
        """Return what the child says of that kind; log what it logs."""
        assert self._process is not None, "a process that speaks was started"
        with _watch(self._process.pid) as death:
            while True:
                if self._connection not in wait([self._connection, *death]):
                    raise EOFError
                kind, content = pickle.loads(self._connection.recv_bytes())  # noqa: S301  (from our own process)
                if kind == expected:
                    return content
                if kind == child.SPOKE:
                    if self._context is not None:
                        self._context.hear(content)
                    continue
                assert kind == child.LOGGED, f"expected {expected} of a child, got {kind}"
                logger = logging.getLogger(content.name)
                if logger.isEnabledFor(content.levelno):
                    logger.handle(content)

    def _tell(self, choose: Callable[[], asyncio.Future[Any] | None], outcome: Any) -> None:
        """Settle a future on its loop."""

        def settle() -> None:
            future = choose()
            if future is None or future.done():
                return
            if isinstance(outcome, BaseException):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)

        tell(self._loop, settle)


@contextlib.contextmanager
def _watch(pid: int) -> Iterator[list[int]]:
    """Give what becomes ready when a process ends, even if one that it forked lives on."""
    if not hasattr(os, "pidfd_open"):
        yield []
        return
    descriptor = os.pidfd_open(pid)
    try:
        yield [descriptor]
    finally:
        os.close(descriptor)


def _script() -> dict[str, str]:
    """Return the script that this process runs, as `multiprocessing` names it to a child."""
    main = sys.modules["__main__"]
    name = getattr(getattr(main, "__spec__", None), "name", None)
    if name is not None:
        return {"init_main_from_name": name}
    path = getattr(main, "__file__", None)
    return {} if path is None else {"init_main_from_path": os.path.abspath(path)}


def _death(process: subprocess.Popen[bytes]) -> str:
    """Return how a process ended, as a sentence for a person."""
    code = process.wait()
    if code < 0:
        name = signal.Signals(-code).name
        hint = ", perhaps for want of memory" if -code == signal.SIGKILL else ""
        return f"the process {process.pid} of the step was ended by {name}{hint}"
    return f"the process {process.pid} of the step ended itself with exit code {code}"
