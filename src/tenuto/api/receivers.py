"""What happened for routines that workers outside of this process hold, until they have heard of
it.

Wakes of one worker are numbered; every answer has all that the worker has not heard of, so it does
not matter which answers arrive. What is lost with a receiver is in the journal: its worker sees
another session, and replays what it holds.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import Final

from tenuto.client.routine_wire import RoutineWake, wake_of
from tenuto.governance.tokens import mint_token
from tenuto.runtime.routines import Wake

# The token that let the worker in, and the name that it gave itself.
Asker = tuple[str, str]

WAKES_MAX: Final = 10_000
IDLE_SECONDS_MAX: Final = 300.0


class Receiver:
    """The wakes of one worker. Used on one event loop, but for `wake`."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin with none."""
        self.session = mint_token().id
        self._loop = loop
        self.asked_at = loop.time()
        self._wakes: deque[RoutineWake] = deque()
        self._last = 0
        self._came: asyncio.Event = asyncio.Event()

    @property
    def is_full(self) -> bool:
        """Tell whether more waits here than is kept."""
        return len(self._wakes) > WAKES_MAX

    def wake(self, wakes: list[Wake]) -> None:
        """Take what one commit did, on the corridor's thread."""
        with contextlib.suppress(RuntimeError):  # the loop has ended, and nobody asks any more
            self._loop.call_soon_threadsafe(self._take, wakes)

    def _take(self, wakes: list[Wake]) -> None:
        if self.is_full:
            return
        for one in wakes:
            self._last += 1
            self._wakes.append(wake_of(self._last, one))
        self._came.set()

    def after(self, heard: int) -> list[RoutineWake]:
        """Return the wakes that came after one; those up to it are needed no more."""
        self.asked_at = self._loop.time()
        while self._wakes and self._wakes[0].number <= heard:
            self._wakes.popleft()
        self._came.clear()
        return list(self._wakes)

    async def wait_after(
        self, heard: int, seconds: float, ended: asyncio.Future[None]
    ) -> list[RoutineWake]:
        """Return the wakes that came after one; wait for the first of them, and not after
        `ended`.
        """
        ended.add_done_callback(lambda _: self._came.set())
        found = self.after(heard)
        if found or seconds <= 0:
            return found
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not found and not ended.done():
                    await self._came.wait()
                    found = self.after(heard)
        return found


class Receivers:
    """The receivers of a server. Used on one event loop."""

    def __init__(self) -> None:
        """Begin with none."""
        self._of: dict[Asker, Receiver] = {}

    def of(self, asker: Asker) -> Receiver:
        """Return the receiver of a worker."""
        found = self._of.get(asker)
        if found is None or found.is_full:
            self._forget_idle()
            found = self._of[asker] = Receiver(asyncio.get_running_loop())
        return found

    def _forget_idle(self) -> None:
        """Forget the workers that do not ask any more."""
        since = asyncio.get_running_loop().time() - IDLE_SECONDS_MAX
        for asker in [one for one, receiver in self._of.items() if receiver.asked_at < since]:
            del self._of[asker]
