"""The ASGI application: host, route, caller, permission, body, answer, in this order."""

from __future__ import annotations

import asyncio
import contextlib
import re
import traceback
from collections.abc import Callable, Coroutine, Iterable, Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final
from urllib.parse import quote, urlsplit

import structlog

from tenuto.api.http import Disconnected, Message, Receive, Request, Response, Send
from tenuto.api.problems import PROBLEM_JSON, Problem, problem_of
from tenuto.api.routing import Route, Router
from tenuto.api.service import Service
from tenuto.engine import rejections as why
from tenuto.errors import TenutoError
from tenuto.runtime.clock import seconds
from tenuto.values import DEPTH_MAX

log = structlog.get_logger("tenuto.api")

SESSION_COOKIE: Final = "tenuto_session"
SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
ONCE: Final = frozenset(
    {
        "authorization",
        "content-length",
        "content-type",
        "host",
        "idempotency-key",
        "if-match",
        "last-event-id",
        "origin",
        "sec-fetch-site",
        "transfer-encoding",
    }
)
_HOST: Final = re.compile(
    r"(?:\[(?P<six>[0-9a-f:.]+)\]|(?P<name>[a-z0-9.-]+))(?::[0-9]{1,5})?",
    re.ASCII | re.IGNORECASE,
)
LOGIN_PATH: Final = "/login"
COMMON_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
)
NO_STORE: Final = (b"cache-control", b"no-store")
TOO_DEEP: Final = (
    f"expected values of at most {DEPTH_MAX} levels, but what came nests too deeply to be read"
)
CLOSED: Final = ((b"connection", b"close"),)
LEFT_BYTES_MAX: Final = 64 * 1024
SEND_SECONDS_MAX: Final = 30.0

Background = Callable[[], Coroutine[Any, Any, None]]
PageProblem = Callable[[Problem], Response]


