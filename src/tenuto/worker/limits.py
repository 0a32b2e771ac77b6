"""The time limits of one attempt of a step: it must begin, end and say something in time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from tenuto.workflows.failures import StepTimeout

if TYPE_CHECKING:
    from tenuto.workflows.context import StepContext
    from tenuto.workflows.routine import Begun

TO_START = "schedule_to_start"
TO_CLOSE = "start_to_close"
IN_ALL = "schedule_to_close"
SILENT = "heartbeat"


class Alarm(Protocol):
    """An alarm that was set."""

    def cancel(self) -> None:
        """Let it not ring."""


class Alarms(Protocol):
    """What rings at a time of the worker's clock, on the worker's loop."""

    def set(self, at: int, ring: Callable[[], None]) -> Alarm:
        """Ring at a time (Unix milliseconds)."""


class LoopAlarms:
    """Alarms of the running event loop."""

    def __init__(self, now: Callable[[], int]) -> None:
        """Read times by a clock (Unix milliseconds)."""
        self._now = now

    def set(self, at: int, ring: Callable[[], None]) -> Alarm:
        """Ring at a time (Unix milliseconds)."""
        delay = max(0, at - self._now()) / 1000
        return asyncio.get_running_loop().call_later(delay, ring)


def has_limits(options: Any) -> bool:
    """Tell whether the options of a step limit its time."""
    return not (
        options.timeout is None
        and options.total is None
        and options.start_within is None
        and options.heartbeat is None
    )


class Limits:
    """Watches one attempt, and says which limit it met."""

    def __init__(
        self,
        begun: Begun,
        context: StepContext,
        alarms: Alarms,
        now: Callable[[], int],
        met: Callable[[StepTimeout], None],
    ) -> None:
        """Prepare to `watch`; `met` is called once, on the loop, unless `stop` is called before."""
        self._begun = begun
        self._context = context
        self._alarms = alarms
        self._now = now
        self._met = met
        self._alarm: Alarm | None = None
        self._is_over = False

    def passed(self) -> StepTimeout | None:
        """Return the limit that has been met already, if there is one."""
        ends = self._ends()
        if not ends:
            return None
        at, kind = min(ends)
        return late(self._begun, kind) if at <= self._now() else None

    def deadline(self) -> int | None:
        """Return when the attempt is ended, however often it speaks (Unix milliseconds)."""
        return min((at for at, kind in self._ends() if kind != SILENT), default=None)

    def watch(self) -> None:
        """Set the alarm for the limit that ends first."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        ends = self._ends()
        if ends and not self._is_over:
            self._alarm = self._alarms.set(min(ends)[0], self._ring)

    def stop(self) -> None:
        """Watch no longer: the attempt has ended."""
        self._is_over = True
        if self._alarm is not None:
            self._alarm.cancel()

    def _ends(self) -> list[tuple[int, str]]:
        """Return when each limit ends (Unix milliseconds), and which it is."""
        options, context = self._begun.step.settings, self._context
        asked_at = self._begun.asked_at
        found = []
        if options.total is not None:
            found.append((asked_at + int(options.total * 1000), IN_ALL))
        if context.began_at is None:
            if options.start_within is not None and context.attempt == 1:
                found.append((asked_at + int(options.start_within * 1000), TO_START))
            return found
        if options.timeout is not None:
            found.append((context.began_at + int(options.timeout * 1000), TO_CLOSE))
        if options.heartbeat is not None:
            said_at = max(context.began_at, context.said_at)
            found.append((said_at + int(options.heartbeat * 1000), SILENT))
        return found

    def _ring(self) -> None:
        """A limit may have ended, or been moved by a heartbeat."""
        self._alarm = None
        if self._is_over:
            return
        passed = self.passed()
        if passed is None:
            self.watch()
            return
        self._is_over = True
        self._met(passed)


def late(begun: Begun, kind: str) -> StepTimeout:
    """Return the error of a step that met a limit."""
    options, name = begun.step.settings, begun.step.name
    told = {
        TO_START: f"to begin within {options.start_within} s",
        TO_CLOSE: f"to end within {options.timeout} s",
        IN_ALL: f"to end within {options.total} s with all attempts",
        SILENT: f"to call `heartbeat` every {options.heartbeat} s",
    }
    return StepTimeout(f"expected step `{name}` {told[kind]}", kind)
