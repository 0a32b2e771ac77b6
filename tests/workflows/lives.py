"""Running a program through several lives of a node: each ends at a chosen commit, as by a kill."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from tenuto.assembly import deploy_program
from tenuto.client.client import Client
from tenuto.client.reading import Reading
from tenuto.deploy import compile_sources
from tenuto.errors import Rejected, StoreError, TenutoError
from tenuto.runtime.clock import SystemClock
from tenuto.runtime.node import Node
from tenuto.store.memory import MemoryStore
from tenuto.store.memory_disk import MemoryDisk
from tenuto.worker.worker import Worker
from tests.workflows.programs import MEMBERS, whole
from tests.workflows.running import program


class Killed(TenutoError):
    """The node ended at a chosen commit."""


class Kill(NamedTuple):
    """End a life at a phase of its commit number `commit`."""

    commit: int
    phase: str


class _Fault:
    def __init__(self, kill):
        self._left = None if kill is None else kill.commit
        self._phase = None if kill is None else kill.phase

    def __call__(self, phase):
        if phase == self._phase and self._left is not None:
            self._left -= 1
            if self._left <= 0:
                raise Killed("killed")


def live_through(made, kills, *, warm_max=None, salt="s"):
    """Run a program to its end; return its result."""
    disk = MemoryDisk()
    code = program(*MEMBERS)
    for kill in (*kills, None):
        store = MemoryStore(disk, on_phase=_Fault(kill))
        try:
            found = _one_life(store, code, made, warm_max, salt)
        except (StoreError, Rejected, Killed):
            continue
        return found
    raise AssertionError("expected the last life, which nobody ends, to end the program")


def _one_life(store, code, made, warm_max, salt):
    node = Node(store, SystemClock(), compile_sources, name="life")
    worker = Worker(node.corridor, code, workflows=code.workflows, read=Reading(store))
    if warm_max is not None:
        worker._host.warm_max = warm_max
    node.start()
    try:
        deploy_program(node, code, "")
        worker.start()
        return asyncio.run(_result(Client(node), made, salt))
    finally:
        worker.stop(0.0)
        node.stop()


async def _result(client, made, salt):
    handle = await client.begin(whole.options(id=salt), made, salt)
    return await handle.result(10)