class App:
    """Answers HTTP requests for a service."""

    def __init__(
        self,
        service: Service,
        routes: Iterable[Route],
        *,
        hosts: frozenset[str],
        page_problem: PageProblem | None = None,
    ) -> None:
        """Serve routes under the host names of `hosts`, whatever the port."""
        self.service = service
        self.router = Router(routes)
        self._hosts = frozenset(name.lower() for name in hosts)
        self._page_problem = page_problem
        self._observe = service.metrics.observe
        self.background: list[Background] = [service.sender.run]

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request, or the start and end of the server."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    def begin_to_stop(self) -> None:
        """End what waits or goes on for long: the server is to stop."""
        self.service.begin_to_stop()

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        """Let what works beside the requests live as long as the server."""
        tasks: list[asyncio.Task[None]] = []
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                tasks = [asyncio.create_task(begin()) for begin in self.background]
            else:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return

    async def _http(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        began = seconds()
        route: Route | None = None
        request: Request | None = None
        try:
            headers = _headers(scope)
            self._check_host(headers)
            match = self.router.match(scope["method"], _raw_path(scope))
            route = match.route
            request = Request(scope, receive, headers, match.params, None)
            request.body_limit = route.body_limit
            request.principal = self._caller(request, route)
            response = await route.endpoint(self.service, request)
        except Disconnected:
            return
        except TenutoError as error:
            response = self._refusal(problem_of(error), route, scope)
        except RecursionError:
            response = self._refusal(Problem(why.INVALID_VALUE, TOO_DEEP), route, scope)
        # The edge: a bug is logged whole and told as nothing but that it is one.
        except Exception as error:  # noqa: BLE001
            log.error("request failed", reason="".join(traceback.format_exception(error)))
            response = self._refusal(problem_of(TenutoError(str(error))), route, scope)
        more = CLOSED if _leaves_much(scope, request) else ()
        try:
            await _send(response, more, send)
        except TimeoutError:
            log.warning("client takes nothing", route=route.name if route else "none")
        finally:
            if request is not None:
                request.forget()
        self._observe(route.name if route else "none", response.status, seconds() - began)

    # --- who calls, and from where

    def _check_host(self, headers: Mapping[str, str]) -> None:
        host = headers.get("host", "")
        found = _HOST.fullmatch(host)
        name = "" if found is None else (found["six"] or found["name"]).lower()
        if name not in self._hosts:
            raise Problem(
                "wrong-host",
                f"expected the host to be one of {', '.join(sorted(self._hosts))}, got "
                f"`{host[:100]}`: start the server with --host-name for another",
            )

    def _caller(self, request: Request, route: Route) -> Any:
        """Return who calls; deny whoever may not call this route."""
        scheme, _, text = request.headers.get("authorization", "").partition(" ")
        session = ""
        if scheme.lower() == "bearer":
            session = text.strip()
        elif not scheme:
            session = _cookie(request.headers.get("cookie", ""))
        if request.method not in SAFE_METHODS:
            _check_origin(request.headers)
        request.credential = session
        principal = self.service.principal(session) if session else None
        if route.is_public:
            return principal
        if principal is None:
            raise Problem(
                "unauthenticated",
                "expected a token that is valid in `Authorization: Bearer`, got "
                f"{'one that is not' if session else 'none'}",
            )
        assert route.permission is not None, "a route is public or asks for a permission"
        if not principal.may(route.permission):
            raise Problem(
                "forbidden",
                f"expected the permission `{route.permission}`, which the roles of "
                f"`{principal.name}` ({', '.join(principal.roles)}) do not give",
            )
        return principal

    def _refusal(self, problem: Problem, route: Route | None, scope: Mapping[str, Any]) -> Response:
        if route is not None and route.is_page:
            if problem.status == 401:
                target = quote(_page_of(scope), safe="/%")
                return Response(303, b"", "", (("location", f"{LOGIN_PATH}?next={target}"),))
            if self._page_problem is not None:
                return self._page_problem(problem)
        headers = problem.headers
        if "allow" in problem.more:
            headers = (*headers, ("allow", problem.more["allow"]))
        return Response(problem.status, problem.document(), PROBLEM_JSON, headers)


def _check_origin(headers: Mapping[str, str]) -> None:
    """Refuse what another site makes a browser send."""
    origin = headers.get("origin")
    site = headers.get("sec-fetch-site", "none")
    if origin is not None and origin.partition("://")[2].lower() != headers["host"].lower():
        raise Problem(
            "wrong-origin", f"expected a request of this site, got one of `{origin[:100]}`"
        )
    if site not in {"none", "same-origin"}:
        raise Problem("wrong-origin", f"expected a request of this site, got a {site[:20]} one")


def _headers(scope: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers by their names in lower case.

    One that decides something comes once: whoever is between a caller and this server may have
    looked at the other one. The values of any other are joined (RFC 9110 §5.3).
    """
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        if name not in headers:
            headers[name] = value
        elif name in ONCE:
            raise Problem("invalid-header", f"expected the header `{name}` once, got it twice")
        else:
            headers[name] += f"{'; ' if name == 'cookie' else ', '}{value}"
    return headers


def _page_of(scope: Mapping[str, Any]) -> str:
    """Return the page to come back to: the one that was asked for, or the one with the form."""
    if scope["method"] in SAFE_METHODS:
        return _raw_path(scope)
    referer = _headers(scope).get("referer", "")
    return urlsplit(referer).path or "/"


def _raw_path(scope: Mapping[str, Any]) -> str:
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    return raw.partition(b"?")[0].decode("latin-1")


def _cookie(header: str) -> str:
    if SESSION_COOKIE not in header:
        return ""
    try:
        found = SimpleCookie(header).get(SESSION_COOKIE)
    except CookieError:
        return ""
    return found.value if found is not None else ""


def _leaves_much(scope: Mapping[str, Any], request: Request | None) -> bool:
    """Tell whether so much of a body may come after the answer that it is better not awaited."""
    if request is not None and request.is_whole:
        return False
    headers = dict(scope["headers"])
    length = headers.get(b"content-length", b"0")
    return b"transfer-encoding" in headers or not length.isdigit() or int(length) > LEFT_BYTES_MAX


async def refuse(problem: Problem, send: Send) -> None:
    """Send a problem as a document."""
    await _send(Response(problem.status, problem.document(), PROBLEM_JSON), CLOSED, send)


async def _send(response: Response, more: Iterable[tuple[bytes, bytes]], send: Send) -> None:
    """Send a response. Raises `TimeoutError` when the client takes none of it for long."""
    headers = [*COMMON_HEADERS, *more]
    names = {name for name, _ in response.headers}
    if "cache-control" not in names:
        headers.append(NO_STORE)
    if response.content_type:
        headers.append((b"content-type", response.content_type.encode()))
    if response.stream is None:
        headers.append((b"content-length", str(len(response.content)).encode()))
    headers += [(name.encode(), value.encode("latin-1")) for name, value in response.headers]
    start: Message = {"type": "http.response.start", "status": response.status, "headers": headers}
    await send(start)
    if response.stream is None and len(response.content) <= LEFT_BYTES_MAX:
        await send({"type": "http.response.body", "body": response.content})
        return
    # What is larger than a socket's buffer waits for the client to take it.
    if response.stream is not None:
        async with contextlib.aclosing(response.stream) as parts:
            async for part in parts:
                message = {"type": "http.response.body", "body": part, "more_body": True}
                await _send_part(message, send)
    await _send_part({"type": "http.response.body", "body": response.content}, send)


async def _send_part(part: Message, send: Send) -> None:
    async with asyncio.timeout(SEND_SECONDS_MAX):
        await send(part)
