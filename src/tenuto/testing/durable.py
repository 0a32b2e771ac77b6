"""Tests of Python workflows: a node in memory on a virtual clock, without a server and without
sleep.

    def test_expiry(durable):
        durable.mock(charge, [ConnectionError("away"), "receipt"])
        order = durable.start(fulfil, "o-1")
        durable.advance("3d")
        assert order.result == "receipt"

The real engine, store, worker and replay run; only the clock is ours, and steps where a test says
so.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from msgspec import structs

from tenuto.assembly import deploy_program
from tenuto.client.client import Client
from tenuto.client.handle import Handle
from tenuto.client.reading import Reading
from tenuto.deploy import compile_sources, read_files
from tenuto.engine.rows import UserTaskRow
from tenuto.errors import InputError, Rejected, StoreError
from tenuto.runtime.loop import Corridor
from tenuto.runtime.node import Node
from tenuto.store.memory import MemoryStore
from tenuto.store.memory_disk import MemoryDisk
from tenuto.testing.clock import VirtualAlarms, VirtualClock
from tenuto.testing.histories import (
    Recorded,
    StepSeen,
    finished_steps,
    record_history,
    replay_history,
    steps_of,
)
from tenuto.worker.program import Program, program_of
from tenuto.worker.steps import Watch
from tenuto.worker.worker import Worker
from tenuto.workflows.awaitables import Message, State
from tenuto.workflows.context import StepContext
from tenuto.workflows.define import Step, Workflow, seconds_of
from tenuto.workflows.dialogue import Stream, Update
from tenuto.workflows.guard import guard_of
from tenuto.workflows.looks import Looks
from tenuto.workflows.rooms import THREAD
from tenuto.workflows.routine import NotDeterministic
from tenuto.workflows.tracing import Traces

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider

PATIENCE_SECONDS: Final = 30.0
LOOK_SECONDS: Final = 0.0005
CRASHES: Final = {"after_every_commit": "after_commit", "before_every_commit": "before_commit"}


class Crash(StoreError):
    """The node ended at a chosen commit."""


class Run:
    """One instance of a workflow in a test."""

    def __init__(self, durable: Durable, workflow: Workflow[..., Any], key: str) -> None:
        """Point to an instance."""
        self._durable = durable
        self._workflow = workflow
        self.key = key

    @property
    def status(self) -> str:
        """Return active, paused, completed, failed or terminated."""
        return self._durable.read.find(self.key).status

    @property
    def result(self) -> Any:
        """Return what the workflow returned, or raise what it raised."""
        if self.status in {"active", "paused"}:
            waiting = [one[1:3] for one in self._durable.read.waiting()]
            raise InputError(f"expected the workflow to have ended, but it waits: {waiting}")
        return self._durable.ask(lambda client: Handle(client, self._workflow, self.key).result())

    @property
    def error(self) -> BaseException | None:
        """Return what the workflow raised, or nothing."""
        try:
            self.result  # noqa: B018  (it raises what the workflow raised)
        except Exception as error:  # noqa: BLE001  (whatever the workflow raised)
            return error
        return None

    def state(self, state: State[Any]) -> Any:
        """Return what the workflow published."""
        return self._durable.ask(
            lambda client: Handle(client, self._workflow, self.key).state(state)
        )

    def send(self, message: Message[Any], value: Any) -> None:
        """Send a message to this instance, and let it go on."""
        self._durable.ask(
            lambda client: Handle(client, self._workflow, self.key).send(message, value)
        )
        self._durable.settle()

    def update(self, update: Update[Any, Any], value: Any, *, id: str | None = None) -> Any:
        """Ask the workflow for something and return its answer."""
        return self._durable.ask(
            lambda client: Handle(client, self._workflow, self.key).update(update, value, id=id)
        )

    def read_stream(self, stream: Stream[Any], start: int = 0) -> list[Any]:
        """Return what the workflow has written so far, from an offset on."""
        page = self._durable.ask(lambda client: client.stream(self.key, stream.name, start=start))
        return [stream.read(one.data) for one in page.written]

    def cancel(self) -> None:
        """Ask the workflow to end, and let it clean up."""
        self._durable.ask(lambda client: client.cancel(self.key))
        self._durable.settle()


class Durable:
    """A node in memory on a virtual clock, for one test."""

    def __init__(self) -> None:
        """Begin with an empty database on a Monday morning."""
        self.clock = VirtualClock()
        self.evict_always = False
        self.guard = "error"
        self.looks = Looks()
        self._disk = MemoryDisk()
        self._program = Program()
        self._node: Node | None = None
        self._worker: Worker | None = None
        self._on_phase: Callable[[str], None] | None = None
        self._calls: Counter[str] = Counter()
        self._undo: list[Callable[[], None]] = []
        self._alarms = VirtualAlarms()
        self._hanging: list[None] = []
        self._began: Counter[tuple[str, int]] = Counter()

    # --- what a test does

    def trace(self, provider: TracerProvider) -> None:
        """Write spans to a provider of OpenTelemetry's SDK."""
        self.looks = self.looks._replace(traces=Traces(provider))

    def start(self, workflow: Workflow[..., Any], *args: Any, **kwargs: Any) -> Run:
        """Start a workflow and let it run until it waits or has ended."""
        self._know(workflow)
        handle = self.ask(lambda client: client.begin(workflow, *args, **kwargs))
        self.settle()
        return Run(self, workflow, handle.key)

    def run(self, workflow: Workflow[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Run a workflow to its end; return its result or raise its error."""
        return self.start(workflow, *args, **kwargs).result

    def advance(self, duration: float | str) -> None:
        """Let time pass: seconds, or a duration such as `3d`. Timers fire in the order in which
        they are due.
        """
        self._pass_until(self.clock.now() + int((seconds_of(duration) or 0.0) * 1000))

    def advance_to(self, moment: datetime) -> None:
        """Let time pass until a moment (with time zone); a moment that is past is refused."""
        if moment.tzinfo is None:
            raise InputError("expected a moment with a time zone, got one without")
        end = int(moment.timestamp() * 1000)
        if end < self.clock.now():
            raise InputError(f"expected a moment that is not past, got {moment.isoformat()}")
        self._pass_until(end)

    def _pass_until(self, end: int) -> None:
        while (due := self._next_due()) is not None and due <= end:
            self._step_to(due)
        self._step_to(end)

    def mock(self, step: Step[..., Any], outcomes: Sequence[Any]) -> None:
        """Let a step give these instead: values, exceptions, or functions of its arguments; the
        last one again and again.
        """
        given = list(outcomes)

        def give(*args: Any, **kwargs: Any) -> Any:
            self._calls[step.name] += 1
            outcome = given[0] if len(given) == 1 else given.pop(0)
            if isinstance(outcome, BaseException):
                raise outcome
            return outcome(*args, **kwargs) if callable(outcome) else outcome

        self._replace(step, give)

    def calls(self, step: Step[..., Any]) -> int:
        """Return how often a step was called, from the first `mock` or `watch` of it."""
        return self._calls[step.name]

    def watch(self, step: Step[..., Any]) -> None:
        """Count the calls of a step."""
        function = step.function

        def count(*args: Any, **kwargs: Any) -> Any:
            self._calls[step.name] += 1
            return function(*args, **kwargs)

        self._replace(step, count, keep=True)

    def send(self, run: Run, message: Message[Any], value: Any) -> None:
        """Send a message to an instance, and let it go on."""
        run.send(message, value)

    def publish(self, name: str, key: str = "", /, **variables: Any) -> str:
        """Publish a message to who waits for its name and correlation key; return what became of
        it: `correlated`, `expired` or `buffered`.
        """
        status = self.ask(lambda client: client.publish(name, key, variables))
        self.settle()
        return str(status)

    def answer(self, run: Run, task: str, /, **variables: Any) -> None:
        """Complete the open user task of a name, as a person would. Raises `InputError` that names
        the tasks that are open.
        """
        rows = self.read.reader.rows("user_task")
        opened = [row for row in rows if isinstance(row, UserTaskRow)]
        found = [
            f"{row.instance}-{row.element}"
            for row in opened
            if row.instance == int(run.key) and row.name == task
        ]
        if not found:
            names = ", ".join(f"`{row.name}` of {row.instance}" for row in opened) or "none"
            raise InputError(f"expected an open task `{task}` of {run.key}; open are {names}")
        self.ask(lambda client: client.complete_task(found[0], variables))
        self.settle()

    def deploy(self, *models: str | Path | bytes) -> None:
        """Deploy model files, or sources as bytes (BPMN or DMN by their root element)."""
        sources = []
        for index, model in enumerate(models):
            if isinstance(model, bytes):
                kind = "bpmn" if b"/BPMN/20100524/MODEL" in model else "dmn"
                sources.append((f"model-{index}.{kind}", kind, model))
            else:
                sources.extend(read_files([model]))
        self.ask(lambda client: client.deploy_sources(sources))
        self.settle()

    def cancel(self, run: Run) -> None:
        """Ask a workflow to end, and let it clean up."""
        run.cancel()

    def terminate(self, run: Run) -> None:
        """End a workflow at once: it does not clean up."""
        self.ask(lambda client: client.terminate(run.key))
        self.settle()

    # --- what a test looks at

    def steps(self, run: Run) -> list[StepSeen]:
        """Return everything that a workflow waited for, in the order in which it asked."""
        return steps_of(self.read, run.key)

    @property
    def in_memory(self) -> int:
        """Return how many workflows are in memory: the others are in the database alone."""
        return 0 if self._worker is None else self._worker.routines_in_memory

    def record(self, run: Run) -> Recorded:
        """Return the history of a run, to keep in a file: `durable.record(run).write(path)`."""
        return record_history(self.read, run.key)

    def assert_replays(
        self,
        workflow: Workflow[..., Any],
        recorded: Recorded | Mapping[str, Any] | str | Path,
    ) -> None:
        """Fail with the expected and the actual step unless the code fits a recorded history."""
        try:
            replay_history(workflow, recorded)
        except NotDeterministic as found:
            raise AssertionError(str(found)) from found

    async def hang(self, *_: Any, until: Callable[[], bool] | None = None, **__: Any) -> None:
        """Wait, in an async step, for what the test does not wait for: `await durable.hang()`.

        A time limit of the step or the end of the node interrupts it, and `until` ends it.
        """
        hanging = self._hanging
        hanging.append(None)
        try:
            while until is None or not until():  # noqa: ASYNC110  (what it waits for is any condition of the test)
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            hanging.pop()

    def restart(self, *, grace: float | None = None) -> None:
        """End the node, as a crash would, and begin another on the same database.

        With `grace` it is told to stop: steps that run may end within so many real seconds.
        """
        if grace is not None and self._worker is not None:
            self._worker.stop(grace)
            self._worker = None
        self._end()
        self._begin()
        self.settle()

    def explore(
        self,
        workflow: Workflow[..., Any],
        *args: Any,
        crash: str = "after_every_commit",
        **kwargs: Any,
    ) -> int:
        """Run a workflow once, and then again with a crash after each of its commits; or, with
        `crash="before_every_commit"`, with a crash that loses the commit: what a step did outside
        has happened, and nothing here knows of it.

        Return how many crashes there were. Raises `AssertionError` when a result differs, or when a
        step ran again whose outcome was committed before the crash.
        """
        phase = CRASHES.get(crash)
        if phase is None:
            raise InputError(f"expected `crash` to be one of {', '.join(CRASHES)}, got {crash!r}")
        commits, expected = self._life(workflow, (phase, 0), *args, **kwargs)
        for number in range(1, commits + 1):
            _, found = self._life(workflow, (phase, number), *args, **kwargs)
            assert found == expected, f"after a crash at commit {number}: {found!r}, {expected!r}"
        return commits

    # --- how it is done

    @property
    def read(self) -> Reading:
        """Return what is in the database."""
        return Reading(self._running().store)

    def ask(self, question: Callable[[Client], Any]) -> Any:
        """Ask the node."""
        client = Client(self._running())
        client.traces = self.looks.traces
        return asyncio.run(question(client))

    def settle(self) -> None:
        """Wait until nothing moves any more without time or somebody outside."""
        ends = time.perf_counter() + PATIENCE_SECONDS
        while not self._is_quiet():
            if time.perf_counter() > ends:
                raise InputError(f"expected the workflows to rest within {PATIENCE_SECONDS} s")
            time.sleep(LOOK_SECONDS)

    def close(self) -> None:
        """End the node, and give steps their functions back."""
        self._end()
        while self._undo:
            self._undo.pop()()

    def _is_quiet(self) -> bool:
        """Tell whether nothing is to be done, and nobody holds anything; asked on the corridor's
        own thread, between two batches.
        """
        corridor, worker = self._running().corridor, self._worker
        assert worker is not None, "a node that runs has a worker"
        found: list[bool] = []
        leased: list[tuple[int, int]] = []
        passed = threading.Event()

        def look(at: Corridor) -> None:
            due = at.due.next_at()
            is_due = due is not None and due <= self.clock.now()
            has_work = at.hops or at.retry or at.may_lease() or is_due or not at.inbox.empty()
            found.append(not has_work)
            leased.extend(at.leases.held_here())
            passed.set()

        corridor.call(look, lambda _: passed.set())
        passed.wait(PATIENCE_SECONDS)
        if corridor.stopped.is_set():
            return True
        if found != [True]:
            return False
        if not leased:
            return worker.is_idle
        return worker.is_resting(leased, lambda: len(self._hanging))

    def _running(self) -> Node:
        if self._node is None:
            self._begin()
        assert self._node is not None, "a node was begun"
        return self._node

    def know(self, *workflows: Workflow[..., Any]) -> None:
        """Bring workflows that nobody starts here, such as those of schedules."""
        known = {one.name: one for one in workflows}
        self._program = Program(self._program, {**self._program.workflows, **known})
        if self._node is not None:
            self._end()
        self._begin()

    def _know(self, workflow: Workflow[..., Any]) -> None:
        """Bring a workflow and what its module declares into the program."""
        if self._program.workflows.get(workflow.name) is workflow:
            return
        module = sys.modules.get(workflow.function.__module__)
        found = program_of(module) if module is not None else Program()
        workflows = {**found.workflows, **self._program.workflows, workflow.name: workflow}
        known = [*found.queues.values(), *self._program.queues.values()]
        self._program = Program({**found, **self._program}, workflows)
        for queue in known:
            self._program.add_queue(queue)
        if self._node is not None:
            self._end()
        self._begin()

    def _begin(self) -> None:
        store = MemoryStore(self._disk, on_phase=self._on_phase)
        node = Node(store, self.clock, compile_sources, name="durable")
        worker = Worker(
            node.corridor,
            self._program,
            workflows=self._program.workflows,
            read=Reading(store),
            warm_max=0 if self.evict_always else None,
            watch=Watch(self.clock.now, self._alarms, self._note_step),
            looks=self.looks._replace(guard=guard_of(self.guard)),
        )
        self._node, self._worker = node, worker
        self._hanging = []
        node.start()
        deploy_program(node, self._program, "")
        worker.start()

    def _end(self) -> None:
        """End the node as a crash would: nothing is given back."""
        node, worker, self._node, self._worker = self._node, self._worker, None, None
        if node is not None:
            if worker is not None:
                node.corridor.call(_forget_leases)
            node.stop()
        if worker is not None:
            worker.stop(0.0)

    def _note_step(self, context: StepContext) -> None:
        self._began[context.idempotency_key, context.attempt] += 1

    def _life(
        self, workflow: Workflow[..., Any], at: tuple[str, int], *args: Any, **kwargs: Any
    ) -> tuple[int, Any]:
        """Run a workflow on a new database, with a crash at a phase of a commit by its number, if
        any.
        """
        crash_phase, crash = at
        self._end()
        self.clock.advance_to(self.clock.now() + 1_000)  # each life has an instance key of its own
        self._disk = MemoryDisk()
        self._on_phase = None
        self._know(workflow)
        self._running()
        self.restart()
        count = 0

        def watch(phase: str) -> None:
            nonlocal count
            if phase == crash_phase:
                count += 1
                if count == crash:
                    raise Crash("the node was ended by the test")

        self._end()
        key = "explored"
        for _ in range(2):
            finished = finished_steps(Reading(MemoryStore(self._disk)))
            self._began.clear()
            self._on_phase = watch
            try:
                self._running()
                handle = self.ask(
                    lambda client: client.begin(workflow.options(id=key), *args, **kwargs)
                )
                self._pass_time()
                if not self._running().corridor.stopped.is_set():
                    self._check_began(finished, crash)
                    return count, Run(self, workflow, handle.key).result
            except (Rejected, StoreError):
                pass
            self._end()
        raise AssertionError("expected the second life to end the workflow")

    def _check_began(self, finished: set[str], crash: int) -> None:
        """Fail when a step began that had its outcome, or an attempt began twice in one life."""
        again = [key for key, _ in self._began if key in finished]
        assert not again, f"after a crash at commit {crash} these ran again: {', '.join(again)}"
        twice = [key for key, count in self._began.items() if count > 1]
        assert not twice, f"after a crash at commit {crash} these ran twice in one life: {twice}"

    def _pass_time(self) -> None:
        """Let every timer fire, until none is left."""
        self.settle()
        corridor = self._running().corridor
        while not corridor.stopped.is_set() and (due := self._next_due()) is not None:
            self._step_to(due)

    def _next_due(self) -> int | None:
        """Return when something happens next that only needs time."""
        dues = (self._running().corridor.due.next_at(), self._alarms.next_at())
        return min((due for due in dues if due is not None), default=None)

    def _step_to(self, at: int) -> None:
        self.clock.advance_to(max(at, self.clock.now()))
        self._alarms.ring_due(self.clock.now())
        self.settle()

    def _replace(
        self, step: Step[..., Any], give: Callable[..., Any], *, keep: bool = False
    ) -> None:
        before, options = step.function, step.settings
        step.settings = structs.replace(options, on=THREAD)  # what replaces it is in this process
        if step.is_async and not keep:

            async def given(*args: Any, **kwargs: Any) -> Any:
                found = give(*args, **kwargs)
                return await found if inspect.isawaitable(found) else found

            step.function = functools.wraps(before)(given)
        else:
            step.function = functools.wraps(before)(give)

        def undo() -> None:
            step.function, step.settings = before, options

        self._undo.append(undo)


def _forget_leases(corridor: Corridor) -> None:
    """Let a node that ends give nothing back, as one that is killed."""
    for key in corridor.leases.held_here():
        corridor.leases.forget(key)
