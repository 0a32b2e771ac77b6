"""Coming in and going out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from tenuto.api.http import Request, Response
from tenuto.api.routes.sessions import no_session_cookie, session_cookie
from tenuto.console.asking import form
from tenuto.console.rendering import render
from tenuto.engine.settings import SESSION

if TYPE_CHECKING:
    from tenuto.api.service import Service


class Login(Struct):
    """What a login link holds, and where to go afterwards."""

    code: str = ""
    next: str = "/"


async def show_login(service: Service, request: Request) -> Response:
    """Ask whether this browser shall be let in; looking at a link does not use it up."""
    given = request.query(Login)
    return render("login.html", service, request, code=given.code, next=local_path(given.next))


async def log_in(service: Service, request: Request) -> Response:
    """Let this browser in, once for each link."""
    caller, request.principal = request.principal, None
    fields = await form(service, request)
    request.principal = caller
    token = await service.open_session(fields.get("code", ""))
    target = local_path(fields.get("next", "/"))
    if token is None:
        return render("login.html", service, request, 401, code="", next=target, is_late=True)
    return see(target, session_cookie(request, token))


async def log_out(service: Service, request: Request) -> Response:
    """End the session of this browser."""
    await form(service, request)
    id = request.caller.token
    token = service.node.world.tokens.get(id)
    if token is not None and token.kind == SESSION:
        await service.client_of(request.caller).revoke_token(id)
    return see("/login", no_session_cookie(request))


def see(path: str, *headers: tuple[str, str]) -> Response:
    """Send the browser to another page of ours."""
    return Response(303, b"", "", (("location", path), *headers))


def local_path(text: str) -> str:
    """Return a path of this site; anything else becomes the first page.

    >>> local_path("/tasks?x=1"), local_path("//evil.example"), local_path("https://evil.example")
    ('/tasks?x=1', '/', '/')
    """
    is_local = text.startswith("/") and not text.startswith(("//", "/\\"))
    has_control = any(character < " " for character in text)
    return text if is_local and not has_control and len(text) <= 2_000 else "/"
