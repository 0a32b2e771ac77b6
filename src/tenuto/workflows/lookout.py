"""The lookout: warns when a workflow's body holds the worker's loop, with the place where it is.

While a body runs nobody else of its worker does: no timer fires, no step begins. Nothing is
measured where bodies run: a thread of its own looks now and then whether the same run is still
under way.
"""

from __future__ import annotations

import sys
import threading
import traceback
from typing import Any, Final, Protocol

import structlog

log = structlog.get_logger("tenuto.workflow")

SECONDS: Final = 1.0
LOOKS: Final = 4


class Watched(Protocol):
    """A routine as its lookout sees it."""

    instance: str
    workflow: Any

    @property
    def body_thread(self) -> int | None:
        """Return the thread of a body that is a plain function."""


class Lookout:
    """Looks at the bodies of one worker."""

    def __init__(self, seconds: float = SECONDS) -> None:
        """Warn of a body that holds the loop longer than `seconds`."""
        self.running: Watched | None = None
        self.runs = 0
        self.thread = 0
        self._seconds = seconds
        self._ended = threading.Event()
        self._looker: threading.Thread | None = None

    def begin(self, routine: Watched) -> None:
        """A body goes on, on this thread."""
        self.runs += 1
        self.thread = threading.get_ident()
        self.running = routine

    def start(self) -> None:
        """Look from now on."""
        self._ended.clear()
        self._looker = threading.Thread(target=self._look, name="tenuto-lookout", daemon=True)
        self._looker.start()

    def stop(self) -> None:
        """Look no more."""
        self._ended.set()
        if self._looker is not None:
            self._looker.join(1.0)

    def _look(self) -> None:
        last, looks = 0, 0
        while not self._ended.wait(self._seconds / LOOKS):
            routine, run = self.running, self.runs
            if routine is None or run != last:
                last, looks = run, 0
                continue
            looks += 1
            if looks == LOOKS:
                self._warn(routine, run)

    def _warn(self, routine: Watched, run: int) -> None:
        frame = sys._current_frames().get(routine.body_thread or self.thread)
        if frame is None or self.runs != run:
            return
        stack = traceback.extract_stack(frame)
        place = _place_of(stack)
        log.warning(
            "a workflow's body holds its worker: put the work into a step",
            workflow=routine.workflow.name,
            instance=routine.instance,
            seconds=self._seconds,
            file=place.filename,
            line=place.lineno,
            stack="".join(traceback.format_list(stack)),
        )


def _place_of(stack: traceback.StackSummary) -> traceback.FrameSummary:
    """Return the innermost line of the user: of what runs in none of Python's own files."""
    home = traceback.__file__.removesuffix("traceback.py")
    for frame in reversed(stack):
        if not frame.filename.startswith((home, "<")):
            return frame
    return stack[-1]
