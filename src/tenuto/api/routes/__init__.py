"""The routes of `/api/v1`, one file for each thing that they are about."""

from __future__ import annotations

from tenuto.api.routes import (
    bulk,
    checks,
    decisions,
    deployments,
    events,
    health,
    incidents,
    instances,
    jobs,
    messages,
    metrics,
    past,
    pausing,
    processes,
    progress,
    pruning,
    queues,
    routines,
    schedules,
    sessions,
    stream,
    tasks,
    tokens,
    waiting,
    webhooks,
    workflows,
)
from tenuto.api.routes.description import with_description
from tenuto.api.routing import Route

_ROUTES: tuple[Route, ...] = (
    *health.ROUTES,
    *metrics.ROUTES,
    *checks.ROUTES,
    *sessions.ROUTES,
    *tokens.ROUTES,
    *deployments.ROUTES,
    *processes.ROUTES,
    *decisions.ROUTES,
    *instances.ROUTES,
    *pausing.ROUTES,
    *bulk.ROUTES,
    *pruning.ROUTES,
    *past.ROUTES,
    *waiting.ROUTES,
    *incidents.ROUTES,
    *jobs.ROUTES,
    *progress.ROUTES,
    *routines.ROUTES,
    *tasks.ROUTES,
    *messages.ROUTES,
    *events.ROUTES,
    *stream.ROUTES,
    *webhooks.ROUTES,
    *workflows.ROUTES,
    *queues.ROUTES,
    *schedules.ROUTES,
)

ROUTES: tuple[Route, ...] = with_description(_ROUTES)
