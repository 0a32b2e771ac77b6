"""Jobs for workers that are not in this process: poll, say how it goes, give back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

from tenuto.engine.rejections import Rejection
from tenuto.errors import StoreError
from tenuto.runtime import desk
from tenuto.runtime.desk import Beat, Poll, Question
from tenuto.runtime.leases import Holder, Job, JobKey

if TYPE_CHECKING:
    from tenuto.runtime.loop import Corridor
    from tenuto.runtime.node import Node

R = TypeVar("R")

CLOSE_SECONDS_MAX: Final = 10.0


class Jobs:
    """The jobs of a node, for workers outside of its process."""

    def __init__(self, node: Node) -> None:
        """Ask `node`."""
        self._corridor = node.corridor

    async def activate(
        self,
        question: Question,
        ended: asyncio.Future[None] | None = None,
        holder: Holder | None = None,
    ) -> list[Job]:
        """Lease jobs, and do not wait for them after `ended`. `holder` is told what happens for
        routines among them, and for leases that end.

        What was leased for a caller that is cancelled goes back at once.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[list[Job]] = loop.create_future()

        def settle(jobs: list[Job]) -> None:
            if not future.done():
                future.set_result(jobs)
            elif jobs:
                leases = [((job.instance, job.element), job.token) for job in jobs]
                self._corridor.call(lambda corridor: _ignore(desk.give_back(corridor, leases)))

        def answer(jobs: list[Job]) -> None:
            loop.call_soon_threadsafe(settle, jobs)

        self._check_running()
        some = asyncio.Event()

        def came() -> None:
            loop.call_soon_threadsafe(some.set)

        gathers = question.gather_seconds > 0
        poll = Poll(self._corridor, question, answer, holder, came if gathers else None)
        poll.open()
        first = asyncio.ensure_future(some.wait()) if gathers else future
        try:
            ends: set[asyncio.Future[Any]] = {first} if ended is None else {first, ended}
            await asyncio.wait(
                ends, timeout=question.wait_seconds, return_when=asyncio.FIRST_COMPLETED
            )
            if some.is_set():
                await asyncio.sleep(question.gather_seconds)
            if not future.done():
                poll.close()
                return await asyncio.wait_for(future, CLOSE_SECONDS_MAX)
            return future.result()
        except asyncio.CancelledError:
            future.cancel()
            poll.close()
            raise
        finally:
            if first is not future:
                first.cancel()

    async def extend(self, beats: Sequence[Beat]) -> list[bool]:
        """Give leases more time and keep what their holders say; tell for each if it is held."""
        return await self._between_batches(lambda corridor: desk.extend(corridor, beats))

    async def give_back(self, leases: Sequence[tuple[JobKey, int]]) -> list[bool]:
        """Make jobs ready again, by key and token; tell for each whether it was held."""
        return await self._between_batches(lambda corridor: desk.give_back(corridor, leases))

    async def tell(self, leases: Sequence[tuple[JobKey, int]], holder: Holder) -> list[bool]:
        """Let what happens for held routines be told to `holder`; tell for each if it is held."""
        return await self._between_batches(lambda corridor: desk.tell(corridor, leases, holder))

    async def _between_batches(self, question: Callable[[Corridor], R]) -> R:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[R] = loop.create_future()

        def settle(result: R) -> None:
            if not future.done():
                future.set_result(result)

        def act(corridor: Corridor) -> None:
            loop.call_soon_threadsafe(settle, question(corridor))

        def fail(refusal: Rejection) -> None:
            if not future.done():
                future.set_exception(StoreError(refusal.message))

        def refuse(refusal: Rejection) -> None:
            loop.call_soon_threadsafe(fail, refusal)

        self._check_running()
        self._corridor.call(act, refuse)
        return await future

    def _check_running(self) -> None:
        if self._corridor.stopped.is_set():
            reason = self._corridor.failed or "it was stopped"
            raise StoreError(f"expected a running node, but {reason}")


def _ignore(_: object) -> None:
    """Whether the leases were still held does not matter."""
