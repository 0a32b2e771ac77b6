"""The pages and where they are. A later look keeps these URLs."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from tenuto.api.http import Request, Response
from tenuto.api.problems import Problem
from tenuto.api.routing import Route
from tenuto.console import instances, people, processes, sessions
from tenuto.governance.permits import Permission

if TYPE_CHECKING:
    from tenuto.api.service import Service

KINDS: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}


@cache
def _file(name: str) -> tuple[bytes, str] | None:
    found = resources.files("tenuto.console").joinpath("static", name)
    kind = next((kind for suffix, kind in KINDS.items() if name.endswith(suffix)), None)
    if kind is None or "/" in name or not found.is_file():
        return None
    return found.read_bytes(), kind


async def static_file(service: Service, request: Request) -> Response:
    """Give a style or a script of the pages."""
    found = _file(request.params["name"])
    if found is None:
        raise Problem("no-such-route", f"there is no file `{request.params['name']}`")
    return Response(200, *found, headers=(("cache-control", "public, max-age=300"),))


def _page(method: str, path: str, endpoint: Any, permission: Permission | None = None) -> Route:
    name = f"{endpoint.__name__}_page"
    return Route(
        method=method,
        path=path,
        endpoint=endpoint,
        name=name,
        summary=endpoint.__doc__ or "",
        permission=permission,
        is_public=permission is None,
        is_page=True,
        tag="page",
    )


ROUTES: Final = (
    _page("GET", "/static/{name}", static_file),
    _page("GET", "/login", sessions.show_login),
    _page("POST", "/login", sessions.log_in),
    _page("POST", "/logout", sessions.log_out, Permission.PROCESSES_READ),
    _page("GET", "/", processes.overview, Permission.PROCESSES_READ),
    _page("GET", "/processes/{id}", processes.show_process, Permission.PROCESSES_READ),
    _page("GET", "/instances", instances.list_instances, Permission.INSTANCES_READ),
    _page("GET", "/instances/{key}", instances.show_instance, Permission.INSTANCES_READ),
    _page("POST", "/instances/{key}/cancel", instances.cancel, Permission.INSTANCES_CHANGE),
    _page("POST", "/instances/{key}/pause", instances.pause, Permission.INSTANCES_CHANGE),
    _page("POST", "/instances/{key}/resume", instances.resume, Permission.INSTANCES_CHANGE),
    _page("POST", "/incidents/{incident}/resolve", instances.resolve, Permission.INCIDENTS_RESOLVE),
    _page("GET", "/tasks", people.list_tasks, Permission.TASKS_READ),
    _page("GET", "/tasks/{task}", people.show_task, Permission.TASKS_READ),
    _page("POST", "/tasks/{task}/claim", people.claim, Permission.TASKS_WORK),
    _page("POST", "/tasks/{task}/release", people.release, Permission.TASKS_WORK),
    _page("POST", "/tasks/{task}/complete", people.complete, Permission.TASKS_WORK),
)
