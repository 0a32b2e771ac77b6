"""What waits, at which element, and for whom."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from tenuto.engine.rows import UserTaskRow

if TYPE_CHECKING:
    from tenuto.cli.output import Table
    from tenuto.client.reading import Reading

PAGE: Final = 1_000
JOB: Final = "job:"
USER_TASK: Final = "user-task"


class Waiting(Struct, frozen=True, order=True):
    """Element instances that wait: `what` is job:TYPE, user-task, timer, message:NAME, signal:NAME
    or incident; `whom` is the people of a user task, else the TYPE or NAME.
    """

    process: str
    element: str
    what: str
    whom: str
    count: int


def waiting_for(read: Reading) -> list[Waiting]:
    """Return everything that waits, by process, element and by whom it is waited for."""
    found = []
    for process, element, what, count in read.waiting():
        if what != USER_TASK:
            found.append(Waiting(process, element, what, named(what), count))
    found += [Waiting(*place, count) for place, count in _people(read).items()]
    return sorted(found)


def named(what: str) -> str:
    """Return the job type, the message or the signal that something waits for."""
    return what.partition(":")[2]


def _people(read: Reading) -> Counter[tuple[str, str, str, str]]:
    """Count user tasks by who may do them."""
    counted: Counter[tuple[str, str, str, str]] = Counter()
    after: tuple[object, ...] | None = None
    while page := read.reader.rows("user_task", after=after, limit=PAGE):
        for row in page:
            assert isinstance(row, UserTaskRow), "the user task table holds user tasks"
            counted[(row.process, row.element_id, USER_TASK, _whom(row))] += 1
        after = (page[-1][0], page[-1][1])
    return counted


def _whom(row: UserTaskRow) -> str:
    if row.assignee:
        return row.assignee
    candidates = [*json.loads(row.candidate_groups), *json.loads(row.candidate_users)]
    return ", ".join(candidates) or "anyone"


def waiting_table(found: Collection[Waiting], handlers: Collection[str] | None = None) -> Table:
    """Return one row per element and addressee; `handlers` are the job types that are worked."""
    from tenuto.cli.output import Table

    rows = [
        (one.process, one.element, describe(one, handlers), one.count)
        for one in sorted(found, key=lambda one: (one.process, -one.count, one))
    ]
    return Table("Waiting", ("process", "element", "for", "count"), rows, "nothing waits")


def describe(one: Waiting, handlers: Collection[str] | None = None) -> str:
    """Return for what or whom something waits, as a person reads it."""
    if one.what.startswith(JOB):
        if handlers is None or one.whom in handlers:
            return f"a worker of `{one.whom}`"
        return f"a worker of `{one.whom}` (no handler was given)"
    if one.what == USER_TASK:
        return f"people: {one.whom}"
    if one.what == "incident":
        return "somebody to resolve its incident"
    kind = one.what.partition(":")[0]
    return f"{kind} `{one.whom}`" if one.whom else f"a {kind}"
