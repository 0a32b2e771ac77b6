"""A worker in a process of its own: it asks a server for jobs and brings results, in batches.

Jobs are performed as in the server's process: async handlers on the loop, sync ones on threads.
Results gather while a report is on its way. Whatever a connection loses is sent again; a result
that comes under a lease that is no longer held is dropped, because another attempt has the job.

Everything is known by the token of its lease, not by its job: a job whose lease was lost may come
to the same worker again while the attempt before is still at work.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import socket
from collections import deque
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import msgspec
import structlog

from tenuto import values
from tenuto.engine.commands import Command
from tenuto.errors import InputError, TenutoError
from tenuto.governance.tokens import mint_token
from tenuto.worker.carrier import BackOff, Carrier
from tenuto.worker.perform import perform, perform_here
from tenuto.worker.program import Program
from tenuto.worker.remote_routines import RemoteRoutines
from tenuto.worker.telling import tell
from tenuto.worker.wire import (
    ACCEPTED,
    GONE,
    LATER,
    LEASE_SECONDS_MAX,
    LEASE_SECONDS_MIN,
    Said,
    WireJob,
    encode,
    job_of,
    read_jobs,
    refused_result,
    result_of,
)
from tenuto.worker.worker import SEATS_DEFAULT, THREADS_DEFAULT

if TYPE_CHECKING:
    from tenuto.runtime.leases import Job
    from tenuto.worker.handlers import Handler

log = structlog.get_logger("tenuto.worker")

# Each poll ends with the commit that fills it: while its jobs travel, others must be open.
POLLS: Final = 6
JOBS_AT_ONCE: Final = 256
SENT_AT_ONCE: Final = 500
# Half of what the server takes in one body.
SENT_BYTES_MAX: Final = 8 * 1024 * 1024
WAIT_SECONDS: Final = 20.0
GATHER_SECONDS: Final = 0.004
GATHER_FROM: Final = 16
LEASE_SECONDS: Final = 60.0
# A server that lives has answered every question within this time after the worker ends them.
ARRIVAL_SECONDS: Final = 5.0
PAUSE_SECONDS: Final = 0.1
# A handler that is canceled may tidy up.
CANCEL_SECONDS: Final = 1.0


class Lane:
    """Job types that share seats.

    Jobs for threads have a lane of their own, with few more seats than threads: what would only
    wait here is left to other workers.
    """

    def __init__(self, types: Iterable[str], seats: int, polls: int) -> None:
        """Hold at most `seats` jobs at once."""
        self.types = sorted(types)
        self.seats = seats
        self.at_once = max(1, min(JOBS_AT_ONCE, seats // polls))
        self.asked = 0
        self.held = 0
        self.has_room = asyncio.Event()

    def free_one(self) -> None:
        """A seat is free again."""
        self.held -= 1
        self.has_room.set()

    @property
    def room(self) -> int:
        """Return how many jobs the next question may ask for."""
        return min(self.at_once, self.seats - self.held - self.asked)


class Work:
    """A leased job, until the server has its result or has it back."""

    __slots__ = ("future", "is_done", "is_lost", "job", "lane")

    def __init__(self, job: WireJob, lane: Lane) -> None:
        """Begin with a job that nobody performs yet."""
        self.job = job
        self.lane = lane
        self.future: Future[None] | None = None
        self.is_done = False
        self.is_lost = False


class Parcel:
    """A result on its way; a substitute stands for one that the server could not use."""

    __slots__ = ("data", "is_substitute", "work")

    def __init__(self, work: Work, data: bytes, *, is_substitute: bool = False) -> None:
        """Send `data` for a job."""
        self.work = work
        self.data = data
        self.is_substitute = is_substitute


class RemoteWorker:
    """Performs jobs of a server with the handlers of this process."""

    def __init__(
        self,
        url: str,
        token: str | None,
        handlers: Mapping[str, Handler],
        *,
        seats: int = SEATS_DEFAULT,
        name: str = "",
        polls: int = POLLS,
    ) -> None:
        """Hold at most `seats` jobs at once; `name` is for people.

        A `Program` brings workflows too. Leases last as long as the shortest that a handler names,
        and are extended while it works.

        Raises `InputError` for a URL that cannot be used, and without handlers and workflows.
        """
        workflows = handlers.workflows if isinstance(handlers, Program) else {}
        if not handlers and not workflows:
            raise InputError(
                "expected at least one handler or workflow, got none: there is nothing to perform"
            )
        self._carrier = Carrier(url, token)
        self._handlers = dict(handlers)
        leases = [one.lease_seconds for one in self._handlers.values() if one.lease_seconds]
        self._lease = max(LEASE_SECONDS_MIN, min([LEASE_SECONDS, *leases]))
        # Two processes of one name never hear what is told to the other.
        self._name = f"{name}@{socket.gethostname()}:{os.getpid()}:{mint_token().id}"[-255:]
        self._polls = polls
        self._lanes = _lanes(self._handlers, seats, polls)
        self._pool = ThreadPoolExecutor(THREADS_DEFAULT, thread_name_prefix="tenuto-handler")
        self._works: dict[str, Work] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready: deque[Work] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._results: deque[Parcel] = deque()
        self._has_results = asyncio.Event()
        self._beats: dict[str, dict[str, Any]] = {}
        self._has_beats = asyncio.Event()
        self._draining = asyncio.Event()
        self._emptied = asyncio.Event()
        self._routines: RemoteRoutines | None = None
        if isinstance(handlers, Program) and workflows:
            self._routines = RemoteRoutines(
                handlers, self._carrier, self._name, self._pool, self._note_empty
            )
            self._lanes.append(Lane(self._routines.job_types, seats, polls))

    async def run(self, grace_seconds: float = 10.0) -> bool:
        """Work until `stop`; then finish what is at work within the grace, and give back the rest.

        Tell whether all was finished; a handler that was not may still keep its thread. Raises
        `Rejected` when the server does not let this worker in.
        """
        self._loop = asyncio.get_running_loop()
        routines = self._routines
        if routines is not None:
            routines.attach(self._loop)
            await routines.deploy()
        polls = [
            asyncio.create_task(self._poll(lane))
            for lane in self._lanes
            for _ in range(self._polls)
        ]
        steady: list[asyncio.Task[Any]] = [
            asyncio.create_task(one) for one in (self._report(), self._beat(), self._extend_all())
        ]
        if routines is not None:
            steady += [asyncio.create_task(one) for one in (routines.say(), routines.listen())]
        draining = asyncio.create_task(self._draining.wait())
        try:
            await _first_of([*polls, *steady, draining])
            await self._settle_down(polls)
            emptied = asyncio.create_task(self._emptied.wait())
            steady.append(emptied)
            await _first_of(steady, grace_seconds)
            unfinished = [work for work in self._works.values() if not work.is_done]
            await self._give_back(self._works.values())
            is_finished = routines is None or routines.is_empty
            await self._give_back_routines()
            return not unfinished and is_finished
        finally:
            ending = [*polls, *steady, draining, *self._tasks]
            for one in ending:
                one.cancel()
            await asyncio.wait(ending, timeout=CANCEL_SECONDS)
            self._pool.shutdown(wait=False, cancel_futures=True)
            if routines is not None:
                routines.close()
            await self._carrier.close()

    def stop(self) -> None:
        """Take no more jobs, and end when those at work have; asked twice, do not wait for them."""
        if self._draining.is_set():
            self._emptied.set()
        self._draining.set()
        self._note_empty()
        self._has_results.set()
        for lane in self._lanes:
            lane.has_room.set()

    async def _settle_down(self, polls: list[asyncio.Task[None]]) -> None:
        """Let no more jobs in, and give back at once what nobody has begun.

        The server ends the questions that wait: one that only lost its connection could still be
        given a job, also one that comes back from here.
        """
        with contextlib.suppress(TimeoutError, TenutoError):
            async with asyncio.timeout(ARRIVAL_SECONDS):
                await self._end_questions(polls)
        for poll in polls:
            poll.cancel()
        waiting = [work for work in self._works.values() if work.future and work.future.cancel()]
        waiting += self._ready
        self._ready.clear()
        await self._give_back(waiting)
        if self._routines is not None:
            self._routines.drain()
            await self._give_back_routines()

    async def _end_questions(self, polls: Collection[asyncio.Task[None]]) -> None:
        """End the questions that wait at the server, also those that were still on their way."""
        while polls:
            await self._carrier.ask("jobs/release", encode({"worker": self._name}))
            _, polls = await asyncio.wait(polls, timeout=PAUSE_SECONDS)

    # --- jobs in

    async def _poll(self, lane: Lane) -> None:
        """Ask for jobs as long as there is room for them."""
        back_off = BackOff()
        while not self._draining.is_set():
            limit = lane.room
            if limit <= 0:
                lane.has_room.clear()
                await lane.has_room.wait()
                continue
            lane.asked += limit
            try:
                answer = await self._carrier.ask("jobs/activate", self._question(lane, limit))
            finally:
                lane.asked -= limit
            if answer is None:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._draining.wait(), back_off.next_seconds())
                continue
            back_off.reset()
            self._take(lane, read_jobs(answer).jobs)

    def _question(self, lane: Lane, limit: int) -> bytes:
        return encode(
            {
                "types": lane.types,
                "limit": limit,
                "wait": WAIT_SECONDS,
                "lease": self._lease,
                "worker": self._name,
                # Who has much to do anyway asks for many at once.
                "gather": GATHER_SECONDS if lane.held >= GATHER_FROM else 0.0,
            }
        )

    def _take(self, lane: Lane, jobs: list[WireJob]) -> None:
        for job in jobs:
            if job.routine is not None:
                assert self._routines is not None, "routines come only to who has workflows"
                lane.held += 1
                self._routines.accept(job, lane.free_one)
                continue
            work = self._works[job.token] = Work(job, lane)
            lane.held += 1
            # What arrives after the worker was asked to end is given back with what has not begun.
            if self._handlers[job.type].is_async or self._draining.is_set():
                self._ready.append(work)
            else:
                work.future = self._pool.submit(self._perform_on_thread, work)
        self._ensure_runner()

    # --- performing, as in worker.worker

    def _ensure_runner(self) -> None:
        """Begin a runner when jobs are ready and every runner waits for something."""
        if not self._ready or self._draining.is_set():
            return
        task = asyncio.get_running_loop().create_task(self._runner())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        asyncio.get_running_loop().call_soon(self._ensure_runner)

    async def _runner(self) -> None:
        while self._ready and not self._draining.is_set():
            work = self._ready.popleft()
            one = self._handlers[work.job.type]
            extend = functools.partial(self._extend, work)
            self._finish(work, await perform(one, job_of(work.job), extend))

    def _perform_on_thread(self, work: Work) -> None:
        one = self._handlers[work.job.type]
        command = perform_here(one, job_of(work.job), functools.partial(self._extend, work))
        tell(self._loop, self._finish, work, command)

    def _finish(self, work: Work, command: Command) -> None:
        work.is_done = True
        try:
            self._results.append(Parcel(work, encode(result_of(work.job, command))))
        except UnicodeEncodeError as error:  # an error code that is no text
            self._results.append(_substitute(work, str(error)))
        self._has_results.set()

    # --- results out

    async def _report(self) -> None:
        """Bring results, as many as have gathered."""
        back_off = BackOff()
        while True:
            await self._has_results.wait()
            self._has_results.clear()
            while self._results:
                batch = _next_batch(self._results)
                items = [parcel.data for parcel in batch]
                answers = await self._carrier.deliver("jobs/results", "results", items)
                again = [
                    parcel
                    for parcel, answer in zip(batch, answers, strict=True)
                    if self._is_for_later(parcel, answer)
                ]
                self._note_empty()
                if again:
                    self._results.extend(again)
                    await asyncio.sleep(back_off.next_seconds())
                else:
                    back_off.reset()

    def _is_for_later(self, parcel: Parcel, answer: Said | TenutoError) -> bool:
        """Settle what the server said of a result; tell whether the same must come again."""
        if isinstance(answer, Said):
            status, reason = answer.status, answer.detail
        else:
            status, reason = type(answer).__name__, str(answer)
        if status in LATER:
            return True
        work = parcel.work
        if status != ACCEPTED:
            log.warning("result dropped", job=work.job.job, status=status, reason=reason)
            if status not in GONE and not parcel.is_substitute:
                self._results.append(_substitute(work, reason))
                return False
        self._forget(work)
        return False

    def _forget(self, work: Work) -> None:
        """Free the seat of a job whose result the server has, or which it has back."""
        if self._works.pop(work.job.token, None) is not None:
            work.lane.free_one()

    # --- leases

    def _extend(self, work: Work, _: Job, seconds: float, details: Any = None) -> None:
        """Give a lease more time; callable from every thread.

        Raises `ValueRefused` for details that no store may be asked to keep.
        """
        told: msgspec.Raw | None = None
        if details is not None:
            value = values.from_python(details)
            values.encode_checked(value, where="details")
            told = msgspec.Raw(values.dumps(value).encode())
        tell(self._loop, self._note_beat, work, seconds, told)

    def _note_beat(self, work: Work, seconds: float, details: msgspec.Raw | None) -> None:
        """Keep a heartbeat for the next request; the newest details replace those before."""
        if work.is_lost or work.is_done:
            return
        token = work.job.token
        beat = self._beats.setdefault(token, {"job": work.job.job, "token": token, "lease": 0.0})
        within = min(max(seconds, LEASE_SECONDS_MIN), LEASE_SECONDS_MAX)
        beat["lease"] = max(beat["lease"], within)
        if details is not None:
            beat["details"] = details
        self._has_beats.set()

    async def _beat(self) -> None:
        """Bring heartbeats, one request after another, so that none overtakes a later one."""
        while True:
            await self._has_beats.wait()
            self._has_beats.clear()
            gathered = deque(self._beats.items())
            self._beats = {}
            while gathered:
                count = min(SENT_AT_ONCE, len(gathered))
                batch = [gathered.popleft() for _ in range(count)]
                items = [encode(beat) for _, beat in batch]
                answers = await self._carrier.deliver("jobs/extend", "beats", items)
                for (token, _), answer in zip(batch, answers, strict=True):
                    self._note_held(token, answer)

    def _note_held(self, token: str, answer: Said | TenutoError) -> None:
        work = self._works.get(token)
        if work is None and self._routines is not None:
            if isinstance(answer, Said) and not answer.held:
                self._routines.lost(token)
            return
        if work is None or work.is_done:
            return
        if not isinstance(answer, Said):
            log.warning("heartbeat dropped", job=work.job.job, reason=str(answer))
        elif not answer.held:
            work.is_lost = True
            log.warning("lease lost while its handler works", job=work.job.job)

    async def _extend_all(self) -> None:
        """Keep the leases of everything that is at work or on its way back."""
        while True:
            await asyncio.sleep(self._lease / 3)
            for work in self._works.values():
                self._note_beat(work, self._lease, None)
            for held in self._routines.beats() if self._routines is not None else ():
                self._beats[held["token"]] = {**held, "lease": self._lease}
                self._has_beats.set()

    def _note_empty(self) -> None:
        if not self._draining.is_set() or self._works:
            return
        if self._routines is None or self._routines.is_empty:
            self._emptied.set()

    async def _give_back(self, works: Iterable[Work]) -> None:
        """Give back what will not be finished: somebody else gets it at once."""
        given = list(works)
        await self._release([{"job": one.job.job, "token": one.job.token} for one in given])
        for work in given:
            self._forget(work)
        self._note_empty()

    async def _give_back_routines(self) -> None:
        if self._routines is not None:
            await self._release(self._routines.take_given_back())

    async def _release(self, leases: list[dict[str, str]]) -> None:
        for start in range(0, len(leases), SENT_AT_ONCE):
            some = leases[start : start + SENT_AT_ONCE]
            # A server that is away notices the end of the leases by itself.
            with contextlib.suppress(TenutoError):
                await self._carrier.ask("jobs/release", encode({"leases": some}))


def _lanes(handlers: Mapping[str, Handler], seats: int, polls: int) -> list[Lane]:
    on_loop = [kind for kind, one in handlers.items() if one.is_async]
    on_threads = [kind for kind, one in handlers.items() if not one.is_async]
    lanes = [(on_loop, seats), (on_threads, min(seats, 2 * THREADS_DEFAULT))]
    return [Lane(types, count, polls) for types, count in lanes if types]


def _next_batch(results: deque[Parcel]) -> list[Parcel]:
    """Take the oldest results, as many as one request may carry; at least one."""
    batch = [results.popleft()]
    size = len(batch[0].data)
    while results and len(batch) < SENT_AT_ONCE:
        size += len(results[0].data)
        if size > SENT_BYTES_MAX:
            break
        batch.append(results.popleft())
    return batch


def _substitute(work: Work, reason: str) -> Parcel:
    return Parcel(work, encode(refused_result(work.job, reason)), is_substitute=True)


async def _first_of(tasks: list[asyncio.Task[Any]], seconds_max: float | None = None) -> None:
    """Wait for the first that ends, at most `seconds_max`; raise what it raised."""
    done, _ = await asyncio.wait(tasks, timeout=seconds_max, return_when=asyncio.FIRST_COMPLETED)
    for one in done:
        one.result()
