"""What verbs show of a database, asked of its server, with the fields that its file gives."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from msgspec import structs

from tenuto.cli.people import JOB, USER_TASK, Waiting, named

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tenuto.client.blocking import BlockingClient
    from tenuto.client.views import IncidentView, InstanceView, TaskView, WaitingView

EVERY: Final = 1 << 31
INSTANCE_FIELDS: Final = (
    "instance",
    "process",
    "business_key",
    "status",
    "started_at",
    "ended_at",
    "parent",
)


class ServerViews:
    """Views of a database through its server, with stable fields."""

    def __init__(self, client: BlockingClient) -> None:
        """Ask by `client`."""
        self._client = client

    def instances(
        self,
        *,
        process: str | None = None,
        status: str | None = None,
        business_key: str | None = None,
        limit: int,
    ) -> list[dict[str, Any]]:
        """Return instances, the newest first."""
        found = self._client.instances(
            process=process, status=status, business_key=business_key, limit=limit
        )
        return [_instance(one) for one in found]

    def counts(self) -> dict[tuple[str, str], int]:
        """Return instance counts by (process, status)."""
        return self._client.counts()

    def waiting(self) -> list[Waiting]:
        """Return everything that waits, by process, element and by whom it is waited for."""
        found = [
            Waiting(one.process, one.element, one.what, named(one.what), one.count)
            for one in self._client.waiting()
            if one.what != USER_TASK
        ]
        tasks = Counter(
            (one.process, one.element, USER_TASK, _whom(one))
            for one in self._client.tasks(limit=EVERY)
        )
        found += [Waiting(*place, count) for place, count in tasks.items()]
        return sorted(found)

    def tasks(
        self, *, assignee: str | None = None, group: str | None = None, limit: int
    ) -> list[dict[str, Any]]:
        """Return open user tasks, the earliest due first."""
        found = self._client.tasks(assignee=assignee, group=group, limit=limit)
        return [_task(one) for one in found]

    def incidents(self, instance: str | None = None, *, limit: int) -> list[dict[str, Any]]:
        """Return open incidents; of an instance by its key or business key."""
        return [_incident(one) for one in self._client.incidents(instance, limit=limit)]

    def causes(self, process: str | None = None) -> list[dict[str, Any]]:
        """Return why instances are stuck or have failed, what happens most first."""
        return [structs.asdict(one) for one in self._client.causes(process)]

    def instance(self, name: str) -> dict[str, Any]:
        """Return all of an instance, by its key or business key."""
        found = self._client.show(name)
        key = found.instance
        return {
            **_instance(found),
            "paused": None if found.paused is None else structs.asdict(found.paused),
            "variables": found.variables,
            "waiting": [_waits(one) for one in found.waiting],
            "incidents": [_incident(one) for one in found.incidents],
            "decisions": [_decision(one) for one in self._client.decisions(key)],
            "failed_attempts": _attempts(self._client.history(key)),
            "path": [_visit(one) for one in self._client.path(key)],
        }


def _instance(one: InstanceView) -> dict[str, Any]:
    return {name: getattr(one, name) for name in INSTANCE_FIELDS}


def _task(one: TaskView) -> dict[str, Any]:
    fields = structs.asdict(one)
    del fields["form"]
    return {"key": fields.pop("task"), **fields}


def _incident(one: IncidentView) -> dict[str, Any]:
    fields = structs.asdict(one)
    return {"key": fields.pop("incident"), **fields}


def _whom(one: TaskView) -> str:
    return one.assignee or ", ".join([*one.candidate_groups, *one.candidate_users]) or "anyone"


def _waits(one: WaitingView) -> dict[str, Any]:
    said = one.detail
    if one.what.startswith(JOB):
        said = f"job of type `{one.what.removeprefix(JOB)}`, {said}"
    elif one.what in {"timer", "message", "signal"}:
        said = f"{one.what}{', ' if one.what == 'timer' else ' '}{said}"
    key = None if one.what == "call" else one.key
    return {"element": one.element, "key": key, "for": said}


def _visit(one: dict[str, Any]) -> dict[str, Any]:
    entered, left = one["entered_at"], one["left_at"]
    return {
        "element": one["element"],
        "status": one["state"],
        "entered_at": entered,
        "left_at": left,
        "ms": None if entered is None or left is None else _ms_between(entered, left),
    }


def _ms_between(entered: str, left: str) -> int:
    lasted = datetime.fromisoformat(left) - datetime.fromisoformat(entered)
    return round(lasted.total_seconds() * 1000)


def _attempts(turns: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the failed attempts of jobs, oldest first."""
    ids: dict[int, str] = {}
    found = []
    for turn in turns:
        for record in turn["records"]:
            if record["record"] == "ElementActivated":
                ids[record["element"]] = record["id"]
            elif record["record"] == "JobFailed":
                found.append(
                    {
                        "element": ids.get(record["element"], ""),
                        "at": turn["at"],
                        "retries_left": record["retries"],
                        "message": record["message"],
                    }
                )
    return found


def _decision(one: dict[str, Any]) -> dict[str, Any]:
    return {
        "element": one["element"],
        "decision": one["decision"],
        "at": one["at"],
        "value": one["result"],
        "made": [_made(made) for made in (*one["required"], one)],
        "warnings": one["warnings"],
    }


def _made(one: dict[str, Any]) -> dict[str, Any]:
    return {
        "decision": one["decision"],
        "name": one["name"],
        "inputs": one["inputs"],
        "rules": [_rule(rule) for rule in one["matched"]],
        "value": one["outputs"],
    }


def _rule(rule: dict[str, Any]) -> dict[str, Any]:
    said = "; ".join(str(text) for text in rule["annotations"].values() if text)
    return {
        "number": rule["index"],
        "id": rule["rule"],
        "annotation": said,
        "outputs": rule["outputs"],
    }
