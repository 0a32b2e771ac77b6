"""The entries of queues as rows: written by the turn that changes them, and read back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from tenuto.engine import queue_records as r
from tenuto.engine.queue_state import Entry, QueueState
from tenuto.engine.record import Record
from tenuto.engine.rows import QueueEntryRow, Row

if TYPE_CHECKING:
    from tenuto.engine.index import RowChanges

WAITING, RUNNING, STOPPING = "waiting", "running", "stopping"


def entry_row(state: QueueState, number: int) -> QueueEntryRow:
    """Return the row of an entry that waits or runs."""
    one = state.entry(number)
    running = STOPPING if one.is_stopping else RUNNING
    return QueueEntryRow(
        state.key,
        number,
        one.instance,
        one.step,
        one.key,
        one.priority,
        one.fairness,
        one.enqueued_at,
        one.not_before,
        one.dedup_id,
        one.since,
        WAITING if number in state.waiting else running,
    )


def fill_queue(state: QueueState, rows: Iterable[QueueEntryRow]) -> None:
    """Put the rows of a queue, in order of their entries, into its state."""
    state.fill((row.entry, _entry(row), row.status != WAITING) for row in rows)


def _entry(row: QueueEntryRow) -> Entry:
    return Entry(
        row.instance,
        row.step,
        row.key,
        row.priority,
        row.fairness,
        row.enqueued_at,
        row.not_before,
        row.dedup_id,
        row.since,
        row.status == STOPPING,
    )


def queue_rows(state: QueueState) -> dict[tuple[Any, ...], Row]:
    """Return every row that a queue implies, by primary key."""
    numbers = [*state.waiting, *state.running]
    return {(state.key, number): entry_row(state, number) for number in numbers}


def index_queue(rows: RowChanges, state: QueueState, records: list[Record]) -> None:
    """Write the entries that a turn touched."""
    for record in records:
        number = getattr(record, "entry", None)
        if number is None:
            continue
        key = (state.key, number)
        if number not in state.waiting and number not in state.running:
            rows.delete("queue_entry", key)
        elif isinstance(record, r.EntryQueued):
            rows.add("queue_entry", key, entry_row(state, number))
        else:
            rows.change("queue_entry", key, entry_row(state, number))
