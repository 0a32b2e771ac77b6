"""What runs when and beside whom, at a server: queues; and updates and streams of

Generated from `remote_plans.py` by `make reference`; edit that.
"""

from __future__ import annotations

from typing import Any, Final

from tenuto.client import wire
from tenuto.client.blocking_asking import BlockingAsking, part
from tenuto.client.queues import EntryView, QueueView
from tenuto.client.views import Answered, Page, StreamPart
from tenuto.client.wire import Call


class BlockingPlans(BlockingAsking):
    """Queues of a server, and talking to its workflows."""

    def ask_update(
        self, instance: str, name: str, value: Any = None, *, id: str | None = None
    ) -> Answered:
        """Ask a workflow for something with plain data; return its answer as plain data."""
        given = wire.body(name=name, value=wire.value_of(value), id=id)
        path = f"/instances/{part(instance)}/updates"
        call = Call("POST", path, given, key=self._key(), timeout=wire.AT_END)
        return wire.answer_of(self._send(call), _ANSWERED)

    def read_stream(
        self, instance: str, name: str, *, start: int = 0, after: int = 0
    ) -> StreamPart:
        """Return what a workflow wrote to a stream as plain data, as far as it is now."""
        path = f"/instances/{part(instance)}/streams/{part(name)}"
        call = Call("GET", path, query={"start": start, "after": after})
        return wire.answer_of(self._send(call), _PART)

    def set_queue(self, name: str, **changes: Any) -> None:
        """Change what a queue allows, from now on; `changes` are those of `Queue`, and what is not
        named stays. Raises `InputError`.
        """
        body = wire.body(name=name, **changes)
        self._tell(Call("POST", "/queues", body, key=self._key()))

    def pause_queue(self, name: str) -> None:
        """Let nothing of a queue begin; what runs goes on."""
        self._tell(Call("POST", f"/queues/{part(name)}/pause", b"{}", key=self._key()))

    def resume_queue(self, name: str) -> None:
        """Let a queue go on, in order."""
        self._tell(Call("POST", f"/queues/{part(name)}/resume", b"{}", key=self._key()))

    def remove_queue(self, name: str) -> None:
        """Forget what a queue allows: it holds what waits until it is declared again.

        Raises `Rejected` (not-found).
        """
        self._tell(Call("DELETE", f"/queues/{part(name)}"))

    def queues(self) -> list[QueueView]:
        """Return all queues in order of their names."""
        return self._list("/queues", {}, 1 << 31, _QUEUES)

    def queue(self, name: str) -> QueueView:
        """Return one queue. Raises `Rejected` (not-found) where nobody has used it."""
        answer = self._send(Call("GET", f"/queues/{part(name)}"))
        return wire.answer_of(answer, _QUEUE)

    def queue_entries(self, name: str, *, limit: int = 100) -> list[EntryView]:
        """Return who stands in a queue, in order of their coming."""
        return self._list(f"/queues/{part(name)}/entries", {}, limit, _ENTRIES)


_ANSWERED: Final = wire.decoder_of(Answered)
_PART: Final = wire.decoder_of(StreamPart)
_QUEUE: Final = wire.decoder_of(QueueView)
_QUEUES: Final = wire.decoder_of(Page[QueueView])
_ENTRIES: Final = wire.decoder_of(Page[EntryView])
