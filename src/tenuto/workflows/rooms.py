"""Where a step may run, and which functions can run there.

What runs in another process is found there by the name of its module and its own. A lambda, a
function within a function and one that was typed at a prompt have no name that another process
could find.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final

from tenuto.errors import InputError

THREAD: Final = "thread"
PROCESS: Final = "process"
RAY: Final = "ray"
ROOMS: Final = (THREAD, PROCESS, RAY)


def check_room(function: Callable[..., Any], name: str, options: Any) -> None:
    """Raise `InputError` when a step cannot run where its option says."""
    room = options.on
    if room not in ROOMS:
        raise InputError(f"step `{name}`: expected `on` among {', '.join(ROOMS)}, got {room!r}")
    if room == THREAD:
        return
    if options.tx is not None:
        raise InputError(
            f'step `{name}`: expected a step with `tx` to run on="thread", where its connection '
            f"is opened, got on={room!r}"
        )
    if room == RAY and options.heartbeat is not None:
        raise InputError(
            f'step `{name}`: expected no `heartbeat` with on="ray": what an actor says does not '
            "reach its worker; use `timeout`"
        )
    lack = _lack_of_name(function, room)
    if lack is not None:
        raise InputError(
            f"step `{name}`: expected a function that another process finds by its name, but it "
            f'is {lack}; define it at the top of a module, or run it on="thread"'
        )


def _lack_of_name(function: Callable[..., Any], room: str) -> str | None:
    """Return why another process would not find a function, if so."""
    qualified = getattr(function, "__qualname__", None)
    if qualified is None:
        return f"a {type(function).__name__}"
    if "<lambda>" in qualified:
        return "a lambda"
    if "<locals>" in qualified:
        return "defined within another function"
    if function.__module__ == "__main__":
        if getattr(sys.modules.get("__main__"), "__file__", None) is None:
            return "defined at a prompt"
        if room == RAY:
            return "defined in the script that was started, which a cluster does not have"
    return None
