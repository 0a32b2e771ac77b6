"""What is asked of a queue (`engine.queue`), and what a queue asks of those who stand in it.

An entry stands for a step of an instance, by its key, or with "" for the whole instance. Times are
Unix milliseconds.
"""

from __future__ import annotations

from enum import StrEnum

from tenuto.engine.command import Command
from tenuto.engine.queue_options import QueueOptions


class Refusal(StrEnum):
    """Why an entry will not run."""

    QUEUE_FULL = "queue-full"
    DUPLICATE = "duplicate"
    EXISTING = "existing"
    REPLACED = "replaced"
    KEY_BUSY = "key-busy"
    CANCELED = "canceled"


# --- to a queue


class SetQueue(Command, frozen=True, array_like=True, gc=False, tag=60):
    """Declare a queue, change its options, pause or resume it; None leaves a thing as it is.

    Options that code declares (`is_declared`) count when the code's last declaration was another:
    what was changed since by hand stays.
    """

    name: str
    options: QueueOptions | None = None
    is_paused: bool | None = None
    is_declared: bool = False


class EnterQueue(Command, frozen=True, array_like=True, gc=False, tag=61):
    """Let a step run when the queue says so. Lower priorities run first.

    `fairness` names who shares the queue; `not_before` is the earliest time.
    """

    name: str
    instance: int
    step: str = ""
    key: str = ""
    priority: int = 0
    fairness: str = ""
    dedup_id: str | None = None
    not_before: int = 0


class LeaveQueue(Command, frozen=True, array_like=True, gc=False, tag=62):
    """A step no longer stands in the queue: it has ended, or was given up while it waited."""

    instance: int
    step: str = ""


class TickQueue(Command, frozen=True, array_like=True, gc=False, tag=63):
    """The last turn left more to admit."""


class RemoveQueue(Command, frozen=True, array_like=True, gc=False, tag=64):
    """Forget the options. What waits is held until the queue is declared again."""


# --- to the instance of an entry


class AdmitEntry(Command, frozen=True, array_like=True, gc=False, tag=65):
    """The step may run; `LeaveQueue` is due when it has ended."""

    step: str


class RefuseEntry(Command, frozen=True, array_like=True, gc=False, tag=66):
    """The step will not run and has left the queue; `existing` is the instance that does."""

    step: str
    reason: Refusal
    message: str
    existing: int | None = None


class StopEntry(Command, frozen=True, array_like=True, gc=False, tag=67):
    """The step runs and is asked to end, since `newer` took its place; `LeaveQueue` is due then."""

    step: str
    newer: int


QueueCommand = (
    SetQueue
    | EnterQueue
    | LeaveQueue
    | TickQueue
    | RemoveQueue
    | AdmitEntry
    | RefuseEntry
    | StopEntry
)
