"""Workflows by a worker in a process of its own: 64 five-step workflows in flight, over HTTP.

The server is a process on SQLite with fsync on; `tenuto worker` is another; this process starts
workflows, one request for each, and waits for their ends. Its CPU is not counted, as that of the
client of other engines is not (`bench/peers`), though it shares the cores. `TENUTO_BENCH_SECONDS`
shortens the run.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence

import psutil

from bench.http import client, worker
from bench.load import folder
from bench.serving import Server, serving
from bench.w1 import quantile

SECONDS = float(os.environ.get("TENUTO_BENCH_SECONDS", "60"))
WARM_UP_SECONDS = min(3.0, SECONDS / 4)
IN_FLIGHT = 64
STEPS = 5
BODY = b'{"process":"five","variables":{"n":0},"wait":true}'
ENDED = b'"result":%d' % STEPS


def run() -> dict[str, float]:
    """Measure throughput, and what the server and the worker take of the processors."""
    with (
        folder() as place,
        serving(place / "w.db", None, []) as server,
        worker(server, "bench.workflows") as pid,
    ):
        return asyncio.run(throughput(server, [server.pid, pid]))


async def throughput(server: Server, pids: Sequence[int]) -> dict[str, float]:
    """Keep 64 workflows in flight; count those that end in the window."""
    lanes = Lanes(server)
    async with client(server) as http:
        while (await http.get("/processes/five")).is_error:  # noqa: ASYNC110  (the worker deploys)
            await asyncio.sleep(0.05)
    tasks = [asyncio.create_task(lanes.one()) for _ in range(IN_FLIGHT)]
    await asyncio.sleep(WARM_UP_SECONDS)
    lanes.latencies.clear()
    before, began = [cpu_of(pid) for pid in pids], time.perf_counter()
    await asyncio.sleep(SECONDS)
    count, seconds = len(lanes.latencies), time.perf_counter() - began
    served, worked = (cpu_of(pid) - cpu for pid, cpu in zip(pids, before, strict=True))
    lanes.is_over = True
    await asyncio.gather(*tasks)
    return {
        "workflows.sqlite.http.workflows_per_second": count / seconds,
        "workflows.sqlite.http.cpu_ms_per_workflow": (served + worked) / count * 1e3,
        "workflows.sqlite.http.server_cpu_ms_per_workflow": served / count * 1e3,
        "workflows.sqlite.http.worker_cpu_ms_per_workflow": worked / count * 1e3,
        "workflows.sqlite.http.p50_ms": quantile(lanes.latencies, 0.5) * 1e3,
        "workflows.sqlite.http.p99_ms": quantile(lanes.latencies, 0.99) * 1e3,
    }


def cpu_of(pid: int) -> float:
    """Return the seconds that a process has taken."""
    return float(sum(psutil.Process(pid).cpu_times()[:2]))


class Lanes:
    """Workflows one after another, each lane on a connection of its own."""

    def __init__(self, server: Server) -> None:
        """Start at a server."""
        host, _, port = server.url.rpartition("//")[2].partition(":")
        self._address = (host, int(port))
        self._request = (
            f"POST /api/v1/instances HTTP/1.1\r\nhost: {host}:{port}\r\n"
            f"authorization: Bearer {server.token}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(BODY)}\r\n\r\n"
        ).encode() + BODY
        self.latencies: list[float] = []
        self.is_over = False

    async def one(self) -> None:
        """Run workflows until told to end."""
        reader, writer = await asyncio.open_connection(*self._address)
        while not self.is_over:
            began = time.perf_counter()
            writer.write(self._request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r")[0])
            answer = await reader.readexactly(length)
            assert ENDED in answer, answer
            self.latencies.append(time.perf_counter() - began)
        writer.close()
