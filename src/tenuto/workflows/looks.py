"""What looks at workflows while they run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tenuto.errors import InputError
from tenuto.workflows.guard import Guard, guard_of
from tenuto.workflows.lookout import SECONDS, Lookout
from tenuto.workflows.tracing import Traces, traces_here

if TYPE_CHECKING:
    from tenuto.workflows.context import StepContext

NOTHING: Final = nullcontext()
GUARD: Final = "TENUTO_GUARD"
BLOCKED: Final = "TENUTO_BLOCKED_SECONDS"
TRACES: Final = "TENUTO_TRACES"
# What the environment may say of a process that runs workflows.
SETTINGS: Final = {
    BLOCKED: "Warn, with the stack, of a workflow's body that holds its worker longer than so many "
    "seconds (1 unless said; 0: never).",
    GUARD: "Report what a workflow's body must not do: `warn` writes one line for each place, "
    "`error` raises there, `off` (unless said) looks at nothing.",
    TRACES: "`on` writes spans of workflows, steps and jobs to OpenTelemetry's tracer provider.",
}


class Looks(NamedTuple):
    """The guard, the lookout and the traces of a worker; nothing by itself."""

    guard: Guard | None = None
    lookout: Lookout | None = None
    traces: Traces | None = None

    def attempt(
        self, job: Any, context: StepContext, now: Callable[[], int]
    ) -> AbstractContextManager[None]:
        """An attempt of a step begins in the block."""
        if self.traces is None:
            return NOTHING
        return self.traces.attempt(job.instance, context, now())

    def accepted(
        self, job: Any, reports: Sequence[Any], asks: Sequence[Any], now: Callable[[], int]
    ) -> None:
        """One commit holds what a routine said."""
        if self.traces is not None:
            self.traces.accepted(job, reports, asks, now())


def looks_of(environment: Mapping[str, str]) -> Looks:
    """Return what the environment asks for: `TENUTO_GUARD` is off, warn or error (off unless said),
    `TENUTO_BLOCKED_SECONDS` how long a body may hold its worker before that is told (1; 0: never).

    Raises `InputError` for what is neither.
    """
    guard = guard_of(environment.get(GUARD, "off"))
    text = environment.get(BLOCKED, "")
    try:
        seconds = float(text) if text else SECONDS
    except ValueError:
        raise InputError(f"expected {BLOCKED} to be a number of seconds, got {text!r}") from None
    traces = traces_here() if environment.get(TRACES, "off") == "on" else None
    return Looks(guard, Lookout(seconds) if seconds > 0 else None, traces)
