"""A node: a store, a corridor on a thread of its own, and its end."""

from __future__ import annotations

import gc
import sys
import threading
from typing import TYPE_CHECKING

from tenuto.errors import StoreError
from tenuto.runtime.limits import GC_THRESHOLDS, SWITCH_SECONDS
from tenuto.runtime.recovery import Compile, recover

if TYPE_CHECKING:
    from tenuto.engine.world import World
    from tenuto.runtime.clock import Clock
    from tenuto.runtime.requests import Request
    from tenuto.store.port import Store


class Node:
    """Runs one log. Start it, submit requests from any thread, stop it."""

    def __init__(self, store: Store, clock: Clock, compile_sources: Compile, *, name: str) -> None:
        """Recover the store; raises `StoreBusy` when another process owns it."""
        self.store = store
        self.corridor = recover(store, clock, compile_sources, node=name)
        self._thread = threading.Thread(
            target=self.corridor.run, name="tenuto-corridor", daemon=True
        )

    @property
    def world(self) -> World:
        """Return the committed registry."""
        return self.corridor.world

    @property
    def pending(self) -> int:
        """Return how many requests wait before the corridor."""
        return self.corridor.inbox.qsize()

    def now(self) -> int:
        """Return the node's clock, Unix milliseconds."""
        return self.corridor.clock.now()

    def start(self) -> None:
        """Let the corridor run."""
        sys.setswitchinterval(SWITCH_SECONDS)
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        self._thread.start()

    def submit(self, request: Request) -> None:
        """Put a request before the corridor. Raises `StoreError` when the node has failed."""
        if self.corridor.stopped.is_set():
            reason = self.corridor.failed or "it was stopped"
            raise StoreError(f"expected a running node, but {reason}")
        self.corridor.submit(request)

    def stop(self) -> None:
        """End the corridor after the work at hand and close the store."""
        self.corridor.stop()
        if self._thread.is_alive():
            self._thread.join()
        self.store.close()
