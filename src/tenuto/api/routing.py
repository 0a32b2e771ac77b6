"""Routes: method, path, what the caller must be permitted, and what comes and goes.

A path is matched segment by segment in the form in which it came: a static segment has one
spelling, so no encoding and no suffix leads past the permission of a route. A parameter is
percent-decoded once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import unquote

from msgspec import Struct

from tenuto.api.problems import Problem
from tenuto.governance.permits import Permission

if TYPE_CHECKING:
    from tenuto.api.http import Request, Response
    from tenuto.api.service import Service

Endpoint = Callable[["Service", "Request"], Awaitable["Response"]]

BODY_LIMIT_DEFAULT: Final = 4 * 1024 * 1024
PARAMETER_LENGTH_MAX: Final = 512


class Route(Struct, frozen=True, kw_only=True):
    """One route. `permission` None is for everybody, and is said so by `is_public`.

    `body`, `query` and `answer` are types of msgspec: they check what comes and describe it in the
    OpenAPI document. An answer has `status`, or at times one of `other_statuses`. A *page* sends a
    browser without a session to the login page.
    """

    method: str
    path: str
    endpoint: Endpoint
    name: str
    summary: str
    permission: Permission | None = None
    is_public: bool = False
    is_page: bool = False
    tag: str = ""
    body: Any = None
    body_types: tuple[str, ...] = ("application/json",)
    query: Any = None
    answer: Any = None
    answer_type: str = "application/json"
    status: int = 200
    other_statuses: tuple[int, ...] = ()
    headers: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    body_limit: int = BODY_LIMIT_DEFAULT

    def __post_init__(self) -> None:
        """Refuse a route that nobody decided about."""
        assert (self.permission is None) == self.is_public, f"{self.path}: who may call it?"


class Match(NamedTuple):
    """A route and the parameters of its path."""

    route: Route
    params: dict[str, str]


class _Place:
    """One position in the tree of paths."""

    __slots__ = ("parameter", "places", "routes")

    def __init__(self) -> None:
        self.places: dict[str, _Place] = {}
        self.parameter: tuple[str, _Place] | None = None
        self.routes: dict[str, Route] = {}


class Router:
    """Finds the route of a request."""

    def __init__(self, routes: Iterable[Route]) -> None:
        """Build the tree of paths."""
        self.routes = tuple(routes)
        self._root = _Place()
        for route in self.routes:
            self._add(route)

    def _add(self, route: Route) -> None:
        place = self._root
        for segment in route.path.split("/")[1:]:
            if not segment.startswith("{"):
                place = place.places.setdefault(segment, _Place())
                continue
            name = segment.strip("{}")
            if place.parameter is None:
                place.parameter = (name, _Place())
            assert place.parameter[0] == name, f"{route.path}: {name} has another name elsewhere"
            place = place.parameter[1]
        assert route.method not in place.routes, f"{route.method} {route.path} comes twice"
        place.routes[route.method] = route

    def match(self, method: str, raw_path: str) -> Match:
        """Return the route of a path as it came. Raises `Problem` when there is none."""
        place: _Place | None = self._root
        params: dict[str, str] = {}
        if not raw_path.startswith("/"):
            raise _nothing_at(raw_path)
        for segment in raw_path[1:].split("/"):
            assert place is not None, "the loop ends where there is no place"
            following = place.places.get(segment)
            if following is None and place.parameter is not None and segment:
                name, following = place.parameter
                params[name] = _decoded(segment, raw_path)
            place = following
            if place is None:
                raise _nothing_at(raw_path)
        if place is None or not place.routes:
            raise _nothing_at(raw_path)
        route = place.routes.get(method)
        if route is None:
            allowed = ", ".join(sorted(place.routes))
            raise Problem(
                "method-not-allowed",
                f"expected {allowed} at this path, got {method}",
                allow=allowed,
            )
        return Match(route, params)


def _decoded(segment: str, raw_path: str) -> str:
    try:
        text = unquote(segment, errors="strict")
    except UnicodeDecodeError:
        raise _nothing_at(raw_path) from None
    if "\x00" in text or len(text) > PARAMETER_LENGTH_MAX or text in {".", ".."}:
        raise _nothing_at(raw_path)
    return text


def _nothing_at(raw_path: str) -> Problem:
    return Problem("no-such-route", f"there is nothing at `{raw_path[:200]}`")
