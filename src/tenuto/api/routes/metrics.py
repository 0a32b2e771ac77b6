"""Metrics, for Prometheus to scrape."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CONTENT_TYPE_LATEST

from tenuto.api.http import Request, Response
from tenuto.api.routing import Route
from tenuto.governance.permits import Permission

if TYPE_CHECKING:
    from tenuto.api.service import Service


async def show_metrics(service: Service, request: Request) -> Response:
    """Give the metrics of this server."""
    return Response(200, await service.reading(service.metrics.text), CONTENT_TYPE_LATEST)


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/metrics",
        endpoint=show_metrics,
        name="getMetrics",
        summary="Give the metrics of this server in the text format of Prometheus",
        tag="health",
        permission=Permission.METRICS_READ,
        answer_type="text/plain",
    ),
)
