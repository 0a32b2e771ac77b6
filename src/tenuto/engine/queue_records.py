"""Records of queues: what was asked of them and which entry they let run when (`engine.queue`)."""

from __future__ import annotations

from tenuto.engine.queue_options import QueueOptions
from tenuto.engine.record import Record


class QueueSet(Record, frozen=True, array_like=True, gc=False, tag=100):
    """A queue was declared, or its options have changed."""

    name: str
    options: QueueOptions
    is_declared: bool = False


class QueuePaused(Record, frozen=True, array_like=True, gc=False, tag=101):
    """The queue lets nothing run."""


class QueueResumed(Record, frozen=True, array_like=True, gc=False, tag=102):
    """The queue goes on."""


class QueueRemoved(Record, frozen=True, array_like=True, gc=False, tag=103):
    """The queue has no options; what waits is held until it is declared again."""


class EntryQueued(Record, frozen=True, array_like=True, gc=False, tag=104):
    """A step waits to run, not before `not_before`.

    `since` is when the first of the entries came that this one stands for (debounce).
    """

    entry: int
    instance: int
    step: str
    key: str
    priority: int
    fairness: str
    dedup_id: str | None
    not_before: int
    since: int | None = None


class EntryAdmitted(Record, frozen=True, array_like=True, gc=False, tag=105):
    """A waiting entry may run and counts against the limits."""

    entry: int


class EntryLeft(Record, frozen=True, array_like=True, gc=False, tag=106):
    """An entry has ended, or was given up while it waited."""

    entry: int


class EntryRefused(Record, frozen=True, array_like=True, gc=False, tag=107):
    """An entry will not run: at once when it came, or as one that waited."""

    entry: int
    instance: int
    step: str
    reason: str
    existing: int | None = None


class EntryStopRequested(Record, frozen=True, array_like=True, gc=False, tag=108):
    """An entry that runs is asked to end, in favour of the instance `newer`."""

    entry: int
    newer: int


class QueueWakeSet(Record, frozen=True, array_like=True, gc=False, tag=109):
    """The next time at which time alone lets something run; None if there is none."""

    at: int | None


class QueueNamed(Record, frozen=True, array_like=True, gc=False, tag=113):
    """Somebody came to a queue that nobody had declared."""

    name: str


# --- of the instance that stands in a queue


class PlaceTaken(Record, frozen=True, array_like=True, gc=False, tag=110):
    """A step of the routine `element`, or with step "" all of it, asks a queue to let it begin."""

    element: int
    step: str
    name: str
    queue: int


class PlaceAdmitted(Record, frozen=True, array_like=True, gc=False, tag=111):
    """The queue lets the step begin."""

    step: str


class PlaceLeft(Record, frozen=True, array_like=True, gc=False, tag=112):
    """The step stands in its queue no longer."""

    step: str


QueueRecord = (
    QueueSet
    | QueuePaused
    | QueueResumed
    | QueueRemoved
    | EntryQueued
    | EntryAdmitted
    | EntryLeft
    | EntryRefused
    | EntryStopRequested
    | QueueWakeSet
    | QueueNamed
    | PlaceTaken
    | PlaceAdmitted
    | PlaceLeft
)
