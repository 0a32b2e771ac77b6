"""Reply slots: how an answer comes back from the corridor's thread to the caller's."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tenuto.runtime.requests import Result


class LoopSlot:
    """Answers for one event loop: one wake-up for each commit, however many answers it brings."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Serve the callers of a loop."""
        self._loop = loop
        self._waiting: dict[int, asyncio.Future[Result]] = {}
        self._tickets = itertools.count(1)

    def expect(self) -> tuple[int, asyncio.Future[Result]]:
        """Return a ticket and the future of its answer."""
        ticket = next(self._tickets)
        future = self._loop.create_future()
        self._waiting[ticket] = future
        return ticket, future

    def deliver(self, results: list[tuple[int, Result]]) -> None:
        """Take answers on the corridor's thread; those of a loop that has ended are waited for by
        nobody.
        """
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._resolve, results)

    def _resolve(self, results: list[tuple[int, Result]]) -> None:
        for ticket, result in results:
            future = self._waiting.pop(ticket, None)
            if future is not None and not future.done():
                future.set_result(result)


class ManySlot:
    """Answers to many requests of one caller: one wake-up when the last has come."""

    def __init__(self, loop: asyncio.AbstractEventLoop, count: int) -> None:
        """Wait for `count` answers; their tickets count from 0."""
        self._loop = loop
        self._results: list[Result | None] = [None] * count
        self._left = count
        self._lock = threading.Lock()
        self.future: asyncio.Future[list[Result]] = loop.create_future()

    def deliver(self, results: list[tuple[int, Result]]) -> None:
        """Take answers on any thread."""
        with self._lock:
            for ticket, result in results:
                self._results[ticket] = result
            self._left -= len(results)
            if self._left:
                return
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._resolve)

    def _resolve(self) -> None:
        if not self.future.done():
            self.future.set_result([one for one in self._results if one is not None])


class ThreadSlot:
    """Answers for callers that block a thread."""

    def __init__(self) -> None:
        """Serve every thread."""
        self._waiting: dict[int, Future[Result]] = {}
        self._tickets = itertools.count(1)
        self._lock = threading.Lock()

    def expect(self) -> tuple[int, Future[Result]]:
        """Return a ticket and the future of its answer."""
        future: Future[Result] = Future()
        with self._lock:
            ticket = next(self._tickets)
            self._waiting[ticket] = future
        return ticket, future

    def deliver(self, results: list[tuple[int, Result]]) -> None:
        """Take answers on the corridor's thread."""
        for ticket, result in results:
            with self._lock:
                future = self._waiting.pop(ticket, None)
            if future is not None:
                future.set_result(result)
