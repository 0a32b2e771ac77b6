"""Records of an instance that stands still for a while (`engine.pausing`)."""

from __future__ import annotations

from tenuto.engine.record import Record


class InstancePaused(Record, frozen=True, array_like=True, gc=False, tag=140):
    """The instance stands still, for this reason."""

    reason: str


class InstanceResumed(Record, frozen=True, array_like=True, gc=False, tag=141):
    """The instance goes on; what was held comes to it again, in order."""


class CommandHeld(Record, frozen=True, array_like=True, gc=False, tag=142):
    """Something came for the paused instance and waits: the bytes of a command.

    `timer` is the wait of a timer that is due.
    """

    command: bytes
    timer: int | None = None


class ScopesHeld(Record, frozen=True, array_like=True, gc=False, tag=143):
    """These scopes of the paused instance may have ended; they are looked at when it goes on."""

    scopes: tuple[int, ...]


PauseRecord = InstancePaused | InstanceResumed | CommandHeld | ScopesHeld
