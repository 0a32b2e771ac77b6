"""Queues as callers set them and see them."""

from __future__ import annotations

from typing import Any, Final

from msgspec import Struct

from tenuto.client.reading import Reading
from tenuto.client.requests import check_text
from tenuto.client.views import moment
from tenuto.engine import queue_commands as qc
from tenuto.engine.queue_options import QueueOptions
from tenuto.engine.queue_state import NO_OPTIONS, decode_state
from tenuto.engine.rows import AggregateRow, QueueEntryRow
from tenuto.errors import InputError
from tenuto.keys import Kind, kind_of, named_key
from tenuto.runtime.requests import Request
from tenuto.store.codec import unpack_blob
from tenuto.workflows.queues import Queue, changed_options

PAGE: Final = 1_000
FIRST: Final = -((Kind.QUEUE + 1) << 60) - 1


class QueueView(Struct, frozen=True):
    """A queue. `options` None means that nobody declares it: it holds what waits."""

    name: str
    options: dict[str, Any] | None
    is_paused: bool
    waiting: int
    running: int
    next_at: str | None


class EntryView(Struct, frozen=True):
    """Who stands in a queue: an instance, or a step of it. Status: waiting, running, stopping."""

    entry: int
    instance: str
    step: str
    key: str
    priority: int
    fairness: str
    dedup_id: str | None
    status: str
    entered_at: str | None
    not_before: str | None


def key_of(name: str) -> int:
    """Return the key of a queue. Raises `InputError` for what is no name."""
    check_text("queue name", name)
    if not name:
        raise InputError("expected the name of a queue, got none")
    return named_key(Kind.QUEUE, name)


def declare_requests(queues: list[Queue], actor: str) -> list[Request]:
    """Return what tells a node the queues that a program declares."""
    return [
        Request(key_of(one.name), qc.SetQueue(one.name, one.options, is_declared=True), actor)
        for one in queues
        if one.is_declared
    ]


def change_command(read: Reading, name: str, **changes: Any) -> qc.SetQueue:
    """Return the command that changes some options. Raises `InputError` for what cannot be."""
    known = _options(read, name) or NO_OPTIONS
    return qc.SetQueue(name, changed_options(name, known, **changes))


def read_queues(read: Reading) -> list[QueueView]:
    """Return all queues in order of their names."""
    found: list[QueueView] = []
    after = FIRST
    while rows := read.reader.rows("aggregate", after=(after,), limit=PAGE):
        for row in rows:
            assert isinstance(row, AggregateRow), "the aggregate table holds aggregate rows"
            if kind_of(row.key) is not Kind.QUEUE:
                return sorted(found, key=lambda one: one.name)
            after = row.key
            found.append(_view(read, row))
    return sorted(found, key=lambda one: one.name)


def read_queue(read: Reading, name: str) -> QueueView:
    """Return one queue. Raises `InputError` where nobody has used it."""
    rows = read.reader.rows("aggregate", instance=key_of(name))
    if not rows:
        known = ", ".join(one.name for one in read_queues(read)[:20]) or "none"
        raise InputError(f"expected a queue, got `{name}`; there are: {known}")
    assert isinstance(rows[0], AggregateRow), "the aggregate table holds aggregate rows"
    return _view(read, rows[0])


def read_entries(read: Reading, name: str, *, after: int = 0, limit: int = 100) -> list[EntryView]:
    """Return who stands in a queue, in order of their coming."""
    key = key_of(name)
    rows = read.reader.rows("queue_entry", instance=key, after=(key, after), limit=limit)
    return [_entry(row) for row in rows if isinstance(row, QueueEntryRow)]


def _options(read: Reading, name: str) -> QueueOptions | None:
    rows = read.reader.rows("aggregate", instance=key_of(name))
    if not rows or not isinstance(rows[0], AggregateRow):
        return None
    return decode_state(rows[0].key, unpack_blob(rows[0].snapshot or b"")).kept.options


def _view(read: Reading, row: AggregateRow) -> QueueView:
    kept = decode_state(row.key, unpack_blob(row.snapshot or b"")).kept
    counts = read.reader.count_queue(row.key)
    waiting = counts.get("waiting", 0)
    return QueueView(
        kept.name,
        None if kept.options is None else describe(kept.options),
        kept.is_paused,
        waiting,
        sum(counts.values()) - waiting,
        moment(kept.wake_at),
    )


def describe(options: QueueOptions) -> dict[str, Any]:
    """Return options as `Queue` takes them, without those that are not set."""
    rate, wait = options.rate, options.debounce
    found = {
        "concurrency": options.concurrency,
        "per_key": options.per_key,
        "rate": None if rate is None else f"{rate.count}/{rate.period_ms}ms",
        "weights": options.weights or None,
        "duplicates": options.duplicates.value,
        "busy": options.busy.value,
        "debounce": None if wait is None else f"{wait.delay_ms}ms",
        "max_wait": None if wait is None or wait.max_wait_ms is None else f"{wait.max_wait_ms}ms",
    }
    return {name: value for name, value in found.items() if value is not None}


def _entry(row: QueueEntryRow) -> EntryView:
    return EntryView(
        row.entry,
        str(row.instance),
        row.step,
        row.key,
        row.priority,
        row.fairness,
        row.dedup_id,
        row.status,
        moment(row.enqueued_at),
        moment(row.not_before or None),
    )
