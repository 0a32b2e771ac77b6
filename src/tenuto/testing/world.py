"""The fault world: seeded runs in which everything that can go wrong between commits does.

A world runs random processes on a memory disk. Chance, drawn from one seed, crashes the process
before or after a commit and opens the disk again; leaves the outcome of a commit unknown; repeats,
loses and reorders starts, messages, completed tasks and the results of jobs, those of former lives
among them; and lets the clock jump. Then it works off what is left and reconciles what was
acknowledged with what the disk holds. The same seed gives the same log, event for event.

    world = World(17)
    world.run()
    world.reconcile()
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import NamedTuple

from tenuto.client import requests as ask
from tenuto.deploy import compile_sources, prepare
from tenuto.engine import commands as c
from tenuto.engine import records as r
from tenuto.engine.rejections import Rejection
from tenuto.engine.rows import IncidentRow, JobRow, SubscriptionRow
from tenuto.errors import OutcomeUnknown
from tenuto.keys import Kind, named_key
from tenuto.runtime.leases import Job, Seats
from tenuto.runtime.loop import Corridor
from tenuto.runtime.recovery import recover
from tenuto.runtime.requests import Answer, Reply, Request, Result
from tenuto.runtime.verify import verify
from tenuto.store.audit import verify_chain
from tenuto.store.codec import unpack_blob
from tenuto.store.memory import MemoryStore
from tenuto.store.memory_disk import MemoryDisk
from tenuto.store.memory_reader import MemoryReader
from tenuto.store.port import PHASES, InstanceQuery, JournalRow
from tenuto.testing.clock import VirtualClock
from tenuto.testing.strategies import grow, write

PROCESSES = 3
STARTS = 8
ACTIONS = 120
DRAIN_ROUNDS_MAX = 3_000
REST_STEPS_MAX = 10_000
JOB_TYPES = frozenset({"work", "flaky", "refuse"})
ALL = 1 << 31
_ENDS = (r.InstanceCompleted, r.InstanceTerminated, r.InstanceFailed)


class _Crashed(Exception):
    """The process is gone; what it had not committed never happened."""


class Sent(NamedTuple):
    """A request as its sender remembers it: it is sent again until it was answered."""

    what: str
    request: Request


class Outcome(NamedTuple):
    """The result of a job on its way: which life made it."""

    life: int
    job: Job
    command: c.Command


class World:
    """One seeded run."""

    def __init__(self, seed: int) -> None:
        """Prepare the models, the senders and the first life."""
        self.seed = seed
        self.log: list[str] = []
        self.lives = 0
        self.accepted: dict[str, int] = {}
        self.disk = MemoryDisk()
        self.clock = VirtualClock()
        self._chance = random.Random(seed)
        self._asked: dict[int, tuple[str, bool]] = {}
        self._ticket = 0
        self._fault: tuple[str, str] | None = None
        self._is_calm = False
        self._jobs: list[Job] = []
        self._results: list[Outcome] = []
        self._starts: dict[str, Request] = {}
        self.corridor = self._live()
        self._deploy()
        for number in range(STARTS):
            self._plan_start(number)

    # --- lives

    def _live(self) -> Corridor:
        """Open the disk in a new process."""
        self.lives += 1
        self._jobs = []
        store = MemoryStore(self.disk, on_phase=self._on_phase)
        corridor = recover(store, self.clock, compile_sources, node=f"life-{self.lives}")
        corridor.advance_seconds_max = math.inf
        life = self.lives

        def take(jobs: list[Job]) -> None:
            if life == self.lives:
                self._jobs.extend(jobs)

        corridor.leases.add_worker(Seats(JOB_TYPES, 1 << 30, take))
        self._tell(f"life {life}")
        return corridor

    def _on_phase(self, phase: str) -> None:
        if self._fault is None or self._fault[1] != phase:
            return
        kind, _ = self._fault
        self._fault = None
        self._tell(f"{kind} at {phase}")
        if kind == "crash":
            raise _Crashed
        raise OutcomeUnknown("the connection broke")

    def _tell(self, event: str) -> None:
        self.log.append(f"{self.clock.now()} {event}")

    def deliver(self, results: list[tuple[int, Result]]) -> None:
        """Take the answers of the world's own requests."""
        for ticket, result in results:
            what, is_stale = self._asked.pop(ticket)
            assert not (is_stale and isinstance(result, Answer)), f"{what}: a dead lease completed"
            if isinstance(result, Rejection):
                self._tell(f"{what}: {result.code}")
            elif isinstance(result, Answer):
                known = self.accepted.setdefault(what, result.key)
                assert known == result.key, f"{what} was answered {known} and {result.key}"
                self._tell(f"{what}: {result.key}")

    def _send(self, what: str, request: Request, *, is_stale: bool = False) -> None:
        self._ticket += 1
        self._asked[self._ticket] = (what, is_stale)
        self.corridor.submit(request._replace(reply=Reply(self, self._ticket)))

    def _rest(self) -> None:
        """Run the corridor until nothing moves; a crash on the way begins the next life."""
        try:
            for _ in range(REST_STEPS_MAX):
                if not self.corridor.step():
                    return
        except _Crashed:
            self.corridor = self._live()
            return
        raise AssertionError("expected the corridor to come to rest")

    # --- what is asked

    def _deploy(self) -> None:
        sources = []
        for number in range(PROCESSES):
            digits = [self._chance.randrange(100) for _ in range(self._chance.randrange(8, 32))]
            root = grow([max(1, digits[0]), *digits], breaks=False)
            name = f"random-{number}"
            sources.append((f"{name}.bpmn", "bpmn", write(root, name)))
        self._send("deploy", ask.deploy_request(prepare(sources)))
        self._rest()
        assert "deploy" in self.accepted, "the first life deploys in peace"

    def _plan_start(self, number: int) -> None:
        process = f"random-{self._chance.randrange(PROCESSES)}"
        variables = {"key": f"key-{self._chance.randrange(3)}", "items": [1, 2]}
        key = f"start-{number}"
        self._starts[key] = ask.start_request(process, variables, idempotency_key=key)

    def run(self) -> None:
        """Live through the faults, then work off what is left in peace."""
        for _ in range(ACTIONS):
            action = self._chance.choice(_ACTIONS)
            action(self)
            if self._chance.random() < 0.8:
                self._rest()
        self._drain()

    def _maybe(self, what: str, request: Request) -> None:
        """Send a request once, twice, or not at all."""
        for _ in range(self._chance.choice((0, 1, 1, 1, 2))):
            self._send(what, request)

    def _start(self) -> None:
        key = self._chance.choice(list(self._starts))
        self._maybe(key, self._starts[key])

    def _publish(self) -> None:
        """Send a message that somebody may wait for; its id makes a repetition harmless."""
        key = f"key-{self._chance.randrange(3)}"
        number = self._chance.randrange(40)
        self._maybe(
            f"message {number} {key}",
            ask.publish_request("news", key, message_id=str(number), time_to_live="PT20M"),
        )

    def _complete_task(self) -> None:
        tasks = self._reader().user_tasks(limit=ALL)
        if tasks:
            task = self._chance.choice(tasks)
            complete = Request(task.instance, c.CompleteUserTask(task.element, {}))
            self._maybe(f"task {task.instance}-{task.element}", complete)

    def _complete_by_hand(self) -> None:
        rows = [row for row in self._job_rows() if row.type == "by-hand"]
        if rows:
            row = self._chance.choice(rows)
            complete = Request(row.instance, c.CompleteJob(row.element, {}))
            self._maybe(f"job {row.instance}-{row.element}", complete)

    def _work(self) -> None:
        """Perform one of the jobs that were handed out, in any order; the result may be slow."""
        if self._jobs:
            job = self._jobs.pop(self._chance.randrange(len(self._jobs)))
            self._results.append(Outcome(self.lives, job, _perform(job)))

    def _report(self) -> None:
        """Let one result arrive, once, twice, or never; results of dead lives arrive too."""
        if self._results:
            life, job, command = self._results.pop(self._chance.randrange(len(self._results)))
            what = f"result {job.instance}-{job.element} attempt {job.attempt}"
            for _ in range(1 if self._is_calm else self._chance.choice((0, 1, 1, 1, 2))):
                request = Request(job.instance, command)
                self._send(what, request, is_stale=life != self.lives)

    def _pause(self) -> None:
        """Let an instance stand still, whatever it does just now."""
        rows = self._reader().instances(InstanceQuery(status="active", limit=ALL))
        if rows:
            row = self._chance.choice(rows)
            self._maybe(f"pause {self._ticket}", Request(row.key, c.PauseInstance("a whim")))

    def _resume(self) -> None:
        """Let one that stands still go on."""
        rows = self._reader().instances(InstanceQuery(status="paused", limit=ALL))
        if rows:
            row = self._chance.choice(rows)
            self._maybe(f"resume {self._ticket}", Request(row.key, c.ResumeInstance()))

    def _wait(self) -> None:
        """Let seconds, hours or days pass, or just the time to the next instant that matters."""
        now = self.clock.now()
        due = self.corridor.due.next_at()
        jumps = [now + 1_000, now + 3_600_000, now + 400_000, now + 86_400_000 * 3]
        to = self._chance.choice([*jumps, due if due is not None else now])
        self.clock.advance_to(max(now, to))
        self._tell("time passes")

    def _break(self) -> None:
        """Let one of the next commits fail: the process dies, or its outcome is unknown."""
        kind = self._chance.choice(("crash", "crash", "unknown"))
        phases = PHASES if kind == "crash" else ("before_commit", "after_commit")
        self._fault = (kind, self._chance.choice(phases))

    # --- peace

    def _drain(self) -> None:
        """Do everything that is left: nothing is lost or late any more."""
        self._fault = None
        self._is_calm = True
        self._tell("peace")
        self._rest()
        for key, request in self._starts.items():
            self._send(key, request)
        self._rest()
        for row in self._reader().instances(InstanceQuery(status="paused", limit=ALL)):
            self._send(f"resume {row.key}", Request(row.key, c.ResumeInstance()))
        self._rest()
        for _ in range(DRAIN_ROUNDS_MAX):
            if not self._drain_once():
                return
        raise AssertionError(f"seed {self.seed}: {self._reader().waiting()} is still waiting")

    def _drain_once(self) -> bool:
        reader = self._reader()
        while self._jobs or self._results:
            self._work()
            self._report()
            self._rest()
        moved = False
        for task in reader.user_tasks(limit=ALL):
            what = f"task {task.instance}-{task.element}"
            self._send(what, Request(task.instance, c.CompleteUserTask(task.element, {})))
            moved = True
        for row in self._job_rows():
            if row.type == "by-hand":
                complete = Request(row.instance, c.CompleteJob(row.element, {}))
                self._send(f"job {row.instance}-{row.element}", complete)
                moved = True
        for incident in reader.rows("incident", limit=ALL):
            assert isinstance(incident, IncidentRow), "the incident table holds incidents"
            resolve = Request(incident.instance, c.ResolveIncident(incident.incident, 2))
            self._send(f"repair {incident.instance}-{incident.incident}", resolve)
            moved = True
        for number, waiting in enumerate(reader.rows("subscription", limit=ALL)):
            assert isinstance(waiting, SubscriptionRow), (
                "the subscription table holds subscriptions"
            )
            message = c.PublishMessage(waiting.name, waiting.correlation_key, {})
            mailbox = named_key(Kind.MAILBOX, waiting.name, waiting.correlation_key)
            self._send(f"last message {self._ticket} {number}", Request(mailbox, message))
            moved = True
        self._rest()
        moments = (self.corridor.due.next_at(), self.corridor.leases.next_deadline())
        dues = [moment for moment in moments if moment is not None]
        if dues:
            self.clock.advance_to(max(self.clock.now(), min(dues)))
            self._rest()
        return moved or bool(dues) or bool(self._jobs)

    # --- the end

    def reconcile(self) -> None:
        """Compare what was acknowledged with what the disk holds."""
        reader = self._reader()
        rows = reader.instances(InstanceQuery(limit=ALL))
        started = {self.accepted[key] for key in self._starts}
        assert len(started) == STARTS, f"{self._starts.keys()} share instances"
        assert {row.key for row in rows if row.parent is None} == started
        assert {row.status for row in rows if row.parent is None} == {"completed"}
        assert not {"active", "paused"} & {row.status for row in rows}
        for row in rows:
            self._check_instance(row.key)
        for table in ("job", "user_task", "timer", "incident", "subscription", "outbox", "signal"):
            assert reader.rows(table) == [], f"rows are left in {table}"
        seen = [(turn.aggregate, turn.version) for turn in self._turns()]
        assert len(seen) == len(set(seen)), "a version of an aggregate was written twice"
        assert verify(reader).differences == []
        assert verify_chain(reader).findings == []

    def _check_instance(self, key: int) -> None:
        """Check that an instance ended once and that no job or task was done twice."""
        turns = self._reader().journal_of(key, limit=ALL)
        assert [turn.version for turn in turns] == list(range(1, len(turns) + 1))
        records = [one for turn in turns for one in r.decode_records(unpack_blob(turn.blob or b""))]
        assert sum(isinstance(one, _ENDS) for one in records) == 1, f"{key} ended not once"
        jobs = [one.element for one in records if isinstance(one, r.JobCompleted)]
        tasks = [one.element for one in records if isinstance(one, r.UserTaskCompleted)]
        for done in (jobs, tasks):
            assert len(done) == len(set(done)), f"work of {key} was done twice"
        elements = set(jobs) | set(tasks)
        for what, known in self.accepted.items():
            kind, _, place = what.partition(" ")
            if kind in ("task", "job") and known == key:
                assert int(place.partition("-")[2]) in elements, f"{what} was lost"

    def _turns(self) -> list[JournalRow]:
        reader = self._reader()
        return [
            turn for log in reader.logs() for turn in reader.turns_of_log(log, (0, -1), limit=ALL)
        ]

    def _reader(self) -> MemoryReader:
        return MemoryStore(self.disk).reader()

    def _job_rows(self) -> list[JobRow]:
        return [row for row in self._reader().rows("job", limit=ALL) if isinstance(row, JobRow)]


def _perform(job: Job) -> c.Command:
    """Return what a handler makes of a job: the same for the same attempt."""
    if job.type == "refuse":
        return c.ThrowJobError(job.element, "REFUSED", "not this one", {}, job.token)
    if job.type == "flaky" and job.attempt == 1:
        return c.FailJob(job.element, "the first attempt fails", job.token)
    done = ask.encode_variables({"worked": job.element_id})
    return c.CompleteJob(job.element, done, job.token)


_ACTIONS: tuple[Callable[[World], None], ...] = (
    World._start,
    World._start,
    World._publish,
    World._publish,
    World._complete_task,
    World._complete_task,
    World._complete_by_hand,
    World._work,
    World._work,
    World._work,
    World._report,
    World._report,
    World._report,
    World._wait,
    World._wait,
    World._break,
    World._pause,
    World._resume,
)
