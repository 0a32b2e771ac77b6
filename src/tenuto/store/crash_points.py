"""Crash points: end the process with SIGKILL at a named phase of a commit, for tests of whole
programs.

`TENUTO_CRASH_POINT=after_journal:37` ends it when that phase is reached for the 37th time, and only
where `TENUTO_TESTING=1` says that this is wanted: a stray variable must not end a production node.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping

from tenuto.errors import InputError
from tenuto.store.port import PHASES

POINT = "TENUTO_CRASH_POINT"
TESTING = "TENUTO_TESTING"


def crash_point(environment: Mapping[str, str]) -> Callable[[str], None] | None:
    """Return the `on_phase` that the environment asks for, or None.

    Raises `InputError` for a point that does not exist.
    """
    point = environment.get(POINT)
    if not point or environment.get(TESTING) != "1":
        return None
    return crash_at(point)


def crash_at(point: str) -> Callable[[str], None]:
    """Return an `on_phase` that kills the process at `phase:nth`, the nth time that phase is
    reached.
    """
    phase, _, count = point.partition(":")
    if phase not in PHASES or not count.isdigit():
        raise InputError(
            f"expected a crash point such as after_journal:37, got `{point}`; the phases are "
            f"{', '.join(PHASES)}"
        )
    left = int(count)

    def watch(reached: str) -> None:
        nonlocal left
        if reached == phase:
            left -= 1
            if left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return watch
