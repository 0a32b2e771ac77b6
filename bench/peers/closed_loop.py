"""Keep C workflows in flight and count those that end within a window of S seconds.

Each of C lanes runs one workflow after another. The window begins when the lanes are warm and ends
while they still run, so that C are in flight at both its ends and the rate is that of a steady
load. A window is prolonged, tenfold at most, until as many workflows ended as are in flight, ten at
least: an engine that needs seconds for a workflow gets a true rate too. A workflow that the engine
fails is counted as such and is no throughput.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time
from importlib import metadata
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    Workflow = Callable[[int], Awaitable[Any]]


def arguments() -> argparse.Namespace:
    """Return what `run` hands to the program of every peer."""
    reader = argparse.ArgumentParser()
    reader.add_argument("--store", required=True)
    reader.add_argument("--url", required=True, help="of the database or of the server")
    reader.add_argument("--steps", type=int, required=True)
    reader.add_argument("--in-flight", type=int, required=True)
    reader.add_argument("--seconds", type=float, required=True)
    reader.add_argument("--pids", default="", help="of the servers, parted by commas")
    return reader.parse_args()


async def report(
    workflow: Workflow, given: argparse.Namespace, *, own: bool, facts: dict[str, Any]
) -> None:
    """Measure what the arguments ask for; print it as one JSON line.

    The CPU is that of the servers and all their children; with `own` that of this process too,
    because the engine or the worker runs in it.
    """
    roots = [int(pid) for pid in given.pids.split(",") if pid] + ([os.getpid()] if own else [])
    lanes = Lanes(workflow, given.steps, given.in_flight)
    numbers = await lanes.measure(given.seconds, roots)
    shape = {"store": given.store, "steps": given.steps, "in_flight": given.in_flight}
    print(json.dumps({**facts, **shape, **numbers}), flush=True)


class Lanes:
    """So many workflows in flight, from the first to the last."""

    def __init__(self, workflow: Workflow, steps: int, in_flight: int) -> None:
        """Take the workflow and its number of steps."""
        self._workflow = workflow
        self._steps = steps
        self._in_flight = in_flight
        self._latencies: list[float] = []
        self._failures: list[Exception] = []
        self._closed = False

    async def measure(self, seconds: float, roots: Sequence[int]) -> dict[str, float]:
        """Return the numbers of one window; what is in flight after it is waited for."""
        lanes = [asyncio.create_task(self._lane()) for _ in range(self._in_flight)]
        try:
            await self._pass(seconds / 4)
            ended, failed = len(self._latencies), len(self._failures)
            begun, cpu, others = time.perf_counter(), cpu_seconds(roots), others_seconds(roots)
            await self._pass(seconds)
            elapsed, cpu = time.perf_counter() - begun, cpu_seconds(roots) - cpu
            others = max(0.0, others_seconds(roots) - others)
            latencies = self._latencies[ended:]
            failed = len(self._failures) - failed
        finally:
            self._closed = True
        await asyncio.gather(*lanes)
        if not latencies:
            raise RuntimeError(f"no workflow ended in {elapsed:.0f} seconds") from next(
                iter(self._failures), None
            )
        numbers = summary(self._steps, elapsed, latencies, cpu)
        return numbers | {"failed": failed, "others_cores": round(others / elapsed, 2)}

    async def _pass(self, seconds: float) -> None:
        """Let the seconds pass, and more while too few workflows end."""
        begun, ended = time.perf_counter(), len(self._latencies)
        enough = max(10, self._in_flight)
        while (passed := time.perf_counter() - begun) < seconds or (  # noqa: ASYNC110 - a deadline
            len(self._latencies) - ended < enough and passed < 10 * seconds
        ):
            await asyncio.sleep(0.02)

    async def _lane(self) -> None:
        while not self._closed:
            begun = time.perf_counter()
            try:
                await self._workflow(self._steps)
            except Exception as error:  # noqa: BLE001 - whatever an engine fails with is counted
                self._failures.append(error)
                await asyncio.sleep(0)
            else:
                self._latencies.append(time.perf_counter() - begun)


def summary(steps: int, elapsed: float, latencies: Sequence[float], cpu: float) -> dict[str, float]:
    """Return the numbers of one measurement, rounded to what it can tell."""
    rate = len(latencies) / elapsed
    return {
        "workflows": len(latencies),
        "workflows_per_second": round(rate, 2),
        "steps_per_second": round(rate * steps, 2),
        "cpu_seconds_per_workflow": round(cpu / len(latencies), 6),
        "p50_ms": round(percentile(latencies, 50) * 1_000, 3),
        "p99_ms": round(percentile(latencies, 99) * 1_000, 3),
    }


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the smallest value that so many percent of the values do not exceed."""
    return sorted(values)[max(0, -(-len(values) * percent // 100) - 1)]


def cpu_seconds(roots: Sequence[int]) -> float:
    """Return user and system time of these processes and of all that they began.

    A child that has ended is in the `children_` times of its parent, a living one is not.
    """
    total = 0.0
    for pid in roots:
        root = psutil.Process(pid)
        for process in [root, *root.children(recursive=True)]:
            try:
                total += sum(process.cpu_times()[:4])
            except psutil.NoSuchProcess:
                continue
    return total


def others_seconds(roots: Sequence[int]) -> float:
    """Return the CPU time of this machine that neither these processes nor this one had."""
    spent = psutil.cpu_times()
    ours = cpu_seconds(sorted({*roots, os.getpid()}))
    return sum(spent) - spent.idle - getattr(spent, "iowait", 0.0) - _guests(spent) - ours


def _guests(spent: Any) -> float:
    """Return the time of guests, which is in `user` and `nice` already."""
    return float(getattr(spent, "guest", 0.0) + getattr(spent, "guest_nice", 0.0))


def versions(*packages: str) -> str:
    """Return packages of this Python with their versions."""
    return ", ".join(f"{package} {metadata.version(package)}" for package in packages)
