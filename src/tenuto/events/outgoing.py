"""Outgoing HTTP that cannot be led astray.

A name is resolved once, every address that it has is checked, and the connection goes to the
address that was checked: a name that changes its mind in between leads nowhere. Redirects are not
followed.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import urlsplit

import httpx

from tenuto.errors import InputError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[list[str]]]

TIMEOUT_SECONDS: Final = 15.0
URL_LENGTH_MAX: Final = 2_048
# Cloud metadata services, and the carrier-grade range that reaches some of them.
_FORBIDDEN: Final = tuple(
    ipaddress.ip_network(text) for text in ("169.254.0.0/16", "100.64.0.0/10", "fd00:ec2::/32")
)


class AddressRefused(InputError):
    """A URL leads to an address that may not be asked."""


async def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host name. Raises `OSError`."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def check_url(url: str) -> None:
    """Refuse a URL that is no http or https URL of a host. Raises `InputError`."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InputError(f"expected a URL, got `{url[:200]}`: {error}") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        raise InputError(f"expected an http or https URL with a host, got `{url[:200]}`")
    if parts.username or parts.password:
        raise InputError("expected a URL without a user name and password")
    if len(url) > URL_LENGTH_MAX:
        raise InputError(f"expected a URL of at most {URL_LENGTH_MAX} characters")


def check_address(text: str, *, allow_private: bool) -> None:
    """Refuse an address that is not public. Raises `AddressRefused`.

    Link-local and metadata addresses are refused even where private ones are allowed.
    """
    address: Address = ipaddress.ip_address(text.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped if mapped is not None else address
    is_local = address.is_link_local or any(address in network for network in _FORBIDDEN)
    is_odd = address.is_multicast or address.is_unspecified
    is_private = not address.is_global
    if is_local or is_odd or (is_private and not allow_private):
        raise AddressRefused(
            f"expected a public address, got {address}: an administrator may allow private ones"
        )


class GuardedTransport(httpx.AsyncBaseTransport):
    """Connects to the address that was checked, and no other."""

    def __init__(
        self,
        *,
        allow_private: bool = False,
        resolve: Resolve = resolve,
        inner: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Let private addresses be asked only if they are allowed."""
        self._allow_private = allow_private
        self._resolve = resolve
        self._inner = inner or httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request to a checked address of its host. Raises `AddressRefused`."""
        check_url(str(request.url))
        host = request.url.host
        port = request.url.port or (443 if request.url.scheme == "https" else 80)
        addresses = await self._resolve(host, port)
        for address in addresses:
            check_address(address, allow_private=self._allow_private)
        if not addresses:
            raise httpx.ConnectError(f"{host} has no address", request=request)
        pinned = request.url.copy_with(host=addresses[0])
        extensions = {**request.extensions, "sni_hostname": host}
        return await self._inner.handle_async_request(
            httpx.Request(
                request.method,
                pinned,
                headers=request.headers,
                stream=request.stream,
                extensions=extensions,
            )
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


def guarded_client(*, allow_private: bool = False) -> httpx.AsyncClient:
    """Return a client for URLs that others gave."""
    return httpx.AsyncClient(
        transport=GuardedTransport(allow_private=allow_private),
        timeout=TIMEOUT_SECONDS,
        follow_redirects=False,
        trust_env=False,
    )
