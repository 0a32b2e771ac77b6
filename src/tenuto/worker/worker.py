"""The worker of a process: an event loop on a thread of its own, and threads for sync handlers.

Jobs come in groups, one for each commit. An async handler that does not wait costs no task: one
*runner* performs jobs one after another and another runner begins only while every earlier one
waits for something. Results go to the corridor as commands; the worker never touches state.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import structlog

from tenuto import values
from tenuto.client.history import History, read_history
from tenuto.engine.commands import Command
from tenuto.runtime import desk
from tenuto.runtime.desk import Beat
from tenuto.runtime.leases import Job, JobKey, Seats
from tenuto.runtime.requests import Request
from tenuto.worker.host import Place, RoutineHost
from tenuto.worker.limits import LoopAlarms
from tenuto.worker.perform import error_of, perform, perform_here
from tenuto.worker.pools import ProcessPool
from tenuto.worker.rays import RayRoom
from tenuto.worker.steps import Watch
from tenuto.workflows.looks import Looks, looks_of

if TYPE_CHECKING:
    from tenuto.client.reading import Reading
    from tenuto.runtime.loop import Corridor
    from tenuto.worker.handlers import Handler
    from tenuto.workflows.define import Workflow
    from tenuto.workflows.tracing import Traces

log = structlog.get_logger("tenuto.worker")

SEATS_DEFAULT = 1_000
# A routine of this process is held as long as the process lives: nobody waits for a heartbeat.
ROUTINE_LEASE_SECONDS = 31_536_000.0
THREADS_DEFAULT = 16
LOOK_SECONDS = 1.0
UNWIND_SECONDS = 1.0


class Worker:
    """Performs the jobs of one process with its handlers."""

    def __init__(  # noqa: PLR0913  (one parameter for each thing that a worker has)
        self,
        corridor: Corridor,
        handlers: Mapping[str, Handler],
        *,
        workflows: Mapping[str, Workflow[Any, Any]] | None = None,
        read: Reading | None = None,
        warm_max: int | None = None,
        watch: Watch | None = None,
        looks: Looks | None = None,
        seats: int = SEATS_DEFAULT,
        threads: int = THREADS_DEFAULT,
        processes: int | None = None,
    ) -> None:
        """Prepare; `start` begins. At most `seats` jobs are held at once.

        `workflows` (by name) are replayed from what `read` gives; at most `warm_max` that wait stay
        in memory. Heavy steps share `processes`, one for each processor unless said. `watch` is
        what steps read the time by, if not the clock of the node. `looks`
        say what looks at bodies of workflows: unless said, what the environment asks for.
        """
        self._corridor = corridor
        self._handlers = dict(handlers)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="tenuto-handler")
        self._processes = ProcessPool(processes)
        self._rays = RayRoom()
        self._ready: deque[Job] = deque()
        self._busy = 0
        self._draining = False
        self._is_stopped = False
        self._idle = threading.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        leases = {
            kind: one.lease_seconds
            for kind, one in self._handlers.items()
            if one.lease_seconds is not None
        }
        self._host: RoutineHost | None = None
        self._looks = looks_of(os.environ) if looks is None else looks
        self._trace_by(read, workflows)
        kinds = frozenset(self._handlers)
        if workflows:
            assert read is not None, "workflows are replayed from the journal"
            self._host = self._routine_host(workflows, read, watch)
            if warm_max is not None:
                self._host.warm_max = warm_max
            kinds |= self._host.job_types
            leases.update(dict.fromkeys(self._host.job_types, ROUTINE_LEASE_SECONDS))
        wake = None if self._host is None else self._host.wake
        self._seats = Seats(kinds, seats, self._take, leases, wake=wake)

    def _routine_host(
        self,
        workflows: Mapping[str, Workflow[Any, Any]],
        read: Reading,
        watch: Watch | None,
    ) -> RoutineHost:
        now = self._corridor.clock.now
        return RoutineHost(
            {kind: one for one in workflows.values() for kind in one.job_types},
            Place(
                self._corridor.submit,
                Watch(now, LoopAlarms(now)) if watch is None else watch,
                lambda job: _history(read, job),
                self._pool,
                (self._processes, self._rays),
                self._routine_done,
                self._looks,
            ),
        )

    @property
    def traces(self) -> Traces | None:
        """Return where spans are written, if anywhere."""
        return self._looks.traces

    def start(self) -> None:
        """Begin to take jobs."""
        started = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(started,), name="tenuto-worker", daemon=True
        )
        self._thread.start()
        started.wait()
        if self._host is not None and self._looks.lookout is not None:
            self._looks.lookout.start()
        seats = self._seats
        self._corridor.call(lambda corridor: corridor.leases.add_worker(seats))

    @property
    def is_idle(self) -> bool:
        """Tell whether nothing is at work here, as far as another thread can see."""
        return not self._busy and not self._ready

    @property
    def routines_in_memory(self) -> int:
        """Return how many workflows are in memory, as far as another thread can see."""
        return 0 if self._host is None else self._host.in_memory

    def stop(self, grace_seconds: float = 10.0) -> bool:
        """Take no more jobs, let those at work end; tell whether all did within the grace.

        Steps that did not are interrupted and given back: another worker runs the attempt again.
        """
        if self._loop is None or self._is_stopped:
            return True
        self._is_stopped = True
        seats = self._seats
        removed = threading.Event()

        def remove(corridor: Corridor) -> None:
            corridor.leases.remove_worker(seats)
            removed.set()

        self._corridor.call(remove)
        self._wait_for(removed)
        self._draining = True
        loop = self._loop
        if self._host is not None:
            loop.call_soon_threadsafe(self._host.drain)
        loop.call_soon_threadsafe(self._note_idle)
        ended = self._idle.wait(grace_seconds)
        if not ended and self._host is not None:
            self._release(self._host, loop)
        self._pool.shutdown(wait=False, cancel_futures=True)
        loop.call_soon_threadsafe(loop.stop)
        if self._thread is not None:
            self._thread.join(1.0)
        self._processes.close()
        if self._looks.lookout is not None:
            self._looks.lookout.stop()
        self._rays.close()
        return ended

    def _release(self, host: RoutineHost, loop: asyncio.AbstractEventLoop) -> None:
        """Interrupt steps, and let other workers have what they belong to."""
        given_back = threading.Event()

        def give_back(leases: list[tuple[JobKey, int]]) -> None:
            def give(corridor: Corridor) -> None:
                desk.give_back(corridor, leases)
                given_back.set()

            self._corridor.call(give)

        loop.call_soon_threadsafe(lambda: give_back(host.release()))
        self._wait_for(given_back)

    def _wait_for(self, done: threading.Event) -> None:
        """Wait for what the corridor does, unless it has stopped."""
        while not self._corridor.stopped.is_set() and not done.wait(0.05):
            pass

    def is_resting(self, leased: Sequence[JobKey], hanging: Callable[[], int]) -> bool:
        """Tell whether all that goes on here are so many steps of these routines.

        Asked on the loop, after everything that was delivered to it.
        """
        loop, host = self._loop, self._host
        if loop is None or host is None:
            return False
        found: list[bool] = []
        asked = threading.Event()

        def look() -> None:
            found.append(host.is_resting(leased, hanging()))
            asked.set()

        loop.call_soon_threadsafe(look)
        return asked.wait(LOOK_SECONDS) and found[0]

    # --- the loop's thread

    def _run(self, started: threading.Event) -> None:
        loop = new_event_loop()
        self._loop = loop
        if self._host is not None:
            self._host.attach(loop)
        asyncio.set_event_loop(loop)
        loop.call_soon(started.set)
        try:
            loop.run_forever()
        finally:
            unwound = asyncio.all_tasks(loop)
            for task in unwound:
                task.cancel()
            if unwound:
                loop.run_until_complete(asyncio.wait(unwound, timeout=UNWIND_SECONDS))
            loop.close()

    def _take(self, jobs: list[Job]) -> None:
        """Take jobs from the corridor's thread; called once for each commit."""
        assert self._loop is not None, "jobs come only to a started worker"
        self._loop.call_soon_threadsafe(self._accept, jobs)

    def _accept(self, jobs: list[Job]) -> None:
        loop = asyncio.get_running_loop()
        for job in jobs:
            self._busy += 1
            if job.progress is not None:
                assert self._host is not None, "routines come only to a worker with workflows"
                self._host.accept(job)
            elif self._handlers[job.type].is_async:
                self._ready.append(job)
            else:
                future = loop.run_in_executor(self._pool, self._perform_on_thread, job)
                future.add_done_callback(self._sync_done)
        self._ensure_runner()

    def _ensure_runner(self) -> None:
        """Begin a runner when jobs are ready and every runner waits for something."""
        if not self._ready:
            return
        task = asyncio.get_running_loop().create_task(self._runner())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        asyncio.get_running_loop().call_soon(self._ensure_runner)

    async def _runner(self) -> None:
        ready = self._ready
        while ready:
            job = ready.popleft()
            await self._perform(job)
            self._done()

    def _routine_done(self, _: Job) -> None:
        self._done()

    def _done(self) -> None:
        self._busy -= 1
        if self._draining:
            self._note_idle()

    def _note_idle(self) -> None:
        if self._draining and self._busy == 0:
            self._idle.set()

    def _sync_done(self, future: asyncio.Future[None]) -> None:
        if not future.cancelled():
            future.result()
        self._done()

    # --- performing

    async def _perform(self, job: Job) -> None:
        with self._traced(job) as report:
            report(await perform(self._handlers[job.type], job, self._extend))

    @contextmanager
    def _traced(self, job: Job) -> Iterator[Callable[[Command], None]]:
        """Give what reports a job's command, and writes its span where there are traces."""
        traces, now = self._looks.traces, self._corridor.clock.now
        if traces is None:
            yield lambda command: self._report(job, command)
            return
        began = now()
        said: list[Command] = []
        with traces.job(job):
            yield said.append
        for command in said:
            traces.job_ended(job, began, now(), error_of(command))
            self._report(job, command)

    def _trace_by(
        self, read: Reading | None, workflows: Mapping[str, Workflow[Any, Any]] | None
    ) -> None:
        """Let traces know who called an instance."""
        if self._looks.traces is None or read is None:
            return
        names = frozenset(workflows or ())

        def describe(key: int) -> tuple[int | None, bool]:
            found = read.reader.instance(key)
            return (None, True) if found is None else (found.row.parent, found.row.process in names)

        self._looks.traces.describe = describe

    def _perform_on_thread(self, job: Job) -> None:
        with self._traced(job) as report:
            report(perform_here(self._handlers[job.type], job, self._extend))

    def _report(self, job: Job, command: Command) -> None:
        self._corridor.submit(Request(job.instance, command))

    def _extend(self, job: Job, seconds: float, details: Any = None) -> None:
        kept = None
        if details is not None:
            kept = values.encode_checked(values.from_python(details), where="details")
        lease_ms = int(seconds * 1000)
        beat = Beat(job.instance, job.element, job.token, lease_ms, kept)

        def extend(corridor: Corridor) -> None:
            if kept is not None:
                desk.extend(corridor, [beat])
                return
            deadline = corridor.clock.now() + lease_ms
            corridor.leases.extend((job.instance, job.element), job.token, deadline)

        self._corridor.call(extend)


def _history(read: Reading, job: Job) -> History:
    assert job.progress is not None, "a routine has progress"
    return read_history(read, job.instance, job.element, job.progress.since)


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Return a uvloop where it is installed, else the standard loop."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
