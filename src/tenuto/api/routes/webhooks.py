"""Webhooks: URLs that are told what happens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from tenuto.api.http import Request, Response, empty_response, json_response
from tenuto.api.pages import Items, Paged, page, place_of
from tenuto.api.problems import Problem
from tenuto.api.rendering import moment
from tenuto.api.repeats import once
from tenuto.api.routing import Route
from tenuto.client.client import accepted
from tenuto.engine import commands as c
from tenuto.engine.registry import REGISTRY
from tenuto.engine.settings import Webhook
from tenuto.events.lifecycle import NAMES, encode_cursor, present
from tenuto.events.outgoing import AddressRefused, check_address, check_url, resolve
from tenuto.events.webhooks import signing_secret
from tenuto.governance.permits import Permission
from tenuto.governance.tokens import mint_token
from tenuto.runtime import requests as runtime

if TYPE_CHECKING:
    from tenuto.api.service import Service

CURSOR: Final = "webhooks"
Name = Annotated[str, Meta(min_length=1, max_length=255)]


class NewWebhook(Struct, forbid_unknown_fields=True):
    """Tell `url` what happens from now on: events of `types` in `processes`, all if empty.

    With `allow_private` the URL may lead into a private network; never to link-local addresses.
    """

    url: Annotated[str, Meta(min_length=1, max_length=2_048)]
    types: Annotated[list[Name], Meta(max_length=100)] = []
    processes: Annotated[list[Name], Meta(max_length=100)] = []
    allow_private: bool = False


class ShownWebhook(Struct):
    """A webhook; `status` is active or ended, `reason` says why it ended."""

    id: str
    url: str
    types: list[str]
    processes: list[str]
    allow_private: bool
    created_at: str | None
    status: str
    reason: str


class NewSecret(Struct):
    """A new webhook. Its receiver verifies signatures with `secret` (Standard Webhooks)."""

    id: str
    secret: str


async def subscribe(service: Service, request: Request) -> Response:
    """Begin to tell a URL."""
    given = await request.json(NewWebhook)
    unknown = [name for name in given.types if name not in NAMES]
    if unknown:
        raise Problem(
            "invalid-body", f"expected types among {', '.join(NAMES)}, got {', '.join(unknown)}"
        )
    await _check(given)
    cursor = await service.reading(lambda read: encode_cursor(present(read.reader)))
    command = c.SubscribeWebhook(
        mint_token().id,
        given.url,
        tuple(dict.fromkeys(given.types)),
        tuple(dict.fromkeys(given.processes)),
        given.allow_private,
        cursor,
    )
    asked = once(runtime.Request(REGISTRY, command, request.caller.name), request, given)
    [result] = await service.client.ask_all([asked])
    answer = accepted(result)
    assert isinstance(answer, runtime.Answer), "a subscription is answered with its id"
    id = str(answer.facts["webhook"])
    return json_response(NewSecret(id, signing_secret(service.master, id)), 201)


async def _check(given: NewWebhook) -> None:
    """Refuse a URL that could not be told, while whoever gave it is there to mend it."""
    check_url(given.url)
    parts = urlsplit(given.url)
    assert parts.hostname is not None, "a URL that was checked has a host"
    try:
        addresses = await resolve(parts.hostname, parts.port or 443)
    except OSError as error:
        raise Problem(
            "forbidden-address", f"expected `{parts.hostname}` to have an address: {error}"
        ) from error
    try:
        for address in addresses:
            check_address(address, allow_private=given.allow_private)
    except AddressRefused as error:
        raise Problem("forbidden-address", str(error)) from error


async def list_webhooks(service: Service, request: Request) -> Response:
    """List webhooks in order of their ids."""
    paged = request.query(Paged)
    after = place_of(service.cursors, CURSOR, paged, str)
    webhooks = service.node.world.webhooks
    ids = sorted(id for id in webhooks if after is None or id > after)
    shown = ids[: paged.limit]
    following = shown[-1] if len(ids) > len(shown) else None
    items = [_shown(webhooks[id]) for id in shown]
    return json_response(page(service.cursors, CURSOR, items, following))


async def end(service: Service, request: Request) -> Response:
    """Tell a URL no more."""
    command = c.EndWebhook(request.params["id"], f"ended by {request.caller.name}")
    asked = runtime.Request(REGISTRY, command, request.caller.name)
    accepted((await service.client.ask_all([asked]))[0])
    return empty_response()


def _shown(one: Webhook) -> ShownWebhook:
    return ShownWebhook(
        one.id,
        one.url,
        list(one.types),
        list(one.processes),
        one.allow_private,
        moment(one.created_at),
        one.status,
        one.reason,
    )


ROUTES = (
    Route(
        method="POST",
        path="/api/v1/webhooks",
        endpoint=subscribe,
        name="subscribeWebhook",
        summary="Tell a URL what happens from now on; the answer has its signing secret",
        tag="webhooks",
        permission=Permission.WEBHOOKS_MANAGE,
        body=NewWebhook,
        answer=NewSecret,
        status=201,
        problems=("forbidden-address", "invalid-input", "key-reused"),
    ),
    Route(
        method="GET",
        path="/api/v1/webhooks",
        endpoint=list_webhooks,
        name="listWebhooks",
        summary="List webhooks",
        tag="webhooks",
        permission=Permission.WEBHOOKS_MANAGE,
        query=Paged,
        answer=Items[ShownWebhook],
        problems=("invalid-cursor",),
    ),
    Route(
        method="DELETE",
        path="/api/v1/webhooks/{id}",
        endpoint=end,
        name="endWebhook",
        summary="Tell a URL no more",
        tag="webhooks",
        permission=Permission.WEBHOOKS_MANAGE,
        status=204,
        problems=("not-found",),
    ),
)
