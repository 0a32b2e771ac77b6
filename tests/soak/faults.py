"""The faults of a life, drawn from the seed, and how each is done to a process."""

from __future__ import annotations

import asyncio
import os
import random
import resource
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from tenuto.store.crash_points import POINT, TESTING
from tenuto.store.port import PHASES
from tests.soak.code import BOOKS, NOTES
from tests.soak.life import DATABASE, set_offset

KINDS = ("pause", "lock", "lock books", "full disk", "jump ahead", "jump back")
OFFSET_MIN, OFFSET_MAX = -20_000, 60_000
HOLDER = Path(__file__).with_name("holder.py")
POINT_SHARE, ORDERLY_SHARE = 0.4, 0.1
LOCK_LONG = 5.5  # longer than the store waits for a lock


class Fault(NamedTuple):
    """What is done, when after the one before, and for how long (or how far)."""

    kind: str
    after: float
    amount: float


class Plan(NamedTuple):
    """How a life goes: it ends after `seconds` by SIGKILL or SIGTERM, or at a crash point."""

    faults: list[Fault]
    seconds: float
    point: str | None
    is_orderly: bool

    @property
    def environment(self) -> dict[str, str]:
        """Return what the process is told."""
        return {} if self.point is None else {POINT: self.point, TESTING: "1"}


def plan_of(seed: int, life: int, seconds: float) -> Plan:
    """Return the plan of a life that takes about that many seconds."""
    chance = random.Random(f"{seed}:{life}")
    point = None
    drawn = chance.random()
    if drawn < POINT_SHARE:
        point = f"{chance.choice(PHASES)}:{chance.randint(1, 400)}"
    faults = [_fault(chance, seconds) for _ in range(chance.randint(0, 4))]
    is_orderly = point is None and drawn < POINT_SHARE + ORDERLY_SHARE
    return Plan(faults, seconds * chance.uniform(0.3, 1.5), point, is_orderly)


def _fault(chance: random.Random, seconds: float) -> Fault:
    kind = chance.choice(KINDS)
    amount = chance.uniform(0.05, 1.0)
    if kind == "lock" and chance.random() < 0.05:
        amount = LOCK_LONG
    elif kind == "jump ahead":
        amount = chance.choice((0.1, 1, 5, 30))
    elif kind == "jump back":
        amount = -chance.choice((0.1, 1, 2, 5, 30))
    return Fault(kind, chance.uniform(0, seconds / 3), amount)


class Harm:
    """Does faults to a process."""

    def __init__(self, folder: Path, done: Counter[str]) -> None:
        """Count in `done` what was done."""
        self.folder = folder
        self.done = done
        self.offset = 0

    async def do(self, process: asyncio.subprocess.Process, faults: list[Fault]) -> None:
        """Do faults in turn while the process lives."""
        for fault in faults:
            await asyncio.sleep(fault.after)
            if process.returncode is not None:
                return
            try:
                await self._one(process.pid, fault)
            except ProcessLookupError:
                return
            self.done[fault.kind] += 1

    async def _one(self, pid: int, fault: Fault) -> None:
        if fault.kind == "pause":
            os.kill(pid, signal.SIGSTOP)
            try:
                await asyncio.sleep(fault.amount)
            finally:
                os.kill(pid, signal.SIGCONT)
        elif fault.kind == "lock":
            await self._lock(self.folder / DATABASE, fault.amount)
        elif fault.kind == "lock books":
            await self._lock(self.folder / BOOKS, fault.amount)
        elif fault.kind == "full disk":
            await self._full(pid, fault.amount)
        else:
            moved = self.offset + round(fault.amount * 1000)
            self.offset = max(OFFSET_MIN, min(OFFSET_MAX, moved))
            set_offset(self.folder, self.offset)

    async def _lock(self, database: Path, seconds: float) -> None:
        words = [sys.executable, "-S", str(HOLDER), str(database), str(seconds)]
        holder = await asyncio.create_subprocess_exec(
            *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
        try:
            await holder.communicate()
        finally:
            if holder.returncode is None:
                holder.kill()
                await holder.wait()

    async def _full(self, pid: int, seconds: float) -> None:
        """Let no file grow beyond what the database has now; the notes are smaller."""
        sizes = [_size(self.folder / name) for name in (DATABASE, f"{DATABASE}-wal")]
        limit = max(min(sizes), _size(self.folder / NOTES) + 4096)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        await asyncio.sleep(seconds)
        both = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, both)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
