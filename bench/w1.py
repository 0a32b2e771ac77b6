"""W1: start, three handler steps, end; each step durable before the next; fsync on.

Handlers run in the process through leases and the ordinary worker loop. Started and ended instances
are counted in the database by a connection of its own. `TENUTO_BENCH_SECONDS` shortens the 60
seconds.
"""

from __future__ import annotations

import os
import sqlite3
import statistics
import threading
import time
from pathlib import Path

from bench.load import Feeder, deploy, folder, node_on

SECONDS = float(os.environ.get("TENUTO_BENCH_SECONDS", "60"))
WARM_UP_SECONDS = min(5.0, SECONDS / 4)
IN_FLIGHT = 2_000
ALONE = 500


def run() -> dict[str, float]:
    """Measure throughput at 2,000 in flight, beside a handler that burns CPU, and one at a time."""
    numbers: dict[str, float] = {}
    with folder() as place:
        numbers |= throughput(place / "w1.db", "w1.sqlite.inprocess")
    with folder() as place:
        numbers |= throughput(place / "w1.db", "w1.sqlite.burning", burn=True, share=0.25)
    with folder() as place:
        numbers |= alone(place / "w1.db")
    return numbers


def throughput(
    path: Path, prefix: str, *, burn: bool = False, share: float = 1.0
) -> dict[str, float]:
    """Feed W1 for the given time and count what ended."""
    with node_on(path, seats=IN_FLIGHT) as node:
        deploy(node)
        feeder = Feeder(node, "w1", IN_FLIGHT)
        burner = _Burner() if burn else None
        _feed(feeder, WARM_UP_SECONDS)
        ended_before, cpu_before, began = ended(path), time.process_time(), time.perf_counter()
        feeder.latencies.clear()
        _feed(feeder, SECONDS * share)
        seconds = time.perf_counter() - began
        count = ended(path) - ended_before
        cpu = time.process_time() - cpu_before
        if burner is not None:
            burner.stop()
        feeder.drain()
        assert started(path) == ended(path) == feeder.started, "every start ended once"
    return {
        f"{prefix}.instances_per_second": count / seconds,
        f"{prefix}.p50_ms": quantile(feeder.latencies, 0.5) * 1e3,
        f"{prefix}.p99_ms": quantile(feeder.latencies, 0.99) * 1e3,
        f"{prefix}.cpu_us_per_instance": cpu / count * 1e6,
    }


def alone(path: Path) -> dict[str, float]:
    """Run W1 one instance at a time."""
    with node_on(path, seats=10) as node:
        deploy(node)
        feeder = Feeder(node, "w1", 1)
        for _ in range(50):
            feeder.start()
        feeder.drain()
        feeder.latencies.clear()
        for _ in range(ALONE):
            feeder.start()
        feeder.drain()
    return {
        "w1.sqlite.alone.p50_ms": quantile(feeder.latencies, 0.5) * 1e3,
        "w1.sqlite.alone.p99_ms": quantile(feeder.latencies, 0.99) * 1e3,
    }


class _Burner:
    """A thread that burns pure Python, as a careless handler would."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._burn, daemon=True)
        self._thread.start()

    def _burn(self) -> None:
        total = 0
        while not self._over.is_set():
            for number in range(1_000):
                total += number

    def stop(self) -> None:
        """End it."""
        self._over.set()
        self._thread.join()


def _feed(feeder: Feeder, seconds: float) -> None:
    ends = time.perf_counter() + seconds
    while time.perf_counter() < ends:
        feeder.start()


def quantile(values: list[float], share: float) -> float:
    """Return a quantile of some measurements."""
    if len(values) < 2:
        return values[0] if values else 0.0
    return statistics.quantiles(values, n=1000, method="inclusive")[int(share * 1000) - 1]


def ended(path: Path) -> int:
    """Count ended instances by a connection of its own."""
    return _count(path, "ended_at IS NOT NULL")


def started(path: Path) -> int:
    """Count all instances by a connection of its own."""
    return _count(path, "1 = 1")


def _count(path: Path, condition: str) -> int:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        text = f"SELECT count(*) FROM instance WHERE {condition}"
        return int(connection.execute(text).fetchone()[0])
    finally:
        connection.close()
