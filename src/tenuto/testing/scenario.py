"""Scenarios: the real engine, runtime and store in memory, on a virtual clock, in one thread.

Nothing sleeps and nothing runs beside the test: after each step the corridor runs until nothing can
move. Handlers run where the corridor hands out their jobs, one after another, in order.
"""

from __future__ import annotations

import asyncio
import inspect
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tenuto import values
from tenuto.client import requests as ask
from tenuto.client.reading import Decision, Reading, Task, Turn
from tenuto.deploy import compile_sources, latest_processes, prepare, read_files
from tenuto.engine import commands as c
from tenuto.engine import records as r
from tenuto.engine.rejections import Rejection
from tenuto.engine.rows import IncidentRow, InstanceRow
from tenuto.engine.state import ROOT, InstanceState
from tenuto.errors import InputError, Rejected
from tenuto.events.accept import ACCEPTED, DUPLICATE, UNMAPPED, request_of
from tenuto.events.envelope import EventRefused, read_structured
from tenuto.graph.events import MappingIndex
from tenuto.keys import COUNTER_BITS, COUNTER_MAX, SLOT_BITS
from tenuto.runtime.leases import Job, Seats
from tenuto.runtime.recovery import recover
from tenuto.runtime.requests import Answer, Reply, Request, Result
from tenuto.store.memory import MemoryStore
from tenuto.store.port import InstanceQuery, Store
from tenuto.testing.clock import MONDAY_MORNING, VirtualClock
from tenuto.worker.handlers import MARK, Handler, describe
from tenuto.worker.perform import completion, failure

STEPS_MAX = 100_000

# Back-off without spread: a scenario takes the same time whenever it runs.
JITTER = 0.5


class Slot:
    """Collects the answers of the scenario's own requests."""

    def __init__(self) -> None:
        """Begin with none."""
        self.results: dict[int, Result] = {}

    def deliver(self, results: list[tuple[int, Result]]) -> None:
        """Keep answers by ticket."""
        self.results.update(results)


class Case:
    """One instance, as a test looks at it."""

    def __init__(self, scenario: Scenario, key: int) -> None:
        """Look at instance `key`."""
        self._scenario = scenario
        self.key = key

    @property
    def state(self) -> InstanceState:
        """Return the state, folded from the journal."""
        return self._scenario.read.state(self.key)

    @property
    def status(self) -> str:
        """Return active, completed, terminated or failed."""
        return self.state.status.value

    @property
    def is_completed(self) -> bool:
        """Tell whether the instance ended normally."""
        return self.status == "completed"

    @property
    def variables(self) -> dict[str, Any]:
        """Return the process variables as Python data."""
        return self._scenario.read.variables(self.key)

    @property
    def history(self) -> list[Turn]:
        """Return the turns, oldest first."""
        return self._scenario.read.history(self.key)

    @property
    def records(self) -> list[r.AnyRecord]:
        """Return every record, oldest first."""
        return [record for turn in self.history for record in turn.records]

    @property
    def path(self) -> list[str]:
        """Return the ids of the elements that were entered, in order, items of a loop included."""
        return [
            record.id
            for record in self.records
            if isinstance(record, r.ElementPassed | r.ElementActivated | r.JoinFired)
        ]

    @property
    def completed(self) -> list[str]:
        """Return the ids of the elements that ended normally, in order."""
        ids = {}
        ended = []
        for record in self.records:
            if isinstance(record, r.ElementActivated):
                ids[record.element] = record.id
            elif isinstance(record, r.ElementPassed | r.JoinFired):
                ended.append(record.id)
            elif isinstance(record, r.ElementCompleted):
                ended.append(ids[record.element])
        return ended

    @property
    def terminated(self) -> list[str]:
        """Return the ids of the elements that were withdrawn, in order."""
        ids = {e.element: e.id for e in self.records if isinstance(e, r.ElementActivated)}
        return [
            ids[record.element]
            for record in self.records
            if isinstance(record, r.ElementTerminated)
        ]

    @property
    def active(self) -> list[str]:
        """Return the ids of the live elements, oldest first."""
        return [e.id for number, e in self.state.elements.items() if number != ROOT]

    def is_waiting_at(self, element: str) -> bool:
        """Tell whether an element instance of that id is live."""
        return element in self.active

    @property
    def decisions(self) -> list[Decision]:
        """Return the decisions that were made, with inputs and matched rules."""
        return self._scenario.read.decisions(self.key)

    @property
    def incidents(self) -> list[IncidentRow]:
        """Return the open incidents."""
        return self._scenario.read.incidents(str(self.key))


