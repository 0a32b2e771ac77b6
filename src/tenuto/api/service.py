"""What the routes work with: the node behind the client, reads off the loop, and who may come
in.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeVar

from tenuto.api.metrics import Metrics
from tenuto.api.problems import Problem
from tenuto.api.questions import Questions
from tenuto.api.receivers import Receivers
from tenuto.api.seals import Seals
from tenuto.api.stream import Stream
from tenuto.client import requests as ask
from tenuto.client.asking import on_corridor
from tenuto.client.client import Client, accepted
from tenuto.engine.settings import API, SESSION, Token
from tenuto.events.accept import Acceptor
from tenuto.events.webhooks import Sender
from tenuto.governance.permits import Principal
from tenuto.governance.tokens import LoginLinks, Minted, authenticate, mint_token
from tenuto.runtime import limits
from tenuto.runtime.leases import Holder
from tenuto.runtime.requests import Answer, Request

if TYPE_CHECKING:
    from pathlib import Path

    from tenuto.client.reading import Reading
    from tenuto.governance.master import MasterKey
    from tenuto.runtime.loop import Corridor
    from tenuto.runtime.node import Node

R = TypeVar("R")

READERS: Final = 4
SESSION_MS: Final = 12 * 3_600_000
LEASES_KEPT: Final = 8_192
LOCAL: Final = "local"


class Service:
    """One server: its node, its readers, its way in."""

    def __init__(
        self, node: Node, master: MasterKey, *, name: str = "", database: Path | None = None
    ) -> None:
        """Serve a node; `name` is who the operator of this machine is, `database` its file."""
        self.node = node
        self.client = Client(node)
        self.master = master
        self.links = LoginLinks()
        self.acceptor = Acceptor(node)
        self.sender = Sender(node, self.client, master)
        self.metrics = Metrics(node)
        self.cursors = Seals(master.derive("cursor"))
        self.leases = Seals(master.derive("lease"))
        # A worker brings the lease of a routine back with each step.
        self.opened_lease = lru_cache(LEASES_KEPT)(self.leases.open)
        self.stream = Stream(node, self.client.read, self.cursors)
        self.metrics.count_streams(lambda: self.stream.count)
        self.questions = Questions()
        self.receivers = Receivers()
        self.stopping = asyncio.Event()
        self.operator = name or LOCAL
        self.database = database
        self._local: dict[str, Token] = {}
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="tenuto-reader")

    def client_of(self, principal: Principal) -> Client:
        """Return the client that asks in the name of a caller."""
        return self.client.acting_as(principal.name)

    def holder(self, token: str, worker: str) -> Holder:
        """Return how a worker that came in with a token hears of what it holds.

        One that let a lease end does not read its answers either: its questions for jobs are ended,
        so that nothing more is given to it until it asks again.
        """
        loop = asyncio.get_running_loop()
        asker = (token, worker)

        def late() -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended, and all questions with it
                loop.call_soon_threadsafe(self.questions.end, asker)

        return Holder(self.receivers.of(asker).wake, late)

    async def ask(self, request: Request, principal: Principal) -> Answer:
        """Put a request before the corridor in the name of a caller; return its answer.

        Raises `Rejected`, and `Problem` while too much waits.
        """
        self.check_room()
        [result] = await self.client.ask_all([request._replace(actor=principal.name)])
        answer = accepted(result)
        assert isinstance(answer, Answer), "only a caller that waits for the end gets the end"
        return answer

    async def reading(self, question: Callable[[Reading], R]) -> R:
        """Ask the database on a reader's thread."""
        read = self.client.read
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, question, read)

    async def on_thread(self, work: Callable[[], R]) -> R:
        """Do work that takes the processor for long, on a reader's thread."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, work)

    async def on_corridor(self, look: Callable[[Corridor], R]) -> R:
        """Return what the corridor's state says between two batches; it has to be said quickly.

        Raises `Rejected` when the node has ended.
        """
        return await on_corridor(self.node.corridor, look)

    def check_room(self) -> None:
        """Raise `Problem` (too-busy) while too much work waits before the corridor."""
        pending = self.node.pending
        if pending >= limits.INBOX_MAX:
            raise Problem(
                "too-busy",
                f"expected fewer than {limits.INBOX_MAX} requests to wait, but {pending} do: "
                "send it again later",
                retry_after=1,
            )

    # --- who may come in

    def principal(self, text: str) -> Principal | None:
        """Return whom a token lets in."""
        now = self.node.now()
        return authenticate(text, self.node.world.tokens, now) or (
            authenticate(text, self._local, now) if self._local else None
        )

    def lets_in(self, principal: Principal) -> bool:
        """Tell whether the token that let a caller in still would."""
        id = principal.token
        token = self.node.world.tokens.get(id) or self._local.get(id)
        return token is not None and token.is_valid(self.node.now())

    def local_token(self) -> str:
        """Return a token for the commands of this machine's operator; it ends with the process."""
        minted = mint_token()
        self._local[minted.id] = Token(
            minted.id, self.operator, API, ("admin",), (), (), minted.digest, self.node.now()
        )
        return minted.text

    async def open_session(self, code: str) -> str | None:
        """Use up a login code; return the token of a new session, or nothing."""
        now = self.node.now()
        if not self.links.redeem(code, now):
            return None
        minted: Minted = mint_token()
        await self.client.acting_as(self.operator).issue_token(
            ask.TokenRequest(
                minted.id,
                self.operator,
                SESSION,
                ("admin",),
                (),
                (),
                minted.digest,
                expires_at=now + SESSION_MS,
            )
        )
        return minted.text

    def begin_to_stop(self) -> None:
        """End what waits or goes on for long, on the loop's thread: the server is to stop."""
        self.stopping.set()
        self.stream.stop()

    def close(self) -> None:
        """End the readers."""
        self.stream.close()
        self._readers.shutdown(wait=True)
