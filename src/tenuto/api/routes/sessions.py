"""Sessions of browsers: a one-time link opens one, logging out ends it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from tenuto.api.app import SESSION_COOKIE
from tenuto.api.http import Request, Response, json_response
from tenuto.api.problems import Problem
from tenuto.api.routing import Route
from tenuto.api.service import SESSION_MS
from tenuto.governance.permits import Permission

if TYPE_CHECKING:
    from tenuto.api.service import Service

COOKIE_ATTRIBUTES: Final = "Path=/; HttpOnly; SameSite=Lax"


class LoginCode(Struct, forbid_unknown_fields=True):
    """The code of a one-time link."""

    code: str


class Caller(Struct):
    """Whom a token or a session stands for."""

    name: str
    roles: tuple[str, ...]
    groups: tuple[str, ...]
    permissions: list[str]


async def log_in(service: Service, request: Request) -> Response:
    """Use up a one-time code; the session comes as a cookie."""
    given = await request.json(LoginCode)
    token = await service.open_session(given.code)
    if token is None:
        raise Problem(
            "unauthenticated",
            "expected a login code that is new and unused; restart the server or run "
            "`tenuto login` for another",
        )
    return Response(204, b"", "", (session_cookie(request, token),))


async def log_out(service: Service, request: Request) -> Response:
    """End the session or revoke the token of the caller."""
    id = request.caller.token
    if id in service.node.world.tokens:
        await service.client_of(request.caller).revoke_token(id)
    return Response(204, b"", "", (no_session_cookie(request),))


async def who(service: Service, request: Request) -> Response:
    """Tell the caller who it is."""
    caller = request.caller
    permissions = sorted(caller.permissions)
    return json_response(Caller(caller.name, caller.roles, caller.groups, [*permissions]))


def session_cookie(request: Request, token: str) -> tuple[str, str]:
    """Return the header that gives a browser its session.

    What came by https is never sent back in clear.
    """
    return _set_cookie(request, token, SESSION_MS // 1000)


def no_session_cookie(request: Request) -> tuple[str, str]:
    """Return the header that takes its session from a browser."""
    return _set_cookie(request, "", 0)


def _set_cookie(request: Request, value: str, seconds: int) -> tuple[str, str]:
    secure = "; Secure" if request.is_https else ""
    text = f"{SESSION_COOKIE}={value}; Max-Age={seconds}; {COOKIE_ATTRIBUTES}{secure}"
    return "set-cookie", text


ROUTES = (
    Route(
        method="POST",
        path="/api/v1/session",
        endpoint=log_in,
        name="openSession",
        summary="Use up a one-time login code",
        tag="session",
        is_public=True,
        body=LoginCode,
        status=204,
        problems=("unauthenticated",),
    ),
    Route(
        method="GET",
        path="/api/v1/session",
        endpoint=who,
        name="getSession",
        summary="Who calls, and what the caller may do",
        tag="session",
        permission=Permission.PROCESSES_READ,
        answer=Caller,
    ),
    Route(
        method="DELETE",
        path="/api/v1/session",
        endpoint=log_out,
        name="endSession",
        summary="End the session or revoke the token of the caller",
        tag="session",
        permission=Permission.PROCESSES_READ,
        status=204,
    ),
)
