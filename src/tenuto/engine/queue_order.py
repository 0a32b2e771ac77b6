"""Which waiting entry of a queue comes next, without looking at those that may not run.

All of this is derived from the waiting entries and rebuilt on load. An entry is *due* when its
time has come. Due entries of one key, fairness key and priority form a *lane*, oldest first. A
level of priority has for each fairness key a heap of its lanes by their oldest entry, and one heap
of fairness keys by (pass, oldest entry).

Lanes of a key that is at its limit are *parked*: they leave their heap when they come to its top
and return when the key has room, so nothing looks at them meanwhile. Heaps hold lower bounds: a
withdrawn entry or a raised pass leaves a stale item, which is mended when it comes to the top. Each
change makes at most one item in each heap, so an admission costs O(log n) on average over any
sequence. A key whose entries belong to many fairness keys or priorities costs as many heap items
when it gets room as it has such lanes: never as many as it has entries.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from heapq import heapify, heappop, heappush
from typing import NamedTuple

# Below this, stale items are not worth a sweep.
SWEEP_MIN = 16


class Place(NamedTuple):
    """The lane that an entry belongs to."""

    key: str
    fairness: str
    priority: int


class Lane:
    """Due entries of one place. `offered` is the number by which its heap knows it, 0 if it is
    not there.
    """

    __slots__ = ("gone", "is_parked", "numbers", "offered")

    def __init__(self) -> None:
        """Begin empty and in no heap."""
        self.numbers: list[int] = []
        self.gone = 0
        self.offered = 0
        self.is_parked = False

    def forget_one(self, waiting: Container[int]) -> None:
        """Let an entry go that has left `waiting`; the oldest that is left stands first."""
        self.gone += 1
        if self.gone > SWEEP_MIN and self.gone * 2 > len(self.numbers):
            self.numbers = [number for number in self.numbers if number in waiting]
            heapify(self.numbers)
            self.gone = 0
        while self.numbers and self.numbers[0] not in waiting:
            heappop(self.numbers)
            self.gone -= 1


class Level:
    """The fairness keys that have lanes of one priority."""

    __slots__ = ("best", "heap", "lanes")

    def __init__(self) -> None:
        """Begin with no fairness key."""
        self.lanes: dict[str, list[tuple[int, str]]] = {}
        self.best: dict[str, tuple[int, int]] = {}
        self.heap: list[tuple[int, int, str]] = []

    def rank(self, fairness: str, passed: int, number: int) -> None:
        """Say anew where a fairness key stands; its earlier item is stale from now on."""
        self.best[fairness] = (passed, number)
        heappush(self.heap, (passed, number, fairness))


class Order:
    """The due entries of a queue. `passes` are the fairness keys' passes, which only rise."""

    def __init__(self, waiting: Container[int], passes: Mapping[str, int]) -> None:
        """Look at what waits and at the passes, which others change."""
        self._waiting = waiting
        self._passes = passes
        self._lanes: dict[Place, Lane] = {}
        self._parked: dict[str, dict[Place, None]] = {}
        self._levels: dict[int, Level] = {}
        self._priorities: list[int] = []
        self._items = 0

    def add(self, number: int, place: Place) -> None:
        """Take in an entry that is due."""
        lane = self._lanes.get(place)
        if lane is None:
            lane = self._lanes[place] = Lane()
        heappush(lane.numbers, number)
        if not lane.is_parked and (lane.offered == 0 or number < lane.offered):
            self._offer(place, lane)
            if self._items > SWEEP_MIN + 3 * len(self._lanes):
                self._sweep()

    def discard(self, place: Place) -> None:
        """Note that a due entry of this place no longer waits."""
        lane = self._lanes[place]
        lane.forget_one(self._waiting)
        if not lane.numbers:
            del self._lanes[place]
            if lane.is_parked:
                del self._parked[place.key][place]

    def unpark(self, key: str) -> None:
        """Let the lanes of a key back in: it has room."""
        for place in self._parked.pop(key, ()):
            lane = self._lanes[place]
            lane.is_parked = False
            self._offer(place, lane)

    def unpark_all(self) -> None:
        """Let all lanes back in: the limit of keys has changed."""
        for key in list(self._parked):
            self.unpark(key)

    def first(self, is_open: Callable[[str], bool]) -> int | None:
        """Return the entry that comes next among those whose key has room."""
        while self._priorities:
            priority = self._priorities[0]
            number = self._first_of(priority, is_open)
            if number is not None:
                return number
            heappop(self._priorities)
            del self._levels[priority]
        return None

    # --- inside

    def _offer(self, place: Place, lane: Lane) -> None:
        """Put a lane into the heap of its fairness key, by its oldest entry."""
        number = lane.offered = lane.numbers[0]
        level = self._levels.get(place.priority)
        if level is None:
            level = self._levels[place.priority] = Level()
            heappush(self._priorities, place.priority)
        heappush(level.lanes.setdefault(place.fairness, []), (number, place.key))
        self._items += 1
        best = level.best.get(place.fairness)
        if best is None or number < best[1]:
            level.rank(place.fairness, self._passes[place.fairness], number)
            self._items += 1

    def _sweep(self) -> None:
        """Build the heaps anew: most of their items are stale, since nothing came to the top."""
        self._levels.clear()
        self._priorities.clear()
        self._items = 0
        for place, lane in self._lanes.items():
            if not lane.is_parked:
                self._offer(place, lane)

    def _first_of(self, priority: int, is_open: Callable[[str], bool]) -> int | None:
        level = self._levels[priority]
        while level.heap:
            passed, number, fairness = level.heap[0]
            if level.best.get(fairness) == (passed, number):
                oldest = self._oldest(priority, fairness, is_open)
                passes = self._passes.get(fairness)
                if (passes, oldest) == (passed, number):
                    return number
                if passes is None or oldest is None:
                    del level.best[fairness], level.lanes[fairness]
                else:
                    level.rank(fairness, passes, oldest)
                    self._items += 1
            heappop(level.heap)
            self._items -= 1
        return None

    def _oldest(self, priority: int, fairness: str, is_open: Callable[[str], bool]) -> int | None:
        """Return the oldest entry of a fairness key's lanes; park those whose key is busy."""
        heap = self._levels[priority].lanes[fairness]
        while heap:
            number, key = heap[0]
            place = Place(key, fairness, priority)
            lane = self._lanes.get(place)
            if lane is not None and lane.offered == number:
                if not is_open(key):
                    lane.offered = 0
                    lane.is_parked = True
                    self._parked.setdefault(key, {})[place] = None
                elif lane.numbers[0] == number:
                    return number
                else:
                    lane.offered = lane.numbers[0]
                    heappush(heap, (lane.offered, key))
                    self._items += 1
            heappop(heap)
            self._items -= 1
        return None


