"""What looks at workflows while they run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from tenuto.errors import InputError
from tenuto.workflows.guard import Guard, guard_of
from tenuto.workflows.lookout import SECONDS, Lookout

GUARD: Final = "TENUTO_GUARD"
BLOCKED: Final = "TENUTO_BLOCKED_SECONDS"
# What the environment may say of a process that runs workflows.
SETTINGS: Final = {
    BLOCKED: "Warn, with the stack, of a workflow's body that holds its worker longer than so many "
    "seconds (1 unless said; 0: never).",
    GUARD: "Report what a workflow's body must not do: `warn` writes one line for each place, "
    "`error` raises there, `off` (unless said) looks at nothing.",
}


class Looks(NamedTuple):
    """The guard and the lookout of a worker; nothing by itself."""

    guard: Guard | None = None
    lookout: Lookout | None = None


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
    return Looks(guard, Lookout(seconds) if seconds > 0 else None)
