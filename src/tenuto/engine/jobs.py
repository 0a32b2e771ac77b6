"""Jobs: work that an element offers to workers, and what its failures do.

Who holds a job, since when and for how long is operational (`runtime.leases`). The engine knows the
type, the retries left and the idempotency key, which is (instance, element id, activation count,
item).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenuto.engine.records import JobCanceled, JobCreated
from tenuto.engine.turn import Turn
from tenuto.engine.variables import text_of

if TYPE_CHECKING:
    from tenuto.graph.policy import Backoff, JobPolicy

RETRIES_DEFAULT = 3
RETRIES_MAX = 1_000


def create_job(turn: Turn, number: int, policy: JobPolicy) -> None:
    """Offer the work of an element. Raises `Stuck` when type or retries have no value."""
    if policy.type.is_constant:
        kind = str(policy.type.constant)
    else:
        value, why = turn.explain(policy.type, number)
        kind = text_of(value, what="the job type", why=why)
    element = turn.element(number)
    key = idempotency_key(turn.state.key, element.id, element.count, element.item)
    turn.emit(JobCreated(number, kind, _retries(turn, number, policy), key, policy.headers))


def _retries(turn: Turn, number: int, policy: JobPolicy) -> int:
    value = turn.evaluate(policy.retries, number)
    if type(value) is int and 0 <= value <= RETRIES_MAX:
        return value
    try:
        retries = int(str(value))
    except ValueError:
        return RETRIES_DEFAULT
    return max(0, min(retries, RETRIES_MAX))


def idempotency_key(instance: int, element_id: str, count: int, item: int | None) -> str:
    """Return the key that a handler gives to the outside: the same for each attempt of one
    activation.
    """
    suffix = "" if item is None else f":{item}"
    return f"{instance}:{element_id}:{count}{suffix}"


def cancel_job(turn: Turn, number: int) -> None:
    """Withdraw the job of an element, if it has one."""
    if number in turn.state.jobs:
        turn.emit(JobCanceled(number))


def backoff_ms(policy: Backoff, failures: int, jitter: float) -> int:
    """Return the delay before the next attempt after `failures` failed ones; `jitter` is from 0
    to 1.
    """
    if policy.delays_ms:
        return policy.delays_ms[min(failures, len(policy.delays_ms)) - 1]
    delay = min(policy.max_ms, policy.first_ms * policy.factor ** max(0, failures - 1))
    return int(delay * (1 + policy.jitter * (2 * jitter - 1)))
