"""Holding `then` against an instance: everything that differs, never only the first."""

from __future__ import annotations

import difflib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from tenuto import values
from tenuto.client.reading import Task
from tenuto.engine.rows import IncidentRow
from tenuto.engine.state import ROOT
from tenuto.errors import InputError
from tenuto.graph.process import ProcessGraph
from tenuto.notation import settle
from tenuto.testing.scenario import Case
from tenuto.testing.written.compare import Whole, agrees, show
from tenuto.testing.written.coverage import ids_passed
from tenuto.testing.written.model import DecisionThen, Expected, IncidentThen, TaskThen, Then
from tenuto.testing.written.report import Difference
from tenuto.values import DateAndTime


class Seen:
    """An instance as `then` looks at it: read once, when it is needed."""

    def __init__(
        self,
        case: Case,
        graph: ProcessGraph,
        now: DateAndTime,
        tasks: list[Task],
        calls: Counter[str],
    ) -> None:
        """Look at `case`; `tasks` are its open ones, `calls` counts its jobs by type."""
        self.case = case
        self.graph = graph
        self.now = now
        self.tasks = tasks
        self.calls = calls
        self.variables: dict[str, Any] = values.from_python(case.variables)
        self.passed = frozenset(ids_passed(case.records))

    def waiting(self) -> list[str]:
        """Return the ids of live elements in which no other lives, oldest first, each once."""
        live = self.case.state.elements
        holding = {element.scope for element in live.values()}
        ids = (e.id for number, e in live.items() if number != ROOT and number not in holding)
        return list(dict.fromkeys(ids))

    def describe(self) -> str:
        """Return where the instance stands, in words."""
        said = f"the instance is {self.case.status}"
        if waiting := self.waiting():
            said += f", waiting at {', '.join(waiting)}"
        for incident in self.case.incidents:
            said += f"; incident {incident.code} at {incident.element_id}: {incident.message}"
        return said


def check(then: Then, seen: Seen) -> list[Difference]:
    """Return what does not hold, in the order in which `then` lists it."""
    found = _unknown_ids(then, seen)
    for look in _LOOKS:
        found.extend(look(then, seen))
    return found


def _differ(line: int, what: str, expected: str, found: str) -> Difference:
    return Difference(line=line, what=what, expected=expected, found=found)


def _unknown_ids(then: Then, seen: Seen) -> list[Difference]:
    """Name ids that the process does not have: `not_passed` would be content with any of them."""
    found = []
    elements, flows = seen.graph.nodes.keys(), seen.graph.flows.keys()
    for name, part, known in (
        ("path", then.path, elements),
        ("passed", then.passed, elements | flows),
        ("not_passed", then.not_passed, elements | flows),
        ("waiting", then.waiting, elements),
    ):
        for id in part.value if part is not None else ():
            if part is not None and id not in known:
                close = difflib.get_close_matches(id, known, 1)
                meant = f"; did you mean `{close[0]}`?" if close else ""
                expected = f"ids of process `{seen.graph.id}`"
                found.append(_differ(part.line, f"`{name}`", expected, f"`{id}`{meant}"))
    return found


def _status(then: Then, seen: Seen) -> Iterator[Difference]:
    if then.status is not None and then.status.value != seen.case.status:
        yield _differ(then.status.line, "status", then.status.value, seen.case.status)


def _variables(then: Then, seen: Seen) -> Iterator[Difference]:
    for name, one in then.variables.items():
        what = f"variable `{name}`"
        found = show(seen.variables.get(name)) if name in seen.variables else "no such variable"
        try:
            expected = settle(one.value, seen.variables, seen.now, Whole)
        except InputError as error:
            yield _differ(one.line, what, "a value to compare with", str(error))
            continue
        if not agrees(expected, seen.variables.get(name)):
            yield _differ(one.line, what, show(expected), found)


def _holds(then: Then, seen: Seen) -> Iterator[Difference]:
    for condition in then.holds:
        result = condition.expression.evaluate(seen.variables, now=seen.now)
        if result.value is not True:
            why = "".join(f"; {warning.message}" for warning in result.warnings[:3])
            read = {name: seen.variables.get(name) for name in sorted(condition.expression.names)}
            line = int(condition.place.rpartition(":")[2])
            found = f"{show(result.value)} with {show(read)}{why}"
            yield _differ(line, f"`{condition.expression.text}`", "true", found)


def _path(then: Then, seen: Seen) -> Iterator[Difference]:
    if then.path is None:
        return
    taken = seen.case.path
    left = iter(taken)
    for id in then.path.value:
        if id not in left:
            expected = f"{' > '.join(then.path.value)}; `{id}` did not come in this order"
            yield _differ(then.path.line, "path", expected, " > ".join(taken))
            return


def _passed(then: Then, seen: Seen) -> Iterator[Difference]:
    every = seen.graph.nodes.keys() | seen.graph.flows.keys()
    for part, wanted in ((then.passed, True), (then.not_passed, False)):
        if part is None:
            continue
        wrong = [id for id in part.value if id in every and (id in seen.passed) is not wanted]
        if wrong:
            expected = "passed" if wanted else "never passed"
            found = "never passed" if wanted else "passed"
            yield _differ(part.line, ", ".join(wrong), expected, found)


