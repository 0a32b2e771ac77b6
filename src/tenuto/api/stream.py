"""The stream of life-cycle events: one reader of the feed for all clients.

A client that comes back with the id of its last event reads the feed by itself until it has reached
the shared reader, and goes on with all others; what both have read is told once. A client that does
not keep up is ended: it comes back and goes on where it was.
"""

from __future__ import annotations

import asyncio
import traceback
from collections import deque
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec
import structlog

from tenuto.api.places import Place, Places, within
from tenuto.api.problems import Problem
from tenuto.events.lifecycle import Cursor, LifeCycle, Page, Told

if TYPE_CHECKING:
    from tenuto.api.seals import Seals
    from tenuto.client.reading import Reading
    from tenuto.runtime.node import Node
    from tenuto.store.port import ChainRow

log = structlog.get_logger("tenuto.api")
R = TypeVar("R")

CLIENTS_MAX: Final = 1_000
QUEUE_MAX: Final = 1_000
PAGE_TURNS: Final = 256
LOOK_SECONDS: Final = 0.05
LOOKS_ALONE_MAX: Final = 100
HEARTBEAT_SECONDS: Final = 15.0
RETRY_MS: Final = 2_000


class Client:
    """One stream: what it wants, where it is, and what waits to be sent to it."""

    def __init__(self, wanted: Callable[[Told], bool], is_let_in: Callable[[], bool]) -> None:
        """Want events; `is_let_in` is asked now and then."""
        self.wants = wanted
        self.is_let_in = is_let_in
        self.place = Place({})
        self.waiting: deque[bytes] = deque()
        self.wake = asyncio.Event()
        self.is_ended = False

    def offer(self, told: Told, part: bytes) -> None:
        """Take an event, unless it was told already; a client that is too slow is ended."""
        if self.is_ended or not self.wants(told) or self.place.is_after(told):
            return
        if len(self.waiting) >= QUEUE_MAX:
            self.end()
            return
        self.waiting.append(part)
        self.wake.set()

    def end(self) -> None:
        """Send nothing more."""
        self.is_ended = True
        self.waiting.clear()
        self.wake.set()


