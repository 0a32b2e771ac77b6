"""The history of an instance as people follow it: its path, element by element."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from tenuto.client.reading import Turn
from tenuto.engine import records as r


class Visit(NamedTuple):
    """An element that was passed or that lived for a while. Times are Unix milliseconds."""

    element: str
    number: int | None
    what: str
    entered_at: int
    left_at: int | None


def path(turns: Iterable[Turn]) -> list[Visit]:
    """Return the elements of an instance in the order in which they were entered."""
    visits: list[Visit] = []
    live: dict[int, int] = {}
    for turn in turns:
        now = turn.header.now
        for record in turn.records:
            if isinstance(record, r.ElementPassed | r.JoinFired):
                visits.append(Visit(record.id, None, "passed", now, now))
            elif isinstance(record, r.ElementActivated):
                live[record.element] = len(visits)
                visits.append(Visit(record.id, record.element, "active", now, None))
            elif isinstance(record, r.ElementCompleted | r.ElementTerminated):
                place = live.pop(record.element, None)
                if place is not None:
                    ended = "completed"
                    if isinstance(record, r.ElementTerminated):
                        ended = "terminated"
                    visits[place] = visits[place]._replace(what=ended, left_at=now)
    return visits


def element_ids(turns: Iterable[Turn]) -> dict[int, str]:
    """Return the model ids of the element instances by number."""
    return {
        record.element: record.id
        for turn in turns
        for record in turn.records
        if isinstance(record, r.ElementActivated)
    }


def attempts(turns: Iterable[Turn]) -> list[dict[str, Any]]:
    """Return the failed attempts of jobs, oldest first."""
    ids: dict[int, str] = {}
    found = []
    for turn in turns:
        for record in turn.records:
            if isinstance(record, r.ElementActivated):
                ids[record.element] = record.id
            elif isinstance(record, r.JobFailed):
                found.append(
                    {
                        "element": ids.get(record.element, ""),
                        "at": turn.header.now,
                        "retries_left": record.retries,
                        "message": record.message,
                    }
                )
    return found
