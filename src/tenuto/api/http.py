"""A request and a response of HTTP, as the routes see them."""

from __future__ import annotations

import asyncio
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Coroutine,
    Hashable,
    Mapping,
    MutableMapping,
)
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct

from tenuto.api.problems import Problem
from tenuto.engine import rejections as why

if TYPE_CHECKING:
    from tenuto.governance.permits import Principal

T = TypeVar("T")
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

IDEMPOTENCY_KEY: Final = "idempotency-key"
JSON: Final = "application/json"
HTML: Final = "text/html; charset=utf-8"
BODY_SECONDS_MAX: Final = 30.0
QUERY_FIELDS_MAX: Final = 100


class Request:
    """One request: its route has been matched, its caller is known."""

    __slots__ = (
        "_receive",
        "_scope",
        "_watch",
        "body_limit",
        "credential",
        "headers",
        "is_whole",
        "params",
        "principal",
    )

    def __init__(
        self,
        scope: Mapping[str, Any],
        receive: Receive,
        headers: Mapping[str, str],
        params: Mapping[str, str],
        principal: Principal | None,
    ) -> None:
        """Hold what came; the body is read when it is asked for."""
        self._scope = scope
        self._receive = receive
        self.headers = headers
        self.params = params
        self.principal = principal
        self.credential = ""
        self.body_limit = 0
        self.is_whole = False
        self._watch: asyncio.Task[None] | None = None

    @property
    def method(self) -> str:
        """Return the method in capitals."""
        return str(self._scope["method"])

    @property
    def path(self) -> str:
        """Return the decoded path."""
        return str(self._scope["path"])

    @property
    def base_url(self) -> str:
        """Return under which scheme and host this server was asked."""
        return f"{'https' if self.is_https else 'http'}://{self.headers['host']}"

    @property
    def is_https(self) -> bool:
        """Tell whether the browser asked by https, as far as we are told.

        A proxy that ends TLS says so in `X-Forwarded-Proto`, and the browser in `Origin`. Whoever
        lies here spoils only a session of their own.
        """
        proto = self.headers.get("x-forwarded-proto", "").partition(",")[0].strip().lower()
        origin = self.headers.get("origin", "").lower()
        scheme = self._scope.get("scheme", "http")
        return scheme == "https" or proto == "https" or origin.startswith("https://")

    @property
    def caller(self) -> Principal:
        """Return who calls a route that is not public."""
        assert self.principal is not None, "only public routes are called by nobody"
        return self.principal

    def query(self, kind: type[T]) -> T:
        """Return the query as a struct. Raises `Problem` for what it does not know."""
        text = self._scope.get("query_string", b"").decode("latin-1")
        try:
            pairs = parse_qsl(
                text, keep_blank_values=True, errors="strict", max_num_fields=QUERY_FIELDS_MAX
            )
        except ValueError as error:
            raise Problem("invalid-query", f"expected a query of UTF-8 fields: {error}") from None
        found: dict[str, Any] = {}
        lists: frozenset[str] = _list_fields(cast(Hashable, kind))
        for name, value in pairs:
            if name in lists:
                found.setdefault(name, []).append(value)
            elif name in found:
                raise Problem("invalid-query", f"expected `{name}` once in the query, got it twice")
            else:
                found[name] = value
        try:
            return msgspec.convert(found, kind, strict=False)
        except msgspec.ValidationError as error:
            raise Problem("invalid-query", f"the query cannot be used: {error}") from None

    async def body(self) -> bytes:
        """Return the body.

        Raises `Problem` when it is longer than the route takes or does not come in time.
        """
        declared = self.headers.get("content-length", "")
        if declared.isdigit() and int(declared) > self.body_limit:
            raise self._too_large()
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(BODY_SECONDS_MAX):
                while True:
                    message = await self._receive()
                    if message["type"] == "http.disconnect":
                        raise Disconnected
                    part = message.get("body", b"")
                    size += len(part)
                    if size > self.body_limit:
                        raise self._too_large()
                    parts.append(part)
                    if not message.get("more_body"):
                        break
        except TimeoutError:
            raise Problem(
                "body-too-slow", f"expected the whole body within {BODY_SECONDS_MAX:.0f} seconds"
            ) from None
        self.is_whole = True
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def json(self, kind: type[T]) -> T:
        """Return the JSON body as `kind`; numbers with a fraction become exact decimals."""
        self.expect_type(JSON)
        data = await self.body()
        try:
            decoded: T = _decoder(cast(Hashable, kind)).decode(data or b"{}")
        except msgspec.ValidationError as error:
            raise Problem("invalid-body", f"the body cannot be used: {error}") from None
        except (msgspec.DecodeError, ArithmeticError, ValueError, RecursionError) as error:
            raise Problem(
                "invalid-json", f"expected JSON, but it does not parse: {error}"
            ) from None
        return decoded

    def expect_type(self, *kinds: str) -> str:
        """Return the media type of the body. Raises `Problem` for any other than `kinds`."""
        given = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if given not in kinds:
            raise Problem(
                "unsupported-media-type",
                f"expected a body of {' or '.join(kinds)}, got `{given[:60] or 'none'}`",
            )
        return given

    @property
    def idempotency_key(self) -> str | None:
        """Return under which key the answer is kept, if the caller gave one."""
        return self.headers.get(IDEMPOTENCY_KEY)

    async def while_here(self, work: Coroutine[Any, Any, T], stopping: asyncio.Event) -> T:
        """Return the result of work that is cancelled when the client goes or the server stops.

        Raises `Disconnected` or `Problem` (stopping) then.
        """
        task = asyncio.ensure_future(work)
        gone = asyncio.ensure_future(self._disconnected())
        stopped = asyncio.ensure_future(stopping.wait())
        try:
            await asyncio.wait({task, gone, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            if gone.done():
                raise Disconnected
            raise Problem(why.STOPPING, "expected the server to go on, but it is being stopped")
        finally:
            for one in (task, gone, stopped):
                one.cancel()

    def when_gone(self, action: Callable[[], None]) -> None:
        """Do something when the client goes while it is answered."""

        def act(task: asyncio.Task[None]) -> None:
            if not task.cancelled():
                action()

        self._watch = asyncio.create_task(self._disconnected())
        self._watch.add_done_callback(act)

    def forget(self) -> None:
        """The request has been answered."""
        if self._watch is not None:
            self._watch.cancel()

    async def _disconnected(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    def _too_large(self) -> Problem:
        return Problem("body-too-large", f"expected a body of at most {self.body_limit} bytes")


class Disconnected(Exception):  # a fact, not an error: there is nobody to tell
    """The client has gone before its request was whole."""


class Response(Struct):
    """What goes back. A stream is sent part by part as it comes."""

    status: int = 200
    content: bytes = b""
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()
    stream: AsyncGenerator[bytes, None] | None = None


_encode = msgspec.json.Encoder(decimal_format="number").encode


def json_response(
    data: Any, status: int = 200, headers: tuple[tuple[str, str], ...] = ()
) -> Response:
    """Return data as JSON; decimals are numbers, exact."""
    return Response(status, _encode(data), JSON, headers)


def empty_response(status: int = 204) -> Response:
    """Return a response without a body."""
    return Response(status, b"", "")


@cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind, float_hook=Decimal)


@cache
def _list_fields(kind: Any) -> frozenset[str]:
    """Return the names of the fields that may come more than once."""
    fields = msgspec.structs.fields(kind) if issubclass(kind, Struct) else ()
    kinds = {field.encode_name: msgspec.inspect.type_info(field.type) for field in fields}
    lists = (msgspec.inspect.ListType, msgspec.inspect.VarTupleType)
    return frozenset(name for name, info in kinds.items() if isinstance(info, lists))
