"""Durable Python: steps a second, what a step costs, a lone workflow, a long replay, many asleep.

Everything is in one process on SQLite with fsync on; each step is durable before the next begins.
Latencies and counts are the caller's. `TENUTO_BENCH_SECONDS` shortens the 60 seconds,
`TENUTO_BENCH_SLEEPING` the 100,000 sleeping workflows.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

from bench.load import folder
from bench.w1 import quantile
from tenuto import step, workflow
from tenuto.assembly import running
from tenuto.client.client import Client
from tenuto.client.history import read_history
from tenuto.engine.commands import StartInstance
from tenuto.runtime.requests import NEW_INSTANCE, Request
from tenuto.worker.program import Program, program_of
from tenuto.workflows.routine import Routine

SECONDS = float(os.environ.get("TENUTO_BENCH_SECONDS", "60"))
SLEEPING = int(os.environ.get("TENUTO_BENCH_SLEEPING", "100000"))
WARM_UP_SECONDS = min(3.0, SECONDS / 4)
IN_FLIGHT = 64
STEPS = 5
ALONE = 500
LONG = 10_000
STARTS_AT_ONCE = 1_000
# So many fill what is kept warm: what comes after must add nothing.
CACHED = 50_000


@step
async def add_one(n: int) -> int:
    """The trivial step."""
    return n + 1


@workflow
async def five(n: int) -> int:
    """Five steps, one after another."""
    for _ in range(STEPS):
        n = await add_one(n)
    return n


@workflow
async def three(n: int) -> int:
    """Three steps."""
    return await add_one(await add_one(await add_one(n)))


@workflow
async def long_loop() -> int:
    """Ten thousand steps."""
    n = 0
    while n < LONG:
        n = await add_one(n)
    return n


@workflow
async def sleeper(n: int) -> int:
    """A step, a month of sleep, a step."""
    n = await add_one(n)
    await asyncio.sleep(30 * 86_400)
    return await add_one(n)


def run() -> dict[str, float]:
    """Measure throughput, a lone workflow, the replay of a long one, and many that sleep."""
    code = program_of(sys.modules[__name__])
    numbers: dict[str, float] = {}
    with folder() as place, running(place / "w.db", handlers=code) as at:
        numbers |= asyncio.run(throughput(at.client))
        numbers |= asyncio.run(alone(at.client))
    with folder() as place, running(place / "w.db", handlers=code) as at:
        numbers |= asyncio.run(replay(at.client))
    with folder() as place:
        numbers |= sleeping(place / "w.db", code)
    return numbers


async def throughput(client: Client) -> dict[str, float]:
    """Keep 64 five-step workflows in flight."""
    latencies: list[float] = []
    await feed(client, WARM_UP_SECONDS, latencies)
    latencies.clear()
    cpu, began = time.process_time(), time.perf_counter()
    await feed(client, SECONDS, latencies)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    steps = STEPS * len(latencies)
    return {
        "workflows.sqlite.workflows_per_second": len(latencies) / seconds,
        "workflows.sqlite.steps_per_second": steps / seconds,
        "workflows.sqlite.cpu_ms_per_step": cpu / steps * 1e3,
        "workflows.sqlite.step_p50_ms": quantile(latencies, 0.5) / STEPS * 1e3,
        "workflows.sqlite.step_p99_ms": quantile(latencies, 0.99) / STEPS * 1e3,
    }


async def feed(client: Client, seconds: float, latencies: list[float]) -> None:
    """Run five-step workflows for a time."""
    ends = time.perf_counter() + seconds

    async def one() -> None:
        while time.perf_counter() < ends:
            began = time.perf_counter()
            ended = await client.run("five", {"n": 0})
            assert ended.variables["result"] == STEPS, "every step ran once"
            latencies.append(time.perf_counter() - began)

    await asyncio.gather(*(one() for _ in range(IN_FLIGHT)))


async def alone(client: Client) -> dict[str, float]:
    """Run three-step workflows one at a time."""
    latencies = []
    for round_ in range(ALONE + 50):
        began = time.perf_counter()
        await client.run("three", {"n": 0})
        if round_ >= 50:
            latencies.append(time.perf_counter() - began)
    return {
        "workflows.sqlite.alone_three_steps.p50_ms": quantile(latencies, 0.5) * 1e3,
        "workflows.sqlite.alone_three_steps.p99_ms": quantile(latencies, 0.99) * 1e3,
    }


async def replay(client: Client) -> dict[str, float]:
    """Run ten thousand steps, then make the coroutine again from the journal."""
    key = await client.start("long_loop")
    ended = await client.wait(key)
    assert ended.variables["result"] == LONG, "every step ran once"
    began = time.perf_counter()
    history = read_history(client.read, int(key), 1, 1)
    routine = Routine(long_loop, key, history.began_at)
    routine.expect(history.asked, history.marks)
    routine.begin(long_loop.body(history.variables))
    for one in history.outcomes:
        routine.feed(one.key, one.at, one.value, one.error)
    seconds = time.perf_counter() - began
    assert routine.is_ended, "the replay came to the end"
    return {"workflows.sqlite.replay_10000_steps_seconds": seconds}


def sleeping(path: Path, code: Program) -> dict[str, float]:
    """Start many workflows that sleep for a month; tell what they hold in memory."""
    with running(path, handlers=code) as at:
        first = min(CACHED, SLEEPING)
        asyncio.run(start_sleepers(at.client, first))
        wait_for_sleepers(path, first)
        before = memory_mb()
        asyncio.run(start_sleepers(at.client, SLEEPING - first))
        wait_for_sleepers(path, SLEEPING)
        after = memory_mb()
    return {
        "workflows.sqlite.sleeping": float(SLEEPING),
        "workflows.sqlite.sleeping_rss_mb": after,
        "workflows.sqlite.sleeping_rss_growth_mb": after - before,
    }


async def start_sleepers(client: Client, count: int) -> None:
    """Start sleepers, some at once."""
    for first in range(0, count, STARTS_AT_ONCE):
        some = min(STARTS_AT_ONCE, count - first)
        variables = sleeper.encode_arguments(1)
        requests = [Request(NEW_INSTANCE, StartInstance("sleeper", variables)) for _ in range(some)]
        await client.ask_all(requests)


def wait_for_sleepers(path: Path, count: int) -> None:
    """Wait until so many sleep."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        while database.execute("SELECT count(*) FROM timer").fetchone()[0] < count:
            time.sleep(0.5)


def memory_mb() -> float:
    """Return the memory of this process that is its own: pages of the mapped database are not."""
    status = Path("/proc/self/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("RssAnon:")]
    return float(int(line.split()[1]) / 1000)
