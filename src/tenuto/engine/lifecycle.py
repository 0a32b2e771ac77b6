"""The lifecycle of an element instance, as one transition table.

BPMN 2.0.2 §13.3.2 (figure 13.2), without the states of compensation. `entered` is where an element
begins; an element that needs no waiting goes from there to `completed` in one record
(`ElementPassed`).
"""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """The states of an element instance."""

    ENTERED = "entered"
    ACTIVE = "active"
    COMPLETING = "completing"
    COMPLETED = "completed"
    TERMINATING = "terminating"
    TERMINATED = "terminated"


TRANSITIONS: dict[Status, frozenset[Status]] = {
    Status.ENTERED: frozenset({Status.ACTIVE, Status.COMPLETED}),
    Status.ACTIVE: frozenset(
        {Status.COMPLETING, Status.COMPLETED, Status.TERMINATING, Status.TERMINATED}
    ),
    Status.COMPLETING: frozenset({Status.COMPLETED, Status.TERMINATING, Status.TERMINATED}),
    Status.COMPLETED: frozenset(),
    Status.TERMINATING: frozenset({Status.TERMINATED}),
    Status.TERMINATED: frozenset(),
}


def may_become(current: Status, target: Status) -> bool:
    """Tell whether the table has the transition."""
    return target in TRANSITIONS[current]


PAUSED = "paused"


class InstanceStatus(StrEnum):
    """The states of a process instance; the row of an active one may say `paused` instead."""

    ACTIVE = "active"
    COMPLETED = "completed"
    TERMINATED = "terminated"
    FAILED = "failed"
