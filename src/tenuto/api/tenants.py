"""The door of many tenants: each is an application of its own, and only its name leads to it.

A browser comes to `http://NAME.HOST`, so that cookies, storage and scripts of two tenants are of
two sites; a program may come to `http://HOST/t/NAME/api/v1/…` too, where names below the host do
not resolve. What follows is the application's: its host check, its tokens, its routes.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, Final

from tenuto.api.app import App, refuse
from tenuto.api.http import Message, Receive, Send
from tenuto.api.problems import Problem
from tenuto.api.server import is_loopback

NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_PREFIXED: Final = re.compile(r"/t/([^/]+)(/api/.*)", re.ASCII)


class Tenants:
    """Answers HTTP requests for many applications; `keep` runs beside for as long."""

    def __init__(self, hosts: Iterable[str], keep: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Serve nobody yet, below these names of the host."""
        self.hosts = frozenset(name.lower() for name in hosts)
        self._keep = keep
        self._apps: dict[str, App] = {}
        self._refused: dict[str, Problem] = {}
        self._beside: dict[str, list[asyncio.Task[None]]] = {}
        self._is_alive = False

    def names_of(self, tenant: str) -> frozenset[str]:
        """Return the names of the host that lead to a tenant's application."""
        own = {f"{tenant}.{host}" for host in self.hosts if host == "localhost" or _has_name(host)}
        return frozenset(own) | self.hosts

    def admit(self, tenant: str, app: App) -> None:
        """Serve a tenant from now on."""
        self._refused.pop(tenant, None)
        self._apps[tenant] = app
        if self._is_alive:
            self._begin(tenant)

    async def dismiss(self, tenant: str, reason: Problem | None) -> None:
        """Serve a tenant no more; its requests get the reason, or that there is none."""
        app = self._apps.pop(tenant, None)
        self.refuse(tenant, reason)
        if app is not None:
            app.begin_to_stop()
            await self._end(tenant)

    def refuse(self, tenant: str, reason: Problem | None) -> None:
        """Let the requests of a tenant that is not served get a reason."""
        if reason is None:
            self._refused.pop(tenant, None)
        else:
            self._refused[tenant] = reason

    def begin_to_stop(self) -> None:
        """End what waits or goes on for long: the server is to stop."""
        for app in self._apps.values():
            app.begin_to_stop()

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request, or the start and end of the server."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        try:
            app, scope, prefix = self._led(scope)
        except Problem as problem:
            await refuse(problem, send)
            return
        await app(scope, receive, _below(prefix, send) if prefix else send)

    def _led(self, scope: Mapping[str, Any]) -> tuple[App, Mapping[str, Any], str]:
        """Return the application that a request is for, and the request as it sees it."""
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1").lower()
        name = re.sub(r":[0-9]{1,5}\Z", "", host)
        tenant, _, parent = name.partition(".")
        if name not in self.hosts and parent in self.hosts:
            return self._app(tenant), scope, ""
        raw: bytes = scope.get("raw_path") or scope["path"].encode()
        found = _PREFIXED.fullmatch(raw.partition(b"?")[0].decode("latin-1"))
        if found is None or name.strip("[]") not in self.hosts:
            raise _nowhere(self.hosts)
        tenant, path = found.groups()
        changed = {**scope, "path": path, "raw_path": path.encode("latin-1")}
        return self._app(tenant), changed, f"/t/{tenant}"

    def _app(self, tenant: str) -> App:
        app = self._apps.get(tenant)
        if app is None:
            raise self._refused.get(tenant) or _nowhere(self.hosts)
        return app

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        keeping: asyncio.Task[None] | None = None
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._is_alive = True
                for tenant in self._apps:
                    self._begin(tenant)
                keeping = asyncio.create_task(self._keep())
            else:
                self._is_alive = False
                if keeping is not None:
                    keeping.cancel()
                    await asyncio.gather(keeping, return_exceptions=True)
                for tenant in list(self._beside):
                    await self._end(tenant)
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return

    def _begin(self, tenant: str) -> None:
        background = self._apps[tenant].background
        self._beside[tenant] = [asyncio.create_task(begin()) for begin in background]

    async def _end(self, tenant: str) -> None:
        tasks = self._beside.pop(tenant, [])
        for task in tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)


def _has_name(host: str) -> bool:
    return not is_loopback(host) and not re.fullmatch(r"[0-9.]+|.*:.*", host)


def _nowhere(hosts: frozenset[str]) -> Problem:
    shown = min((host for host in hosts if host == "localhost" or _has_name(host)), default="HOST")
    return Problem(
        "no-such-route",
        f"expected a tenant: its page at http://NAME.{shown}, its API at /t/NAME/api/v1 here",
    )


def _below(prefix: str, send: Send) -> Send:
    """Return how an answer is sent to a caller who came below a prefix."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [
                (name, prefix.encode() + value if name == b"location" else value)
                for name, value in message["headers"]
            ]
            message = {**message, "headers": headers}
        await send(message)

    return sent
