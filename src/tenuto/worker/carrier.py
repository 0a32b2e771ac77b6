"""Carries what a worker asks and says to the server, again and again until it is taken.

A server that is away, restarts, or is too busy is waited for. What it can never use is found by
halving what was sent together, so that one bad result stands in the way of no other.

A worker under load makes hundreds of requests a second: one of aiohttp costs it a fifth of what one
of httpx does, which everything else asks with.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import aiohttp
import structlog

from tenuto.client import wire as calls
from tenuto.errors import InputError, StoreError, TenutoError, Unreachable
from tenuto.runtime.jitter import draw_jitter
from tenuto.worker.wire import AllSaid, Said, read_said

log = structlog.get_logger("tenuto.worker")

PAUSE_SECONDS_FIRST: Final = 0.1
PAUSE_SECONDS_MAX: Final = 10.0
# A slow request, and a proxy's word for one; and too many of them.
LATER_STATUSES: Final = frozenset({408, 425, 429})


# No worker has so many requests under way that it should wait for a connection.
_CONNECTIONS_MAX: Final = 0
_TIMES: Final = aiohttp.ClientTimeout(
    total=None,
    sock_connect=calls.CONNECT_SECONDS_MAX,
    sock_read=calls.ANSWER_SECONDS_MAX,
)


class Received(NamedTuple):
    """An answer of the server."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes
    url: str


class BackOff:
    """How long to wait before the next try."""

    def __init__(self) -> None:
        """Begin with a short pause."""
        self._pause = PAUSE_SECONDS_FIRST

    def next_seconds(self) -> float:
        """Return the seconds to wait now; the next time they are about twice as many."""
        pause = self._pause * (0.5 + draw_jitter())
        self._pause = min(self._pause * 2, PAUSE_SECONDS_MAX)
        return pause

    def reset(self) -> None:
        """Begin again with a short pause."""
        self._pause = PAUSE_SECONDS_FIRST


class Carrier:
    """The connections of one worker to its server."""

    def __init__(self, url: str, token: str | None) -> None:
        """Go to the server at `url`. Raises `InputError` for what is no URL."""
        options = calls.settings(url, token)
        self._base = f"{options['base_url']}/"
        self._headers = {**options["headers"], "content-type": "application/json"}
        self._trusts_environment: bool = options["trust_env"]
        self._session: aiohttp.ClientSession | None = None
        self._is_away = False

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            await asyncio.sleep(0)  # the loop closes the sockets in its next turn

    async def ask(self, path: str, body: bytes) -> bytes | None:
        """Return the answer to one request; nothing when it must be made again later.

        Raises what the server refuses.
        """
        answer = await self._send(path, body)
        if answer is None or _is_later(answer):
            return None
        calls.check(answer)
        return answer.content

    async def get(self, path: str, query: Mapping[str, Any]) -> bytes | None:
        """Return what is read; nothing when it must be read again later.

        Raises what the server refuses.
        """
        answer = await self._request("GET", path, params=query)
        if answer is None or _is_later(answer):
            return None
        calls.check(answer)
        return answer.content

    async def deliver(
        self,
        path: str,
        member: str,
        items: Sequence[bytes],
        *,
        head: bytes = b"",
        whole: Callable[[AllSaid], None] | None = None,
    ) -> list[Said | TenutoError]:
        """Send items together until the server has answered; return what it says of each.

        `head` are members that go with them; `whole` is given each answer. An item that the server
        cannot use gets the refusal. Raises `Rejected` when nothing at all is taken from this
        worker.
        """
        body = b'{%s"%s":[%s]}' % (head, member.encode(), b",".join(items))
        try:
            said = await self._deliver(path, body)
        except Unreachable:
            raise
        except (InputError, StoreError) as refused:
            if len(items) == 1:
                return [refused]
            half = len(items) // 2
            first = await self.deliver(path, member, items[:half], head=head, whole=whole)
            rest = await self.deliver(path, member, items[half:], head=head, whole=whole)
            return first + rest
        if whole is not None:
            whole(said)
        return list(said.results)

    async def _deliver(self, path: str, body: bytes) -> AllSaid:
        back_off = BackOff()
        while True:
            answer = await self._send(path, body)
            if answer is not None and (_is_bug(answer) or not _is_later(answer)):
                calls.check(answer)
                return read_said(answer.content)
            await asyncio.sleep(back_off.next_seconds())

    async def _send(self, path: str, body: bytes) -> Received | None:
        """Return what comes back, or nothing; say once that the server is away, and once that it
        is back.
        """
        answer = await self._request("POST", path, data=body)
        if answer is not None:
            is_away = _is_later(answer) and answer.status_code != 429
            self._note(f"status {answer.status_code}" if is_away else None)
        return answer

    async def _request(self, method: str, path: str, **more: Any) -> Received | None:
        """Return the answer to a request, or nothing when there is none."""
        session = self._session
        if session is None:
            session = self._session = self._begin()
        try:
            async with session.request(
                method, self._base + path, allow_redirects=False, **more
            ) as answer:
                content = await answer.read()
                return Received(answer.status, answer.headers, content, str(answer.url))
        except (aiohttp.ClientError, TimeoutError) as error:
            self._note(f"{type(error).__name__}: {error}")
            return None

    def _begin(self) -> aiohttp.ClientSession:
        """Return a session of the running loop."""
        return aiohttp.ClientSession(
            headers=self._headers,
            timeout=_TIMES,
            connector=aiohttp.TCPConnector(limit=_CONNECTIONS_MAX),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=self._trusts_environment,
        )

    def _note(self, reason: str | None) -> None:
        if reason is not None and not self._is_away:
            log.warning("server does not answer", reason=reason)
        elif reason is None and self._is_away:
            log.warning("server answers again")
        self._is_away = reason is not None


def _is_later(answer: Received) -> bool:
    """Tell whether the same request may be answered later: a server, or a proxy before it,
    fails.
    """
    return answer.status_code in LATER_STATUSES or answer.status_code >= 500


def _is_bug(answer: Received) -> bool:
    """Tell whether the server met a bug, which the same request would meet again."""
    kind = answer.headers.get("content-type", "")
    return answer.status_code == 500 and kind.startswith(calls.PROBLEM)
