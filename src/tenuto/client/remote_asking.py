"""Asking a server over HTTP: each change with a key of its own, sent again while that may help.

`blocking_asking.py` is made from this file (`python -m tidy.blocking`).
"""

from __future__ import annotations

import itertools
from asyncio import sleep as pause
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Any, Final, Self, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from tenuto.client import shapes, wire
from tenuto.client.views import Page
from tenuto.client.wire import Call
from tenuto.governance.tokens import mint_token

T = TypeVar("T")

PAGE: Final = 1_000


class RemoteAsking:
    """The connections to a server."""

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        patience_seconds: float = wire.PATIENCE_SECONDS,
    ) -> None:
        """Ask the server at `url` in the name of `token`.

        What meets a busy, restarting or unreachable server is tried again for `patience_seconds`.
        Raises `InputError` for a URL that cannot be used.
        """
        self.url = url.rstrip("/")
        self._patience = patience_seconds
        self._name = mint_token().id
        self._numbers = itertools.count(1)
        self._http = httpx.AsyncClient(**wire.settings(url, token))

    async def __aenter__(self) -> Self:
        """Begin to talk."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connections."""
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def ask(self, method: str, path: str, body: Any = None, *, key: str | None = None) -> Any:
        """Return what a route answers, as data: one that has no method here.

        `path` is what follows `/api/v1`. What is asked twice under an idempotency key happens once.
        """
        if method == "GET":
            return await self._get(path)
        answer = await self._send(Call(method, path, wire.encode(body), key=key or self._key()))
        return wire.answer_of(answer, shapes.ANY)

    async def parts(self, path: str, **wanted: Any) -> AsyncIterator[dict[str, Any]]:
        """Yield what a route gives in parts, one after the other, each as data.

        `wanted` are fields of its query.
        """
        cursor: str | None = None
        while True:
            query = {**wanted, "limit": PAGE, "cursor": cursor}
            part = wire.answer_of(await self._send(Call("GET", path, query=query)), shapes.ANY)
            yield part
            cursor = part["next"]
            if cursor is None:
                return

    def _key(self) -> str:
        return f"{self._name}-{next(self._numbers)}"

    async def _tell(self, call: Call) -> None:
        wire.check(await self._send(call))

    async def _get(self, path: str) -> Any:
        return wire.answer_of(await self._send(Call("GET", path)), shapes.ANY)

    async def _list(
        self,
        path: str,
        query: Mapping[str, Any],
        limit: int,
        decoder: msgspec.json.Decoder[Page[T]],
    ) -> list[T]:
        """Return at most `limit` items of a list, page by page."""
        found: list[T] = []
        cursor: str | None = None
        while len(found) < limit:
            asked = {**query, "limit": min(limit - len(found), PAGE), "cursor": cursor}
            answer = await self._send(Call("GET", path, query=asked))
            page = wire.answer_of(answer, decoder)
            found += page.items
            cursor = page.next
            if cursor is None:
                break
        return found

    async def _send(self, call: Call) -> httpx.Response:
        """Return the answer to a call, sent again while that may help and does no harm."""
        retries = wire.Retries(call, self._patience)
        while True:
            try:
                response = await self._http.request(call.method, call.path, **call.arguments())
            except httpx.TransportError as error:
                wait = retries.after_loss(error)
            else:
                again = retries.after(response)
                if again is None:
                    return response
                wait = again
            await pause(wait)


def part(text: str) -> str:
    """Return a text as one part of a path."""
    return quote(text, safe="")
