"""Crash points: end the process with SIGKILL at a named phase of a commit.

The phases are those that a store tells its `on_phase`: before_begin, after_begin, after_chain,
after_journal, after_puts, before_commit, after_commit.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from tenuto.errors import InputError

PHASES = (
    "before_begin",
    "after_begin",
    "after_chain",
    "after_journal",
    "after_puts",
    "before_commit",
    "after_commit",
)


def crash_at(point: str) -> Callable[[str], None]:
    """Return an `on_phase` that kills the process at `phase:nth`, the nth time that phase is
    reached.
    """
    phase, _, count = point.partition(":")
    if phase not in PHASES or not count.isdigit():
        raise InputError(f"expected a crash point such as after_journal:37, got `{point}`")
    left = int(count)

    def watch(reached: str) -> None:
        nonlocal left
        if reached == phase:
            left -= 1
            if left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return watch
