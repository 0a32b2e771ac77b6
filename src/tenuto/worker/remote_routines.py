"""Workflows in a process of their own: a host of routines whose engine is behind HTTP.

What the host says in one turn of the loop goes in one request, and the next one goes when it was
answered. What happens for its routines comes in answers and in a request that waits for it. Nothing
that is lost on the way is missed: a refused advance, and a server that began anew, lead to a replay
of what the journal has.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Any, Final, NamedTuple

import msgspec
import structlog

from tenuto.client import routine_wire as wire
from tenuto.client.history import History
from tenuto.client.queues import describe
from tenuto.engine import rejections as why
from tenuto.engine.rejections import Rejection
from tenuto.errors import Rejected, TenutoError, Unreachable
from tenuto.runtime.clock import SystemClock
from tenuto.runtime.leases import Job, JobKey
from tenuto.runtime.requests import Answer, Reply, Request, Result
from tenuto.runtime.routines import Wake
from tenuto.worker.carrier import BackOff, Carrier
from tenuto.worker.host import Place
from tenuto.worker.limits import LoopAlarms
from tenuto.worker.pools import ProcessPool
from tenuto.worker.program import Program
from tenuto.worker.progress import TellingHost, find_again
from tenuto.worker.rays import RayRoom
from tenuto.worker.steps import Watch
from tenuto.worker.wire import ACCEPTED, LATER, AllSaid, Said, WireJob, encode, routine_of
from tenuto.workflows.compile import SUFFIX, source_of
from tenuto.workflows.looks import looks_of

log = structlog.get_logger("tenuto.worker")

SENT_AT_ONCE: Final = 500

# While one request is on its way, another waits for so much: fewer would cost more than the time
# that they save.
GATHERED_MIN: Final = 24

# Half of what the server takes in one body.
SENT_BYTES_MAX: Final = 8 * 1024 * 1024
WAIT_SECONDS: Final = 20.0
# Wakes that came before the routine that they are for.
EARLY_MAX: Final = 1_000
_read_wakes: Final = msgspec.json.Decoder(wire.Wakes).decode
_read_history: Final = msgspec.json.Decoder(wire.RoutineHistory).decode


class Parcel(NamedTuple):
    """Something that a routine says, on its way."""

    key: JobKey
    data: bytes
    reply: Reply | None


class Lease(NamedTuple):
    """A routine that is held here, and the sealed token that says so to the server."""

    job: Job
    token: str
    freed: Callable[[], None]


class RemoteRoutines:
    """The routines that a worker holds of a server. Used on one event loop."""

    def __init__(
        self,
        program: Program,
        carrier: Carrier,
        name: str,
        threads: Executor,
        emptied: Callable[[], None],
    ) -> None:
        """Run the workflows of `program`; `emptied` is told whenever none is held any more."""
        self._workflows = workflows = program.workflows
        self._queues = list(program.queues.values())
        self._carrier = carrier
        self._name = name
        self._emptied = emptied
        self._processes = ProcessPool(None)
        self._rays = RayRoom()
        self._looks = looks_of(os.environ)
        self._host = TellingHost(
            {kind: one for one in workflows.values() for kind in one.job_types},
            Place(
                self._submit,
                Watch(self._now, LoopAlarms(self._now)),
                self._history,
                threads,
                (self._processes, self._rays),
                self._done,
                self._looks,
            ),
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._leases: dict[int, Lease] = {}
        self._of_key: dict[JobKey, int] = {}
        self._given_back: list[dict[str, str]] = []
        self._said: deque[Parcel] = deque()
        self._has_said = asyncio.Event()
        # What a routine says arrives in order: one request at a time has something of it.
        self._on_the_way: set[JobKey] = set()
        self._session = ""
        self._heard = 0
        self._early: dict[int, list[Wake]] = {}
        self._clock = SystemClock()
        self._ahead_ms = 0
        self._is_draining = False

    @property
    def job_types(self) -> frozenset[str]:
        """Return the routines that can be run here."""
        return self._host.job_types

    @property
    def is_empty(self) -> bool:
        """Tell whether no routine is held, and all that was said has been answered."""
        return not self._leases and not self._said and not self._on_the_way

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Run on a loop."""
        self._loop = loop
        self._host.attach(loop)
        if self._looks.lookout is not None:
            self._looks.lookout.start()

    async def deploy(self) -> None:
        """Deploy workflows and queues, as far as they are new, if the token lets this worker do
        it.
        """
        resources = [
            {"name": f"{one.name}{SUFFIX}", "source": source_of(one).decode()}
            for one in self._workflows.values()
        ]
        declared = [{"name": one.name, **describe(one.options)} for one in self._queues]
        try:
            await self._insist("deployments", {"resources": resources})
            if declared:
                await self._insist("queue-declarations", {"queues": declared})
        except Rejected as refused:
            if refused.code != "forbidden":
                raise
            log.info("workflows are not deployed by this worker", reason=str(refused))

    async def _insist(self, what: str, said: dict[str, Any]) -> None:
        """Ask until the server answers."""
        back_off = BackOff()
        answer = None
        while answer is None:
            answer = await self._carrier.ask(what, encode(said))
            if answer is None:
                await asyncio.sleep(back_off.next_seconds())

    def close(self) -> None:
        """End what runs beside."""
        self._processes.close()
        self._rays.close()
        if self._looks.lookout is not None:
            self._looks.lookout.stop()

    # --- routines in and out

    def accept(self, told: WireJob, freed: Callable[[], None]) -> None:
        """Take a routine; `freed` is told when it is held no more."""
        job = routine_of(told)
        if self._is_draining:
            self._given_back.append({"job": told.job, "token": told.token})
            freed()
            return
        self._leases[job.token] = Lease(job, told.token, freed)
        self._of_key[(job.instance, job.element)] = job.token
        self._host.accept(job)
        early = self._early.pop(job.token, None)
        if early is not None:
            self._host.wake(early)

    def _done(self, job: Job) -> None:
        lease = self._leases.pop(job.token, None)
        if lease is None:
            return
        key = (job.instance, job.element)
        if self._of_key.get(key) == job.token:
            del self._of_key[key]
        if self._is_draining:
            self._given_back.append({"job": wire.job_text(key), "token": lease.token})
        lease.freed()
        self._note_empty()

    def drain(self) -> None:
        """Begin no step any more, and hold routines until those that run have ended."""
        self._is_draining = True
        self._host.drain()
        self._note_empty()

    def take_given_back(self) -> list[dict[str, str]]:
        """Return the leases that the server gets back, of all that are still held too."""
        given, self._given_back = self._given_back, []
        return given + self.leases()

    def leases(self) -> list[dict[str, str]]:
        """Return what is held: jobs and the tokens that hold them."""
        return [
            {"job": wire.job_text((one.job.instance, one.job.element)), "token": one.token}
            for one in self._leases.values()
        ]

    def beats(self) -> list[dict[str, Any]]:
        """Return what is held, with what its steps said of their progress."""
        beats: list[dict[str, Any]] = []
        for one in self._leases.values():
            key = (one.job.instance, one.job.element)
            beat: dict[str, Any] = {"job": wire.job_text(key), "token": one.token}
            said = self._host.said(key)
            beats.append({**beat, "details": said} if said else beat)
        return beats

    def lost(self, token: str) -> None:
        """Hold a routine no more whose lease has ended."""
        for one in self._leases.values():
            if one.token == token:
                log.warning("lease of a routine lost", instance=one.job.instance)
                self._host.wake([Wake(one.job.instance, one.job.element, is_gone=True)])
                return

    def _note_empty(self) -> None:
        if self.is_empty:
            self._emptied()

    def _now(self) -> int:
        return self._clock.now() + self._ahead_ms

    # --- what routines say

    def _submit(self, request: Request) -> None:
        command: Any = request.command
        lease = self._leases.get(command.token)
        key = (request.receiver, command.element)
        if lease is None:
            return
        item = wire.item_of(command, wire.job_text(key), lease.token)
        self._said.append(Parcel(key, encode(item), request.reply))
        self._has_said.set()

    async def say(self) -> None:
        """Bring what routines say, as much as has gathered.

        While one request is on its way, another goes once enough has gathered: the worker and the
        server work at the same time, and yet for many at once.
        """
        await asyncio.gather(self._say(1), self._say(GATHERED_MIN))

    async def _say(self, gathered: int) -> None:
        back_off = BackOff()
        while True:
            has_gathered = len(self._said) >= gathered
            batch = next_batch(self._said, self._on_the_way) if has_gathered else []
            if not batch:
                self._has_said.clear()
                await self._has_said.wait()
                continue
            keys = {one.key for one in batch}
            self._on_the_way |= keys
            again = await self._bring(batch)
            self._on_the_way -= keys
            self._has_said.set()
            self._note_empty()
            if again:
                self._said.extendleft(reversed(again))
                await asyncio.sleep(back_off.next_seconds())
            else:
                back_off.reset()

    async def _bring(self, batch: Sequence[Parcel]) -> list[Parcel]:
        """Bring some; return those that must come again."""
        head = b'"worker":%s,"heard":%d,' % (encode(self._name), self._heard)
        items = [one.data for one in batch]
        answers = await self._carrier.deliver(
            "routines/advance", "items", items, head=head, whole=self._hear_said
        )
        again: list[Parcel] = []
        results: list[tuple[int, Result]] = []
        slot = None
        for parcel, answer in zip(batch, answers, strict=True):
            result = _result_of(answer)
            if result is None:
                again.append(parcel)
            elif parcel.reply is not None:
                slot = parcel.reply.slot
                results.append((parcel.reply.ticket, result))
            elif isinstance(result, Rejection):
                log.warning("routine was not stopped", job=parcel.key, reason=result.message)
        if slot is not None:
            slot.deliver(results)
        return again

    # --- what happens for them

    async def listen(self) -> None:
        """Hear what happens for the routines that are held."""
        back_off = BackOff()
        leases: list[dict[str, str]] = []
        while True:
            question = {
                "worker": self._name,
                "session": self._session,
                "heard": self._heard,
                "wait": WAIT_SECONDS,
                "leases": leases,
            }
            answer = await self._carrier.ask("routines/wakes", encode(question))
            if answer is None:
                await asyncio.sleep(back_off.next_seconds())
                continue
            back_off.reset()
            told = _read_wakes(answer)
            self._ahead_ms = told.now - self._clock.now()
            is_other = told.session != self._session
            if is_other:
                self._session, self._heard = told.session, 0
            self._hear(told.session, told.wakes)
            if leases:
                self._catch_up(leases, told.lost)
            leases = self.leases() if is_other else []

    def _hear_said(self, said: AllSaid) -> None:
        if said.wakes:
            self._hear(said.session, said.wakes)

    def _hear(self, session: str, wakes: Sequence[wire.RoutineWake]) -> None:
        """Take wakes that have not been heard of; another session is taken by `listen`."""
        if session != self._session:
            return
        fresh = [one for one in wakes if one.number > self._heard]
        if not fresh:
            return
        self._heard = fresh[-1].number
        wakes_here = []
        for one in fresh:
            wake = wire.read_wake(one)
            held = self._of_key.get((wake.instance, wake.element), 0)
            if held == wake.lease:
                wakes_here.append(wake)
            elif held < wake.lease:
                self._early.setdefault(wake.lease, []).append(wake)
        while len(self._early) > EARLY_MAX:
            del self._early[next(iter(self._early))]
        if wakes_here:
            self._host.wake(wakes_here)

    def _catch_up(self, leases: list[dict[str, str]], lost: list[str]) -> None:
        """The server told nothing for a while: replay what is still held."""
        gone = frozenset(lost)
        asked = {one["token"] for one in leases}
        wakes = []
        for one in self._leases.values():
            if one.token in asked:
                key = (one.job.instance, one.job.element)
                is_gone = wire.job_text(key) in gone
                wakes.append(Wake(*key, is_gone=is_gone, is_resumed=not is_gone))
        self._host.wake(wakes)

    # --- replay

    def _history(self, job: Job) -> History:
        """Return the history of a routine; called on a thread."""
        assert self._loop is not None, "a routine is replayed while the worker runs"
        return asyncio.run_coroutine_threadsafe(self._read_history(job), self._loop).result()

    async def _read_history(self, job: Job) -> History:
        assert job.progress is not None, "a routine has progress"
        found = History()
        after: int | None = 0
        back_off = BackOff()
        path = f"instances/{job.instance}/routines/{job.element}/history"
        while after is not None:
            lease = self._leases.get(job.token)
            if lease is None:
                raise Unreachable("the lease has ended before the routine was replayed")
            query = {"since": job.progress.since, "after": after, "token": lease.token}
            answer = await self._carrier.get(path, query)
            if answer is None:
                await asyncio.sleep(back_off.next_seconds())
                continue
            page = _read_history(answer)
            if after == 0:
                found = History(
                    page.began_at,
                    page.seen,
                    page.advances,
                    page.variables,
                    page.asked,
                    marks=page.marks,
                    steps=page.steps,
                    asked_at=page.asked_at,
                    details=page.details,
                )
            found.outcomes += page.outcomes
            after = page.next
        find_again(found, job.details)
        return found


def _result_of(answer: Said | TenutoError) -> Result | None:
    """Return what the server said of something, as the corridor says it; nothing when the same
    must come again.
    """
    if isinstance(answer, TenutoError):
        return Rejection(why.INVALID_VALUE, str(answer))
    if answer.status in LATER:
        return None
    if answer.status == ACCEPTED:
        return Answer(0, {})
    return Rejection(answer.status, answer.detail)


def next_batch(said: deque[Parcel], on_the_way: set[JobKey]) -> list[Parcel]:
    """Take the oldest, as many as one request may carry, of routines that have none on its way."""
    batch: list[Parcel] = []
    later: list[Parcel] = []
    size = 0
    while said and len(batch) < SENT_AT_ONCE:
        if said[0].key in on_the_way:
            later.append(said.popleft())
            continue
        size += len(said[0].data)
        if size > SENT_BYTES_MAX and batch:
            break
        batch.append(said.popleft())
    said.extendleft(reversed(later))
    return batch
