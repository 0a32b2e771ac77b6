"""Path coverage: which elements and sequence flows of a process were passed, over many instances.

An element counts as passed when it was entered; a sequence flow when a token went over it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from tenuto.engine import records as r
from tenuto.graph.process import ProcessGraph


class Passed(Struct, frozen=True):
    """How many there are of a kind, and the ids of those never passed, in model order."""

    total: int
    missed: tuple[str, ...]

    @property
    def count(self) -> int:
        """How many were passed."""
        return self.total - len(self.missed)

    @property
    def percent(self) -> float:
        """The share that was passed, from 0 to 100; all of nothing is 100."""
        return 100.0 if self.total == 0 else 100.0 * self.count / self.total

    def to_value(self) -> dict[str, Any]:
        """Return the count for machines."""
        return {
            "total": self.total,
            "passed": self.count,
            "percent": round(self.percent, 2),
            "missed": list(self.missed),
        }


class ProcessCoverage(Struct, frozen=True):
    """What was passed of one process of one model file."""

    process: str
    model: str
    elements: Passed
    flows: Passed

    @property
    def percent(self) -> float:
        """The smaller one of both shares, from 0 to 100."""
        return min(self.elements.percent, self.flows.percent)

    def to_value(self) -> dict[str, Any]:
        """Return the coverage for machines."""
        return {
            "process": self.process,
            "model": self.model,
            "elements": self.elements.to_value(),
            "flows": self.flows.to_value(),
        }


class Coverage:
    """Gathers what was passed, process by process."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._graphs: dict[tuple[str, str], ProcessGraph] = {}
        self._passed: dict[tuple[str, str], set[str]] = {}

    def know(self, model: str, graph: ProcessGraph) -> None:
        """Count a process, passed or not; a model file that comes again is the same one."""
        self._graphs.setdefault((graph.id, model), graph)
        self._passed.setdefault((graph.id, model), set())

    def add(self, process: str, model: str, passed: Iterable[str]) -> None:
        """Note ids of elements and flows that an instance passed."""
        self._passed[(process, model)].update(passed)

    def found(self) -> tuple[ProcessCoverage, ...]:
        """Return the coverage of every process that is known, in the order they came."""
        return tuple(
            ProcessCoverage(
                process=process,
                model=model,
                elements=_count(graph.nodes, self._passed[(process, model)]),
                flows=_count(graph.flows, self._passed[(process, model)]),
            )
            for (process, model), graph in self._graphs.items()
        )


def _count(ids: Iterable[str], passed: set[str]) -> Passed:
    every = tuple(ids)
    return Passed(len(every), tuple(id for id in every if id not in passed))


def ids_passed(records: Iterable[r.AnyRecord]) -> list[str]:
    """Return the ids of elements that were entered and of flows that were taken, in that order.

    A place that is no sequence flow (`@start`, `*7`) is among them; no element or flow has such an
    id.
    """
    found: list[str] = []
    for record in records:
        if isinstance(record, r.ElementPassed):
            found += (record.place, record.id, *record.taken)
        elif isinstance(record, r.ElementActivated):
            found += (record.place, record.id)
        elif isinstance(record, r.JoinFired):
            found += (*record.consumed, record.id, *record.taken)
        elif isinstance(record, r.ElementCompleted):
            found += record.taken
    return found
