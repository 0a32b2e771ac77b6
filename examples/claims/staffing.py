"""People at work: hours, absences, queues and the time that a task takes. Pure, in milliseconds.

Nothing here knows an engine. A pool is told that a task has come and answers who will be done with
it and when; the same seed gives the same answers.
"""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Collection, Hashable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from examples.claims.policies import draw

MINUTE = 60_000
DAY = 24 * 60 * MINUTE
# Monday to Friday, two blocks of three and a half hours; the epoch began on a Thursday.
BLOCKS = ((510 * MINUTE, 720 * MINUTE), (780 * MINUTE, 990 * MINUTE))
WEEKDAY_OF_EPOCH = 3
ABSENT_PERCENT = 8


class Work(NamedTuple):
    """A task that a person has taken: who, and when it will be done."""

    task: Hashable
    person: Person
    done_at: int


@dataclass(eq=False)
class Person:
    """Someone who works through one task after another, on the days when they are there."""

    name: str
    seed: int

    def is_there(self, day: int) -> bool:
        """Tell whether the person works on a day, counted from the epoch."""
        if (day + WEEKDAY_OF_EPOCH) % 7 > 4:
            return False
        return draw(f"{self.name}:{day}", f"absent:{self.seed}", 100) >= ABSENT_PERCENT

    def next_start(self, at: int) -> int:
        """Return the first instant from `at` on at which the person works."""
        day, time = divmod(at, DAY)
        while True:
            if self.is_there(day):
                for begins, ends in BLOCKS:
                    if time < ends:
                        return day * DAY + max(begins, time)
            day, time = day + 1, 0

    def finish(self, at: int, minutes: float) -> int:
        """Return when work of some minutes is done that begins at `at` or after."""
        left = max(1, round(minutes * MINUTE))
        while True:
            at = self.next_start(at)
            day, time = divmod(at, DAY)
            ends = next(ends for _, ends in BLOCKS if time < ends)
            if left <= ends - time:
                return at + left
            left -= ends - time
            at = day * DAY + ends


@dataclass
class Pool:
    """People who share one queue: first come, first served, by whoever can begin first."""

    name: str
    people: list[Person]
    queue: deque[tuple[Hashable, float]] = field(default_factory=deque)
    worked_minutes: float = 0.0

    def __post_init__(self) -> None:
        """Begin with everyone idle."""
        self._idle = list(self.people)

    def arrive(self, task: Hashable, minutes: float, at: int) -> list[Work]:
        """Queue a task; return the work that begins."""
        self.queue.append((task, minutes))
        return self._begin(at)

    def release(self, person: Person, at: int) -> list[Work]:
        """Say that a person is done; return the work that begins."""
        self._idle.append(person)
        return self._begin(at)

    def _begin(self, at: int) -> list[Work]:
        begun = []
        while self.queue and self._idle:
            person = min(self._idle, key=lambda one: (one.next_start(at), one.name))
            self._idle.remove(person)
            task, minutes = self.queue.popleft()
            self.worked_minutes += minutes
            begun.append(Work(task, person, person.finish(at, minutes)))
        return begun


def pool_of(name: str, size: int, seed: int) -> Pool:
    """Return a pool of so many people."""
    return Pool(name, [Person(f"{name}-{number}", seed) for number in range(1, size + 1)])


def next_morning(at: int, weekdays: Collection[int] = range(5)) -> int:
    """Return the first morning after an instant that falls on one of the weekdays (Monday is 0)."""
    day = at // DAY + 1
    while (day + WEEKDAY_OF_EPOCH) % 7 not in weekdays:
        day += 1
    return day * DAY + BLOCKS[0][0]


def minutes_of(chance: random.Random, mean: float, variation: float) -> float:
    """Return a log-normal service time with a mean and a coefficient of variation."""
    sigma2 = math.log(1 + variation**2)
    return chance.lognormvariate(math.log(mean) - sigma2 / 2, math.sqrt(sigma2))


class Interval(NamedTuple):
    """A mean with its 95 % confidence interval."""

    mean: float
    low: float
    high: float


def interval(samples: Iterable[float]) -> Interval:
    """Return mean and confidence interval of independent samples (Student's t, two or more)."""
    found = list(samples)
    freedom = len(found) - 1
    mean = sum(found) / len(found)
    spread = math.sqrt(sum((one - mean) ** 2 for one in found) / freedom)
    margin = students_t(freedom) * spread / math.sqrt(len(found))
    return Interval(mean, mean - margin, mean + margin)


def students_t(freedom: int) -> float:
    """Return the 97.5 % quantile of Student's t (Cornish and Fisher; 2.045 at 29)."""
    z = 1.959964
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return z + sum(term / freedom**power for power, term in enumerate(terms, 1))
