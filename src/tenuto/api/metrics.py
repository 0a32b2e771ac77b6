"""Metrics in a registry of their own, in the text format of Prometheus.

Labels are bounded: route names, statuses of HTTP and of instances. Nothing that a caller or a model
names is a label.
"""

from __future__ import annotations

from collections import Counter as Tally
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tenuto.client.reading import Reading
    from tenuto.runtime.node import Node

SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 30.0)
STATUSES: Final = ("active", "paused", "completed", "terminated", "failed")


class Metrics:
    """What a server counts."""

    def __init__(self, node: Node) -> None:
        """Count for the server of a node."""
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "tenuto_http_requests",
            "Requests that were answered.",
            ("route", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "tenuto_http_request_seconds",
            "How long an answer took.",
            ("route",),
            buckets=SECONDS,
            registry=self.registry,
        )
        self._instances = Gauge(
            "tenuto_instances", "Instances by status.", ("status",), registry=self.registry
        )
        self._waiting = Gauge(
            "tenuto_waiting",
            "What waits: jobs, user tasks, timers, messages, signals; and what is stuck.",
            ("what",),
            registry=self.registry,
        )
        inbox = Gauge(
            "tenuto_corridor_inbox",
            "Requests that wait before the corridor.",
            registry=self.registry,
        )
        inbox.set_function(lambda: node.pending)
        self.registry.register(_Commits(node))
        ProcessCollector(registry=self.registry)
        self._counted: dict[tuple[str, int], Counter] = {}
        self._timed: dict[str, Histogram] = {}

    def count_streams(self, count: Callable[[], int]) -> None:
        """Ask `count` how many streams of events there are."""
        streams = Gauge(
            "tenuto_event_streams", "Clients that are told events.", registry=self.registry
        )
        streams.set_function(count)

    def observe(self, route: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        counted = self._counted.get((route, status))
        if counted is None:
            counted = self._counted[(route, status)] = self._requests.labels(route, str(status))
        counted.inc()
        timed = self._timed.get(route)
        if timed is None:
            timed = self._timed[route] = self._seconds.labels(route)
        timed.observe(seconds)

    def text(self, read: Reading) -> bytes:
        """Return everything that was counted, and what the database holds now."""
        instances = Tally(dict.fromkeys(STATUSES, 0))
        for (_, status), count in read.counts().items():
            instances[status] += count
        for status, count in instances.items():
            self._instances.labels(status).set(count)
        waiting = Tally(
            dict.fromkeys(("job", "user-task", "timer", "message", "signal", "incident"), 0)
        )
        for _, _, what, count in read.waiting():
            waiting[what.partition(":")[0]] += count
        for what, count in waiting.items():
            self._waiting.labels(what).set(count)
        return generate_latest(self.registry)


class _Commits(Collector):
    """How many commits this life of the node has made."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Yield the count."""
        seq = self._node.corridor.head.seq
        yield CounterMetricFamily("tenuto_commits", "Commits of this life of the node.", seq)
