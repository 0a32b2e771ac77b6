"""The host of routines: it holds coroutines, runs their steps, and says how they go on.

Everything here runs on the worker's loop. A step begins only after the commit that holds its
intent, and with it every outcome before it. A coroutine that waits for nothing in this process is
*warm*: kept in memory without a lease, and thrown away when there are too many; the journal has all
that it takes to make it again.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import structlog

from tenuto.client.history import History
from tenuto.engine import commands as c
from tenuto.engine import rejections as why
from tenuto.engine import routine_commands as a
from tenuto.engine.command import Command
from tenuto.engine.rejections import Rejection
from tenuto.engine.routines import KEYED, step_key
from tenuto.errors import TenutoError
from tenuto.runtime.requests import Reply, Request, Result
from tenuto.runtime.routines import Asked, Outcome, Wake
from tenuto.worker.steps import Attempt, StepRunner, Watch
from tenuto.worker.telling import tell
from tenuto.workflows.context import CallOf, StepContext
from tenuto.workflows.looks import Looks
from tenuto.workflows.routine import Routine

if TYPE_CHECKING:
    from tenuto.runtime.leases import Job
    from tenuto.worker.pools import ProcessPool
    from tenuto.worker.rays import RayRoom
    from tenuto.workflows.define import Workflow

log = structlog.get_logger("tenuto.worker")

Key = tuple[int, int]
Report = a.StepEnded | a.StepFailed

WARM_MAX: Final = 4_000
AGAIN_SECONDS: Final = 0.2
LOST: Final = frozenset({why.STALE_LEASE, why.NOT_ACTIVE, why.NOT_FOUND})
LATER: Final = frozenset({why.STORE_BUSY, why.STORE_FULL})


class Held:
    """A routine that this worker holds."""

    __slots__ = (
        "advances",
        "in_flight",
        "is_given_back",
        "is_loading",
        "is_paused",
        "is_stale",
        "job",
        "kept",
        "lines",
        "looked",
        "routine",
        "running",
        "updates",
        "wakes",
        "was_woken",
    )

    def __init__(self, job: Job) -> None:
        """Begin with the job of the routine."""
        self.job = job
        self.advances = 0 if job.progress is None else job.progress.advances
        asked = () if job.progress is None else job.progress.updates
        self.updates = {one.id: one for one in asked}
        self.looked = 0 if job.progress is None else job.progress.asked
        self.routine: Routine | None = None
        # What a run wrote into the log, by the ticket of what it said then, until that is accepted.
        self.lines: dict[int, list[str]] = {}
        self.is_loading = False
        self.is_stale = False
        self.is_paused = False
        self.is_given_back = False
        self.in_flight = 0
        self.running: dict[str, Attempt] = {}
        self.kept: list[Report] = []
        self.wakes: deque[Wake] = deque()
        self.was_woken = False


class Place(NamedTuple):
    """Where a host lives: `submit` puts a request before the corridor, `watch` gives the time and
    `read` what a routine is replayed from; `threads` run plain functions and what is `elsewhere`
    heavy ones, `done` is told when a routine is held no more. `looks` say what
    looks at bodies.
    """

    submit: Callable[[Request], None]
    watch: Watch
    read: Callable[[Job], History]
    threads: Executor
    elsewhere: tuple[ProcessPool, RayRoom]
    done: Callable[[Job], None]
    looks: Looks = Looks()


class RoutineHost:
    """Runs the routines of one worker."""

    def __init__(
        self,
        workflows: Mapping[str, Workflow[Any, Any]],
        place: Place,
        warm_max: int = WARM_MAX,
    ) -> None:
        """Run `workflows` by job type."""
        self._workflows = dict(workflows)
        self._submit = place.submit
        self._read = place.read
        self._threads = place.threads
        self._done = place.done
        self._looks = place.looks
        self._held: dict[Key, Held] = {}
        self._warm: dict[Key, tuple[Routine, int]] = {}
        self.warm_max = warm_max
        self._tickets = itertools.count(1)
        self._said: dict[int, tuple[Held, tuple[Report, ...], tuple[a.Ask, ...]]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._steps = StepRunner(place.threads, place.elsewhere, place.watch)
        self._now = place.watch.now
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_draining = False

    @property
    def job_types(self) -> frozenset[str]:
        """Return the routines that this host can run."""
        return frozenset(self._workflows)

    @property
    def in_memory(self) -> int:
        """Return how many coroutines are in memory."""
        return len(self._held) + len(self._warm)

    def drain(self) -> None:
        """Begin no step any more; hold a routine only until its running steps have ended.

        The steps are told.
        """
        self._is_draining = True
        for held in list(self._held.values()):
            for attempt in held.running.values():
                attempt.context.stop()
            if not held.running and not held.in_flight:
                self._drop(held)

    def release(self) -> list[tuple[Key, int]]:
        """Interrupt what still runs; return the leases of the routines that are held no more, with
        their tokens.
        """
        held = list(self._held.values())
        for one in held:
            self._drop(one)
        return [((one.job.instance, one.job.element), one.job.token) for one in held]

    def is_resting(self, leased: Sequence[Key], hanging: int) -> bool:
        """Tell whether these routines are all that is held, and so many steps all that runs."""
        held = self._held
        return (
            held.keys() == set(leased)
            and sum(len(one.running) for one in held.values()) == hanging
            and all(one.running and not one.in_flight for one in held.values())
        )

    # --- from the corridor's thread

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Run on a loop."""
        self._loop = loop

    def deliver(self, results: list[tuple[int, Result]]) -> None:
        """Take the answers of one commit (a reply slot)."""
        tell(self._loop, self._answered, results)

    def wake(self, wakes: list[Wake]) -> None:
        """Take what one commit did for the routines that are held."""
        tell(self._loop, self._woken, wakes)

    # --- jobs in

    def accept(self, job: Job) -> None:
        """Take a routine."""
        key = (job.instance, job.element)
        progress = job.progress
        assert progress is not None, f"job {key} is no routine"
        old = self._held.pop(key, None)
        if old is not None:
            self._abandon(old)
        held = self._held[key] = Held(job)
        warm = self._warm.pop(key, None)
        if warm is not None:
            routine, advances = warm
            # Another worker may have gone on with it meanwhile, or begun it anew.
            ahead = progress.ordered - len(progress.outcomes)
            if (routine.consumed, advances) == (ahead, progress.advances):
                held.routine = routine
                self._feed(held, progress.outcomes)
                self._offer_updates(held, progress.updates)
                self._resume(held, progress.steps)
                return
            routine.discard()
        is_new = progress.ordered == 0 and progress.advances == 0
        if is_new and not progress.steps and progress.since == 1:
            self._begin(held, job.variables, progress.began_at)
        else:
            self._load(held)

    def _begin(self, held: Held, variables: Mapping[str, bytes], began_at: int) -> None:
        """Run a coroutine for the first time."""
        routine = self._new_routine(held, began_at)
        routine.is_live = True
        try:
            body = self._workflows[held.job.type].body(variables)
        except TenutoError as refused:
            body = _refusing(refused)
        routine.begin(body)
        self._say(held, ())

    def _new_routine(self, held: Held, began_at: int) -> Routine:
        workflow = self._workflows[held.job.type]
        held.routine = Routine(workflow, str(held.job.instance), began_at)
        held.routine.guard, held.routine.lookout = self._looks.guard, self._looks.lookout
        if held.lines:
            held.routine.said.update(itertools.chain(*held.lines.values()))
            held.lines.clear()
        if held.updates:
            held.routine.updates.offer(tuple(held.updates.values()))
        return held.routine

    # --- replay

    def _load(self, held: Held) -> None:
        """Make the coroutine again from the journal; what happens meanwhile waits."""
        held.is_loading = True
        held.is_stale = False
        if held.routine is not None:
            held.routine.discard()
            held.routine = None
        self._spawn(self._replay(held))

    async def _replay(self, held: Held) -> None:
        job = held.job
        assert job.progress is not None, "a routine has progress"
        loop = asyncio.get_running_loop()
        history = await loop.run_in_executor(self._threads, self._read, job)
        if self._held.get((job.instance, job.element)) is not held:
            return
        held.is_loading = False
        held.advances = history.advances
        routine = self._new_routine(held, history.began_at)
        try:
            self._catch_up(routine, held, history)
        except TenutoError as error:
            self._stick(held, error)
            return
        for step, begun in routine.begun.items():
            begun.asked_at = history.asked_at.get(step, begun.asked_at)
            begun.details = history.details.get(step)
        self._say(held, ())
        self._settle_kept(held)
        steps = {key: attempt for key, attempt in history.steps.items() if key not in held.running}
        self._resume(held, tuple(steps.items()))
        while held.wakes and held.routine is routine:
            self._wake_one(held, held.wakes.popleft())

    def _catch_up(self, routine: Routine, held: Held, history: History) -> None:
        """Feed what was seen against the record, then what was not."""
        routine.expect(history.asked, history.marks)
        if not history.advances:
            routine.go_live()
        routine.begin(self._workflows[held.job.type].body(history.variables))
        for one in history.outcomes[: history.seen]:
            if routine.broken is not None:
                break
            routine.feed(one.key, one.at, one.value, one.error)
        if history.advances:
            routine.go_live()
            routine.updates.consider()
        for one in history.outcomes[history.seen :]:
            routine.feed(one.key, one.at, one.value, one.error)

    def _settle_kept(self, held: Held) -> None:
        """Say again what was refused because another outcome came first."""
        kept, held.kept = held.kept, []
        for report in kept:
            self._report(held, report)

    def _stick(self, held: Held, error: TenutoError) -> None:
        """The code does not fit the record: a person decides, nothing was done."""
        job = held.job
        code = "not-deterministic" if type(error).__name__ == "NotDeterministic" else "workflow"
        self._submit(
            Request(job.instance, c.StuckRoutine(job.element, job.token, code, str(error)))
        )
        self._drop(held)

    # --- outcomes in

    def _woken(self, wakes: list[Wake]) -> None:
        for wake in wakes:
            held = self._held.get((wake.instance, wake.element))
            if held is None:
                continue
            if wake.is_gone:
                self._drop(held)
            elif wake.is_resumed:
                held.is_paused = held.is_given_back = False
                held.is_stale = True
                self._reload_when_quiet(held)
            elif held.is_paused:
                continue
            elif held.is_loading or held.is_stale:
                held.wakes.append(wake)
            else:
                self._wake_one(held, wake)

    def _wake_one(self, held: Held, wake: Wake) -> None:
        held.was_woken = True
        self._feed(held, wake.outcomes)
        self._offer_updates(held, wake.updates, is_new=True)
        if not held.is_stale:
            self._resume(held, wake.resumed)

    def _feed(self, held: Held, outcomes: Sequence[Outcome]) -> None:
        """Give the coroutine outcomes that the engine has ordered."""
        routine = held.routine
        assert routine is not None, "a routine that is fed was made"
        fresh = False
        for one in outcomes:
            if one.number <= routine.consumed:
                # Either it was replayed already, or the coroutine has seen another outcome in its
                # place, which will be refused.
                held.is_stale = held.is_stale or held.in_flight > 0
                continue
            if one.number > routine.consumed + 1:
                held.is_stale = True
                break
            self._give_up(held, one.key)
            routine.feed(one.key, one.at, one.value, one.error)
            fresh = True
        if held.is_stale:
            self._reload_when_quiet(held)
        elif fresh:
            self._say(held, ())

    def _offer_updates(self, held: Held, asked: tuple[Asked, ...], *, is_new: bool = False) -> None:
        """Let the coroutine judge what somebody asks of it; `is_new` what came with a wake."""
        if not asked:
            return
        held.updates.update((one.id, one) for one in asked)
        held.looked += len(asked) if is_new else 0
        if held.routine is not None and not held.is_stale:
            held.routine.updates.offer(asked)
            self._say(held, ())

    def _reload_when_quiet(self, held: Held) -> None:
        if held.is_stale and not held.in_flight and not held.is_loading:
            self._load(held)

    # --- steps

    def _resume(self, held: Held, steps: Sequence[tuple[str, int]]) -> None:
        """Run steps that are open: after a crash, a delay, or a replay."""
        for key, attempt in steps:
            self._run_step(held, key, attempt)

    def _run_step(self, held: Held, key: str, attempt: int) -> None:
        routine = held.routine
        begun = None if routine is None else routine.begun.get(key)
        if begun is None or key in held.running or held.is_paused:
            return
        job = held.job
        assert job.progress is not None, "a routine has progress"
        stable = step_key(job.instance, job.progress.since, key)
        assert routine is not None, "a step has begun in a routine"
        call = CallOf(str(job.instance), stable, key, routine.workflow.name)
        context = StepContext(call, attempt, self._now, begun.details)
        with self._looks.attempt(job, context, self._now):
            held.running[key] = self._steps.run(
                begun, context, lambda report: self._report(held, report)
            )

    def _report(self, held: Held, report: Report) -> None:
        """A step has ended or failed."""
        held.running.pop(report.key, None)
        key = (held.job.instance, held.job.element)
        if self._held.get(key) is not held:
            return
        if held.is_paused:
            self._tell(held, (report,))
            return
        routine = held.routine
        if held.is_stale or held.is_loading or routine is None:
            held.kept.append(report)
            return
        if report.key not in routine.begun:
            return  # withdrawn meanwhile
        if isinstance(report, a.StepEnded):
            routine.feed(report.key, report.at, report.value, report.error)
        else:
            routine.begun[report.key].details = report.details
        self._say(held, (report,))

    # --- what is said to the engine

    def _say(self, held: Held, reports: tuple[Report, ...]) -> None:
        """Send outcomes of steps and what the coroutine asks for after them."""
        routine = held.routine
        assert routine is not None, "a routine that says something was made"
        if routine.broken is not None:
            self._stick(held, routine.broken)
            return
        asks = routine.take_asks()
        order: tuple[str, ...] = ()
        if routine.settled:
            order = tuple(ask.key for ask in asks if isinstance(ask, KEYED))
            asks = routine.still_open(asks)
        seen = routine.consumed - len([1 for one in reports if isinstance(one, a.StepEnded)])
        job = held.job
        command = c.AdvanceRoutine(
            job.element, job.token, seen, reports, asks, order, held.advances, held.looked
        )
        held.advances += 1
        held.was_woken = False
        self._send(held, command, reports, asks)

    def _send(
        self, held: Held, command: Command, reports: tuple[Report, ...], asks: tuple[a.Ask, ...]
    ) -> None:
        ticket = next(self._tickets)
        self._said[ticket] = (held, reports, asks)
        if held.routine is not None and held.routine.lines:
            held.lines[ticket], held.routine.lines = held.routine.lines, []
        held.in_flight += 1
        self._submit(Request(held.job.instance, command, reply=Reply(self, ticket)))

    def _stand_still(self, held: Held, reports: tuple[Report, ...]) -> None:
        """The instance is paused: begin nothing more, and give the routine back when it is
        quiet.
        """
        held.is_paused = True
        reports, held.kept = (*held.kept, *reports), []
        if reports or self._is_quiet(held):
            self._tell(held, reports)

    def _tell(self, held: Held, reports: tuple[Report, ...]) -> None:
        """Send outcomes of steps of a paused routine, and that they were the last."""
        held.is_given_back = self._is_quiet(held)
        command = c.ReportSteps(held.job.element, held.job.token, reports, held.is_given_back)
        self._send(held, command, reports, ())

    def _go_quiet(self, held: Held) -> None:
        if held.is_given_back:
            self._drop(held)
        elif self._is_quiet(held):
            self._tell(held, ())

    def _is_quiet(self, held: Held) -> bool:
        return not held.running and not held.in_flight and not held.is_loading

    def _answered(self, results: list[tuple[int, Result]]) -> None:
        now = self._now()
        for ticket, result in results:
            said = self._said.pop(ticket, None)
            if said is None:
                continue
            held, reports, asks = said
            held.in_flight -= 1
            if not isinstance(result, Rejection):
                self._looks.accepted(held.job, reports, asks, self._now)
            if reports and not isinstance(result, Rejection):
                self._steps.recorded(str(held.job.instance), [one.key for one in reports])
            if self._held.get((held.job.instance, held.job.element)) is not held:
                continue
            if isinstance(result, Rejection):
                self._refused(held, reports, result)
                continue
            held.lines.pop(ticket, None)
            if held.is_paused:
                self._go_quiet(held)
            else:
                self._accepted(held, asks, now)

    def _accepted(self, held: Held, asks: tuple[a.Ask, ...], now: int) -> None:
        for ask in asks:
            if isinstance(ask, a.ENDS):
                self._drop(held)
                return
            self._follow(held, ask, now)
        if held.is_stale:
            self._reload_when_quiet(held)
        elif not held.running and not held.in_flight and not held.is_loading:
            if held.routine is not None and held.routine.said:
                held.routine.said.clear()
            if self._is_draining:
                self._drop(held)
            elif held.was_woken:
                self._say(held, ())  # it was handed on with a wake, and nothing came of it
            else:
                self._park(held)

    def _follow(self, held: Held, ask: a.Ask, now: int) -> None:
        """Do what an ask means here, now that it is durable."""
        if isinstance(ask, a.BeginStep):
            begun = held.routine.begun.get(ask.key) if held.routine is not None else None
            if begun is not None:
                begun.asked_at = now
            if ask.place is None and not self._is_draining:
                self._run_step(held, ask.key, 1)
        elif isinstance(ask, a.AcceptUpdate | a.RefuseUpdate):
            held.updates.pop(ask.id, None)
        elif isinstance(ask, a.Withdraw):
            self._give_up(held, ask.key)

    def _give_up(self, held: Held, key: str) -> None:
        running = held.running.pop(key, None)
        if running is not None:
            running.cancel()

    def _refused(self, held: Held, reports: tuple[Report, ...], refusal: Rejection) -> None:
        if refusal.code in LOST or refusal.code == why.STOPPING:
            self._drop(held)
            return
        if refusal.code == why.PAUSED:
            self._stand_still(held, reports)
            return
        if refusal.code != why.OUTCOME_ORDERED and refusal.code not in LATER:
            job = held.job
            stuck = c.StuckRoutine(job.element, job.token, refusal.code, refusal.message)
            self._submit(Request(job.instance, stuck))
            self._drop(held)
            return
        held.kept.extend(reports)
        held.is_stale = True
        if refusal.code in LATER:
            asyncio.get_running_loop().call_later(AGAIN_SECONDS, self._reload_when_quiet, held)
        else:
            self._reload_when_quiet(held)

    # --- out

    def _park(self, held: Held) -> None:
        """Nothing runs here and everything is said: keep the coroutine warm, without a lease."""
        key = (held.job.instance, held.job.element)
        routine = held.routine
        del self._held[key]
        self._done(held.job)
        if routine is None or routine.is_ended:
            return
        if routine.holds_thread:  # it is unwound, and made again when there is something to see
            routine.discard()
            return
        self._warm[key] = (routine, held.advances)
        while len(self._warm) > self.warm_max:
            oldest = next(iter(self._warm))
            self._warm.pop(oldest)[0].discard()

    def _drop(self, held: Held) -> None:
        """Hold a routine no more: it has ended, or somebody else has it."""
        key = (held.job.instance, held.job.element)
        if self._held.get(key) is held:
            del self._held[key]
        self._abandon(held)

    def _abandon(self, held: Held) -> None:
        for running in held.running.values():
            running.cancel()
        held.running.clear()
        if held.routine is not None:
            held.routine.discard()
        self._done(held.job)

    def _spawn(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._settled)

    def _settled(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("replay failed", error=repr(task.exception()))


async def _refusing(refused: TenutoError) -> None:
    raise refused
