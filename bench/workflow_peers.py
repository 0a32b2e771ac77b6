"""Workflows beside other engines in the same run, interleaved, as ratios: above 1 ours is better.

Like is set beside like. Beside DBOS and Prefect ours runs in one process, started from its client;
beside Restate, which has its server and its worker in processes of their own by its guide, ours
has them too, over HTTP. Ours is on SQLite with fsync on. Each shape is measured for
`TENUTO_BENCH_PEER_SECONDS`; `TENUTO_BENCH_PEERS` names some of the peers, parted by commas.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from typing import Any

import bench.workflows as own
from bench import workflows_http
from bench.load import folder
from bench.peers import run as peers
from bench.peers.results import ratios, shown
from bench.w1 import quantile
from tenuto.assembly import running
from tenuto.client.client import Client
from tenuto.worker.program import program_of

SECONDS = float(os.environ.get("TENUTO_BENCH_PEER_SECONDS", "8"))
ONLY = frozenset(filter(None, os.environ.get("TENUTO_BENCH_PEERS", "").split(",")))
SHAPES = ((3, 1), (3, 64), (5, 64))
OVER_HTTP = frozenset({"restate"})
PROCESSES = {3: "three", 5: "five"}


def run() -> dict[str, float]:
    """Measure each peer and ours after it, shape by shape."""
    peers.setup()
    numbers: dict[str, float] = {}
    for peer in peers.PEERS:
        if ONLY and peer.name not in ONLY:
            continue
        own_row = measured_over_http if peer.name in OVER_HTTP else measured
        for steps, in_flight in SHAPES:
            theirs = peers.measured(peer, steps, in_flight, SECONDS)
            found = ratios([own_row(steps, in_flight)], [theirs])
            if not found:
                print(f"{peer.name} on {peer.store}: {theirs.get('error')}", file=sys.stderr)
                continue
            prefix = f"workflow_peers.{peer.name}_{peer.store}.steps{steps}_inflight{in_flight}"
            print(shown(theirs), theirs["settings"], sep="; ", file=sys.stderr)
            numbers[f"{prefix}.workflows_per_second"] = theirs["workflows_per_second"]
            numbers[f"{prefix}.throughput_ratio"] = found[0]["throughput"]
            numbers[f"{prefix}.cpu_ratio"] = found[0]["cpu"]
            numbers[f"{prefix}.p50_ratio"] = found[0]["p50"]
    return numbers


def measured(steps: int, in_flight: int) -> dict[str, Any]:
    """Return a row of ours for a shape."""
    code = program_of(own)
    with folder() as place, running(place / "w.db", handlers=code) as at:
        return asyncio.run(_measured(at.client, steps, in_flight))


def measured_over_http(steps: int, in_flight: int) -> dict[str, Any]:
    """Return a row of ours for a shape, with the worker in a process of its own."""
    found = workflows_http.measured(steps, in_flight, SECONDS)
    return {
        "peer": "tenuto",
        "store": "sqlite",
        "steps": steps,
        "in_flight": in_flight,
        "cpu_seconds_per_workflow": found["cpu_ms_per_workflow"] / 1e3,
        **found,
    }


async def _measured(client: Client, steps: int, in_flight: int) -> dict[str, Any]:
    latencies: list[float] = []
    await _feed(client, steps, in_flight, SECONDS / 4, latencies)
    latencies.clear()
    cpu, began = time.process_time(), time.perf_counter()
    await _feed(client, steps, in_flight, SECONDS, latencies)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    return {
        "peer": "tenuto",
        "store": "sqlite",
        "steps": steps,
        "in_flight": in_flight,
        "workflows_per_second": len(latencies) / seconds,
        "steps_per_second": steps * len(latencies) / seconds,
        "cpu_seconds_per_workflow": cpu / len(latencies),
        "p50_ms": quantile(latencies, 0.5) * 1e3,
        "p99_ms": quantile(latencies, 0.99) * 1e3,
    }


async def _feed(
    client: Client, steps: int, in_flight: int, seconds: float, latencies: list[float]
) -> None:
    ends = time.perf_counter() + seconds

    async def one() -> None:
        while time.perf_counter() < ends:
            began = time.perf_counter()
            ended = await client.run(PROCESSES[steps], {"n": 0})
            assert ended.variables["result"] == steps, "every step ran once"
            latencies.append(time.perf_counter() - began)

    await asyncio.gather(*(one() for _ in range(in_flight)))