def _waiting(then: Then, seen: Seen) -> Iterator[Difference]:
    if then.waiting is None:
        return
    wanted, waiting = then.waiting.value, seen.waiting()
    if set(waiting) <= set(wanted) <= set(seen.case.active):
        return
    yield _differ(then.waiting.line, "waiting at", _names(wanted), _names(waiting))


def _names(ids: Any) -> str:
    return ", ".join(ids) or "nothing"


def _tasks(then: Then, seen: Seen) -> Iterator[Difference]:
    if then.tasks is not None and not _pairs(then.tasks, seen.tasks, _is_task):
        expected = [_task_text(one) for one in then.tasks.value]
        found = [_found_task_text(task) for task in seen.tasks]
        yield _differ(then.tasks.line, "open tasks", _names(expected), _names(found))


def _pairs(expected: Expected, found: list[Any], fits: Callable[[Any, Any], bool]) -> bool:
    """Tell whether each expected thing finds one of its own, and nothing is left."""
    left = list(found)
    for one in expected.value:
        match = next((other for other in left if fits(one, other)), None)
        if match is None:
            return False
        left.remove(match)
    return not left


def _is_task(one: TaskThen, task: Task) -> bool:
    return (
        one.element == task.element
        and (one.groups is None or sorted(one.groups) == sorted(task.candidate_groups))
        and (one.users is None or sorted(one.users) == sorted(task.candidate_users))
        and (one.assignee is None or one.assignee == (task.assignee or ""))
    )


def _task_text(one: TaskThen) -> str:
    said = one.element
    if one.groups is not None:
        said += f" for groups {json.dumps(one.groups)}"
    if one.users is not None:
        said += f" for users {json.dumps(one.users)}"
    if one.assignee is not None:
        said += f" with {one.assignee or 'nobody'}"
    return said


def _found_task_text(task: Task) -> str:
    said = f"{task.element} for groups {json.dumps(task.candidate_groups)}"
    if task.candidate_users:
        said += f" for users {json.dumps(task.candidate_users)}"
    return f"{said} with {task.assignee or 'nobody'}"


def _decisions(then: Then, seen: Seen) -> Iterator[Difference]:
    if not then.decisions:
        return
    made: dict[str, dict[str, Any]] = {}
    for decision in seen.case.decisions:
        for one in decision.result["decisions"]:
            made[one["id"]] = one
    for wanted in then.decisions:
        found = made.get(wanted.decision)
        if found is None:
            expected = f"decision `{wanted.decision}` to be made"
            yield _differ(wanted.line, "decisions", expected, _names(made))
        else:
            yield from _decision(wanted, found, seen)


def _decision(wanted: DecisionThen, made: dict[str, Any], seen: Seen) -> Iterator[Difference]:
    what = f"decision `{wanted.decision}`"
    rules = tuple(rule["id"] for rule in made["matched"])
    if wanted.rules is not None and wanted.rules != rules:
        yield _differ(wanted.line, f"{what}: matched rules", _names(wanted.rules), _names(rules))
    for name, text in wanted.annotations.items():
        said = [rule["annotations"].get(name) for rule in made["matched"]]
        if text not in said:
            found = "; ".join(str(one) for one in said if one is not None) or "none"
            yield _differ(wanted.line, f"{what}: annotation `{name}`", text, found)
    if wanted.has_value:
        value = values.from_python(made["value"])
        try:
            expected = settle(wanted.value, seen.variables, seen.now, Whole)
        except InputError as error:
            yield _differ(wanted.line, f"{what}: value", "a value to compare with", str(error))
            return
        if not agrees(expected, value):
            yield _differ(wanted.line, f"{what}: value", show(expected), show(value))


def _incidents(then: Then, seen: Seen) -> Iterator[Difference]:
    if then.incidents is None or _pairs(then.incidents, seen.case.incidents, _is_incident):
        return
    expected = [_incident_text(one) for one in then.incidents.value]
    found = [f"{row.code} at {row.element_id}: {row.message}" for row in seen.case.incidents]
    yield _differ(then.incidents.line, "open incidents", _names(expected), _names(found))


def _is_incident(one: IncidentThen, row: IncidentRow) -> bool:
    return (
        one.code == row.code
        and one.element in (None, row.element_id)
        and (one.message is None or one.message in row.message)
    )


def _incident_text(one: IncidentThen) -> str:
    said = one.code if one.element is None else f"{one.code} at {one.element}"
    return said if one.message is None else f"{said}: ... {one.message} ..."


def _calls(then: Then, seen: Seen) -> Iterator[Difference]:
    for kind, one in then.calls.items():
        if seen.calls[kind] != one.value:
            what = f"calls of handler `{kind}`"
            yield _differ(one.line, what, str(one.value), str(seen.calls[kind]))


_LOOKS: tuple[Callable[[Then, Seen], Iterator[Difference]], ...] = (
    _status,
    _variables,
    _holds,
    _path,
    _passed,
    _waiting,
    _tasks,
    _decisions,
    _incidents,
    _calls,
)
