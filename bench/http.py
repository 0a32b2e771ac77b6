"""W1 over HTTP: workers in a process of their own, and what a start over HTTP takes to its handler.

The server is a process; a worker is another; this process starts instances. Two cores carry all
three. `TENUTO_BENCH_SECONDS` shortens the runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import psutil

from bench.load import folder
from bench.serving import ROOT, Server, serving
from bench.w1 import ended, quantile

SECONDS = float(os.environ.get("TENUTO_BENCH_SECONDS", "60"))
WARM_UP_SECONDS = min(3.0, SECONDS / 4)
IN_FLIGHT = 2_000
CALLERS = 16
RATE = 200
IDLE_CLIENTS = 500
MODEL = Path(__file__).with_name("w1.bpmn")


def run() -> dict[str, float]:
    """Measure batches, single requests, the way from acceptance to a handler, and idle streams."""
    numbers: dict[str, float] = {}
    with folder() as place, serving(place / "w1.db", None, [MODEL]) as server, worker(server):
        numbers |= asyncio.run(throughput(server))
    with folder() as place, serving(place / "w1.db", None, [MODEL]) as server:
        numbers |= asyncio.run(single(server))
    with folder() as place, serving(place / "w1.db", "bench.stamp_app", [MODEL]) as server:
        numbers |= asyncio.run(latency(server, place))
    with folder() as place, serving(place / "w1.db", None, [MODEL]) as server:
        numbers |= asyncio.run(idle(server))
    return numbers


@contextlib.contextmanager
def worker(server: Server, app: str = "bench.load") -> Iterator[int]:
    """Run `tenuto worker` for an app, by default the step of W1; give its process id."""
    environment = {
        **os.environ,
        "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
        "TENUTO_TOKEN": server.token,
        "TENUTO_URL": server.url,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "tenuto", "worker", app, "--seats", str(IN_FLIGHT)],
        env=environment,
        stderr=subprocess.PIPE,
    )
    try:
        assert process.stderr is not None, "the worker says when it works"
        process.stderr.readline()
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)


def client(server: Server) -> httpx.AsyncClient:
    """Return a client of the server's API."""
    return httpx.AsyncClient(
        base_url=f"{server.url}/api/v1",
        headers={"authorization": f"Bearer {server.token}", "content-type": "application/json"},
        timeout=60,
        limits=httpx.Limits(max_connections=1_000),
    )


async def throughput(server: Server) -> dict[str, float]:
    """Keep 2,000 instances in flight, started by CloudEvents in batches, worked elsewhere."""
    mapping = "events: [{id: go, type: go, start: w1, variables: {n: data.n}}]"
    async with client(server) as http:
        deployed = await http.post(
            "/deployments", json={"resources": [{"name": "w1.events.yaml", "source": mapping}]}
        )
        deployed.raise_for_status()
        began = time.perf_counter()
        warm = began + WARM_UP_SECONDS
        ends = warm + SECONDS
        sent = before = 0
        while (now := time.perf_counter()) < ends:
            done = await asyncio.to_thread(ended, server.database)
            if before == 0 and now >= warm:
                before, began = done, time.perf_counter()
            room = IN_FLIGHT - (sent - done)
            if room < 100:
                await asyncio.sleep(0.005)
                continue
            numbers = range(sent, sent + min(room, 500))
            sent = numbers.stop
            answer = await http.post(
                "/events",
                content=msgspec.json.encode([_event(number) for number in numbers]),
                headers={"content-type": "application/cloudevents-batch+json"},
            )
            answer.raise_for_status()
        count = ended(server.database) - before
        seconds = time.perf_counter() - began
        await _until_ended(server, sent)
    return {"w1.sqlite.http_batch.instances_per_second": count / seconds}


async def _until_ended(server: Server, count: int) -> None:
    while ended(server.database) < count:  # noqa: ASYNC110  (another process ends them)
        await asyncio.sleep(0.05)


def _event(number: int) -> dict[str, object]:
    return {
        "specversion": "1.0",
        "id": str(number),
        "source": "/bench",
        "type": "go",
        "data": {"n": number},
    }


async def single(server: Server) -> dict[str, float]:
    """Start, activate and complete by one request for each, sixteen callers at once."""
    ends = time.perf_counter() + SECONDS / 4
    async with client(server) as http:

        async def one_after_another() -> None:
            question = {"types": ["step"], "limit": 1, "wait": 5}
            while time.perf_counter() < ends:
                body = {"process": "w1", "variables": {"n": 1}}
                (await http.post("/instances", json=body)).raise_for_status()
                for _ in range(3):
                    [job] = (await http.post("/jobs/activate", json=question)).json()["jobs"]
                    result = {"token": job["token"], "variables": {"n": 2}}
                    await http.post(f"/jobs/{job['job']}/complete", json=result)

        began = time.perf_counter()
        await asyncio.gather(*(one_after_another() for _ in range(CALLERS)))
        seconds = time.perf_counter() - began
    return {"w1.sqlite.http_single.instances_per_second": ended(server.database) / seconds}


async def latency(server: Server, place: Path) -> dict[str, float]:
    """Start 200 a second; take the time from each acceptance to its first handler."""
    stamps = place / "stamps"
    sent: dict[int, float] = {}
    async with client(server) as http:

        async def start(number: int) -> None:
            sent[number] = time.time()
            body = {"process": "w1", "variables": {"n": number * 10}}
            (await http.post("/instances", json=body)).raise_for_status()

        tasks = []
        began = time.perf_counter()
        for number in range(1, int(RATE * SECONDS / 4)):
            await asyncio.sleep(max(0.0, began + number / RATE - time.perf_counter()))
            tasks.append(asyncio.create_task(start(number)))
        await asyncio.gather(*tasks)
        await _until_ended(server, len(tasks))
    first: dict[int, float] = {}
    for line in stamps.read_text().splitlines():
        stamp, at = line.split()
        if int(stamp) % 10 == 0:
            first.setdefault(int(stamp) // 10, float(at))
    delays = [first[number] - at for number, at in sent.items() if number > RATE]
    return {
        "http.sqlite.accept_to_handler_p50_ms": quantile(delays, 0.5) * 1e3,
        "http.sqlite.accept_to_handler_p99_ms": quantile(delays, 0.99) * 1e3,
    }


async def idle(server: Server) -> dict[str, float]:
    """Hold 500 streams on which nothing happens; take the server's share of one core."""
    process = psutil.Process(server.pid)
    headers = f"Host: 127.0.0.1\r\nAuthorization: Bearer {server.token}\r\n"
    port = int(server.url.rpartition(":")[2])
    writers = []
    for _ in range(IDLE_CLIENTS):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET /api/v1/events/stream HTTP/1.1\r\n{headers}\r\n".encode())
        status = await reader.readline()
        assert b"200" in status, status
        writers.append(writer)
    await asyncio.sleep(1)
    before = sum(process.cpu_times()[:2])
    began = time.perf_counter()
    await asyncio.sleep(min(20.0, SECONDS))
    share = (sum(process.cpu_times()[:2]) - before) / (time.perf_counter() - began)
    for writer in writers:
        writer.close()
    return {"http.idle_sse_500.cpu_percent": share * 100}