class Scenario:
    """A node in memory that a test drives step by step."""

    def __init__(
        self,
        *,
        start: str = MONDAY_MORNING,
        store: Store | None = None,
        handlers: Mapping[str, Handler] | None = None,
    ) -> None:
        """Begin at an instant, on a new memory store unless one is given."""
        self.clock = VirtualClock(start)
        self.store = store if store is not None else MemoryStore()
        self.corridor = recover(self.store, self.clock, compile_sources, node="scenario")
        self.corridor.advance_seconds_max = math.inf  # only the virtual clock may end a batch
        self.read = Reading(self.store)
        self.calls: list[Job] = []
        self._slot = Slot()
        self._ticket = 0
        self._handlers: dict[str, Handler] = {}
        self._jobs: list[Job] = []
        self._seats: dict[str, Seats] = {}
        for kind, one in (handlers or {}).items():
            self._add(kind, one)

    # --- given

    def deploy(self, *models: str | Path | bytes) -> None:
        """Deploy model files, or sources as bytes (BPMN or DMN by their root element)."""
        sources = []
        for index, model in enumerate(models):
            if isinstance(model, bytes):
                kind = "bpmn" if b"/BPMN/20100524/MODEL" in model else "dmn"
                sources.append((f"model-{index}.{kind}", kind, model))
            else:
                sources.extend(read_files([model]))
        self.ask(ask.deploy_request(prepare(sources, latest_processes(self.corridor.world))))

    def handle(self, job_type: str, function: Callable[..., Any] | None = None) -> Any:
        """Perform jobs of a type with a function; usable as a decorator."""
        if function is None:
            return lambda given: self.handle(job_type, given)
        declared = getattr(function, MARK, None)
        one = declared if isinstance(declared, Handler) else describe(job_type, function)
        self._add(job_type, one)
        return function

    def hold(self, job_type: str, taken: Callable[[Job], None]) -> None:
        """Take jobs of a type and never answer: a worker that hangs. Leases end as time passes."""
        self.corridor.leases.add_worker(
            Seats(frozenset({job_type}), 1 << 30, lambda jobs: _each(taken, jobs))
        )

    def _add(self, kind: str, one: Handler) -> None:
        self._handlers[kind] = one
        if kind not in self._seats:
            seats = Seats(frozenset({kind}), 1 << 30, self._jobs.extend)
            self._seats[kind] = seats
            self.corridor.leases.add_worker(seats)

    def start(self, process: str, **variables: Any) -> Case:
        """Start an instance and run to rest."""
        return self.start_with(process, variables)

    def start_with(
        self,
        process: str,
        variables: Mapping[str, Any] | None = None,
        *,
        business_key: str | None = None,
        idempotency_key: str | None = None,
        unique: bool = False,
    ) -> Case:
        """Start an instance with keys and run to rest. Raises `Rejected`."""
        request = ask.start_request(
            process,
            variables,
            business_key=business_key,
            idempotency_key=idempotency_key,
            unique=unique,
        )
        return Case(self, self.ask(request).key)

    # --- when

    def ask(self, request: Request) -> Answer:
        """Put a request, run to rest, and return its answer. Raises `Rejected`."""
        self._ticket += 1
        ticket = self._ticket
        self.corridor.submit(request._replace(reply=Reply(self._slot, ticket)))
        self.settle()
        result = self._slot.results.pop(ticket)
        if isinstance(result, Rejection):
            raise Rejected(result.code, result.message)
        assert isinstance(result, Answer), "a scenario waits for answers only"
        return result

    def settle(self) -> None:
        """Run the corridor and the handlers until nothing can move at this instant."""
        for _ in range(STEPS_MAX):
            moved = self.corridor.step()
            if self._jobs:
                jobs, self._jobs[:] = list(self._jobs), []
                for job in jobs:
                    self._perform(job)
            elif not moved:
                return
        raise InputError(f"expected the scenario to come to rest within {STEPS_MAX} steps")

    def _perform(self, job: Job) -> None:
        self.calls.append(job)
        one = self._handlers[job.type]
        command: c.Command
        try:
            result = one.function(**one.arguments(job, lambda *_: None))
            if inspect.isawaitable(result):
                result = asyncio.run(_await(result))
            command = completion(job, result)
        except Exception as error:  # noqa: BLE001  (the edge of user code: whatever it raises is its failure)
            command = failure(job, error, JITTER)
        self.corridor.submit(Request(job.instance, command))

    def advance(self, duration: str) -> None:
        """Let time pass, stopping at every instant at which something becomes due."""
        self.advance_to(self.clock.after(duration))

    def advance_to(self, at: int) -> None:
        """Let time pass up to an instant (Unix milliseconds)."""
        self.settle()
        while (due := self.next_due()) is not None and due <= at:
            self.clock.advance_to(max(due, self.clock.now()))
            self.settle()
        self.clock.advance_to(at)
        self.settle()

    def next_due(self) -> int | None:
        """Return the next instant at which something happens by itself."""
        moments = (self.corridor.due.next_at(), self.corridor.leases.next_deadline())
        return min((moment for moment in moments if moment is not None), default=None)

    def publish(
        self,
        name: str,
        correlation_key: str = "",
        *,
        time_to_live: str = "PT0S",
        message_id: str | None = None,
        **variables: Any,
    ) -> str:
        """Publish a message; return correlated, buffered, expired or duplicate."""
        request = ask.publish_request(
            name,
            correlation_key,
            variables,
            time_to_live=time_to_live,
            message_id=message_id,
            at=self.clock.now(),
        )
        return str(self.ask(request).facts["status"])

    def broadcast(self, name: str, **variables: Any) -> None:
        """Broadcast a signal."""
        self.ask(ask.broadcast_request(name, variables))

    def receive(
        self,
        type: str,
        data: Any = None,
        *,
        source: str = "/scenario",
        id: str | None = None,
        **attributes: Any,
    ) -> str:
        """Take a CloudEvent by the mappings that are deployed; return accepted, duplicate or
        unmapped.

        Without `id` it is a new event. Raises `InputError` for what is no CloudEvent or cannot be
        mapped, `Rejected` when what it asks is refused.
        """
        raw = {"specversion": "1.0", "type": type, "source": source, "data": data, **attributes}
        raw["id"] = f"event-{self._ticket + 1}" if id is None else id
        event = read_structured(values.dumps(values.from_python(raw)).encode())
        if isinstance(event, EventRefused):
            raise InputError(event.message)
        index = MappingIndex(self.corridor.world.mappings)
        found = index.find(event.type, event.source, event.context)
        answers = [self.ask(request_of(event, mapping, "")) for mapping in found]
        if not answers:
            return UNMAPPED
        return DUPLICATE if all(one.facts.get("repeated") for one in answers) else ACCEPTED

    def tasks(self, element: str | None = None) -> list[Task]:
        """Return the open user tasks, those of one element id if it is given."""
        found = self.read.tasks(limit=1_000)
        return [task for task in found if element is None or task.element == element]

    def complete_task(self, element: str, **variables: Any) -> None:
        """Complete the one open user task of an element id."""
        found = self.tasks(element)
        if len(found) != 1:
            raise InputError(f"expected one open task at `{element}`, found {len(found)}")
        self.complete(found[0].key, variables)

    def complete(self, task: str, variables: Mapping[str, Any] | None = None) -> None:
        """Complete a user task by its key."""
        instance, number = ask.task_key(task)
        command = c.CompleteUserTask(number, ask.encode_variables(variables))
        self.ask(Request(instance, command))

    def complete_job(self, case: Case, element: str, **variables: Any) -> None:
        """Complete the open job of an element in place of a worker."""
        number = self._element(case, element)
        command = c.CompleteJob(number, ask.encode_variables(variables))
        self.ask(Request(case.key, command))

    def fail_job(self, case: Case, element: str, message: str = "failed", **options: Any) -> None:
        """Fail the open job of an element in place of a worker."""
        command = c.FailJob(self._element(case, element), message, **options)
        self.ask(Request(case.key, command))

    def throw_error(self, case: Case, element: str, code: str, **variables: Any) -> None:
        """Throw a BPMN error from the open job of an element."""
        number = self._element(case, element)
        thrown = c.ThrowJobError(number, code, "", ask.encode_variables(variables))
        self.ask(Request(case.key, thrown))

    def _element(self, case: Case, element: str) -> int:
        live = [
            n for n, e in case.state.elements.items() if e.id == element and n in case.state.jobs
        ]
        if len(live) != 1:
            raise InputError(f"expected one open job at `{element}`, found {len(live)}")
        return live[0]

    def resolve(self, case: Case, *, retries: int = 1) -> None:
        """Resolve the oldest open incident of an instance."""
        number = next(iter(case.state.incidents))
        self.ask(Request(case.key, c.ResolveIncident(number, retries)))

    def set_variables(self, case: Case, **variables: Any) -> None:
        """Change process variables."""
        self.ask(Request(case.key, c.SetVariables(ROOT, ask.encode_variables(variables))))

    def cancel(self, case: Case) -> None:
        """Cancel an instance."""
        self.ask(Request(case.key, c.CancelInstance("canceled by the test")))

    def pause(self, case: Case, reason: str = "") -> None:
        """Let an instance stand still."""
        self.ask(Request(case.key, c.PauseInstance(reason)))

    def resume(self, case: Case) -> None:
        """Let a paused instance go on."""
        self.ask(Request(case.key, c.ResumeInstance()))

    # --- then

    def rows(self, process: str | None = None) -> list[InstanceRow]:
        """Return the rows of all instances, oldest first, also those of one instant."""
        query = InstanceQuery(process=process, limit=1 << 31, newest_first=False)
        return sorted(self.read.instances(query), key=_minted)

    def instances(self, process: str | None = None) -> list[Case]:
        """Return all instances, oldest first."""
        return [Case(self, row.key) for row in self.rows(process)]


def _minted(row: InstanceRow) -> tuple[int, int]:
    """Return when a key was given: its millisecond, then its number within it; between them is the
    slot, which says nothing about time.
    """
    return row.key >> (SLOT_BITS + COUNTER_BITS), row.key & COUNTER_MAX


async def _await(result: Any) -> Any:
    return await result


def decode(variables: Mapping[str, bytes]) -> dict[str, Any]:
    """Return encoded variables as Python data."""
    return {name: values.to_python(values.decode(data)) for name, data in variables.items()}


def _each(take: Callable[[Job], None], jobs: list[Job]) -> None:
    for job in jobs:
        take(job)
