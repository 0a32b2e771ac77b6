"""One HTTP request to another engine, and what its answer means.

An answer is used, refused for good (`Refused`), or to be asked for again: `Away`, or `RetryAfter`
when the engine says how long to wait. Nothing is sent again here; the retries of the step are the
only ones.
"""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import httpx

from tenuto.elsewhere.errors import Away, Refused
from tenuto.errors import InputError
from tenuto.worker.handlers import RetryAfter
from tenuto.workflows.context import step_context

Auth = httpx.Auth | tuple[str, str] | str | None

SECONDS: Final = 30.0
RETRY_AFTER_MAX: Final = 3_600.0
REASON_LENGTH_MAX: Final = 500
_BUSY: Final = frozenset({408, 425, 429})
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class Answer(NamedTuple):
    """What came back: the status, and the body as data."""

    status: int
    body: Any


class Bearer(httpx.Auth):
    """A token in each request."""

    def __init__(self, token: str) -> None:
        """Keep the token in memory alone; no journal gets it."""
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Any:
        """Put the token into a request."""
        request.headers["authorization"] = f"Bearer {self._token}"
        yield request


class Door:
    """The HTTP API of another engine."""

    def __init__(
        self,
        engine: str,
        url: str,
        auth: Auth = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Speak to `engine` at `url`. `auth` is a token, a user and password, or `httpx.Auth`."""
        parsed = httpx.URL(url)
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise InputError(f"expected the URL of {engine}, such as https://host/, got {url!r}")
        self.engine = engine
        self.url = url.rstrip("/")
        self._auth = Bearer(auth) if isinstance(auth, str) else auth
        self._headers = dict(headers or {})
        self._is_near = parsed.host in _LOOPBACK

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        """Return the certificates that are trusted; read once, for that takes its time."""
        return httpx.create_ssl_context()

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, Any] | None = None,
        expected: tuple[int, ...] = (),
        seconds: float = SECONDS,
    ) -> Answer:
        """Return the answer when it is a success or a status that is `expected`.

        Raises `Away`, `RetryAfter` or `Refused` for any other.
        """
        client = httpx.AsyncClient(
            auth=self._auth,
            headers=self._headers,
            timeout=seconds,
            verify=self._trust if self.url.startswith("https:") else False,
            trust_env=not self._is_near,
        )
        sent = {} if body is None else {"json": body}
        try:
            async with client:
                response = await client.request(
                    method, f"{self.url}{path}", params=dict(query or {}), **sent
                )
        except httpx.RequestError as error:
            kind = type(error).__name__
            raise Away(
                f"expected an answer of {self.engine} at {self.url}, got none: {kind} {error}"
            ) from error
        return self._read(method, path, response, expected)

    def _read(
        self, method: str, path: str, response: httpx.Response, expected: tuple[int, ...]
    ) -> Answer:
        status = response.status_code
        if not response.is_success and status not in expected:
            reason = reason_of(response)
            if status in _BUSY or status >= 500:
                wait = _seconds_asked(response)
                if wait is not None:
                    raise RetryAfter(wait, f"{self.engine} answered {status}: {reason}")
                raise Away(f"expected {self.engine} to answer, but it said {status}: {reason}")
            raise Refused(self.engine, status, f"{method} {self.url}{path}", reason)
        try:
            return Answer(status, response.json() if response.content else None)
        except ValueError as error:
            if not response.is_success:
                return Answer(status, None)
            raise Away(
                f"expected JSON from {self.engine} at {self.url}{path}, got {response.text[:100]!r}"
            ) from error


def reason_of(response: httpx.Response) -> str:
    """Return why a request was refused, in the words of the engine."""
    try:
        body = response.json()
    except ValueError:
        return response.text[:REASON_LENGTH_MAX].strip()
    if isinstance(body, Mapping):
        for name in ("message", "detail", "title"):
            if body.get(name):
                return str(body[name])[:REASON_LENGTH_MAX]
    return str(body)[:REASON_LENGTH_MAX]


def _seconds_asked(response: httpx.Response) -> float | None:
    """Return how long to wait as the engine asks for it in seconds, within reason."""
    asked = response.headers.get("retry-after", "")
    return min(float(asked), RETRY_AFTER_MAX) if asked.isdigit() else None


def part(text: str) -> str:
    """Return a text as one part of a path."""
    return quote(text, safe="")


def stable_id(prefix: str) -> str:
    """Return the id under which the step at hand starts something, the same for each attempt.

    It begins with `prefix` and the key of the instance here, so that people find either from the
    other.
    """
    context = step_context()
    digest = hashlib.blake2b(context.idempotency_key.encode(), digest_size=8).hexdigest()
    return f"{prefix}-{context.instance}-{digest}"
