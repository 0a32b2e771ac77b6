"""A worker in a process of its own: it asks a server for jobs and brings results, in batches.

The protocol is `docs/reference/worker-protocol`. Jobs are performed as in the server's process:
async handlers on the loop, sync ones on threads. Results gather while a report is on its way.
Whatever a connection loses is sent again; a result that comes under a
lease that is no longer held is dropped, because another attempt has the job.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import httpx
import msgspec
import structlog
from msgspec import Struct

from tenuto import values
from tenuto.engine.commands import Command, CompleteJob, FailJob, ThrowJobError
from tenuto.errors import InputError, Rejected
from tenuto.runtime.jitter import draw_jitter
from tenuto.runtime.leases import Job
from tenuto.worker.worker import THREADS_DEFAULT, completion, failure

if TYPE_CHECKING:
    from tenuto.worker.handlers import Handler

log = structlog.get_logger("tenuto.worker")

# Each poll ends with the commit that fills it: while its jobs travel, others must be open.
POLLS: Final = 6
SEATS_DEFAULT: Final = 1_000
JOBS_AT_ONCE: Final = 256
RESULTS_AT_ONCE: Final = 500
WAIT_SECONDS: Final = 20.0
LEASE_SECONDS: Final = 60.0
BACK_OFF_MAX: Final = 10.0
TIMEOUT_SECONDS: Final = 60.0


class WireJob(Struct):
    """A job as the server sends it; variables are JSON texts."""

    job: str
    token: str
    type: str
    process: str
    element: str
    instance: str
    business_key: str | None
    idempotency_key: str
    headers: dict[str, str]
    attempt: int
    retries: int
    deadline: str | None
    variables: dict[str, msgspec.Raw]
    details: msgspec.Raw = msgspec.Raw(b"null")


class Jobs(Struct):
    """The answer to a question for jobs."""

    jobs: list[WireJob] = []


class Taken(Struct):
    """What became of one result."""

    job: str
    status: str
    detail: str = ""


class Reported(Struct):
    """The answer to a report."""

    results: list[Taken]


_jobs = msgspec.json.Decoder(Jobs)
_reported = msgspec.json.Decoder(Reported)
_encode = msgspec.json.Encoder(decimal_format="number").encode


class RemoteWorker:
    """Performs jobs of a server with the handlers of this process."""

    def __init__(
        self,
        url: str,
        token: str,
        handlers: Mapping[str, Handler],
        *,
        seats: int = SEATS_DEFAULT,
        name: str = "",
        polls: int = POLLS,
    ) -> None:
        """Hold at most `seats` jobs at once; `name` is for people.

        Leases last as long as the shortest that a handler names, and are extended while it works.
        """
        self._http = httpx.AsyncClient(
            base_url=f"{url.rstrip('/')}/api/v1/jobs/",
            headers={"authorization": f"Bearer {token}", "content-type": "application/json"},
            timeout=TIMEOUT_SECONDS,
            trust_env=False,
        )
        self._handlers = dict(handlers)
        leases = [one.lease_seconds for one in self._handlers.values() if one.lease_seconds]
        self._lease = max(1.0, min([LEASE_SECONDS, *leases]))
        self._seats = seats
        self._name = name
        self._polls = polls
        self._pool = ThreadPoolExecutor(THREADS_DEFAULT, thread_name_prefix="tenuto-handler")
        self._held: dict[str, WireJob] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._asked = 0
        self._ready: deque[WireJob] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._results: deque[dict[str, Any]] = deque()
        self._has_results = asyncio.Event()
        self._has_room = asyncio.Event()
        self._draining = asyncio.Event()
        self._emptied = asyncio.Event()

    async def run(self, grace_seconds: float = 10.0) -> None:
        """Work until `stop`; then finish what is at work within the grace, and give back the rest.

        Raises `Rejected` when the server does not let this worker in.
        """
        self._loop = asyncio.get_running_loop()
        pollers = [asyncio.create_task(self._poll()) for _ in range(self._polls)]
        reporter = asyncio.create_task(self._report())
        extender = asyncio.create_task(self._extend_all())
        draining = asyncio.create_task(self._draining.wait())
        try:
            done, _ = await asyncio.wait(
                [*pollers, reporter, draining], return_when=asyncio.FIRST_COMPLETED
            )
            for one in done - {draining}:
                one.result()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._emptied.wait(), grace_seconds)
            await self._give_back()
        finally:
            for one in (*pollers, reporter, extender, draining, *self._tasks):
                one.cancel()
            self._pool.shutdown(wait=False, cancel_futures=True)
            await self._http.aclose()

    def stop(self) -> None:
        """Take no more jobs, and end when those at work have."""
        self._draining.set()
        self._note_empty()
        self._has_results.set()
        self._has_room.set()

    # --- jobs in

    async def _poll(self) -> None:
        """Ask for jobs as long as there is room for them."""
        back_off = 0.1
        while not self._draining.is_set():
            question = self._question()
            if question is None:
                self._has_room.clear()
                await self._has_room.wait()
                continue
            self._asked += question["limit"]
            try:
                answer = await self._send("activate", question)
            except httpx.TransportError as error:
                log.warning("server does not answer", reason=repr(error))
                await self._pause(back_off)
                back_off = min(back_off * 2, BACK_OFF_MAX)
                continue
            finally:
                self._asked -= question["limit"]
            if answer is None:
                await self._pause(back_off)
                back_off = min(back_off * 2, BACK_OFF_MAX)
                continue
            back_off = 0.1
            self._take(_jobs.decode(answer).jobs)

    def _question(self) -> dict[str, Any] | None:
        """Return what to ask for, or nothing when every seat is taken or asked for."""
        limit = min(JOBS_AT_ONCE, self._seats - len(self._held) - self._asked)
        if limit <= 0 or self._draining.is_set():
            return None
        return {
            "types": sorted(self._handlers),
            "limit": limit,
            "wait": WAIT_SECONDS,
            "lease": self._lease,
            "worker": self._name,
        }

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._draining.wait(), seconds * (0.5 + draw_jitter()))

    def _take(self, jobs: list[WireJob]) -> None:
        loop = asyncio.get_running_loop()
        for job in jobs:
            self._held[job.job] = job
            if self._handlers[job.type].is_async:
                self._ready.append(job)
            else:
                future = loop.run_in_executor(self._pool, self._perform_on_thread, job)
                future.add_done_callback(self._finish_thread)
        self._ensure_runner()

    # --- performing, as in worker.worker

    def _ensure_runner(self) -> None:
        """Begin a runner when jobs are ready and every runner waits for something."""
        if not self._ready:
            return
        task = asyncio.get_running_loop().create_task(self._runner())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        asyncio.get_running_loop().call_soon(self._ensure_runner)

    async def _runner(self) -> None:
        while self._ready:
            wire = self._ready.popleft()
            one = self._handlers[wire.type]
            job = job_of(wire)
            command: Command
            try:
                result = await one.function(**one.arguments(job, self._extend))
                command = completion(job, result)
            except Exception as error:  # noqa: BLE001  (the edge of user code: whatever it raises is its failure)
                command = failure(job, error, draw_jitter())
            self._finish(wire, command)

    def _perform_on_thread(self, wire: WireJob) -> tuple[WireJob, Command]:
        one = self._handlers[wire.type]
        job = job_of(wire)
        try:
            return wire, completion(job, one.function(**one.arguments(job, self._extend)))
        except Exception as error:  # noqa: BLE001  (the edge of user code: whatever it raises is its failure)
            return wire, failure(job, error, draw_jitter())

    def _finish_thread(self, future: asyncio.Future[tuple[WireJob, Command]]) -> None:
        if not future.cancelled():
            self._finish(*future.result())

    def _finish(self, wire: WireJob, command: Command) -> None:
        self._results.append(result_of(wire, command))
        self._has_results.set()

    # --- results out

    async def _report(self) -> None:
        """Bring results, as many as have gathered."""
        while True:
            await self._has_results.wait()
            self._has_results.clear()
            while self._results:
                count = min(RESULTS_AT_ONCE, len(self._results))
                batch = [self._results.popleft() for _ in range(count)]
                reported = _reported.decode(await self._bring(batch))
                for taken in reported.results:
                    self._held.pop(taken.job, None)
                    if taken.status != "accepted":
                        log.warning(
                            "result dropped",
                            job=taken.job,
                            status=taken.status,
                            detail=taken.detail,
                        )
                self._has_room.set()
                self._note_empty()

    async def _bring(self, batch: list[dict[str, Any]]) -> bytes:
        """Send results until the server has taken them."""
        back_off = 0.1
        while True:
            try:
                answer = await self._send("results", {"results": batch})
            except httpx.TransportError as error:
                log.warning("server does not answer", reason=repr(error))
                answer = None
            if answer is not None:
                return answer
            await asyncio.sleep(back_off * (0.5 + draw_jitter()))
            back_off = min(back_off * 2, BACK_OFF_MAX)

    async def _send(self, path: str, body: Any) -> bytes | None:
        """Return the answer to a request; nothing when the server is too busy to give one.

        Raises `Rejected` for what will be refused again.
        """
        answer = await self._http.post(path, content=_encode(body))
        if answer.status_code in {429, 503, 507}:
            return None
        if answer.is_success:
            return answer.content
        raise refusal_of(answer)

    # --- leases

    def _extend(self, job: Job, seconds: float, details: Any = None) -> None:
        """Give a lease more time; callable from every thread."""
        name = f"{job.instance}-{job.element}"
        wire = self._held.get(name)
        if wire is None:
            return
        assert self._loop is not None, "a job is performed while the worker runs"
        beat: dict[str, Any] = {"job": name, "token": wire.token, "lease": max(1.0, seconds)}
        if details is not None:
            beat["details"] = msgspec.Raw(values.dumps(values.from_python(details)).encode())
        self._loop.call_soon_threadsafe(self._beat, beat)

    def _beat(self, beat: dict[str, Any]) -> None:
        task = asyncio.get_running_loop().create_task(self._send_beats([beat]))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _extend_all(self) -> None:
        """Keep the leases of everything that is at work."""
        while True:
            await asyncio.sleep(self._lease / 3)
            waiting = {result["job"] for result in self._results}
            held = [job for job in self._held.values() if job.job not in waiting]
            for start in range(0, len(held), RESULTS_AT_ONCE):
                beats = [
                    {"job": job.job, "token": job.token, "lease": self._lease}
                    for job in held[start : start + RESULTS_AT_ONCE]
                ]
                await self._send_beats(beats)

    async def _send_beats(self, beats: list[dict[str, Any]]) -> None:
        try:
            await self._send("extend", {"beats": beats})
        except (httpx.TransportError, Rejected) as error:
            log.warning("leases were not extended", reason=str(error))

    def _note_empty(self) -> None:
        if self._draining.is_set() and not self._held:
            self._emptied.set()

    async def _give_back(self) -> None:
        """Give back what was not finished in time: somebody else gets it at once."""
        leases = [{"job": job.job, "token": job.token} for job in self._held.values()]
        for start in range(0, len(leases), RESULTS_AT_ONCE):
            with contextlib.suppress(httpx.TransportError, Rejected):
                await self._send("release", {"leases": leases[start : start + RESULTS_AT_ONCE]})


def job_of(wire: WireJob) -> Job:
    """Return a job as handlers know it."""
    instance, _, element = wire.job.partition("-")
    variables = {name: values.encode(values.loads(raw)) for name, raw in wire.variables.items()}
    details = values.encode(values.loads(wire.details)) if wire.details != b"null" else None
    return Job(
        int(instance),
        int(element),
        wire.type,
        wire.process,
        wire.element,
        wire.business_key,
        wire.idempotency_key,
        tuple(wire.headers.items()),
        wire.attempt,
        wire.retries,
        0,
        0
        if wire.deadline is None
        else int(datetime.fromisoformat(wire.deadline).timestamp() * 1000),
        variables,
        details,
    )


def _milliseconds(text: str | None) -> int:
    return 0 if text is None else int(datetime.fromisoformat(text).timestamp() * 1000)


def result_of(wire: WireJob, command: Command) -> dict[str, Any]:
    """Return the result that a command is, as the server takes it."""
    result: dict[str, Any] = {"job": wire.job, "token": wire.token}
    if isinstance(command, CompleteJob):
        return {**result, "outcome": "complete", "variables": _plain(command.variables)}
    if isinstance(command, ThrowJobError):
        return {
            **result,
            "outcome": "throw",
            "code": command.code,
            "message": command.message,
            "variables": _plain(command.variables),
        }
    assert isinstance(command, FailJob), "a handler completes, throws or fails"
    result |= {"outcome": "fail", "message": command.message, "retry": command.retry}
    if command.retry_after_ms is not None:
        result["retry_after"] = command.retry_after_ms / 1000
    return result


def _plain(variables: Mapping[str, Any]) -> dict[str, msgspec.Raw]:
    return {
        name: msgspec.Raw(values.dumps(values.decode(data)).encode())
        for name, data in variables.items()
    }


def refusal_of(answer: httpx.Response) -> Rejected:
    """Return the refusal that a response is."""
    try:
        problem = msgspec.json.decode(answer.content, type=dict[str, Any])
        return Rejected(str(problem["code"]), str(problem["detail"]))
    except (msgspec.MsgspecError, KeyError) as error:
        raise InputError(
            f"expected an answer of a Tenuto server at {answer.url}, got {answer.status_code}"
        ) from error
