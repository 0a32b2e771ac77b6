"""Workflows that are plain functions: their body runs on a thread and waits there.

The thread and the loop take turns: while the body runs, its loop waits, and the reverse; so the
order is as exact as that of a coroutine. A body that waits for something outside of its process is
unwound and made again by replay: it holds no thread then.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from tenuto.errors import InputError

T = TypeVar("T")


class Undone(BaseException):
    """The body is thrown away; never an outcome."""


class Body:
    """The thread of one body."""

    def __init__(self, call: Callable[[], Any]) -> None:
        """Prepare to call a function."""
        self.routine: Any = None
        self.thread: int | None = None
        self._call = call
        self._is_closed = False
        self._said: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._told: queue.SimpleQueue[tuple[Any, BaseException | None]] = queue.SimpleQueue()

    async def run(self, routine: Any) -> Any:
        """Run the body to its end; what it waits for is awaited here."""
        self.routine = routine
        threading.Thread(target=self._main, name="tenuto-workflow", daemon=True).start()
        while True:
            kind, said = self._said.get()
            if kind == "returned":
                return said
            if kind == "raised":
                raise said
            self._told.put(await self._settled(said))

    async def _settled(self, awaitable: Awaitable[Any]) -> tuple[Any, BaseException | None]:
        try:
            return await awaitable, None
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001  (it is raised again in the body)
            return None, error

    def close(self) -> None:
        """Unwind the body; it is waiting, or has ended."""
        self._is_closed = True
        self._told.put((None, Undone()))

    # --- on the body's thread

    def _main(self) -> None:
        _here.body = self
        self.thread = threading.get_ident()
        guard = self.routine.guard
        try:
            if guard is None:
                result = self._call()
            else:
                with guard.watching(self.routine.workflow.name):
                    result = self._call()
        except BaseException as error:  # noqa: BLE001  (it is raised again on the loop)
            if not self._is_closed:
                self._said.put(("raised", error))
        else:
            self._said.put(("returned", result))

    def wait(self, awaitable: Awaitable[T]) -> T:
        """Wait on the loop; return the result here."""
        if self._is_closed:
            if asyncio.iscoroutine(awaitable):
                awaitable.close()  # nobody will await it
            raise Undone
        self._said.put(("waits", awaitable))
        result, error = self._told.get()
        if error is not None:
            try:
                raise error
            finally:
                del error  # its traceback has this frame
        found: T = result
        return found


class _Here(threading.local):
    body: Body | None = None


_here = _Here()


def current_body() -> Body | None:
    """Return the body that runs on this thread."""
    return _here.body


def wait(awaitable: Awaitable[T]) -> T:
    """Wait in a workflow that is a plain function: for a step, a timer, a message, several of them.

    Outside of a workflow the awaitable is run to its end.
    """
    body = current_body()
    if body is not None:
        return body.wait(awaitable)
    if asyncio._get_running_loop() is not None:
        raise InputError("expected `await` in an async function, got `wf.wait`")

    async def whole() -> T:
        return await awaitable

    return asyncio.run(whole())
