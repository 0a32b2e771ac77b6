"""What an event waits for, and what an event throws.

BPMN 2.0.2 §10.5.5: one struct for each kind of event definition that is executable.
"""

from __future__ import annotations

from enum import Enum

from msgspec import Struct

from tenuto.graph.data import Formula, Mapping
from tenuto.graph.policy import JobPolicy


class TimerKind(Enum):
    """How a timer expression is read: an instant, a span from now, or a repetition."""

    DATE = "date"
    DURATION = "duration"
    CYCLE = "cycle"


class MessageTrigger(Struct, frozen=True):
    """Wait for a message; a start event of a process has no correlation key."""

    name: Formula
    correlation_key: Formula | None = None


class TimerTrigger(Struct, frozen=True):
    """Wait for a point in time: ISO 8601 text, cron text for cycles, or FEEL that gives either."""

    kind: TimerKind
    value: Formula


class SignalTrigger(Struct, frozen=True):
    """Wait for a broadcast."""

    name: Formula


class ErrorTrigger(Struct, frozen=True):
    """Catch an error; no code catches every error of the scope."""

    code: str | None = None
    code_variable: str | None = None
    message_variable: str | None = None


Trigger = MessageTrigger | TimerTrigger | SignalTrigger | ErrorTrigger


class MessageThrow(Struct, frozen=True):
    """Publish a message from the engine itself, no worker; the mappings give its variables."""

    name: Formula
    correlation_key: Formula
    time_to_live: Formula | None = None
    variables: tuple[Mapping, ...] = ()


class JobThrow(Struct, frozen=True):
    """Throw by a worker: the event is a job, as a send task is."""

    job: JobPolicy


class SignalThrow(Struct, frozen=True):
    """Broadcast to every subscriber that is present."""

    name: Formula


class ErrorThrow(Struct, frozen=True):
    """End the scope with an error that an outer handler catches."""

    code: Formula


class TerminateThrow(Struct, frozen=True):
    """End every other token of the scope (§13.5.6)."""


Throw = MessageThrow | JobThrow | SignalThrow | ErrorThrow | TerminateThrow
