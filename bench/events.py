"""CloudEvents over HTTP, in batches, into a process with one decision and one handler.

A server of its own takes them; this process sends them, 2 % twice and out of order, and keeps the
ledger: every event that was acknowledged must have become one instance that ended, once.
`TENUTO_BENCH_SECONDS` shortens the 60 seconds.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import psutil

from bench.load import folder
from bench.serving import Server, serving
from tenuto.store.port import InstanceQuery
from tenuto.store.sqlite_reader import SqliteReader

SECONDS = float(os.environ.get("TENUTO_BENCH_SECONDS", "60"))
BATCH = 100
IN_FLIGHT = 8
REPEATED = 0.02
HERE = Path(__file__).parent
MODELS = (HERE / "event.bpmn", HERE / "event.dmn", HERE / "event.events.yaml")
PAGE = 10_000


def run() -> dict[str, float]:
    """Send for the given time, wait until all has ended, and reconcile."""
    with folder() as place, serving(place / "events.db", "bench.event_app", MODELS) as server:
        process = psutil.Process(server.pid)
        cpu_before = sum(process.cpu_times()[:2])
        began = time.perf_counter()
        sent, acknowledged, handled = asyncio.run(_send(server))
        sending = time.perf_counter() - began
        ended = _wait(server.database, len(sent))
        seconds = time.perf_counter() - began
        cpu = sum(process.cpu_times()[:2]) - cpu_before
        found = _ended(server.database)
    doubled = sum(count > 1 for count in found.values())
    lost = sum(found[id] == 0 for id in acknowledged)
    assert doubled == 0, f"{doubled} events became two instances"
    assert lost <= len(sent) * 1e-4, (
        f"{lost} of {len(acknowledged)} acknowledged events did not end"
    )
    return {
        "events.sqlite.http_batch.events_per_second": handled / seconds,
        "events.sqlite.http_batch.accepted_per_second": handled / sending,
        "events.sqlite.http_batch.cpu_us_per_event": cpu / ended * 1e6,
        "events.sqlite.http_batch.reached_end_percent": 100 * len(found) / len(sent),
    }


def _batches(chance: random.Random) -> Iterator[list[int]]:
    """Yield numbers of events: each batch repeats a few that were sent before, in any order."""
    number = 0
    while True:
        repeats = [chance.randrange(number) for _ in range(int(BATCH * REPEATED)) if number]
        fresh = range(number, number + BATCH - len(repeats))
        number = fresh.stop
        batch = [*fresh, *repeats]
        chance.shuffle(batch)
        yield batch


async def _send(server: Server) -> tuple[set[str], set[str], int]:
    """Return the ids sent, those acknowledged, and how many events were, the repeated ones too."""
    batches = _batches(random.Random(20_261_123))
    sent: set[str] = set()
    acknowledged: set[str] = set()
    handled = 0
    ends = time.perf_counter() + SECONDS
    headers = {
        "authorization": f"Bearer {server.token}",
        "content-type": "application/cloudevents-batch+json",
    }
    async with httpx.AsyncClient(headers=headers, timeout=60) as client:

        async def feed() -> None:
            nonlocal handled
            while time.perf_counter() < ends:
                numbers = next(batches)
                ids = [f"e{number}" for number in numbers]
                sent.update(ids)
                body = msgspec.json.encode([_event(number) for number in numbers])
                answer = await client.post(f"{server.url}/api/v1/events", content=body)
                while answer.status_code == 429:
                    await asyncio.sleep(float(answer.headers["retry-after"]))
                    answer = await client.post(f"{server.url}/api/v1/events", content=body)
                answer.raise_for_status()
                acknowledged.update(ids)
                handled += len(ids)

        await asyncio.gather(*(feed() for _ in range(IN_FLIGHT)))
    return sent, acknowledged, handled


def _event(number: int) -> dict[str, object]:
    return {
        "specversion": "1.0",
        "id": f"e{number}",
        "source": "/bench",
        "type": "com.example.measured",
        "data": {"n": number},
    }


def _wait(database: Path, expected: int) -> int:
    """Wait until as many instances have ended; return how many have."""
    reader = SqliteReader(database)
    ends = time.perf_counter() + 60
    count = 0
    while count < expected and time.perf_counter() < ends:
        time.sleep(0.1)
        count = reader.count_instances().get(("on-event", "completed"), 0)
    reader.close()
    return count


def _ended(database: Path) -> Counter[str]:
    """Count the instances that have ended by the event that started them."""
    reader = SqliteReader(database)
    found: Counter[str] = Counter()
    after: int | None = None
    query = InstanceQuery(status="completed", limit=PAGE, newest_first=False)
    while page := reader.instances(query._replace(after=after)):
        found.update(row.business_key or "" for row in page)
        after = page[-1].key
    reader.close()
    return found
