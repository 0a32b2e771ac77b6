"""A run: deploy, feed the input, and stay until nothing moves."""

from __future__ import annotations

import asyncio
import threading
import time
from array import array
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from tenuto.cli.contracts import hold_handlers
from tenuto.cli.database import actor
from tenuto.cli.feeding import Feeding, Rejects, Target
from tenuto.cli.inputs import Declared
from tenuto.cli.output import warn
from tenuto.cli.progress import Bar
from tenuto.cli.rest import Probe
from tenuto.cli.summary import PAST_THE_END
from tenuto.deploy import latest_processes, unknown_references
from tenuto.errors import InputError, StoreError
from tenuto.graph.nodes import CallActivity, StartEvent

if TYPE_CHECKING:
    from tenuto.assembly import Running
    from tenuto.cli.records import Record
    from tenuto.deploy import Prepared
    from tenuto.graph.process import ProcessGraph
    from tenuto.worker.handlers import Handler

TICK_SECONDS: Final = 0.02


class Source(Protocol):
    """What is known of the input while it is read."""

    @property
    def format(self) -> str:
        """Return csv, ndjson or json."""

    @property
    def size(self) -> int | None:
        """Return the input's size in bytes, where it is known."""


class BatchRun:
    """One run of `tenuto run`, and how far it came."""

    def __init__(self, running: Running, handlers: Sequence[str], stop: threading.Event) -> None:
        """Work on a running node that has a worker for the job types `handlers`."""
        self.running = running
        self.handlers = list(handlers)
        self.stop = stop
        self.process: str | None = None
        self.feeding: Feeding | None = None
        self.rejects: Rejects | None = None
        self.seconds = 0.0
        self._prepared: Prepared | None = None
        self._begun = time.perf_counter()
        self._head = running.node.corridor.head

    @property
    def is_interrupted(self) -> bool:
        """Tell whether somebody asked to stop."""
        return self.stop.is_set()

    @property
    def keys(self) -> array[int]:
        """Return the instances of this run, also those that an earlier run of it had started."""
        return self.feeding.keys if self.feeding is not None else array("q")

    @property
    def cursor(self) -> dict[int, int]:
        """Return where the journal of this run begins: with it, or anywhere if it goes on."""
        if self.feeding is not None and self.feeding.repeated:
            return {}
        logs = self.running.client.read.reader.logs()
        return dict.fromkeys(logs, PAST_THE_END) | {self._head.log: self._head.seq}

    # --- deploy

    def deploy(self, models: Sequence[str]) -> None:
        """Deploy models, and warn of what instances will wait for."""
        if not models:
            return
        world = self.running.node.world
        known = set(world.latest), set(world.decisions)
        self._prepared = prepared = asyncio.run(self.running.client.deploy(*models))
        for report in prepared.reports:
            for finding in report.warnings:
                warn(f"{report.source}: {finding.element or ''} {finding.message}")
            if report.ignored:
                count = len(report.ignored)
                warn(f"{report.source}: {count} attributes have no effect (see `tenuto lint`)")
        for finding in unknown_references(prepared, *known):
            warn(f"{finding.element}: {finding.message}")
        for kind, elements in sorted(prepared.job_types.items()):
            if kind not in self.handlers:
                warn(
                    f"no handler for job type `{kind}`: instances wait at {', '.join(elements)}; "
                    "give a module that has it with --app"
                )

    def hold(self, handlers: Mapping[str, Handler]) -> None:
        """Hold handlers against the processes of the database. Raises `InputError`."""
        prepared = self._prepared
        own = {graph.id for graph in prepared.compiled.graphs} if prepared is not None else set()
        hold_handlers(latest_processes(self.running.node.world).values(), handlers, own)

    def target(self, process: str | None, business_key: str | None, batch: str) -> Target:
        """Return what the records start. Raises `InputError` when that is not one process."""
        latest = self.running.node.world.latest
        if process is None:
            process = self._only_process()
        if process not in latest:
            known = ", ".join(sorted(latest)) or "none"
            raise InputError(f"expected a deployed process, got `{process}`; deployed are {known}")
        declared = Declared(latest[process].graph.inputs)
        self.process = process
        return Target(process, declared, business_key, batch, actor())

    def _only_process(self) -> str:
        graphs = self._prepared.compiled.graphs if self._prepared is not None else ()
        called = {id for graph in graphs for id in _called(graph)}
        found = [graph.id for graph in graphs if _starts_alone(graph) and graph.id not in called]
        if len(found) != 1:
            names = ", ".join(found) or "none"
            raise InputError(f"expected one process to start, got {names}; name it with --process")
        return found[0]

    # --- feed

    def feed(
        self, target: Target, records: Iterator[Record], source: Source, rejects: Path
    ) -> None:
        """Start one instance per record, until the input ends or somebody asks to stop."""
        self.rejects = Rejects(rejects)
        self.feeding = feeding = Feeding(self.running.node, target, self.rejects)
        probe = Probe(self.running, self.handlers, 0.0)
        try:
            with Bar("starting", source.size) as bar:
                for record in records:
                    if feeding.records == 0 and source.format == "csv":
                        check_columns(record, target)
                    feeding.offer(record)
                    if feeding.records % 64 == 0 or feeding.is_full:
                        self._let_answer(feeding, probe)
                        bar.show_feeding(feeding)
                    if self.is_interrupted:
                        break
                while not feeding.is_idle:
                    feeding.take_answers(0.1)
                    self._check_node()
                    bar.show_feeding(feeding)
        finally:
            self.rejects.close()

    def _let_answer(self, feeding: Feeding, probe: Probe) -> None:
        """Take answers; wait while too much is unanswered, or while jobs queue for a seat."""
        feeding.take_answers(0.0)
        while (feeding.is_full or probe.is_saturated) and not self.is_interrupted:
            feeding.take_answers(TICK_SECONDS)
            if feeding.is_idle:
                self.stop.wait(TICK_SECONDS)
            self._check_node()

    def _check_node(self) -> None:
        corridor = self.running.node.corridor
        if corridor.stopped.is_set():
            raise StoreError(f"expected a running node, but {corridor.failed or 'it was stopped'}")

    # --- settle

    def settle(self, wait_seconds: float) -> None:
        """Stay until nothing moves; retries that are due within `wait_seconds` are waited for."""
        probe = Probe(self.running, self.handlers, wait_seconds)
        with Bar("working") as bar:
            while not self.is_interrupted and not probe.is_at_rest(1.0):
                self._check_node()
                bar.show_working(probe.leased)
                self.stop.wait(TICK_SECONDS)

    def stop_clock(self) -> None:
        """Note how long the run took."""
        self.seconds = time.perf_counter() - self._begun


def check_columns(record: Record, target: Target) -> None:
    """Refuse an input whose header lacks a column that every record must have."""
    wanted = [*target.declared.required]
    if target.business_key is not None:
        wanted.append(target.business_key)
    missing = [name for name in wanted if not record.problem and name not in record.values]
    if missing:
        raise InputError(
            f"expected the columns {', '.join(wanted)} for process `{target.process}`, "
            f"but {', '.join(missing)} is missing"
        )


def rejects_path(name: str, given: str | None) -> Path:
    """Return where rejected records go: beside the input, unless it was said."""
    if given is not None:
        return Path(given)
    return Path("stdin.rejects.ndjson" if name == "-" else f"{name}.rejects.ndjson")


def _called(graph: ProcessGraph) -> list[str]:
    return [
        str(node.process.constant)
        for node in graph.nodes.values()
        if isinstance(node, CallActivity) and node.process.is_constant
    ]


def _starts_alone(graph: ProcessGraph) -> bool:
    """Tell whether a process can be started without a message, signal or timer."""
    starts = [graph.nodes[id] for id in graph.starts]
    plain = any(isinstance(node, StartEvent) and node.trigger is None for node in starts)
    return plain or bool(graph.implicit_starts)
