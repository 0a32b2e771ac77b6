"""What a page asks of the API: the same routes, the same permissions, without a socket."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

import msgspec

from tenuto.api.http import IDEMPOTENCY_KEY, JSON, Message, Request
from tenuto.api.problems import Problem
from tenuto.api.routes import ROUTES
from tenuto.api.routing import Route
from tenuto.console.rendering import is_genuine

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tenuto.api.service import Service

FORM = "application/x-www-form-urlencoded"
FIELDS_MAX = 500
_decode = msgspec.json.Decoder(float_hook=Decimal).decode


@cache
def _route(name: str) -> Route:
    return next(route for route in ROUTES if route.name == name)


async def ask(
    service: Service,
    request: Request,
    name: str,
    *,
    query: Mapping[str, Any] | None = None,
    body: Any = None,
    once: str | None = None,
    **params: str,
) -> Any:
    """Return what a route of the API answers to whoever calls the page, as data.

    `once` is an idempotency key: a form that is sent twice does once what it asks. Raises `Problem`
    as the route does, and for a route that the caller may not call.
    """
    route = _route(name)
    if route.permission is not None and not request.caller.may(route.permission):
        raise Problem("forbidden", f"expected the permission `{route.permission}`")
    content = msgspec.json.encode(body) if body is not None else b""
    fields = {key: value for key, value in (query or {}).items() if value not in (None, "")}
    scope = {
        "method": route.method,
        "path": route.path,
        "query_string": urlencode(fields).encode(),
    }
    headers = {"content-type": JSON}
    if once is not None:
        headers[IDEMPOTENCY_KEY] = once
    inner = Request(scope, _body(content), headers, params, request.principal)
    inner.body_limit = route.body_limit
    response = await route.endpoint(service, inner)
    return _decode(response.content) if response.content else None


def _body(content: bytes) -> Any:
    async def receive() -> Message:
        return {"type": "http.request", "body": content, "more_body": False}

    return receive


async def form(service: Service, request: Request) -> dict[str, str]:
    """Return the fields of a form of ours. Raises `Problem` for one that is not."""
    request.expect_type(FORM)
    try:
        pairs = parse_qsl(
            (await request.body()).decode(), keep_blank_values=True, max_num_fields=FIELDS_MAX
        )
    except (ValueError, UnicodeDecodeError) as error:
        raise Problem("invalid-body", f"expected the fields of a form: {error}") from None
    fields = dict(pairs)
    caller = request.principal
    if caller is not None and not is_genuine(service, caller.token, fields.pop("csrf", "")):
        raise Problem("wrong-origin", "expected a form of this page: load it again and repeat")
    return fields
