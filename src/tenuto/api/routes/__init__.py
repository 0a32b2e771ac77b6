"""The routes of `/api/v1`, one file for each thing that they are about."""

from __future__ import annotations

from tenuto.api.routes import health, instances, jobs, sessions
from tenuto.api.routing import Route

ROUTES: tuple[Route, ...] = (
    *health.ROUTES,
    *sessions.ROUTES,
    *instances.ROUTES,
    *jobs.ROUTES,
)
