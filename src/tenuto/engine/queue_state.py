"""The state of a queue: what is kept, what is derived from it, and how records change both.

Fairness is stride scheduling with a virtual time: an admission moves the pass of its fairness key
by `STRIDE` / weight and the virtual time by `STRIDE` / (weights of all fairness keys that wait).
The lowest pass comes first. A fairness key that begins to wait joins at the virtual time, unless
its earlier admissions have brought it further; one that could not run meanwhile catches up by one
`STRIDE` at most.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from typing import Any

import msgspec
from msgspec import Struct, field

from tenuto.engine import queue_records as r
from tenuto.engine.queue_options import QueueOptions
from tenuto.engine.queue_order import Delays, Order, Place
from tenuto.engine.record import Record

STRIDE = 1_000_000
NO_OPTIONS = QueueOptions()


class Entry(Struct, array_like=True, gc=False):
    """A step or instance that waits or runs. One that runs may have been asked to stop."""

    instance: int
    step: str
    key: str
    priority: int
    fairness: str
    enqueued_at: int
    not_before: int
    dedup_id: str | None = None
    since: int | None = None
    is_stopping: bool = False

    @property
    def place(self) -> Place:
        """Return the lane that the entry waits in."""
        return Place(self.key, self.fairness, self.priority)


class Kept(Struct, array_like=True):
    """What the snapshot of a queue holds; entries are rows. `options` None while it has none.

    `declared` are the options that code declared last. `starts` are the last admissions, as many as
    the rate counts. `passes` are those of the fairness keys that wait or are ahead of the virtual
    time.
    """

    name: str = ""
    options: QueueOptions | None = None
    declared: QueueOptions | None = None
    is_paused: bool = False
    next_entry: int = 1
    starts: list[int] = field(default_factory=list)
    virtual_time: int = 0
    passes: dict[str, int] = field(default_factory=dict)
    wake_at: int | None = None


class QueueState:
    """A queue: what it keeps, its entries, and lookups that are rebuilt from that.

    `numbers` finds a live entry by its step, `holders` by dedup id, `windows` the debounced entry
    of a key, `live` those of a key that were not asked to stop, oldest first.
    """

    def __init__(self, key: int, kept: Kept | None = None) -> None:
        """Begin without entries."""
        self.key = key
        self.version = 0
        self.kept = kept if kept is not None else Kept()
        self.waiting: dict[int, Entry] = {}
        self.running: dict[int, Entry] = {}
        self.numbers: dict[tuple[int, str], int] = {}
        self.holders: dict[str, int] = {}
        self.windows: dict[str, int] = {}
        self.live: dict[str, dict[int, None]] = {}
        self.delays = Delays()
        self.order = Order(self.waiting, self.kept.passes)
        self._running_of: dict[str, int] = {}
        self._waiting_of: dict[str, int] = {}
        self._weights = 0
        self._ahead: list[tuple[int, str]] = []

    def fill(self, entries: Iterable[tuple[int, Entry, bool]]) -> None:
        """Take in the entries of a stored queue in their order, each with whether it runs."""
        for number, entry, is_running in entries:
            (self.running if is_running else self.waiting)[number] = entry
            self._register(number, entry)
            if is_running:
                self._begin_running(entry)
            else:
                self._begin_waiting(number, entry)
        for fairness, passed in self.kept.passes.items():
            if fairness not in self._waiting_of:
                heappush(self._ahead, (passed, fairness))

    @property
    def name(self) -> str:
        """Return the name of the queue."""
        return self.kept.name

    @property
    def due_at(self) -> int | None:
        """Return when time alone lets something run."""
        return self.kept.wake_at

    @property
    def options(self) -> QueueOptions:
        """Return the options; none if the queue is not declared."""
        return self.kept.options or NO_OPTIONS

    def entry(self, number: int) -> Entry:
        """Return an entry that waits or runs."""
        found = self.waiting.get(number)
        return found if found is not None else self.running[number]

    def is_open(self, key: str) -> bool:
        """Return whether another entry of a key may run."""
        limit = self.options.key_limit
        return limit is None or self._running_of.get(key, 0) < limit

    def rate_opens_at(self, now: int) -> int | None:
        """Return when the rate lets the next entry run; None if it does now."""
        rate = self.options.rate
        if rate is None or len(self.kept.starts) < rate.count:
            return None
        at = self.kept.starts[-rate.count] + rate.period_ms
        return at if at > now else None

    def let_in_due(self, now: int) -> None:
        """Put entries whose time has come among those that are due."""
        for number in self.delays.pop_due(now):
            self.order.add(number, self.waiting[number].place)

    def first(self) -> int | None:
        """Return the entry that comes next: due, and its key has room. The limits of the whole
        queue are left aside.
        """
        return self.order.first(self.is_open)

    # --- what appliers change

    def set_options(self, options: QueueOptions | None) -> None:
        """Take other options; what they imply is derived anew."""
        kept = self.kept
        kept.options = options
        if options is None or options.rate is None:
            kept.starts.clear()
        self._weights = sum(self.options.weight(fairness) for fairness in self._waiting_of)
        self.order.unpark_all()

    def begin(self, number: int, entry: Entry) -> None:
        """Let a new entry wait; its dedup id is its own from now on."""
        holder = self.holders.get(entry.dedup_id) if entry.dedup_id is not None else None
        if holder is not None:
            self.entry(holder).dedup_id = None
        self.waiting[number] = entry
        self._register(number, entry)
        self._begin_waiting(number, entry)

    def admit(self, number: int, at: int) -> None:
        """Let an entry run, and charge it to its fairness key and to the rate."""
        kept = self.kept
        entry = self.waiting.pop(number)
        passed = max(kept.passes[entry.fairness], kept.virtual_time - STRIDE)
        kept.passes[entry.fairness] = passed + STRIDE // self.options.weight(entry.fairness)
        kept.virtual_time += max(1, STRIDE // self._weights)
        self._end_waiting(number, entry)
        self.running[number] = entry
        self._begin_running(entry)
        self._forget_passes()
        rate = self.options.rate
        if rate is not None:
            kept.starts.append(at)
            del kept.starts[: -rate.count]

    def end(self, number: int) -> None:
        """Let an entry go, whether it waited or ran."""
        entry = self.waiting.pop(number, None)
        if entry is not None:
            self._end_waiting(number, entry)
        else:
            entry = self.running.pop(number)
            self._running_of[entry.key] -= 1
            if not self._running_of[entry.key]:
                del self._running_of[entry.key]
            if self.is_open(entry.key):
                self.order.unpark(entry.key)
        del self.numbers[(entry.instance, entry.step)]
        if entry.dedup_id is not None:
            del self.holders[entry.dedup_id]
        if not entry.is_stopping:
            self._leave_live(number, entry)

    def stop(self, number: int) -> None:
        """Count an entry that runs no longer among those that may go on."""
        entry = self.running[number]
        entry.is_stopping = True
        self._leave_live(number, entry)

    # --- derived

    def _register(self, number: int, entry: Entry) -> None:
        self.numbers[(entry.instance, entry.step)] = number
        if entry.dedup_id is not None:
            self.holders[entry.dedup_id] = number
        if not entry.is_stopping:
            self.live.setdefault(entry.key, {})[number] = None

    def _leave_live(self, number: int, entry: Entry) -> None:
        live = self.live[entry.key]
        del live[number]
        if not live:
            del self.live[entry.key]

    def _begin_waiting(self, number: int, entry: Entry) -> None:
        fairness = entry.fairness
        waiting = self._waiting_of.get(fairness, 0)
        self._waiting_of[fairness] = waiting + 1
        if not waiting:
            self._weights += self.options.weight(fairness)
            self.kept.passes.setdefault(fairness, self.kept.virtual_time)
        if entry.since is not None:
            self.windows[entry.key] = number
        if entry.not_before > entry.enqueued_at:
            self.delays.add(entry.not_before, number)
        else:
            self.order.add(number, entry.place)

    def _end_waiting(self, number: int, entry: Entry) -> None:
        if number in self.delays:
            self.delays.discard(number)
        else:
            self.order.discard(entry.place)
        if self.windows.get(entry.key) == number:
            del self.windows[entry.key]
        fairness = entry.fairness
        self._waiting_of[fairness] -= 1
        if not self._waiting_of[fairness]:
            del self._waiting_of[fairness]
            self._weights -= self.options.weight(fairness)
            heappush(self._ahead, (self.kept.passes[fairness], fairness))
            self._forget_passes()

    def _begin_running(self, entry: Entry) -> None:
        self._running_of[entry.key] = self._running_of.get(entry.key, 0) + 1

    def _forget_passes(self) -> None:
        """Forget fairness keys that do not wait and are not ahead: they would join as new ones."""
        kept = self.kept
        while self._ahead and self._ahead[0][0] <= kept.virtual_time:
            _, fairness = heappop(self._ahead)
            if fairness not in self._waiting_of and (
                kept.passes.get(fairness, kept.virtual_time + 1) <= kept.virtual_time
            ):
                del kept.passes[fairness]


# --- folding


def _set(state: QueueState, record: r.QueueSet, at: int) -> None:
    state.kept.name = record.name
    if record.is_declared:
        state.kept.declared = record.options
    state.set_options(record.options)


def _named(state: QueueState, record: r.QueueNamed, at: int) -> None:
    state.kept.name = record.name


def _paused(state: QueueState, record: r.QueuePaused, at: int) -> None:
    state.kept.is_paused = True


def _resumed(state: QueueState, record: r.QueueResumed, at: int) -> None:
    state.kept.is_paused = False


def _removed(state: QueueState, record: r.QueueRemoved, at: int) -> None:
    state.set_options(None)


def _queued(state: QueueState, record: r.EntryQueued, at: int) -> None:
    state.kept.next_entry = record.entry + 1
    entry = Entry(
        record.instance,
        record.step,
        record.key,
        record.priority,
        record.fairness,
        at,
        record.not_before,
        record.dedup_id,
        record.since,
    )
    state.begin(record.entry, entry)


def _admitted(state: QueueState, record: r.EntryAdmitted, at: int) -> None:
    state.admit(record.entry, at)


def _ended(state: QueueState, record: r.EntryLeft, at: int) -> None:
    state.end(record.entry)


def _refused(state: QueueState, record: r.EntryRefused, at: int) -> None:
    if record.entry in state.waiting:
        state.end(record.entry)
    else:
        state.kept.next_entry = record.entry + 1


def _stop_requested(state: QueueState, record: r.EntryStopRequested, at: int) -> None:
    state.stop(record.entry)


def _wake_set(state: QueueState, record: r.QueueWakeSet, at: int) -> None:
    state.kept.wake_at = record.at


APPLIERS: dict[type[Record], Callable[[QueueState, Any, int], None]] = {
    r.QueueSet: _set,
    r.QueueNamed: _named,
    r.QueuePaused: _paused,
    r.QueueResumed: _resumed,
    r.QueueRemoved: _removed,
    r.EntryQueued: _queued,
    r.EntryAdmitted: _admitted,
    r.EntryLeft: _ended,
    r.EntryRefused: _refused,
    r.EntryStopRequested: _stop_requested,
    r.QueueWakeSet: _wake_set,
}

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Kept).decode


def encode_state(state: QueueState) -> bytes:
    """Return what a snapshot holds of a queue as bytes."""
    return _encode(state.kept)


def decode_state(key: int, data: bytes) -> QueueState:
    """Return the queue that `encode_state` wrote; its entries are filled in from rows."""
    return QueueState(key, _decode(data))
