"""What a handler may know of its job, and say while it works."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import structlog

from tenuto import values

if TYPE_CHECKING:
    from tenuto.runtime.leases import Job


Extend = Callable[["Job", float, Any], None]


class JobContext:
    """The job at hand.

    `idempotency_key` is the same for every attempt of one activation: give it to the outside world.
    `attempt` counts from 1. `deadline` is Unix milliseconds: after it another attempt may begin.
    """

    def __init__(self, job: Job, extend: Extend) -> None:
        """Describe a job; `extend` asks for more time."""
        self._job = job
        self._extend = extend
        self.job_type = job.type
        self.instance = str(job.instance)
        self.process = job.process
        self.element = job.element_id
        self.business_key = job.business_key
        self.idempotency_key = job.idempotency_key
        self.attempt = job.attempt
        self.retries = job.retries
        self.deadline = job.deadline
        self.headers: Mapping[str, str] = dict(job.headers)

    @property
    def log(self) -> Any:
        """Return a logger that names the job in each line."""
        return structlog.get_logger("tenuto.handler").bind(
            job_type=self.job_type,
            instance=self.instance,
            element=self.element,
            attempt=self.attempt,
        )

    @property
    def variables(self) -> dict[str, Any]:
        """Return every variable that the job sees, as plain Python data."""
        return {
            name: values.to_python(values.decode(data))
            for name, data in self._job.variables.items()
        }

    @property
    def details(self) -> Any:
        """Return what an earlier attempt said of its progress by `heartbeat`, or nothing."""
        kept = self._job.details
        return None if kept is None else values.to_python(values.decode(kept))

    def heartbeat(self, seconds: float = 300.0, details: Any = None) -> None:
        """Say that the work goes on: the lease lasts at least `seconds` from now.

        `details` say how far it is; a later attempt finds them in its `details`.
        """
        self._extend(self._job, seconds, details)
