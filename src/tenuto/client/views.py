"""What a server tells of what it keeps, as plain structs. Times are ISO 8601 text in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from msgspec import Struct

if TYPE_CHECKING:
    from tenuto.engine.settings import Token

T = TypeVar("T")


class Page(Struct, Generic[T]):
    """A part of a list; `next` is where the part after it begins, nothing at the end."""

    items: list[T]
    next: str | None = None


class InstanceView(Struct, frozen=True):
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


class WaitingView(Struct, frozen=True):
    """What an instance waits for at an element: job:TYPE, user-task, timer, message, signal or
    call. `key` names the job, the task or the called instance.
    """

    element: str
    what: str
    since: str | None
    key: str | None
    detail: str


class WaitingCount(Struct, frozen=True):
    """How many element instances wait at an element: for a job:TYPE, user-task, timer,
    message:NAME or signal:NAME; those that are stuck have an incident.
    """

    process: str
    element: str
    what: str
    count: int


class IncidentView(Struct, frozen=True):
    """A place where an instance is stuck until a person repairs it."""

    incident: str
    instance: str
    process: str
    element: str
    code: str
    message: str
    created_at: str | None


class PauseView(Struct, frozen=True):
    """Since when and why an instance stands still."""

    since: str | None
    reason: str


class ShownInstance(InstanceView, frozen=True):
    """An instance with its variables, what it waits for and where it is stuck."""

    variables: dict[str, Any]
    waiting: list[WaitingView]
    incidents: list[IncidentView]
    paused: PauseView | None = None


class TaskView(Struct, frozen=True):
    """An open user task. `form` is the key of its form, as the model names it."""

    task: str
    instance: str
    process: str
    element: str
    name: str
    assignee: str | None
    candidate_groups: list[str]
    candidate_users: list[str]
    due_at: str | None
    priority: int
    created_at: str | None
    form: str | None


class ShownTask(TaskView, frozen=True):
    """An open user task with the variables that it sees and its instance's business key."""

    business_key: str | None
    variables: dict[str, Any]


class ProcessView(Struct, frozen=True):
    """A process in its newest version, with the elements that need each job type and its instances
    counted by status.
    """

    id: str
    name: str
    version: int
    version_tag: str | None
    deployment: int
    job_types: dict[str, list[str]]
    instances: dict[str, int]


class FindingView(Struct, frozen=True):
    """What was found in a model: `severity` is refused, warning or ignored; lines count from 1."""

    severity: str
    code: str
    message: str
    element: str | None
    line: int | None


class ReportView(Struct, frozen=True):
    """What was found in one source; `verdict` is accepted, accepted-with-ignored or refused."""

    source: str
    verdict: str
    findings: list[FindingView]


class DeployedProcess(Struct, frozen=True):
    """A process that a deployment has; `job_types` names the elements that need each type."""

    id: str
    name: str
    version: int
    job_types: dict[str, list[str]]


class DeployedDecision(Struct, frozen=True):
    """A decision that a deployment has."""

    id: str
    name: str
    version: int


class Deployed(Struct, frozen=True):
    """What a deployment brought. `changed` is false when the newest was the same already."""

    deployment: int
    changed: bool
    processes: list[DeployedProcess]
    decisions: list[DeployedDecision]
    mappings: int
    reports: list[ReportView]

    @property
    def job_types(self) -> dict[str, list[str]]:
        """Return the job types that the processes name, with the element ids that need them."""
        found: dict[str, list[str]] = {}
        for process in self.processes:
            for kind, elements in process.job_types.items():
                found.setdefault(kind, []).extend(elements)
        return found


class TokenView(Struct, frozen=True):
    """A token without its secret, which nobody keeps. `kind` is api or session."""

    id: str
    name: str
    kind: str
    roles: list[str]
    groups: list[str]
    job_types: list[str]
    issued_at: str | None
    expires_at: str | None


class MintedToken(Struct, frozen=True):
    """A new token. Its text is shown once."""

    id: str
    token: str
    expires_at: str | None


def token_view(token: Token) -> TokenView:
    """Return a token as callers see it."""
    return TokenView(
        token.id,
        token.name,
        token.kind,
        list(token.roles),
        list(token.groups),
        list(token.job_types),
        moment(token.issued_at),
        moment(token.expires_at),
    )


def moment(milliseconds: int | None) -> str | None:
    """Return Unix milliseconds as ISO 8601 text in UTC.

    >>> moment(1_700_000_000_250)
    '2023-11-14T22:13:20.250Z'
    """
    if milliseconds is None:
        return None
    at = datetime.fromtimestamp(milliseconds / 1000, tz=UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class UpdateAnswer(Struct, frozen=True):
    """What a workflow said to an update: `accepted`, `done` or `refused`, with encoded values."""

    status: str
    value: bytes | None = None
    error: bytes | None = None


class Answered(Struct, frozen=True):
    """What a workflow said to an update: `done` or `refused`, with plain data."""

    status: str
    value: Any = None
    error: Any = None


class StreamItem(Struct, frozen=True):
    """A value of a stream at its offset, from 0."""

    offset: int
    value: Any


class StreamPart(Struct, frozen=True):
    """Values of a stream; `version` is where the next part begins, `is_closed` tells the last."""

    items: list[StreamItem]
    version: int
    is_closed: bool
