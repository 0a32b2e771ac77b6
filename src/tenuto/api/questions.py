"""Questions for jobs that wait, by who asked them: a worker that ends can end them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

# The token that let the worker in, and the name that it gave itself.
Asker = tuple[str | None, str]


class Waiting:
    """What ends the questions of one asker, and how many there are."""

    def __init__(self) -> None:
        """Begin with none."""
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.count = 0


class Questions:
    """The questions that wait. Used on one event loop."""

    def __init__(self) -> None:
        """Begin with none."""
        self._waiting: dict[Asker, Waiting] = {}

    @contextmanager
    def ask(self, asker: Asker) -> Iterator[asyncio.Future[None]]:
        """Give a future that is done when the asker ends its questions."""
        waiting = self._waiting.get(asker) or self._waiting.setdefault(asker, Waiting())
        waiting.count += 1
        try:
            yield waiting.ended
        finally:
            waiting.count -= 1
            if not waiting.count and self._waiting.get(asker) is waiting:
                del self._waiting[asker]

    def end(self, asker: Asker) -> None:
        """End the questions of an asker that wait now; one without a name has none to end."""
        if asker[1] and asker in self._waiting:
            self._waiting.pop(asker).ended.set_result(None)
