"""The routes of `/api/v1`, one file for each thing that they are about."""

from __future__ import annotations

from tenuto.api.routes import (
    deployments,
    events,
    health,
    incidents,
    instances,
    jobs,
    past,
    processes,
    sessions,
)
from tenuto.api.routing import Route

ROUTES: tuple[Route, ...] = (
    *health.ROUTES,
    *sessions.ROUTES,
    *deployments.ROUTES,
    *processes.ROUTES,
    *instances.ROUTES,
    *past.ROUTES,
    *incidents.ROUTES,
    *jobs.ROUTES,
    *events.ROUTES,
)
