"""Playing one scenario: a node in memory of its own, its steps one after another, then a look."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from tenuto import values
from tenuto.client import requests as ask
from tenuto.client.reading import Task
from tenuto.deploy import Prepared
from tenuto.engine import commands as c
from tenuto.errors import InputError, Rejected
from tenuto.events.accept import UNMAPPED
from tenuto.graph.process import ProcessGraph
from tenuto.notation import settle
from tenuto.runtime.requests import Request
from tenuto.testing.clock import MONDAY_MORNING
from tenuto.testing.scenario import Case, Scenario
from tenuto.testing.written import model as m
from tenuto.testing.written.answers import answering
from tenuto.testing.written.check import Seen, check
from tenuto.testing.written.coverage import ids_passed
from tenuto.testing.written.report import Difference, Outcome
from tenuto.values import DateAndTime
from tenuto.worker.handlers import Handler


class Play:
    """One scenario at work."""

    def __init__(
        self, scenario: m.Scenario, prepared: Prepared, app: Mapping[str, Handler]
    ) -> None:
        """Deploy what was prepared and let the handlers of its app come to work, but for those that
        the scenario answers itself.
        """
        given = scenario.given
        self._scenario = scenario
        self._graphs: dict[str, ProcessGraph] = {g.id: g for g in prepared.compiled.graphs}
        self._aliases: dict[str, int] = {}
        handlers = dict(app)
        for kind, answers in given.handlers.items():
            handlers[kind] = answering(kind, answers, self._now)
        self._node = Scenario(start=given.at or MONDAY_MORNING, handlers=handlers)
        self._node.ask(ask.deploy_request(prepared))

    def run(self) -> Outcome:
        """Take the steps, look, and say what differs; a step that fails ends the scenario."""
        begun = time.perf_counter()
        differences: list[Difference] = []
        for step in self._scenario.when:
            differences += self._take(step)
            if differences:
                break
        else:
            for then in self._scenario.then:
                differences += self._look(then)
        return Outcome(
            file=self._scenario.file,
            line=self._scenario.line,
            name=self._scenario.name,
            differences=tuple(differences),
            state=self._state() if differences else "",
            seconds=time.perf_counter() - begun,
        )

    def passed(self) -> list[tuple[str, list[str]]]:
        """Return process and passed ids of every instance, called ones included."""
        rows = self._node.rows()
        return [(row.process, ids_passed(Case(self._node, row.key).records)) for row in rows]

    def close(self) -> None:
        """Let the store go."""
        self._node.store.close()

    def _now(self) -> DateAndTime:
        """Return the virtual time as a value."""
        at = datetime.fromtimestamp(self._node.clock.now() / 1000, tz=UTC)
        found: DateAndTime = values.from_python(at)
        return found

    # --- steps

    def _take(self, step: m.Step) -> list[Difference]:
        if isinstance(step.action, m.Check):
            return [one for then in step.action.then for one in self._look(then)]
        what = f"step {_STEPS[type(step.action)][0]}"
        try:
            _STEPS[type(step.action)][1](self, step)
        except Rejected as error:
            if error.code == step.refused:
                return []
            wanted = "to be taken" if step.refused is None else f"refused with {step.refused}"
            return [Difference(step.line, what, wanted, f"{error.code}: {error}")]
        except InputError as error:
            return [Difference(step.line, what, "to be taken", str(error))]
        if step.refused is not None:
            return [Difference(step.line, what, f"refused with {step.refused}", "it was taken")]
        return []

    def _settled(self, variables: m.Variables, case: Case | None = None) -> Any:
        """Return variables with FEEL evaluated, over those of an instance if there is one."""
        seen = {} if case is None else values.from_python(case.variables)
        return settle(variables, seen, self._now())

    def _start(self, step: m.Step) -> None:
        action = step.action
        assert isinstance(action, m.Start), "a start starts"
        given = self._scenario.given
        variables = self._settled(given.variables) | self._settled(action.variables)
        process = action.process or given.process or self._only_process()
        case = self._node.start_with(
            process, variables, business_key=action.business_key or given.business_key
        )
        if action.alias is not None:
            self._aliases[action.alias] = case.key

    def _only_process(self) -> str:
        if len(self._graphs) != 1:
            names = ", ".join(self._graphs) or "none"
            raise InputError(f"expected `process` in `given`, for there are {names}")
        return next(iter(self._graphs))

    def _advance(self, step: m.Step) -> None:
        assert isinstance(step.action, m.Advance), "time is advanced"
        self._node.advance(step.action.duration)

    def _complete(self, step: m.Step) -> None:
        assert isinstance(step.action, m.Complete), "a task is completed"
        task = self._task(step.action.task, step.of)
        case = Case(self._node, int(task.instance))
        self._node.complete(task.key, self._settled(step.action.variables, case))

    def _claim(self, step: m.Step) -> None:
        assert isinstance(step.action, m.Claim), "a task is claimed"
        task = self._task(step.action.task, step.of)
        instance, element = ask.task_key(task.key)
        self._node.ask(Request(instance, c.AssignUserTask(element, step.action.by)))

    def _task(self, wanted: m.OpenTask, of: str | None) -> Task:
        """Return the open task that is meant, or say which there are."""
        key = None if of is None else str(self._case(of, None).key)
        every = [task for task in self._node.tasks() if key in (None, task.instance)]
        found = [
            task
            for task in every
            if wanted.element in (None, task.element)
            and (wanted.group is None or wanted.group in task.candidate_groups)
        ]
        if len(found) == 1:
            return found[0]
        names = [f"`{wanted.element}`"] if wanted.element else []
        names += [f"group `{wanted.group}`"] if wanted.group else []
        have = ", ".join(f"{task.element} for {task.candidate_groups}" for task in every) or "none"
        many = "; say with `of` which instance is meant" if len(found) > 1 else ""
        raise InputError(
            f"expected one open task at {' for '.join(names)}, found {len(found)}{many} "
            f"(open tasks: {have})"
        )

    def _message(self, step: m.Step) -> None:
        action = step.action
        assert isinstance(action, m.Message), "a message is published"
        key = self._settled({"key": action.key}, self._newest())["key"]
        if not isinstance(key, str | int):
            raise InputError(f"expected the message's key to be a text or a number, got {key!r}")
        variables = self._settled(action.variables, self._newest())
        request = ask.publish_request(
            action.name,
            str(key),
            variables,
            time_to_live=action.time_to_live,
            at=self._node.clock.now(),
        )
        self._node.ask(request)

    def _signal(self, step: m.Step) -> None:
        assert isinstance(step.action, m.Signal), "a signal is broadcast"
        variables = self._settled(step.action.variables, self._newest())
        self._node.ask(ask.broadcast_request(step.action.name, variables))

    def _receive(self, step: m.Step) -> None:
        action = step.action
        assert isinstance(action, m.Receive), "an event is received"
        given = {"id": action.id, "subject": action.subject, "time": action.time}
        given = {name: one for name, one in given.items() if one is not None}
        data = self._settled({"data": action.data}, self._newest())["data"]
        attributes = self._settled(action.attributes, self._newest())
        status = self._node.receive(action.type, data, source=action.source, **attributes, **given)
        if status == UNMAPPED:
            raise Rejected(UNMAPPED, "expected a mapping that wants the event, but none does")

    def _resolve(self, step: m.Step) -> None:
        action = step.action
        assert isinstance(action, m.Resolve), "an incident is resolved"
        case = self._case(step.of, None)
        found = [row for row in case.incidents if action.element in (None, row.element_id)]
        if len(found) != 1:
            have = ", ".join(f"{row.code} at {row.element_id}" for row in case.incidents) or "none"
            raise InputError(f"expected one open incident to resolve, found {have}")
        command = c.ResolveIncident(found[0].incident, action.retries)
        self._node.ask(Request(case.key, command))

    def _set(self, step: m.Step) -> None:
        assert isinstance(step.action, m.SetVariables), "variables are set"
        case = self._case(step.of, None)
        self._node.set_variables(case, **self._settled(step.action.variables, case))

    def _cancel(self, step: m.Step) -> None:
        self._node.cancel(self._case(step.of, None))

    # --- looking

    def _newest(self) -> Case | None:
        rows = [row for row in self._node.rows() if row.parent is None]
        return Case(self._node, rows[-1].key) if rows else None

    def _case(self, of: str | None, process: str | None) -> Case:
        """Return the instance that is meant: by `as` or business key, else the newest one that no
        other called, else the newest one of a process.
        """
        if of in self._aliases:
            return Case(self._node, self._aliases[of])
        rows = self._node.rows(process)
        if of is not None:
            rows = [row for row in rows if row.business_key == of]
        elif process is None:
            rows = [row for row in rows if row.parent is None]
        if not rows:
            named = f" `{of}`" if of is not None else ""
            told = f" of process `{process}`" if process is not None else ""
            raise InputError(f"expected an instance{named}{told}, but none was started")
        return Case(self._node, rows[-1].key)

    def _look(self, then: m.Then) -> list[Difference]:
        try:
            case = self._case(then.of, then.process)
        except InputError as error:
            return [Difference(then.line, "`then`", "an instance to look at", str(error))]
        return check(then, self._see(case))

    def _see(self, case: Case) -> Seen:
        stored = self._node.read.reader.instance(case.key)
        assert stored is not None, "an instance that was found is stored"
        key = str(case.key)
        return Seen(
            case,
            self._graphs[stored.row.process],
            self._now(),
            [task for task in self._node.tasks() if task.instance == key],
            Counter(job.type for job in self._node.calls if job.instance == case.key),
        )

    def _state(self) -> str:
        newest = self._newest()
        return "no instance was started" if newest is None else self._see(newest).describe()


_STEPS: dict[type[Any], tuple[str, Callable[[Play, m.Step], None]]] = {
    m.Start: ("start", Play._start),
    m.Advance: ("advance", Play._advance),
    m.Complete: ("complete", Play._complete),
    m.Claim: ("claim", Play._claim),
    m.Message: ("message", Play._message),
    m.Signal: ("signal", Play._signal),
    m.Receive: ("event", Play._receive),
    m.Resolve: ("resolve", Play._resolve),
    m.SetVariables: ("set", Play._set),
    m.Cancel: ("cancel", Play._cancel),
}
