"""How work is offered: job types, retries, people, and repetition."""

from __future__ import annotations

from msgspec import Struct

from tenuto.graph.data import Formula


class Backoff(Struct, frozen=True):
    """Delays between attempts: `delays_ms`, the last one repeated, or growth with jitter."""

    first_ms: int = 1_000
    factor: float = 2.0
    max_ms: int = 60_000
    jitter: float = 0.2
    delays_ms: tuple[int, ...] = ()


class JobPolicy(Struct, frozen=True):
    """How a job is offered to workers."""

    type: Formula
    retries: Formula
    headers: tuple[tuple[str, str], ...] = ()
    backoff: Backoff = Backoff()
    result_variable: str | None = None


class Assignment(Struct, frozen=True):
    """Who may do a user task, and by when. Formulas give text, lists of text, or instants."""

    assignee: Formula | None = None
    candidate_groups: Formula | None = None
    candidate_users: Formula | None = None
    due: Formula | None = None
    follow_up: Formula | None = None
    priority: Formula | None = None
    form: str | None = None


class MultiInstance(Struct, frozen=True):
    """Repetition of an activity over a collection or a count (BPMN 2.0.2 §13.3.7).

    `counter_base` is the first value of `loopCounter`: 1 in the zeebe dialect, 0 in the camunda
    dialect.
    """

    sequential: bool
    collection: Formula | None = None
    cardinality: Formula | None = None
    element: str | None = None
    output_collection: str | None = None
    output_element: Formula | None = None
    completion: Formula | None = None
    counter_base: int = 1
