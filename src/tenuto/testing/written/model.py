"""What a scenario file says, read and checked: givens, steps, and what is to hold.

Values may hold `Computed` parts; they are evaluated when the scenario comes to them. Lines count
from 1.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from msgspec import Struct

from tenuto.notation import Computed

Variables = dict[str, Any]


class Answer(Struct, frozen=True):
    """What a job of a type comes to: variables, a BPMN error, or a failure; of these one."""

    variables: Variables = {}
    error: str | None = None
    fail: str | None = None


class Given(Struct, frozen=True, kw_only=True):
    """Where a scenario begins. `handlers` maps a job type to its answers, call by call; the last
    one repeats."""

    models: tuple[Path, ...] = ()
    app: str | None = None
    handlers: dict[str, tuple[Answer, ...]] = {}
    at: str | None = None
    process: str | None = None
    variables: Variables = {}
    business_key: str | None = None


class Start(Struct, frozen=True, kw_only=True):
    """Start an instance, of the given process unless another is named."""

    process: str | None = None
    variables: Variables = {}
    business_key: str | None = None
    alias: str | None = None


class Advance(Struct, frozen=True, kw_only=True):
    """Let time pass: an ISO 8601 duration."""

    duration: str


class OpenTask(Struct, frozen=True, kw_only=True):
    """The one open user task of an element, of a group, or of both."""

    element: str | None = None
    group: str | None = None


class Complete(Struct, frozen=True, kw_only=True):
    """Complete a user task."""

    task: OpenTask
    variables: Variables = {}


class Claim(Struct, frozen=True, kw_only=True):
    """Give a user task to a person."""

    task: OpenTask
    by: str


class Message(Struct, frozen=True, kw_only=True):
    """Publish a message."""

    name: str
    key: Any = ""
    variables: Variables = {}
    time_to_live: str = "PT0S"


class Signal(Struct, frozen=True, kw_only=True):
    """Broadcast a signal."""

    name: str
    variables: Variables = {}


class Receive(Struct, frozen=True, kw_only=True):
    """Take a CloudEvent by the mappings that are deployed; None leaves an attribute out."""

    type: str
    source: str = "/scenario"
    id: str | None = None
    subject: str | None = None
    time: str | None = None
    data: Any = None
    attributes: Variables = {}


class Resolve(Struct, frozen=True, kw_only=True):
    """Resolve the open incident, of one element where it is named."""

    element: str | None = None
    retries: int = 1


class SetVariables(Struct, frozen=True, kw_only=True):
    """Change process variables."""

    variables: Variables


class Cancel(Struct, frozen=True, kw_only=True):
    """End an instance."""


class Check(Struct, frozen=True, kw_only=True):
    """Look between two steps."""

    then: tuple[Then, ...]


Action = (
    Start
    | Advance
    | Complete
    | Claim
    | Message
    | Signal
    | Receive
    | Resolve
    | SetVariables
    | Cancel
    | Check
)


class Step(Struct, frozen=True, kw_only=True):
    """One step: what is done, to which instance, and the code with which it is to be refused."""

    action: Action
    line: int
    of: str | None = None
    refused: str | None = None


class TaskThen(Struct, frozen=True, kw_only=True):
    """An open user task; None is not looked at, and an empty assignee means nobody."""

    element: str
    groups: tuple[str, ...] | None = None
    users: tuple[str, ...] | None = None
    assignee: str | None = None


class DecisionThen(Struct, frozen=True, kw_only=True):
    """The latest making of a decision; None is not looked at."""

    decision: str
    line: int
    rules: tuple[str, ...] | None = None
    annotations: dict[str, str] = {}
    value: Any = None
    has_value: bool = False


class IncidentThen(Struct, frozen=True, kw_only=True):
    """An open incident; `message` is a part of its text, None is not looked at."""

    code: str
    element: str | None = None
    message: str | None = None


class Expected(Struct, frozen=True):
    """One thing that is to hold, with its line."""

    value: Any
    line: int


class Then(Struct, frozen=True, kw_only=True):
    """What is to hold for one instance; None is not looked at."""

    line: int
    of: str | None = None
    process: str | None = None
    status: Expected | None = None
    variables: dict[str, Expected] = {}
    holds: tuple[Computed, ...] = ()
    path: Expected | None = None
    passed: Expected | None = None
    not_passed: Expected | None = None
    waiting: Expected | None = None
    tasks: Expected | None = None
    decisions: tuple[DecisionThen, ...] = ()
    incidents: Expected | None = None
    calls: dict[str, Expected] = {}


class Scenario(Struct, frozen=True, kw_only=True):
    """One scenario of a file."""

    name: str
    file: str
    line: int
    given: Given
    when: tuple[Step, ...]
    then: tuple[Then, ...]