class Stream:
    """Tells clients what happens."""

    def __init__(self, node: Node, read: Reading, seals: Seals) -> None:
        """Tell what happens in `node`; nothing is read while nobody listens."""
        self._node = node
        self._read = read
        self._seals = seals
        self._life = LifeCycle(read)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="tenuto-stream")
        self._listening: set[Client] = set()
        self._count = 0
        self._cursor: Cursor = {}
        self._places: Places | None = None
        self._task: asyncio.Task[None] | None = None
        self._beginning = asyncio.Lock()
        self._is_stopping = False

    @property
    def count(self) -> int:
        """Return how many clients there are."""
        return self._count

    def stop(self) -> None:
        """End all streams: what was told already is sent."""
        self._is_stopping = True
        for client in self._listening:
            client.end()

    def close(self) -> None:
        """End the reader."""
        self._thread.shutdown(wait=True)

    async def open(self, client: Client, last_id: str | None) -> AsyncGenerator[bytes, None]:
        """Return what is sent to a client, from after the event `last_id` or from now on.

        Raises `Problem`: invalid-cursor, or too-busy above 1,000 clients.
        """
        if self._count >= CLIENTS_MAX:
            raise Problem("too-busy", f"expected at most {CLIENTS_MAX} streams at once")
        places = await self._begin()
        client.place = Place(self._cursor) if last_id is None else places.read(last_id)
        return self._told(client, places)

    async def _told(self, client: Client, places: Places) -> AsyncGenerator[bytes, None]:
        self._count += 1
        try:
            yield b"retry: %d\n%b" % (RETRY_MS, _place(places, client.place))
            async for part in self._missed(client, places):
                yield part
            async for part in self._live(client, places):
                yield part
        finally:
            self._listening.discard(client)
            self._count -= 1

    async def _missed(self, client: Client, places: Places) -> AsyncGenerator[bytes, None]:
        """Give what happened after the client's place, until the shared reader is reached."""
        while not client.is_ended and not self._is_stopping:
            if _covers(client.place.cursor, self._cursor):
                # No wait lies between this look and the next event of the shared reader.
                self._listening.add(client)
                return
            begin, reached = client.place, self._cursor
            page = await self._page(begin.cursor)
            parts = [
                part
                for told, part in _parts(places, begin.cursor, page)
                if client.wants(told) and not begin.is_after(told)
            ]
            after = page.after
            if page.turns < PAGE_TURNS:
                # All was read that was there; commits without a turn are in no page.
                after = {**after, **{k: max(v, after.get(k, 0)) for k, v in reached.items()}}
            client.place = Place(after)
            if parts:
                yield b"".join(parts)

    async def _live(self, client: Client, places: Places) -> AsyncGenerator[bytes, None]:
        """Give what happens, and now and then where the client is."""
        while client.is_let_in():
            if client.waiting:
                parts = b"".join(client.waiting)
                client.waiting.clear()
                yield parts
                continue
            if client.is_ended:
                return
            client.wake.clear()
            try:
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    await client.wake.wait()
            except TimeoutError:
                if not client.waiting:
                    yield b": still here\n" + _place(places, Place(self._cursor))

    # --- the shared reader

    async def _begin(self) -> Places:
        """Begin to read from now on, if nobody has listened until now."""
        async with self._beginning:
            if self._places is not None and self._task is not None and not self._task.done():
                return self._places
            heads = await self._ask(self._heads)
            places = self._places = Places(self._seals, heads)
            self._cursor = {head.log: head.seq for head in heads}
            self._task = asyncio.create_task(self._follow(places))
            self._task.add_done_callback(_tell_failure)
            return places

    async def _follow(self, places: Places) -> None:
        """Read what is committed while somebody listens, and a while longer."""
        seen: tuple[int, int] | None = None
        alone = 0
        try:
            while alone < LOOKS_ALONE_MAX and not self._is_stopping:
                alone = 0 if self._count else alone + 1
                head = self._node.corridor.head
                if (head.log, head.seq) != seen:
                    seen = (head.log, head.seq)
                    await self._advance(places)
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            # Whatever ended the reader: its clients come back, and begin another.
            for client in self._listening:
                client.end()

    async def _advance(self, places: Places) -> None:
        """Tell everybody what was committed since the last look."""
        while True:
            page = await self._page(self._cursor)
            for told, part in _parts(places, self._cursor, page):
                for client in self._listening:
                    client.offer(told, part)
            self._cursor = page.after
            if page.turns < PAGE_TURNS:
                return

    def _heads(self) -> list[ChainRow]:
        """Return the newest commit of each log, read on the reader's thread."""
        return self._read.reader.log_heads()

    async def _page(self, cursor: Cursor) -> Page:
        return await self._ask(lambda: self._life.page(cursor, PAGE_TURNS))

    async def _ask(self, question: Callable[[], R]) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._thread, question)


def _tell_failure(task: asyncio.Task[None]) -> None:
    """Log why the reader ended, if it failed: nobody awaits it."""
    error = None if task.cancelled() else task.exception()
    if error is not None:
        log.error("stream failed", reason="".join(traceback.format_exception(error)))


def _covers(cursor: Cursor, other: Cursor) -> bool:
    """Tell whether everything before `other` is before `cursor` too."""
    return all(cursor.get(log, 0) >= seq for log, seq in other.items())


def _parts(places: Places, begin: Cursor, page: Page) -> list[tuple[Told, bytes]]:
    """Return the events of a page, each as it is sent."""
    found = []
    cursor = dict(begin)
    last: int | None = None
    for told in page.told:
        if last is not None and last != told.log:
            cursor[last] = page.after[last]
        last = told.log
        cursor[last] = told.seq - 1
        place = Place(cursor, (told.log, told.seq), within(told))
        data = msgspec.json.encode(told.cloud_event())
        text = places.text(place).encode()
        found.append((told, b"id: %b\nevent: %b\ndata: %b\n\n" % (text, told.type.encode(), data)))
    return found


def _place(places: Places, place: Place) -> bytes:
    """Return what tells a client where it is; it dispatches no event."""
    return b"id: %b\n\n" % places.text(place).encode()
