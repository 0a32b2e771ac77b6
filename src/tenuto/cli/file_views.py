"""What verbs show of a database, read from its file: also while a server holds it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import structs

from tenuto.cli.explained import decision_data
from tenuto.cli.history import attempts, element_ids, path
from tenuto.cli.output import moment
from tenuto.cli.people import Waiting, waiting_for
from tenuto.client.causes import causes
from tenuto.engine.state import MessageWait, TimerWait
from tenuto.store.port import InstanceQuery

if TYPE_CHECKING:
    from tenuto.client.reading import Reading, Task
    from tenuto.engine.rows import IncidentRow, InstanceRow
    from tenuto.engine.state import InstanceState


class FileViews:
    """Views of a database file, with stable fields."""

    def __init__(self, read: Reading) -> None:
        """Read by `read`."""
        self._read = read

    def instances(
        self,
        *,
        process: str | None = None,
        status: str | None = None,
        business_key: str | None = None,
        limit: int,
    ) -> list[dict[str, Any]]:
        """Return instances, the newest first."""
        query = InstanceQuery(process, status, business_key, limit=limit)
        return [_instance(row) for row in self._read.instances(query)]

    def counts(self) -> dict[tuple[str, str], int]:
        """Return instance counts by (process, status)."""
        return self._read.counts()

    def waiting(self) -> list[Waiting]:
        """Return everything that waits, by process, element and by whom it is waited for."""
        return waiting_for(self._read)

    def tasks(
        self, *, assignee: str | None = None, group: str | None = None, limit: int
    ) -> list[dict[str, Any]]:
        """Return open user tasks, the earliest due first."""
        found = self._read.tasks(assignee=assignee, group=group, limit=limit)
        return [_task(task) for task in found]

    def incidents(self, instance: str | None = None, *, limit: int) -> list[dict[str, Any]]:
        """Return open incidents; of an instance by its key or business key."""
        key = None if instance is None else str(self._read.find(instance).key)
        return [_incident(row) for row in self._read.incidents(key, limit)]

    def causes(self, process: str | None = None) -> list[dict[str, Any]]:
        """Return why instances are stuck or have failed, what happens most first."""
        return [structs.asdict(one) for one in causes(self._read, process)]

    def instance(self, name: str) -> dict[str, Any]:
        """Return all of an instance, by its key or business key."""
        read = self._read
        row = read.find(name)
        turns = read.history(row.key)
        ids = element_ids(turns)
        state = read.state(row.key)
        return {
            **_instance(row),
            "paused": _pause(state),
            "variables": read.variables(row.key),
            "waiting": _waiting(read, state),
            "incidents": [_incident(one) for one in read.incidents(str(row.key))],
            "decisions": [decision_data(one, ids) for one in read.decisions(row.key)],
            "failed_attempts": [one | {"at": moment(one["at"])} for one in attempts(turns)],
            "path": [
                {
                    "element": visit.element,
                    "status": visit.what,
                    "entered_at": moment(visit.entered_at),
                    "left_at": moment(visit.left_at),
                    "ms": None if visit.left_at is None else visit.left_at - visit.entered_at,
                }
                for visit in path(turns)
            ],
        }


def _instance(row: InstanceRow) -> dict[str, Any]:
    return {
        "instance": str(row.key),
        "process": row.process,
        "business_key": row.business_key,
        "status": row.status,
        "started_at": moment(row.started_at),
        "ended_at": moment(row.ended_at),
        "parent": None if row.parent is None else str(row.parent),
    }


def _pause(state: InstanceState) -> dict[str, Any] | None:
    pause = state.pause
    return None if pause is None else {"since": moment(pause.at), "reason": pause.reason}


def _task(task: Task) -> dict[str, Any]:
    times = {"due_at": moment(task.due_at), "created_at": moment(task.created_at)}
    return {**task._asdict(), **times}


def _incident(row: IncidentRow) -> dict[str, Any]:
    return {
        "key": f"{row.instance}-{row.incident}",
        "instance": str(row.instance),
        "process": row.process,
        "element": row.element_id,
        "code": row.code,
        "message": row.message,
        "created_at": moment(row.created_at),
    }


def _waiting(read: Reading, state: InstanceState) -> list[dict[str, Any]]:
    """Return what an instance waits for, and whom."""
    found = []
    for job in read.jobs(str(state.key)):
        since = f"job of type `{job.type}`, {job.status}, {job.retries} retries left"
        found.append(_waits(job.element_id, f"{job.instance}-{job.element}", since))
    for number, task in state.user_tasks.items():
        people = task.assignee or ", ".join([*task.candidate_groups, *task.candidate_users])
        due = f", due {moment(task.due_at)}" if task.due_at is not None else ""
        element = state.elements[number].id
        found.append(_waits(element, f"{state.key}-{number}", f"{people or 'anyone'}{due}"))
    for wait in state.waits.values():
        if isinstance(wait, TimerWait):
            said = f"timer, due {moment(wait.due_at)}"
        elif isinstance(wait, MessageWait):
            said = f"message `{wait.name}` with key `{wait.correlation_key}`"
        else:
            said = f"signal `{wait.name}`"
        found.append(_waits(wait.node, None, said))
    for number, called in state.calls.items():
        found.append(_waits(state.elements[number].id, None, f"instance {called}"))
    return found


def _waits(element: str, key: str | None, what: str) -> dict[str, Any]:
    return {"element": element, "key": key, "for": what}
