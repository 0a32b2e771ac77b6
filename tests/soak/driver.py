"""The driver: it asks a server over HTTP, life after life, while faults are done to it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import sys
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from tests.crash.ledger import python_path
from tests.soak.code import BOOKS, make_books
from tests.soak.faults import Harm, Plan, plan_of
from tests.soak.ledger import Ledger
from tests.soak.life import DATABASE, set_offset
from tests.soak.programs import outcome_of, program_at

IN_FLIGHT = 24
REPEATED = 3
# Nothing was changed; the same may be asked again. 507 says that the disk is full.
BUSY = (429, 503, 507)
PAUSE_SECONDS = 0.1
START_SECONDS_MAX = 60
BEGAN = b"Tenuto listens"
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
JOB_TRIES = 3


class Size(NamedTuple):
    """The most that a life needed: bytes of memory and open files."""

    memory: int
    files: int


def size_of(pid: int) -> Size:
    """Return what a process needs now."""
    resident = Path(f"/proc/{pid}/statm").read_text().split()[1]
    return Size(int(resident) * PAGE_BYTES, len(os.listdir(f"/proc/{pid}/fd")))


class Gone(Exception):
    """The server has ended."""


class Driver:
    """Starts programs of a seed, sends what they wait for, cancels; one server after another."""

    def __init__(self, folder: Path, seed: int) -> None:
        """Begin, or go on, in a folder."""
        self.folder = folder
        self.seed = seed
        self.ledger = Ledger(folder / "ledger.ndjson")
        self.done: Counter[str] = Counter()
        self.harm = Harm(folder, self.done)
        self.sizes: list[Size] = []
        self.wanted = 0
        self._closed: set[int] = set()
        set_offset(folder, 0)
        make_books(folder)

    def live(self, life: int, programs: int, seconds: float) -> None:
        """Live one life with faults, with that many new programs."""
        plan = plan_of(self.seed, life, seconds)
        self.wanted += programs
        asyncio.run(self._life(plan))

    def finish(self, seconds_max: float) -> None:
        """Live one life without faults until everything has ended; a clock that was set back is
        set right first.
        """
        self.harm.offset += 120_000
        set_offset(self.folder, self.harm.offset)
        plan = Plan([], seconds_max, None, is_orderly=True)
        asyncio.run(self._life(plan, until_done=True))

    async def _life(self, plan: Plan, *, until_done: bool = False) -> None:
        errors = (self.folder / "errors").open("wb")
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.soak.life",
            str(self.folder),
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            env={**os.environ, "PYTHONPATH": python_path(), **plan.environment},
        )
        tasks: list[asyncio.Task[Any]] = []
        try:
            lives = await asyncio.wait_for(self._begun(process), START_SECONDS_MAX)
            if lives:
                tasks.append(asyncio.create_task(self._watch(process.pid)))
                harm = asyncio.create_task(self.harm.do(process, plan.faults))
                feed = asyncio.create_task(self._feed(until_done=until_done))
                end = asyncio.create_task(process.wait())
                tasks += [harm, feed, end]
                wanted = feed if until_done else end
                await asyncio.wait(
                    [wanted, end], timeout=plan.seconds, return_when="FIRST_COMPLETED"
                )
                await self._end(process, plan, tasks)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            errors.close()
        self._judge(process.returncode, plan)

    async def _end(
        self, process: asyncio.subprocess.Process, plan: Plan, tasks: list[asyncio.Task[Any]]
    ) -> None:
        """End a life as its plan says; what the driver met is raised."""
        _watch, harm, feed, _end = tasks
        if process.returncode is None:
            if plan.is_orderly:
                harm.cancel()
                await asyncio.wait([harm])
                process.terminate()
            else:
                process.kill()
        await asyncio.wait_for(process.wait(), START_SECONDS_MAX)
        await asyncio.wait([harm, feed], timeout=START_SECONDS_MAX)
        for task in tasks:
            task.cancel()
        for found in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(found, Exception) and not isinstance(found, Gone):
                raise found

    def _judge(self, code: int | None, plan: Plan) -> None:
        """Hold how a process ended against its plan."""
        if code == -signal.SIGKILL:
            self.done["kill at a point" if plan.point else "kill at an instant"] += 1
            return
        said = (self.folder / "errors").read_text(errors="replace")[-3000:]
        assert code == 0, f"the process ended with {code}: {said}"
        self.done["orderly end"] += 1

    async def _begun(self, process: asyncio.subprocess.Process) -> bool:
        assert process.stdout is not None, "the output is a pipe"
        async for line in process.stdout:
            if line.startswith(BEGAN):
                await process.stdout.readline()
                return True
        return False

    async def _watch(self, pid: int) -> None:
        """Note what the process needs while it lives."""
        place = len(self.sizes)
        self.sizes.append(Size(0, 0))
        with contextlib.suppress(OSError, ValueError, IndexError):
            while True:
                found, known = size_of(pid), self.sizes[place]
                self.sizes[place] = Size(*map(max, found, known))
                await asyncio.sleep(0.2)

    # --- what is asked

    async def _feed(self, *, until_done: bool) -> None:
        """Ask for everything that was not acknowledged, again and again, while the server lives."""
        said = json.loads((self.folder / f"{DATABASE}.serve.json").read_text())
        headers = {"authorization": f"Bearer {said['token']}"}
        url = f"{said['url']}/api/v1"
        limits = httpx.Limits(max_connections=IN_FLIGHT)
        gate = asyncio.Semaphore(IN_FLIGHT)
        async with httpx.AsyncClient(
            base_url=url, headers=headers, limits=limits, timeout=30
        ) as client:
            again = sorted(self.ledger.started)[-REPEATED:]
            while True:
                await self._round(client, gate, again)
                again = []
                if until_done and await self._is_done(client):
                    return
                await asyncio.sleep(PAUSE_SECONDS)

    async def _round(
        self, client: httpx.AsyncClient, gate: asyncio.Semaphore, again: list[str]
    ) -> None:
        """Ask once for everything that is open."""
        asked: list[Any] = []
        began = self._began()
        for count in self._open_counts(again):
            made = program_at(self.seed, count)
            asked.append(self._one(client, count, is_began=f"{made.place}.began" in began))
        asked.append(self._resolve(client))

        async def gated(one: Any) -> None:
            async with gate:
                await one

        found = await asyncio.gather(*map(gated, asked), return_exceptions=True)
        wrong = [one for one in found if isinstance(one, Exception)]
        for one in wrong:
            if not isinstance(one, httpx.TransportError):
                raise one
        if any(isinstance(one, httpx.ConnectError) for one in wrong):
            raise Gone

    def _open_counts(self, again: list[str]) -> list[int]:
        """Return the numbers of programs that something is to be asked for."""
        still = set(range(self.wanted)) - self._closed
        return [int(place[1:]) for place in again] + [
            count for count in sorted(still) if not self._close(count)
        ]

    def _close(self, count: int) -> bool:
        """Tell whether all of a program was acknowledged."""
        made = program_at(self.seed, count)
        if made.place not in self.ledger.started:
            return False
        if made.program is None and made.place not in self.ledger.canceled:
            return False
        if not outcome_of(made).messages.keys() <= self.ledger.told:
            return False
        self._closed.add(count)
        return True

    async def _one(self, client: httpx.AsyncClient, count: int, *, is_began: bool) -> None:
        """Start a program, send its messages, or cancel it."""
        made = program_at(self.seed, count)
        process = "canceled" if made.program is None else "soaked"
        variables: dict[str, Any] = {"place": made.place}
        if made.program is not None:
            variables["program"] = made.program
        body = {"process": process, "variables": variables}
        headers = {"idempotency-key": made.place}
        answer = await client.post("/instances", json=body, headers=headers)
        if not _is_taken(answer, 201, 200):
            return
        key = answer.json()["instance"]
        self.ledger.note("started", made.place, key)
        for place, n in outcome_of(made).messages.items():
            await self._tell(client, place, n)
        if made.program is None and is_began and made.place not in self.ledger.canceled:
            answer = await client.post(f"/instances/{key}/cancel", json={})
            # One whose first answer was lost has been canceled already.
            if _is_taken(answer, 200, 202, 204, 409):
                self.ledger.note("canceled", made.place)

    async def _tell(self, client: httpx.AsyncClient, place: str, n: int) -> None:
        body = {
            "name": "told",
            "correlation_key": place,
            "message_id": place,
            "time_to_live": "P1D",
            "variables": {"n": n},
        }
        if _is_taken(await client.post("/messages", json=body), 200, 201, 202):
            self.ledger.note("told", place)

    async def _resolve(self, client: httpx.AsyncClient) -> None:
        """Let what ended its process too often while it ran alone go on: here it was not guilty."""
        answer = await client.get("/incidents")
        if not _is_taken(answer, 200):
            return
        for one in answer.json()["items"]:
            assert one["code"] == "job-crashed", f"an incident: {one}"
            path = f"/incidents/{one['incident']}/resolve"
            if _is_taken(await client.post(path, json={"retries": JOB_TRIES}), 200, 204, 404, 409):
                self.done["incident of a crash"] += 1

    async def _is_done(self, client: httpx.AsyncClient) -> bool:
        if len(self._closed) < self.wanted:
            return False
        answer = await client.get("/instances", params={"status": "active", "limit": 1})
        return _is_taken(answer, 200) and not answer.json()["items"]

    def _began(self) -> set[str]:
        """Return which of the programs that wait to be canceled have begun."""
        with contextlib.closing(sqlite3.connect(self.folder / BOOKS, timeout=30)) as books:
            found = books.execute("SELECT place FROM effect WHERE place LIKE '%.began'").fetchall()
        return {place for (place,) in found}


def _is_taken(answer: httpx.Response, *wanted: int) -> bool:
    """Tell whether an answer is one of those; a server that is busy or ends is asked again."""
    if answer.status_code in BUSY:
        return False
    assert answer.status_code in wanted, f"{answer.status_code}: {answer.text}"
    return True
