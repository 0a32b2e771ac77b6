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
WARM_UP_SECONDS_MAX = 3.0
IN_FLIGHT = 64
STEPS = 5
PROCESSES = {3: "three", 5: "five"}


def run() -> dict[str, float]:
    """Measure throughput, and what the server and the worker take of the processors."""
    found = measured(STEPS, IN_FLIGHT, SECONDS)
    return {f"workflows.sqlite.http.{name}": number for name, number in found.items()}


def measured(steps: int, in_flight: int, seconds: float) -> dict[str, float]:
    """Return the numbers of a server and a worker of their own."""
    with (
        folder() as place,
        serving(place / "w.db", None, []) as server,
        worker(server, "bench.workflows") as pid,
    ):
        lanes = Lanes(server, steps)
        return asyncio.run(_measured(lanes, in_flight, seconds, [server.pid, pid]))


async def _measured(
    lanes: Lanes, in_flight: int, seconds: float, pids: Sequence[int]
) -> dict[str, float]:
    """Keep workflows in flight; count those that end in the window."""
    await lanes.deployed()
    tasks = [asyncio.create_task(lanes.one()) for _ in range(in_flight)]
    await asyncio.sleep(min(WARM_UP_SECONDS_MAX, seconds / 4))
    lanes.latencies.clear()
    before, began = [cpu_of(pid) for pid in pids], time.perf_counter()
    await asyncio.sleep(seconds)
    count, seconds = len(lanes.latencies), time.perf_counter() - began
    served, worked = (cpu_of(pid) - cpu for pid, cpu in zip(pids, before, strict=True))
    latencies = lanes.latencies[:count]
    lanes.is_over = True
    await asyncio.gather(*tasks)
    return {
        "workflows_per_second": count / seconds,
        "cpu_ms_per_workflow": (served + worked) / count * 1e3,
        "server_cpu_ms_per_workflow": served / count * 1e3,
        "worker_cpu_ms_per_workflow": worked / count * 1e3,
        "p50_ms": quantile(latencies, 0.5) * 1e3,
        "p99_ms": quantile(latencies, 0.99) * 1e3,
    }


def cpu_of(pid: int) -> float:
    """Return the seconds that a process has taken."""
    return float(sum(psutil.Process(pid).cpu_times()[:2]))


class Lanes:
    """Workflows one after another, each lane on a connection of its own."""

    def __init__(self, server: Server, steps: int) -> None:
        """Start workflows of so many steps at a server."""
        self._server, self._process = server, PROCESSES[steps]
        body = b'{"process":"%s","variables":{"n":0},"wait":true}' % self._process.encode()
        self._ended = b'"result":%d' % steps
        host, _, port = server.url.rpartition("//")[2].partition(":")
        self._address = (host, int(port))
        self._request = (
            f"POST /api/v1/instances HTTP/1.1\r\nhost: {host}:{port}\r\n"
            f"authorization: Bearer {server.token}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\n\r\n"
        ).encode() + body
        self.latencies: list[float] = []
        self.is_over = False

    async def deployed(self) -> None:
        """Wait until the worker has deployed."""
        async with client(self._server) as http:
            while (await http.get(f"/processes/{self._process}")).is_error:  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    async def one(self) -> None:
        """Run workflows until told to end."""
        reader, writer = await asyncio.open_connection(*self._address)
        while not self.is_over:
            began = time.perf_counter()
            writer.write(self._request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r")[0])
            answer = await reader.readexactly(length)
            assert self._ended in answer, answer
            self.latencies.append(time.perf_counter() - began)
        writer.close()
