"""Asking a server over HTTP: each change with a key of its own, sent again while that may help.

Generated from `remote_asking.py` by `make reference`; edit that.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Final, Self, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from tenuto.client import shapes, wire
from tenuto.client.views import Page
from tenuto.client.wire import Call, pause
from tenuto.governance.tokens import mint_token

T = TypeVar("T")

PAGE: Final = 1_000


class BlockingAsking:
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
        self._http = httpx.Client(**wire.settings(url, token))

    def __enter__(self) -> Self:
        """Begin to talk."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def ask(self, method: str, path: str, body: Any = None, *, key: str | None = None) -> Any:
        """Return what a route answers, as data: one that has no method here.

        `path` is what follows `/api/v1`. What is asked twice under an idempotency key happens once.
        """
        if method == "GET":
            return self._get(path)
        answer = self._send(Call(method, path, wire.encode(body), key=key or self._key()))
        return wire.answer_of(answer, shapes.ANY)

    def parts(self, path: str, **wanted: Any) -> Iterator[dict[str, Any]]:
        """Yield what a route gives in parts, one after the other, each as data.

        `wanted` are fields of its query.
        """
        cursor: str | None = None
        while True:
            query = {**wanted, "limit": PAGE, "cursor": cursor}
            part = wire.answer_of(self._send(Call("GET", path, query=query)), shapes.ANY)
            yield part
            cursor = part["next"]
            if cursor is None:
                return

    def _key(self) -> str:
        return f"{self._name}-{next(self._numbers)}"

    def _tell(self, call: Call) -> None:
        wire.check(self._send(call))

    def _get(self, path: str) -> Any:
        return wire.answer_of(self._send(Call("GET", path)), shapes.ANY)

    def _list(
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
            answer = self._send(Call("GET", path, query=asked))
            page = wire.answer_of(answer, decoder)
            found += page.items
            cursor = page.next
            if cursor is None:
                break
        return found

    def _send(self, call: Call) -> httpx.Response:
        """Return the answer to a call, sent again while that may help and does no harm."""
        retries = wire.Retries(call, self._patience)
        while True:
            try:
                response = self._http.request(call.method, call.path, **call.arguments())
            except httpx.TransportError as error:
                wait = retries.after_loss(error)
            else:
                again = retries.after(response)
                if again is None:
                    return response
                wait = again
            pause(wait)


def part(text: str) -> str:
    """Return a text as one part of a path."""
    return quote(text, safe="")
