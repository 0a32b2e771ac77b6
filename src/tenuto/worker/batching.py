"""Doing the calls of batch steps together, in one process."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from tenuto.errors import InputError
from tenuto.workflows.batches import BatchStep
from tenuto.workflows.failures import StepTimeout

Place = tuple[str, Any]


class _Waiting(NamedTuple):
    items: list[Any]
    futures: list[asyncio.Future[Any]]
    timer: asyncio.TimerHandle


class Batches:
    """The items that wait for their batch. Used on one loop."""

    def __init__(self, on_thread: Callable[[Callable[[], Any]], Awaitable[Any]]) -> None:
        """Run plain functions by `on_thread`."""
        self._on_thread = on_thread
        self._waiting: dict[Place, _Waiting] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def perform(self, step: BatchStep[Any, Any], item: Any) -> Any:
        """Return the result of one item, or raise its failure."""
        loop = asyncio.get_running_loop()
        place = (step.name, step.key_of(item))
        waiting = self._waiting.get(place)
        if waiting is None:
            timer = loop.call_later(step.gathering.within, self._flush, step, place)
            waiting = self._waiting[place] = _Waiting([], [], timer)
        future = loop.create_future()
        waiting.items.append(item)
        waiting.futures.append(future)
        if len(waiting.items) >= step.gathering.size:
            self._flush(step, place)
        return await future

    def _flush(self, step: BatchStep[Any, Any], place: Place) -> None:
        waiting = self._waiting.pop(place)
        waiting.timer.cancel()
        task = asyncio.get_running_loop().create_task(self._do(step, waiting))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _do(self, step: BatchStep[Any, Any], waiting: _Waiting) -> None:
        pairs = [
            (item, future)
            for item, future in zip(waiting.items, waiting.futures, strict=True)
            if not future.done()  # nobody waits for it any more
        ]
        items = [item for item, _ in pairs]
        if not items:
            return
        results: list[Any]
        limit = asyncio.timeout(step.settings.timeout)
        try:
            async with limit:
                if step.is_async:
                    found = await step.function(items)
                else:
                    found = await self._on_thread(functools.partial(step.function, items))
            results = list(found)
            if len(results) != len(items):
                raise InputError(
                    f"expected batch step `{step.name}` to return {len(items)} results, one for "
                    f"each item, got {len(results)}"
                )
        except (Exception, SystemExit) as error:  # noqa: BLE001  (the edge of user code: what it raises is the failure of all)
            failure: BaseException = error
            if limit.expired():
                seconds = step.settings.timeout
                failure = StepTimeout(f"expected step `{step.name}` to end within {seconds} s")
            results = [failure] * len(items)
        for (_, future), result in zip(pairs, results, strict=True):
            if future.done():
                continue
            if isinstance(result, BaseException):
                future.set_exception(result)
            else:
                future.set_result(result)
