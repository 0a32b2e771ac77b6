"""The guard: reports what a workflow's body must not do, with the place, while the body runs.

Time, chance, threads, files and the network differ between a run and its replay: they belong into
steps. Nothing is patched and nothing is forbidden: a profile function looks at each call of the
body, on its thread and only while it runs. It costs time, so that it is meant for tests
(`error`), and for looking at a server for a while (`warn`).
"""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

import structlog

from tenuto.errors import InputError
from tenuto.workflows.chance import SHARED_CHANCE
from tenuto.workflows.loop import NotInAStep

MODES: Final = ("off", "warn", "error")

log = structlog.get_logger("tenuto.workflow")

STEP: Final = "put it into a function with @step and await that"
NOW: Final = "use `wf.now()`"
# What a built-in function's module and name say, and what to do instead.
_CALLS: Final[dict[tuple[str | None, str], str]] = {
    **{("time", name): NOW for name in ("time", "time_ns", "localtime", "gmtime")},
    **{
        ("time", f"{clock}{suffix}"): NOW
        for clock in ("monotonic", "perf_counter", "process_time", "thread_time")
        for suffix in ("", "_ns")
    },
    ("time", "sleep"): 'use `wf.sleep("3d")` or `asyncio.sleep`',
    **{
        (module, name): "use `wf.uuid4()` or `wf.random()`"
        for module in ("posix", "nt")
        for name in ("urandom", "getrandom")
    },
    ("_thread", "start_new_thread"): STEP,
    ("_thread", "start_new"): STEP,
    ("_thread", "start_joinable_thread"): STEP,
    **{("_socket", name): STEP for name in ("getaddrinfo", "gethostbyname", "socketpair")},
    **{(module, "open"): STEP for module in ("io", "_io", "posix", "nt")},
    **{("posix", name): STEP for name in ("system", "fork", "posix_spawn", "listdir", "scandir")},
    ("_posixsubprocess", "fork_exec"): STEP,
}
_DATES: Final = frozenset({"now", "utcnow", "today"})
_SOCKETS: Final = frozenset(
    {"connect", "connect_ex", "bind", "listen", "accept", "send", "sendall", "sendto", "recv"}
)
# Who may know the time and read files on behalf of a body: loggers, imports, this package.
_FREE: Final = frozenset(
    {
        "_frozen_importlib",
        "_frozen_importlib_external",
        "hypothesis",  # its callback of the garbage collector measures time in whatever runs
        "importlib",
        "linecache",
        "logging",
        "opentelemetry",
        "structlog",
        "tenuto",
        "traceback",
        "warnings",
        "zoneinfo",
    }
)
_STDLIB: Final = sysconfig.get_path("stdlib") + os.sep
_PACKAGES: Final = f"{os.sep}site-packages{os.sep}"


class Guard:
    """Looks at the calls of the bodies of one worker."""

    def __init__(self, *, raises: bool) -> None:
        """Raise at the place, or write one warning for each."""
        self._raises = raises
        self._seen: set[tuple[str, int, str]] = set()

    @contextmanager
    def watching(self, workflow: str) -> Iterator[None]:
        """Look at what is called on this thread in the block."""
        before = sys.getprofile()

        def look(frame: FrameType, event: str, called: Any) -> None:
            if event == "c_call":
                advice = _advice(called)
                if advice is not None:
                    self._report(workflow, frame, called, advice)

        sys.setprofile(look)
        try:
            yield
        finally:
            sys.setprofile(before)

    def _report(self, workflow: str, frame: FrameType, called: Any, advice: str) -> None:
        found = _place(frame)
        if found is None:
            return
        asked, place = found
        name = asked or _name(called)
        if self._raises:
            raise NotInAStep(
                f"expected workflow `{workflow}` to do the same in each replay, but it calls "
                f"`{name}` at {place.f_code.co_filename}:{place.f_lineno}: {advice}"
            )
        at = (place.f_code.co_filename, place.f_lineno, name)
        if at not in self._seen:
            self._seen.add(at)
            log.warning(
                "a workflow's body does what differs in a replay",
                workflow=workflow,
                call=name,
                file=at[0],
                line=at[1],
                instead=advice,
            )


def guard_of(mode: str) -> Guard | None:
    """Return the guard of a mode; none when it is off. Raises `InputError` for an unknown one."""
    if mode == "off":
        return None
    if mode not in MODES:
        raise InputError(f"expected the guard to be one of {', '.join(MODES)}, got {mode!r}")
    return Guard(raises=mode == "error")


def _advice(called: Any) -> str | None:
    """Return what to do instead of a call, if it differs in a replay."""
    name = getattr(called, "__name__", "")
    owner = getattr(called, "__self__", None)
    if owner is SHARED_CHANCE:
        return "use `wf.random()`"
    if name in _DATES and isinstance(owner, type) and owner.__module__ == "datetime":
        return NOW
    if name in _SOCKETS and type(owner).__module__ in ("socket", "_socket"):
        return STEP
    return _CALLS.get((getattr(called, "__module__", None), name))


def _place(frame: FrameType) -> tuple[str, FrameType] | None:
    """Return what the user's code called to get here, if it is not the call itself, and the frame
    of that code; nothing where somebody between may do this.
    """
    at: FrameType | None = frame
    asked = ""
    library: tuple[str, FrameType] | None = None
    while at is not None:
        module = at.f_globals.get("__name__", "")
        if module.partition(".")[0] in _FREE:
            return library
        path = at.f_code.co_filename
        if _PACKAGES in path:
            library = library or (asked, at)
        elif not path.startswith(_STDLIB) and not path.startswith("<frozen"):
            return asked, at
        asked = f"{module}.{at.f_code.co_qualname}"
        at = at.f_back
    return library


def _name(called: Any) -> str:
    owner = getattr(called, "__self__", None)
    if isinstance(owner, type):
        return f"{owner.__name__}.{called.__name__}"
    if owner is SHARED_CHANCE:
        return f"random.{called.__name__}"
    module = getattr(called, "__module__", None)
    return f"{module}.{called.__name__}" if module else str(called.__name__)
