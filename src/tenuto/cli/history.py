"""The history of an instance as people follow it: its path, element by element."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from tenuto.client.reading import Turn
from tenuto.engine import records as r
from tenuto.engine import routine_records as rr


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
    asked: dict[str, int] = {}
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
            elif isinstance(record, rr.AwaitChildBegun):
                del visits[live.pop(record.child)]  # it is shown under the key of its await
            else:
                _follow_await(asked, visits, record, now)
    return visits


def _follow_await(asked: dict[str, int], visits: list[Visit], record: r.Record, now: int) -> None:
    if isinstance(record, rr.RoutineAdvanced):
        for key in record.asked:
            asked[key] = len(visits)
            visits.append(Visit(key, None, "active", now, None))
    elif isinstance(record, rr.OutcomeTaken | rr.AwaitWithdrawn):
        _end_await(asked, visits, record, now)


def _end_await(
    asked: dict[str, int],
    visits: list[Visit],
    record: rr.OutcomeTaken | rr.AwaitWithdrawn,
    now: int,
) -> None:
    """Say how an await of a workflow ended; what it did not ask for is a message or
    a wish to end."""
    place = asked.pop(record.key, None)
    if place is None and isinstance(record, rr.OutcomeTaken):
        visits.append(Visit(record.key, None, "passed", now, now))
    elif place is not None:
        ended = "terminated"
        if isinstance(record, rr.OutcomeTaken):
            ended = "completed" if record.error is None else "failed"
        visits[place] = visits[place]._replace(what=ended, left_at=now)


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
            elif isinstance(record, rr.StepDelayed):
                failed = {"element": record.key, "at": turn.header.now, "retries_left": None}
                found.append({**failed, "message": record.message})
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