class Delays:
    """Entries that wait for their time."""

    def __init__(self, items: Iterable[tuple[int, int]] = ()) -> None:
        """Begin with (time, entry) pairs."""
        self._heap = list(items)
        heapify(self._heap)
        self._members = {number: at for at, number in self._heap}

    def __contains__(self, number: object) -> bool:
        """Return whether an entry waits for its time."""
        return number in self._members

    def add(self, at: int, number: int) -> None:
        """Let an entry wait until `at`."""
        self._members[number] = at
        heappush(self._heap, (at, number))

    def discard(self, number: int) -> None:
        """Forget an entry; sweep when most of what is kept was forgotten."""
        del self._members[number]
        if len(self._heap) > SWEEP_MIN + 2 * len(self._members):
            self._heap = [item for item in self._heap if item[1] in self._members]
            heapify(self._heap)

    def next_at(self) -> int | None:
        """Return when the next entry is due."""
        heap = self._heap
        while heap and heap[0][1] not in self._members:
            heappop(heap)
        return heap[0][0] if heap else None

    def pop_due(self, now: int) -> list[int]:
        """Return the entries whose time has come, and keep them no longer."""
        due = []
        while (at := self.next_at()) is not None and at <= now:
            number = heappop(self._heap)[1]
            del self._members[number]
            due.append(number)
        return due
