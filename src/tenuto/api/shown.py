"""An instance as callers see it: what it is, what it waits for, where it is stuck."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from tenuto.api.rendering import moment, stored_json
from tenuto.engine.state import ROOT, MessageWait, SignalWait, TimerWait, Wait

if TYPE_CHECKING:
    from tenuto.client.reading import Reading
    from tenuto.engine.rows import IncidentRow, InstanceRow
    from tenuto.engine.state import InstanceState
    from tenuto.engine.world import World


class ListedInstance(Struct):
    """An instance in a list. `version` is that of its process, `version_number` its own."""

    instance: str
    process: str
    version: int | None
    business_key: str | None
    status: str
    started_at: str | None
    ended_at: str | None
    parent: str | None
    version_number: int


class WaitsFor(Struct):
    """What an instance waits for at an element.

    `what` is job:TYPE, user-task, timer, message, signal or call. `key` names the job, the task or
    the called instance; `detail` says more for people.
    """

    element: str
    what: str
    since: str | None
    key: str | None
    detail: str


class ShownIncident(Struct):
    """A place where an instance is stuck until a person repairs it."""

    incident: str
    instance: str
    process: str
    element: str
    code: str
    message: str
    created_at: str | None


class ShownPause(Struct):
    """Since when and why an instance stands still."""

    since: str | None
    reason: str


class ShownInstance(ListedInstance):
    """An instance with its variables. What was pruned keeps its row only."""

    variables: dict[str, Any]
    waiting: list[WaitsFor]
    incidents: list[ShownIncident]
    paused: ShownPause | None


def listed(row: InstanceRow, world: World) -> ListedInstance:
    """Return an instance as a list shows it."""
    definition = world.definitions.get(row.definition)
    return ListedInstance(
        str(row.key),
        row.process,
        None if definition is None else definition.version,
        row.business_key,
        row.status,
        moment(row.started_at),
        moment(row.ended_at),
        None if row.parent is None else str(row.parent),
        row.version,
    )


def shown(
    read: Reading, row: InstanceRow, state: InstanceState | None, world: World
) -> ShownInstance:
    """Return an instance with all that is asked about it."""
    one = listed(row, world)
    pause = None if state is None else state.pause
    incidents = [incident_of(found) for found in read.incidents(one.instance)]
    return ShownInstance(
        one.instance,
        one.process,
        one.version,
        one.business_key,
        one.status,
        one.started_at,
        one.ended_at,
        one.parent,
        row.version if state is None else state.version,
        {} if state is None else root_variables(read, state),
        [] if state is None else waiting(read, state),
        incidents,
        None if pause is None else ShownPause(moment(pause.at), pause.reason),
    )


def root_variables(read: Reading, state: InstanceState) -> dict[str, Any]:
    """Return the variables of the process as JSON writes them."""
    return {
        name: stored_json(read, state.key, stored)
        for name, stored in state.elements[ROOT].variables.items()
    }


def incident_of(row: IncidentRow) -> ShownIncident:
    """Return an incident as callers see it."""
    return ShownIncident(
        f"{row.instance}-{row.incident}",
        str(row.instance),
        row.process,
        row.element_id,
        row.code,
        row.message,
        moment(row.created_at),
    )


def waiting(read: Reading, state: InstanceState) -> list[WaitsFor]:
    """Return what an instance waits for: jobs, tasks, events, called instances."""
    found = []
    for job in read.jobs(str(state.key)):
        due = f", until {moment(job.due_at)}" if job.due_at is not None else ""
        detail = f"{job.status}{due}, {job.retries} retries left"
        key = f"{job.instance}-{job.element}"
        since = moment(job.created_at)
        found.append(WaitsFor(job.element_id, f"job:{job.type}", since, key, detail))
    for number, task in state.user_tasks.items():
        people = task.assignee or ", ".join([*task.candidate_groups, *task.candidate_users])
        key, since = f"{state.key}-{number}", moment(task.created_at)
        element = state.elements[number].id
        found.append(WaitsFor(element, "user-task", since, key, people or "anyone"))
    found += [_event(wait) for wait in state.waits.values()]
    for number, called in state.calls.items():
        detail = f"instance {called}"
        found.append(WaitsFor(state.elements[number].id, "call", None, str(called), detail))
    return found


def _event(wait: Wait) -> WaitsFor:
    if isinstance(wait, TimerWait):
        return WaitsFor(wait.node, "timer", None, None, f"due {moment(wait.due_at)}")
    if isinstance(wait, MessageWait):
        detail = f"`{wait.name}` with key `{wait.correlation_key}`"
        return WaitsFor(wait.node, "message", None, None, detail)
    assert isinstance(wait, SignalWait), "a wait is for a timer, a message or a signal"
    return WaitsFor(wait.node, "signal", moment(wait.opened_at), None, f"`{wait.name}`")
