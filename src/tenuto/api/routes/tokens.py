"""Tokens: who is let in, and one-time links that let a browser in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from msgspec import Meta, Struct

from tenuto.api.durations import milliseconds
from tenuto.api.http import IDEMPOTENCY_KEY, Request, Response, empty_response, json_response
from tenuto.api.pages import Items, Paged, page, place_of
from tenuto.api.problems import Problem
from tenuto.api.rendering import moment
from tenuto.api.repeats import once
from tenuto.api.routing import Route
from tenuto.client.requests import check_text
from tenuto.engine import commands as c
from tenuto.engine import rejections as why
from tenuto.engine.registry import REGISTRY
from tenuto.engine.settings import API, Token
from tenuto.governance.permits import Permission, check_roles
from tenuto.governance.tokens import Minted, derived_token, mint_token
from tenuto.runtime import requests as runtime

if TYPE_CHECKING:
    from tenuto.api.service import Service

CURSOR: Final = "tokens"
Name = Annotated[str, Meta(min_length=1, max_length=255)]
Names = Annotated[list[Name], Meta(max_length=100)]


class NewToken(Struct, forbid_unknown_fields=True):
    """Let somebody in as `name`, which is the actor in histories and the assignee of tasks.

    A worker's token may be limited to job types. It lets in for `expires_in`, an ISO 8601
    duration; without it until it is revoked.
    """

    name: Name
    roles: Names
    groups: Names = []
    job_types: Names = []
    expires_in: Annotated[str, Meta(max_length=40)] | None = None


class ShownToken(Struct):
    """A token without its secret, which nobody keeps. `kind` is api or session."""

    id: str
    name: str
    kind: str
    roles: list[str]
    groups: list[str]
    job_types: list[str]
    issued_at: str | None
    expires_at: str | None


class MintedToken(Struct):
    """A new token. Its text is shown here once."""

    id: str
    token: str
    expires_at: str | None


class LoginLink(Struct):
    """A link that lets one browser in, once, within ten minutes."""

    url: str


async def issue(service: Service, request: Request) -> Response:
    """Let somebody in."""
    given = await request.json(NewToken)
    for name in (given.name, *given.groups, *given.job_types):
        check_text("name", name)
    roles = check_roles(given.roles)
    now = service.node.now()
    expires_at = None
    if given.expires_in is not None:
        expires_at = now + milliseconds(given.expires_in, at=now, what="expires_in")
    minted = mint_token()
    if request.idempotency_key is not None:
        minted = _minted_for(service, request, minted.id)
    command = c.IssueToken(
        minted.id,
        given.name,
        API,
        roles,
        tuple(dict.fromkeys(given.groups)),
        tuple(dict.fromkeys(given.job_types)),
        minted.digest,
        expires_at,
    )
    asked = once(runtime.Request(REGISTRY, command), request, given)
    answer = await service.ask(asked, request.caller)
    if answer.facts.get("repeated"):
        minted, expires_at = _issued_before(service, request, str(answer.facts["token"]))
    return json_response(MintedToken(minted.id, minted.text, moment(expires_at)), 201)


def _minted_for(service: Service, request: Request, id: str) -> Minted:
    """Return the token of an id for who asks under a key: for the same caller the same again."""
    key = service.master.derive("token", request.idempotency_key or "")
    return derived_token(id, key, request.credential)


def _issued_before(service: Service, request: Request, id: str) -> tuple[Minted, int | None]:
    """Return a token that was issued under the caller's key, and when it ends.

    Raises `Problem` (key-reused) when it was revoked, or given to another credential.
    """
    minted = _minted_for(service, request, id)
    token = service.node.world.tokens.get(id)
    if token is None or token.digest != minted.digest:
        what = "was revoked" if token is None else "was told to another token than yours"
        raise Problem(
            why.KEY_REUSED,
            f"expected a new idempotency key: token {id}, issued under this one, {what}",
        )
    return minted, token.expires_at


async def list_tokens(service: Service, request: Request) -> Response:
    """List tokens and sessions in order of their ids."""
    paged = request.query(Paged)
    after = place_of(service.cursors, CURSOR, paged, str)
    tokens = service.node.world.tokens
    ids = sorted(id for id in tokens if after is None or id > after)
    shown = ids[: paged.limit]
    following = shown[-1] if len(ids) > len(shown) else None
    items = [_shown(tokens[id]) for id in shown]
    return json_response(page(service.cursors, CURSOR, items, following))


async def revoke(service: Service, request: Request) -> Response:
    """Let the holder of a token in no more."""
    await service.client_of(request.caller).revoke_token(request.params["id"])
    return empty_response()


async def make_login_link(service: Service, request: Request) -> Response:
    """Make a link that lets one browser in as the operator of this machine."""
    code = service.links.issue(service.node.now())
    return json_response(LoginLink(f"{request.base_url}/login?code={code}"), 201)


def _shown(token: Token) -> ShownToken:
    return ShownToken(
        token.id,
        token.name,
        token.kind,
        list(token.roles),
        list(token.groups),
        list(token.job_types),
        moment(token.issued_at),
        moment(token.expires_at),
    )


ROUTES = (
    Route(
        method="POST",
        path="/api/v1/tokens",
        endpoint=issue,
        name="issueToken",
        summary="Let somebody in; the token's text is shown once",
        tag="tokens",
        permission=Permission.TOKENS_MANAGE,
        body=NewToken,
        answer=MintedToken,
        status=201,
        headers=(IDEMPOTENCY_KEY,),
        problems=("invalid-input", "too-busy"),
    ),
    Route(
        method="GET",
        path="/api/v1/tokens",
        endpoint=list_tokens,
        name="listTokens",
        summary="List tokens and sessions",
        tag="tokens",
        permission=Permission.TOKENS_MANAGE,
        query=Paged,
        answer=Items[ShownToken],
        problems=("invalid-cursor",),
    ),
    Route(
        method="DELETE",
        path="/api/v1/tokens/{id}",
        endpoint=revoke,
        name="revokeToken",
        summary="Let the holder of a token in no more",
        tag="tokens",
        permission=Permission.TOKENS_MANAGE,
        status=204,
        problems=(why.NOT_FOUND,),
    ),
    Route(
        method="POST",
        path="/api/v1/login-links",
        endpoint=make_login_link,
        name="createLoginLink",
        summary="Make a link that lets one browser in, once, within ten minutes",
        tag="tokens",
        permission=Permission.TOKENS_MANAGE,
        answer=LoginLink,
        status=201,
    ),
)
