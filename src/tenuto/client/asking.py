"""Asking the corridor for what no request says: what it keeps, between two of its batches."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from tenuto.engine import rejections as why
from tenuto.engine.index import RowChanges
from tenuto.engine.rejections import Rejection
from tenuto.engine.rows import DedupeRow
from tenuto.errors import Rejected, StoreBusy, StoreFull, StoreRefused

if TYPE_CHECKING:
    from tenuto.runtime.loop import Corridor
    from tenuto.runtime.node import Node
    from tenuto.runtime.requests import Request, Result

R = TypeVar("R")


async def on_corridor(corridor: Corridor, look: Callable[[Corridor], R | Rejection]) -> R:
    """Return what the corridor's state says between two batches; it has to be said quickly.

    Raises `Rejected` for a refusal, and when the node has ended.
    """
    loop = asyncio.get_running_loop()
    said: asyncio.Future[R] = loop.create_future()

    def settle(found: R | Rejection) -> None:
        if said.cancelled():
            return
        if isinstance(found, Rejection):
            said.set_exception(Rejected(found.code, found.message))
        else:
            said.set_result(found)

    def tell(found: R | Rejection) -> None:
        with contextlib.suppress(RuntimeError):  # the caller's loop has ended, and nobody waits
            loop.call_soon_threadsafe(settle, found)

    corridor.call(lambda corridor: tell(look(corridor)), tell)
    return await said


class NodeAsks:
    """Carries the requests of an operation to a node of this process."""

    def __init__(
        self, node: Node, ask_all: Callable[[list[Request]], Awaitable[list[Result]]], actor: str
    ) -> None:
        """Ask in the name of `actor`."""
        self._node = node
        self._ask_all = ask_all
        self._actor = actor

    async def ask_all(self, requests: list[Request]) -> list[Result]:
        """Ask many things at once; return answers and refusals in order."""
        return await self._ask_all([one._replace(actor=self._actor) for one in requests])

    async def kept(self, scope: str, key: str) -> tuple[bytes, bytes] | None:
        """Return the fingerprint and the answer under an idempotency key."""

        def look(corridor: Corridor) -> tuple[bytes, bytes] | None:
            for row in corridor.store.load_dedupe([(scope, key)]):
                return row.fingerprint, row.answer
            return None

        return await on_corridor(self._node.corridor, look)

    async def keep(self, scope: str, key: str, fingerprint: bytes, answer: bytes) -> None:
        """Keep an answer under an idempotency key. Raises `Rejected` when the store is full."""

        def write(corridor: Corridor) -> Rejection | None:
            rows = RowChanges()
            row = DedupeRow(scope, key, fingerprint, answer, None, corridor.clock.now())
            rows.change("dedupe", (scope, key), row)
            return written(corridor, rows)

        await on_corridor(self._node.corridor, write)


def written(corridor: Corridor, rows: RowChanges) -> Rejection | None:
    """Commit rows between two batches; a store that cannot take them now is a refusal."""
    try:
        corridor.write(rows)
    except StoreFull as error:
        return Rejection(why.STORE_FULL, str(error))
    except StoreBusy as error:
        return Rejection(why.STORE_BUSY, str(error))
    except StoreRefused as error:
        return Rejection(why.STORE_REFUSED, str(error))
    return None
