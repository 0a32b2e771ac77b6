"""The desk: where workers outside of this process get jobs, say how it goes, and give them back.

A poll is a seat that is free once: the commit that creates a job may lease it to a poll that waits,
and the poll is over. Leases of workers outside outlive this process (their rows name no log), so
what a heartbeat changes is written to the row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import structlog

from tenuto.engine.index import RowChanges
from tenuto.engine.rows import HeartbeatRow
from tenuto.errors import StoreBusy, StoreFull, StoreRefused
from tenuto.runtime.leases import Holder, Job, JobKey, Seats
from tenuto.runtime.loop import given_back

if TYPE_CHECKING:
    from tenuto.runtime.loop import Corridor

log = structlog.get_logger("tenuto.runtime")


class Beat(NamedTuple):
    """A heartbeat: the lease lasts at least `lease_ms` from now; `details` is an encoded value."""

    instance: int
    element: int
    token: int
    lease_ms: int
    details: bytes | None = None


class Question(NamedTuple):
    """A question for at most `limit` jobs of some types. It waits at most `wait_seconds` for the
    first of them, and `gather_seconds` more for others.
    """

    types: Iterable[str]
    limit: int
    lease_seconds: float
    wait_seconds: float
    gather_seconds: float = 0.0


class Poll:
    """One question for jobs; it is answered once, with the jobs of the first commit that has some,
    or with none. One that gathers waits until it is closed, for jobs of more commits.
    """

    def __init__(
        self,
        corridor: Corridor,
        question: Question,
        answer: Callable[[list[Job]], None],
        holder: Holder | None = None,
        came: Callable[[], None] | None = None,
    ) -> None:
        """Prepare; `answer` is called on the corridor's thread. With `came` it gathers: this is
        called when there are jobs.

        `holder` is told of what was leased here.
        """
        names = frozenset(question.types)
        self._corridor = corridor
        self._answer = answer
        self._came = came
        self._gathered: list[Job] = []
        self._is_open = True
        leases = dict.fromkeys(names, question.lease_seconds)
        self._seats = Seats(names, question.limit, self._take, leases, is_outside=True)
        if holder is not None:
            self._seats.wake, self._seats.late = holder

    def open(self) -> None:
        """Wait for jobs; callable from every thread."""
        self._corridor.call(lambda corridor: corridor.leases.add_worker(self._seats))

    def close(self) -> None:
        """Wait no longer: answer with nothing unless jobs came before."""
        self._corridor.call(lambda _: self._end(self._gathered))

    def _take(self, jobs: list[Job]) -> None:
        """Take what one commit leased; unless it gathers, no later commit leases to this poll."""
        if self._came is None:
            self._end(jobs)
            return
        self._gathered += jobs
        self._came()

    def _end(self, jobs: list[Job]) -> None:
        if self._is_open:
            self._is_open = False
            self._corridor.leases.remove_worker(self._seats)
            self._answer(jobs)


def extend(corridor: Corridor, beats: Sequence[Beat]) -> list[bool]:
    """Give leases more time; tell for each whether it is still held.

    Runs on the corridor's thread between two batches.
    """
    now = corridor.clock.now()
    held = [
        corridor.leases.extend((beat.instance, beat.element), beat.token, now + beat.lease_ms)
        for beat in beats
    ]
    kept = {
        (beat.instance, beat.element): beat
        for beat, is_held in zip(beats, held, strict=True)
        if is_held
    }
    rows = RowChanges()
    for row in corridor.store.load_jobs(list(kept)):
        lease = corridor.leases.of((row.instance, row.element))
        if lease is not None and row.log is None:
            longer = row._replace(due_at=lease.deadline)
            rows.change("job", (row.instance, row.element), longer)
    for key, beat in kept.items():
        if beat.details is not None:
            corridor.leases.details[key] = beat.details
            rows.change("heartbeat", key, HeartbeatRow(*key, now, beat.details))
    _write(corridor, rows)
    return held


def tell(
    corridor: Corridor,
    leases: Sequence[tuple[JobKey, int]],
    holder: Holder,
) -> list[bool]:
    """Let what happens for held routines be told to `holder` from now on; tell for each whether it
    is held.

    Runs on the corridor's thread between two batches.
    """
    seat = Seats(frozenset(), 0, lambda _: None, is_outside=True)
    seat.wake, seat.late = holder
    return [corridor.leases.tell(key, token, seat) for key, token in leases]


def give_back(corridor: Corridor, leases: Sequence[tuple[JobKey, int]]) -> list[bool]:
    """Make jobs ready again whose holder will not work; tell for each whether it was held.

    Runs on the corridor's thread between two batches.
    """
    held = [corridor.leases.give_back(key, token) for key, token in leases]
    keys = [key for (key, _), was_held in zip(leases, held, strict=True) if was_held]
    rows = RowChanges()
    for row in corridor.store.load_jobs(keys):
        rows.change("job", (row.instance, row.element), given_back(row))
    _write(corridor, rows)
    corridor.leases.has_backlog = True
    return held


def restore(corridor: Corridor) -> None:
    """Know the leases and the progress that workers outside have from an earlier life."""
    away = Seats(frozenset(), 0, lambda _: None, is_outside=True)
    for row in corridor.store.expired_jobs(1 << 62, 1 << 31):
        if row.log is None:
            corridor.leases.restore(row, away)
    reader = corridor.store.reader()
    try:
        after: tuple[object, ...] | None = None
        while page := reader.rows("heartbeat", after=after):
            for beat in page:
                assert isinstance(beat, HeartbeatRow), "the heartbeat table holds heartbeats"
                corridor.leases.details[(beat.instance, beat.element)] = beat.details
            after = (page[-1][0], page[-1][1])
    finally:
        reader.close()


def _write(corridor: Corridor, rows: RowChanges) -> None:
    """Write what changed; if the store takes nothing now, memory knows it until the next beat."""
    if not any(rows.puts.values()) and not any(rows.deletes.values()):
        return
    try:
        corridor.write(rows)
    except (StoreFull, StoreBusy, StoreRefused) as error:
        log.warning("leases were not written", reason=str(error))
