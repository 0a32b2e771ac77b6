"""What the benchmarks share: a node on a database of its own, and a feeder that keeps work in
flight.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from tenuto import handler, values
from tenuto.client import requests as ask
from tenuto.deploy import compile_sources, prepare, read_files
from tenuto.engine.commands import StartInstance
from tenuto.runtime.clock import SystemClock
from tenuto.runtime.node import Node
from tenuto.runtime.requests import NEW_INSTANCE, Ended, Reply, Request, Result
from tenuto.store.sqlite import SqliteStore
from tenuto.worker.handlers import describe
from tenuto.worker.worker import Worker

MODEL = Path(__file__).with_name("w1.bpmn")


@handler("step")
async def step(n: int) -> dict[str, int]:
    """The trivial step of W1."""
    return {"n": n + 1}


class Feeder:
    """Starts instances and times each from its start to its end (or its acceptance)."""

    def __init__(self, node: Node, process: str, in_flight: int, *, at_end: bool = True) -> None:
        """Keep at most `in_flight` unanswered starts."""
        self._node = node
        self._process = process
        self._gate = threading.Semaphore(in_flight)
        self._at_end = at_end
        self._begun: dict[int, float] = {}
        self.latencies: list[float] = []
        self.started = 0
        self._answered = threading.Condition()

    def deliver(self, results: list[tuple[int, Result]]) -> None:
        """Take answers on the corridor's thread."""
        now = time.perf_counter()
        for ticket, result in results:
            assert isinstance(result, Ended) or not self._at_end, result
            self.latencies.append(now - self._begun.pop(ticket))
        self._gate.release(len(results))
        with self._answered:
            self._answered.notify()

    def start(self, variables: dict[str, values.Value] | None = None) -> None:
        """Start one instance, waiting for room."""
        self._gate.acquire()
        ticket = self.started = self.started + 1
        self._begun[ticket] = time.perf_counter()
        given: dict[str, values.Value] = variables if variables is not None else {"n": ticket}
        command = StartInstance(
            self._process, {name: values.encode(value) for name, value in given.items()}
        )
        reply = Reply(self, ticket, self._at_end)
        self._node.submit(Request(NEW_INSTANCE, command, reply=reply))

    def drain(self) -> None:
        """Wait for every answer."""
        with self._answered:
            self._answered.wait_for(lambda: not self._begun, timeout=120)
        assert not self._begun, f"{len(self._begun)} starts were never answered"


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """Give a folder on the same disk as the checkout, and remove it."""
    root = Path(__file__).parents[1] / ".cache"
    root.mkdir(exist_ok=True)
    path = Path(tempfile.mkdtemp(dir=root))
    try:
        yield path
    finally:
        shutil.rmtree(path)


@contextlib.contextmanager
def node_on(path: Path, *, seats: int = 0) -> Iterator[Node]:
    """Run a node on a database file, with the step's worker if it has seats."""
    node = Node(SqliteStore(path), SystemClock(), compile_sources, name="bench")
    node.start()
    worker = Worker(node.corridor, {"step": describe("step", step)}, seats=seats) if seats else None
    if worker is not None:
        worker.start()
    try:
        yield node
    finally:
        if worker is not None:
            worker.stop()
        node.stop()


def deploy(node: Node) -> None:
    """Deploy the models of the benchmarks."""
    done = threading.Event()

    class Slot:
        """Waits for the one answer."""

        def deliver(self, results: list[tuple[int, Result]]) -> None:
            """Take it."""
            done.set()

    request = ask.deploy_request(prepare(read_files([MODEL])))
    node.submit(request._replace(reply=Reply(Slot(), 1)))
    assert done.wait(10), "the deployment was not answered"
