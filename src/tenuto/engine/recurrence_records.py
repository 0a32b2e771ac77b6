"""Records of recurrences: timer start events that are armed, fire and are withdrawn."""

from __future__ import annotations

from tenuto.engine.record import Record


class RecurrenceSet(Record, frozen=True, array_like=True, gc=False, tag=75):
    """A timer start event is armed."""

    process: str
    node: str
    definition: int
    due_at: int
    cycle: str
    repeats: int


class RecurrenceFired(Record, frozen=True, array_like=True, gc=False, tag=76):
    """A timer start event started an instance; `due_at` is the next firing, None after the last."""

    instance: int
    due_at: int | None
    repeats: int


class RecurrenceCleared(Record, frozen=True, array_like=True, gc=False, tag=77):
    """A timer start event was replaced or withdrawn."""


RecurrenceRecord = RecurrenceSet | RecurrenceFired | RecurrenceCleared
