"""Capacity: what a waiting instance costs, how fast a restart serves, and what history costs.

`TENUTO_BENCH_WAITING` and `TENUTO_BENCH_HISTORY` shrink the million instances of each.
"""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path

import psutil

from bench.load import Feeder, deploy, folder, node_on
from bench.w1 import ended

WAITING = int(os.environ.get("TENUTO_BENCH_WAITING", "1000000"))
HISTORY = int(os.environ.get("TENUTO_BENCH_HISTORY", "1000000"))
RESTART_WAITING = 100_000
SAMPLE = 20_000


def run() -> dict[str, float]:
    """Measure waiting, restart and history on SQLite."""
    numbers: dict[str, float] = {}
    with folder() as place:
        numbers |= waiting(place / "waiting.db")
    with folder() as place:
        numbers |= history(place / "history.db")
    return numbers


def waiting(path: Path) -> dict[str, float]:
    """Fill a database with instances that wait for a message; restart on the first 100,000."""
    numbers: dict[str, float] = {}
    before = _rss()
    with node_on(path) as node:
        deploy(node)
        feeder = Feeder(node, "wait", 2_000, at_end=False)
        for number in range(min(WAITING, RESTART_WAITING)):
            feeder.start({"id": str(number)})
        feeder.drain()
    numbers["restart.sqlite.waiting_instances"] = float(min(WAITING, RESTART_WAITING))
    began = time.perf_counter()
    with node_on(path, seats=10) as node:
        feeder = Feeder(node, "w1", 1)
        feeder.start()
        feeder.drain()
        numbers["restart.sqlite.first_instance_seconds"] = time.perf_counter() - began
        feeder = Feeder(node, "wait", 2_000, at_end=False)
        for number in range(RESTART_WAITING, WAITING):
            feeder.start({"id": str(number)})
        feeder.drain()
        numbers["waiting.sqlite.rss_mb"] = (_rss() - before) / 1e6
    size = path.stat().st_size
    numbers["waiting.sqlite.instances"] = float(WAITING)
    numbers["waiting.sqlite.bytes_per_instance"] = size / WAITING
    numbers["waiting.sqlite.peak_rss_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    return numbers


def history(path: Path) -> dict[str, float]:
    """Compare throughput on an empty database and behind finished instances."""
    with node_on(path, seats=2_000) as node:
        deploy(node)
        feeder = Feeder(node, "w1", 2_000)
        first = _rate(feeder)
        while ended(path) < HISTORY:
            _rate(feeder)
        last = _rate(feeder)
    return {
        "history.sqlite.finished_instances": float(HISTORY),
        "history.sqlite.empty_per_second": first,
        "history.sqlite.full_per_second": last,
        "history.sqlite.slower_percent": (1 - last / first) * 100,
    }


def _rate(feeder: Feeder) -> float:
    began = time.perf_counter()
    for _ in range(SAMPLE):
        feeder.start()
    feeder.drain()
    return SAMPLE / (time.perf_counter() - began)


def _rss() -> int:
    return int(psutil.Process().memory_info().rss)
