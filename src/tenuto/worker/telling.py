"""Telling a loop something from another thread; one that has ended hears nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any


def tell(loop: asyncio.AbstractEventLoop | None, hear: Callable[..., object], *what: Any) -> None:
    """Let a loop call `hear` soon. When it has ended, nobody waits for that any more."""
    assert loop is not None, "who is told something runs on a loop"
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(hear, *what)
