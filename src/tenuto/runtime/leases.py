"""Leases: who holds a job, and who may still complete it.

A job of this node is *born leased*: the commit that creates it already says attempt, token and log,
so an attempt is durable before its handler starts. Tokens fence: only the holder of the current
token completes a job. Leases are operational; the journal knows nothing of them.

Jobs that were leased when their process died run again under a cap of half as many as ran then, so
that a job that kills its process is alone after a few lives; alone three times, it becomes an
incident.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec import Struct

from tenuto.engine.rows import JobRow
from tenuto.runtime.limits import LEASE_SECONDS_DEFAULT
from tenuto.runtime.routines import Progress, Wake

if TYPE_CHECKING:
    from tenuto.engine.stored import Encoded

JobKey = tuple[int, int]

# Tokens begin anew above those of every earlier log: a result from a dead process fits no lease.
TOKEN_BITS: Final = 40


class Job(Struct, frozen=True):
    """What a worker gets: work, its lease, and the variables that it sees (encoded values).

    `details` is what the attempt before last said of its progress (an encoded value). `progress` is
    that of a routine.
    """

    instance: int
    element: int
    type: str
    process: str
    element_id: str
    business_key: str | None
    idempotency_key: str
    headers: tuple[tuple[str, str], ...]
    attempt: int
    retries: int
    token: int
    deadline: int
    variables: Encoded
    details: bytes | None = None
    progress: Progress | None = None


class Holder(NamedTuple):
    """A worker outside of this process: `wake` is told what happens for the routines that it
    holds, `late` that a lease of its has ended without a word. Both are called on the corridor's
    thread.
    """

    wake: Callable[[list[Wake]], None]
    late: Callable[[], None]


class Lease(NamedTuple):
    """A job that somebody holds until `deadline` (Unix milliseconds)."""

    token: int
    attempt: int
    deadline: int
    crashes: int
    seat: Seats


class Seats:
    """A worker: the job types it takes, its free seats, and where jobs are handed to.

    The leases of a worker outside of this process (`is_outside`) outlive the process.
    """

    def __init__(
        self,
        types: frozenset[str],
        free: int,
        hand_out: Callable[[list[Job]], None],
        lease_seconds: Mapping[str, float] | None = None,
        *,
        is_outside: bool = False,
        wake: Callable[[list[Wake]], None] | None = None,
    ) -> None:
        """Offer `free` seats; `lease_seconds` overrides the default by job type.

        `wake` is told what happens for the routines that this worker holds.
        """
        self.is_outside = is_outside
        self.wake = wake
        self.late: Callable[[], None] | None = None
        self.types = types
        self.free = free
        self.hand_out = hand_out
        self._lease_seconds = lease_seconds or {}

    def lease_ms(self, kind: str) -> int:
        """Return how long a lease of a job type lasts."""
        return int(self._lease_seconds.get(kind, LEASE_SECONDS_DEFAULT) * 1000)


# Below this, deadlines of leases that have ended are not worth a sweep.
STALE_MIN = 10_000


class Leases:
    """The leases of this node's workers."""

    def __init__(self, log: int) -> None:
        """Begin with no worker and no lease."""
        self._log = log
        self._held: dict[JobKey, Lease] = {}
        self._deadlines: list[tuple[int, JobKey, int]] = []
        self._workers: list[Seats] = []
        self._by_type: dict[str, list[Seats]] = {}
        self._next_token = (log << TOKEN_BITS) + 1
        self._history: dict[JobKey, tuple[int, int]] = {}
        self.orphans: dict[JobKey, JobRow] = {}
        self.details: dict[JobKey, bytes] = {}
        self.cap: int | None = None
        self.suspects: set[JobKey] = set()
        self.has_backlog = True

    def add_worker(self, worker: Seats) -> None:
        """Let a worker take jobs."""
        self._workers.append(worker)
        for kind in worker.types:
            self._by_type.setdefault(kind, []).append(worker)
        self.has_backlog = True

    def remove_worker(self, worker: Seats) -> None:
        """Give a worker no more jobs."""
        self._workers.remove(worker)
        for kind in worker.types:
            self._by_type[kind].remove(worker)

    def free_types(self) -> dict[str, int]:
        """Return the job types with a free seat and the number of seats for each."""
        if self.cap is not None and len(self._held) >= self.cap:
            return {}
        free: dict[str, int] = {}
        for kind, workers in self._by_type.items():
            seats = sum(worker.free for worker in workers)
            if seats:
                free[kind] = seats
        return free

    def seat_for(self, kind: str) -> Seats | None:
        """Return a worker with a free seat for a job type, if there is one."""
        if self.cap is not None and len(self._held) >= self.cap:
            return None
        for worker in self._by_type.get(kind, ()):
            if worker.free > 0:
                return worker
        return None

    def remember(self, row: JobRow) -> None:
        """Know the attempts of a job that was read from its row."""
        self._history[(row.instance, row.element)] = (row.attempt, row.crashes)

    def lease(self, row: JobRow, seat: Seats, now: int) -> JobRow:
        """Give a job to a seat; return the row that makes it durable."""
        key = (row.instance, row.element)
        attempt, crashes = self._history.get(key, (0, 0))
        token = self._next_token
        self._next_token += 1
        deadline = now + seat.lease_ms(row.type)
        lease = Lease(token, attempt + 1, deadline, crashes, seat)
        seat.free -= 1
        self._held[key] = lease
        self._note_deadline(deadline, key, token)
        return JobRow(
            *key,
            row.type,
            row.process,
            row.element_id,
            "leased",
            row.retries,
            deadline,
            row.created_at,
            attempt + 1,
            token,
            None if seat.is_outside else self._log,
            crashes,
        )

    def _note_deadline(self, deadline: int, key: JobKey, token: int) -> None:
        """Look at a lease when it ends; those that ended before are forgotten now and then."""
        heapq.heappush(self._deadlines, (deadline, key, token))
        if len(self._deadlines) > STALE_MIN + 2 * len(self._held):
            self._deadlines = [
                (lease.deadline, key, lease.token) for key, lease in self._held.items()
            ]
            heapq.heapify(self._deadlines)

    def keep(self, row: JobRow) -> JobRow:
        """Return the row of a job that its holder goes on with: the same lease."""
        lease = self._held[(row.instance, row.element)]
        return row._replace(
            status="leased",
            due_at=lease.deadline,
            attempt=lease.attempt,
            token=lease.token,
            log=None if lease.seat.is_outside else self._log,
            crashes=lease.crashes,
        )

    def restore(self, row: JobRow, seat: Seats) -> None:
        """Know a lease that a worker outside got in an earlier life of this node."""
        assert row.due_at is not None, "a lease has an end"
        key = (row.instance, row.element)
        self._held[key] = Lease(row.token, row.attempt, row.due_at, row.crashes, seat)
        heapq.heappush(self._deadlines, (row.due_at, key, row.token))

    def of(self, key: JobKey) -> Lease | None:
        """Return the lease of a job."""
        return self._held.get(key)

    def end(self, key: JobKey) -> None:
        """Free the seat of a job that was failed, or whose batch did not commit."""
        lease = self._held.pop(key, None)
        if lease is not None:
            lease.seat.free += 1
            self._history[key] = (lease.attempt, lease.crashes)
        self._release_suspect(key)

    def lend_seat(self, key: JobKey) -> Lease | None:
        """Free the seat of a job that this batch ends, for the jobs that it creates; return its
        lease.
        """
        lease = self._held.get(key)
        if lease is not None:
            lease.seat.free += 1
        return lease

    def forget(self, key: JobKey) -> None:
        """The job is gone, and its seat was lent: its attempts matter no more."""
        self._held.pop(key, None)
        self._release_suspect(key)
        self._history.pop(key, None)
        self.orphans.pop(key, None)
        self.details.pop(key, None)

    def park(self, key: JobKey) -> None:
        """The instance of a job that nobody holds is paused: it waits, its attempts counted."""
        orphan = self.orphans.pop(key, None)
        if orphan is not None:
            self.remember(orphan)
        self._release_suspect(key)

    def operational(self, row: JobRow) -> JobRow:
        """Return a row that the engine made, with the attempts that were counted."""
        key = (row.instance, row.element)
        lease = self._held.get(key)
        attempt, crashes = (lease.attempt, 0) if lease else self._history.get(key, (0, 0))
        return row._replace(attempt=attempt, crashes=crashes) if attempt or crashes else row

    def expired(self, now: int) -> list[tuple[JobKey, int]]:
        """Return jobs whose lease has ended, with the token that held them."""
        found = []
        while self._deadlines and self._deadlines[0][0] <= now:
            _, key, token = heapq.heappop(self._deadlines)
            lease = self._held.get(key)
            if lease is None or lease.token != token:
                continue
            if lease.deadline > now:
                heapq.heappush(self._deadlines, (lease.deadline, key, token))
            else:
                found.append((key, token))
                if lease.seat.late is not None:
                    lease.seat.late()
        return found

    def next_deadline(self) -> int | None:
        """Return when the next lease may end."""
        return self._deadlines[0][0] if self._deadlines else None

    def extend(self, key: JobKey, token: int, deadline: int) -> bool:
        """Give a lease more time (heartbeat); tell whether it is still held."""
        lease = self._held.get(key)
        if lease is None or lease.token != token:
            return False
        self._held[key] = lease._replace(deadline=max(deadline, lease.deadline))
        return True

    def tell(self, key: JobKey, token: int, seat: Seats) -> bool:
        """Let what happens for a held routine be told to another seat; tell whether it is held."""
        lease = self._held.get(key)
        if lease is None or lease.token != token:
            return False
        self._held[key] = lease._replace(seat=seat)
        return True

    def held_here(self) -> list[JobKey]:
        """Return the jobs that workers of this process hold."""
        return [key for key, lease in self._held.items() if not lease.seat.is_outside]

    def count_of(self, types: Collection[str]) -> int:
        """Return how many jobs are held by workers of these job types, here and outside."""
        wanted = frozenset(types)
        return sum(1 for lease in self._held.values() if not wanted.isdisjoint(lease.seat.types))

    def give_back(self, key: JobKey, token: int) -> bool:
        """End a lease whose holder will not work; tell whether it was held."""
        lease = self._held.get(key)
        if lease is None or lease.token != token:
            return False
        self.end(key)
        return True

    def suspect(self, keys: list[JobKey]) -> None:
        """Run jobs that were leased when their process died under a cap of half as many."""
        self.suspects = set(keys)
        self.cap = max(1, len(keys) // 2) if keys else None

    def orphan(self, row: JobRow) -> None:
        """Know a job whose process died: it is leased again before any other."""
        self.orphans[(row.instance, row.element)] = row
        self.has_backlog = True

    def _release_suspect(self, key: JobKey) -> None:
        if self.suspects:
            self.suspects.discard(key)
            if not self.suspects:
                self.cap = None
                self.has_backlog = True
