"""The server's socket: uvicorn with bounds on how long a client may take."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from typing import Any, Final, Protocol

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tenuto.errors import InputError

HEADER_SECONDS_MAX: Final = 10.0
HEADER_BYTES_MAX: Final = 64 * 1024
KEEP_ALIVE_SECONDS: Final = 60
GRACE_SECONDS: Final = 5
CONNECTIONS_MAX: Final = 4_096
LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class PatientProtocol(HttpToolsProtocol):
    """HTTP/1.1, patient with a client for ten seconds or 64 KiB of headers and no longer."""

    _hurry: asyncio.TimerHandle | None = None
    _is_in_headers = False
    _header_bytes = 0

    def connection_made(self, transport: Any) -> None:
        """Wait for the first request no longer than for the headers of one."""
        super().connection_made(transport)
        self._begin_to_hurry()

    def data_received(self, data: bytes) -> None:
        """Wait for the end of the headers from their first byte on, blank lines before included."""
        if self.cycle is None or self.cycle.response_complete:
            self._begin_to_hurry()
        super().data_received(data)
        if self._is_in_headers:
            self._header_bytes += len(data)
            if self._header_bytes > HEADER_BYTES_MAX:
                self._give_up()

    def on_message_begin(self) -> None:
        """A request begins, perhaps while the one before is still answered."""
        super().on_message_begin()
        self._is_in_headers = True
        self._begin_to_hurry()

    def on_headers_complete(self) -> None:
        """The headers are whole."""
        self._calm()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._calm()
        super().connection_lost(exc)

    def _begin_to_hurry(self) -> None:
        if self._hurry is None:
            self._hurry = self.loop.call_later(HEADER_SECONDS_MAX, self._give_up)

    def _calm(self) -> None:
        self._is_in_headers = False
        self._header_bytes = 0
        if self._hurry is not None:
            self._hurry.cancel()
            self._hurry = None

    def _give_up(self) -> None:
        self._calm()
        self.transport.close()


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that is bound and listens. Raises `InputError` when it cannot be."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise InputError(
            f"expected to listen on {host} port {port}: {error.strerror}; name another by --port"
        ) from error
    bound.listen(2048)
    return bound


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches an address."""
    if host in LOOPBACK_NAMES:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Stoppable(Protocol):
    """An ASGI application that is told before its server stops."""

    def begin_to_stop(self) -> None:
        """End what waits or goes on for long."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request, or the start and end of the server."""


class Server(uvicorn.Server):
    """Ends what waits and what streams before it waits for the connections to end."""

    def __init__(self, config: uvicorn.Config, app: Stoppable) -> None:
        """Serve an application."""
        super().__init__(config)
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop; a request at work has the time to end."""
        self._app.begin_to_stop()
        await super().shutdown(sockets)


def make_server(app: Stoppable) -> Server:
    """Return a server for an application; it stops when its `should_exit` is set."""
    config = uvicorn.Config(
        app,
        http=PatientProtocol,
        ws="none",
        loop="uvloop",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        limit_concurrency=CONNECTIONS_MAX,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    return Server(config, app)
