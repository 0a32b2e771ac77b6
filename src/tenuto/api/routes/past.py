"""What happened to an instance: its turns, its path, its decisions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tenuto.api.http import Request, Response, json_response
from tenuto.api.pages import Items, Paged, page, place_of
from tenuto.api.past import (
    DecisionAtElement,
    Happened,
    Visit,
    decisions_of,
    history_page,
    path_of,
)
from tenuto.api.routing import Route
from tenuto.api.search import found_instance
from tenuto.engine import rejections as why
from tenuto.governance.permits import Permission

if TYPE_CHECKING:
    import msgspec

    from tenuto.api.service import Service
    from tenuto.client.reading import Reading

CURSOR: Final = "history"


async def show_history(service: Service, request: Request) -> Response:
    """Give the turns of an instance, the oldest first."""
    paged = request.query(Paged)
    after = place_of(service.cursors, CURSOR, paged, int) or 0

    def look(read: Reading) -> tuple[list[msgspec.Raw], int | None]:
        row = found_instance(read, request.params["key"])
        return history_page(read, row.key, after, paged.limit)

    items, following = await service.reading(look)
    return json_response(page(service.cursors, CURSOR, items, following))


async def show_path(service: Service, request: Request) -> Response:
    """Give the elements of an instance in the order in which they were entered."""
    world = service.node.world

    def look(read: Reading) -> list[Visit]:
        return path_of(read, found_instance(read, request.params["key"]), world)

    return json_response(await service.reading(look))


async def show_decisions(service: Service, request: Request) -> Response:
    """Give the decisions of an instance with the rules that matched."""

    def look(read: Reading) -> list[DecisionAtElement]:
        return decisions_of(read, found_instance(read, request.params["key"]).key)

    return json_response(await service.reading(look))


def _route(tail: str, endpoint: Any, name: str, summary: str, **more: Any) -> Route:
    return Route(
        method="GET",
        path=f"/api/v1/instances/{{key}}/{tail}",
        endpoint=endpoint,
        name=name,
        summary=summary,
        tag="instances",
        permission=Permission.INSTANCES_READ,
        **more,
    )


ROUTES = (
    _route(
        "history",
        show_history,
        "getHistory",
        "Give the turns of an instance, the oldest first",
        query=Paged,
        answer=Items[Happened],
        problems=(why.NOT_FOUND, "invalid-cursor"),
    ),
    _route(
        "path",
        show_path,
        "getPath",
        "Give the elements of an instance in the order in which they were entered",
        answer=list[Visit],
        problems=(why.NOT_FOUND,),
    ),
    _route(
        "decisions",
        show_decisions,
        "getDecisions",
        "Give the decisions of an instance with the rules that matched",
        answer=list[DecisionAtElement],
        problems=(why.NOT_FOUND,),
    ),
)
