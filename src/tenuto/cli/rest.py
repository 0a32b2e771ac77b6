"""Rest: nothing moves without a person, a message, a timer or a worker that is not here."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tenuto.assembly import Running
    from tenuto.runtime.loop import Corridor


class Probe:
    """Asks the corridor, between two of its batches, whether anything is left to do."""

    def __init__(self, running: Running, job_types: list[str], wait_seconds: float) -> None:
        """Look at the jobs of `job_types`; a back-off that ends within `wait_seconds` counts."""
        self._node = running.node
        self._types = job_types
        self._wait_ms = int(wait_seconds * 1000)
        self._answered = threading.Event()
        self._is_at_rest = False
        self.leased = 0
        self._asked = False

    def ask(self) -> None:
        """Put the question, unless it is still open."""
        if not self._asked:
            self._asked = True
            self._answered.clear()
            self._node.corridor.call(self._look)

    def is_at_rest(self, wait_seconds: float) -> bool:
        """Wait a moment for the answer; no answer means that there is work."""
        self.ask()
        if not self._answered.wait(wait_seconds):
            return False
        self._asked = False
        return self._is_at_rest

    @property
    def is_saturated(self) -> bool:
        """Tell whether jobs wait for a seat: more starts would only lengthen the queue."""
        leases = self._node.corridor.leases
        return bool(self._types) and leases.has_backlog

    def _look(self, corridor: Corridor) -> None:
        """Look on the corridor's thread, where state does not move meanwhile."""
        leases = corridor.leases
        self.leased = len(leases.held_here())
        busy = bool(self.leased or corridor.hops or corridor.retry) or not corridor.inbox.empty()
        now = corridor.clock.now()
        if not busy and self._types:
            busy = bool(corridor.store.ready_jobs(self._types, now + self._wait_ms, 1))
        if not busy:
            timer = corridor.store.next_timer_due()
            busy = timer is not None and timer <= now
        self._is_at_rest = not busy
        self._answered.set()
