"""The API's own description."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from tenuto.api.http import Request, Response
from tenuto.api.openapi import document
from tenuto.api.routing import Route

if TYPE_CHECKING:
    from tenuto.api.service import Service


def with_description(routes: tuple[Route, ...]) -> tuple[Route, ...]:
    """Return routes with one more that describes them all."""

    @cache
    def written() -> bytes:
        return msgspec.json.encode(document(described))

    async def show_description(service: Service, request: Request) -> Response:
        """Give the OpenAPI document of this API."""
        return Response(200, written())

    itself = Route(
        method="GET",
        path="/api/v1/openapi.json",
        endpoint=show_description,
        name="getOpenApi",
        summary="Give the OpenAPI document of this API",
        tag="health",
        is_public=True,
        answer=dict[str, Any],
    )
    described = (*routes, itself)
    return described
