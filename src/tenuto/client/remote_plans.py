"""What runs when and beside whom, at a server: schedules and queues; and updates and streams of
its workflows.

`blocking_plans.py` is made from this file (`python -m tidy.blocking`).
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from tenuto.client import shapes, wire
from tenuto.client.queues import EntryView, QueueView
from tenuto.client.remote_asking import RemoteAsking, part
from tenuto.client.schedules import (
    Backfilled,
    BackfillRequest,
    PlanRequest,
    ScheduleView,
    Triggered,
    plain_variables,
)
from tenuto.client.views import Answered, Page, StreamPart
from tenuto.client.wire import Call


class RemotePlans(RemoteAsking):
    """Schedules and queues of a server, and talking to its workflows."""

    async def ask_update(
        self, instance: str, name: str, value: Any = None, *, id: str | None = None
    ) -> Answered:
        """Ask a workflow for something with plain data; return its answer as plain data."""
        given = wire.body(name=name, value=wire.value_of(value), id=id)
        path = f"/instances/{part(instance)}/updates"
        call = Call("POST", path, given, key=self._key(), timeout=wire.AT_END)
        return wire.answer_of(await self._send(call), _ANSWERED)

    async def read_stream(
        self, instance: str, name: str, *, start: int = 0, after: int = 0
    ) -> StreamPart:
        """Return what a workflow wrote to a stream as plain data, as far as it is now."""
        path = f"/instances/{part(instance)}/streams/{part(name)}"
        call = Call("GET", path, query={"start": start, "after": after})
        return wire.answer_of(await self._send(call), _PART)

    async def set_queue(self, name: str, **changes: Any) -> None:
        """Change what a queue allows, from now on; `changes` are those of `Queue`, and what is not
        named stays. Raises `InputError`.
        """
        body = wire.body(name=name, **changes)
        await self._tell(Call("POST", "/queues", body, key=self._key()))

    async def pause_queue(self, name: str) -> None:
        """Let nothing of a queue begin; what runs goes on."""
        await self._tell(Call("POST", f"/queues/{part(name)}/pause", b"{}", key=self._key()))

    async def resume_queue(self, name: str) -> None:
        """Let a queue go on, in order."""
        await self._tell(Call("POST", f"/queues/{part(name)}/resume", b"{}", key=self._key()))

    async def remove_queue(self, name: str) -> None:
        """Forget what a queue allows: it holds what waits until it is declared again.

        Raises `Rejected` (not-found).
        """
        await self._tell(Call("DELETE", f"/queues/{part(name)}"))

    async def queues(self) -> list[QueueView]:
        """Return all queues in order of their names."""
        return await self._list("/queues", {}, 1 << 31, _QUEUES)

    async def queue(self, name: str) -> QueueView:
        """Return one queue. Raises `Rejected` (not-found) where nobody has used it."""
        answer = await self._send(Call("GET", f"/queues/{part(name)}"))
        return wire.answer_of(answer, _QUEUE)

    async def queue_entries(self, name: str, *, limit: int = 100) -> list[EntryView]:
        """Return who stands in a queue, in order of their coming."""
        return await self._list(f"/queues/{part(name)}/entries", {}, limit, _ENTRIES)

    async def put_schedule(
        self, name: str, plan: PlanRequest, *, expected: str | None = None
    ) -> bool:
        """Create or change a schedule; tell whether anything changed. `expected` is the tag that
        it must still have.

        Raises `InputError` and `Rejected` (version-mismatch).
        """
        given = wire.body(
            process=plan.process,
            schedule=plan.schedule,
            variables=wire.variables_of(plan.variables),
            overlap=plan.overlap,
            catch_up=plan.catch_up,
            pause_after=plan.pause_after,
        )
        headers = None if expected is None else {wire.IF_MATCH: f'"{expected}"'}
        call = Call("PUT", f"/schedules/{part(name)}", given, key=self._key(), headers=headers)
        return bool(wire.answer_of(await self._send(call), shapes.ANY)["changed"])

    async def schedules(self) -> list[ScheduleView]:
        """Return all schedules in order of their names."""
        found = await self._list("/schedules", {}, 1 << 31, _SCHEDULES)
        return [plain_variables(one) for one in found]

    async def schedule(self, name: str) -> ScheduleView:
        """Return one schedule. Raises `Rejected` (not-found)."""
        answer = await self._send(Call("GET", f"/schedules/{part(name)}"))
        return plain_variables(wire.answer_of(answer, _SCHEDULE))

    async def pause_schedule(self, name: str, *, reason: str = "") -> None:
        """Let a schedule start nothing more by itself. Raises `Rejected` (not-found)."""
        given = wire.body(reason=reason)
        await self._tell(Call("POST", f"/schedules/{part(name)}/pause", given, key=self._key()))

    async def resume_schedule(self, name: str) -> None:
        """Let a schedule go on from now. Raises `Rejected` (not-found)."""
        await self._tell(Call("POST", f"/schedules/{part(name)}/resume", b"{}", key=self._key()))

    async def trigger_schedule(self, name: str) -> Triggered:
        """Act as if a schedule were due now. Raises `Rejected` (not-found)."""
        call = Call("POST", f"/schedules/{part(name)}/trigger", b"{}", key=self._key())
        return wire.answer_of(await self._send(call), _TRIGGERED)

    async def backfill_schedule(
        self, name: str, wanted: BackfillRequest, *, dry_run: bool = False
    ) -> Backfilled:
        """Start the ticks of a past range, or only tell them. Raises `InputError`."""
        given = wire.body(**msgspec.structs.asdict(wanted), dry_run=dry_run)
        call = Call("POST", f"/schedules/{part(name)}/backfill", given, key=self._key())
        return wire.answer_of(await self._send(call), _BACKFILLED)

    async def delete_schedule(self, name: str) -> None:
        """Forget a schedule; what it started goes on. Raises `Rejected` (not-found)."""
        await self._tell(Call("DELETE", f"/schedules/{part(name)}"))


_ANSWERED: Final = wire.decoder_of(Answered)
_PART: Final = wire.decoder_of(StreamPart)
_QUEUE: Final = wire.decoder_of(QueueView)
_QUEUES: Final = wire.decoder_of(Page[QueueView])
_SCHEDULE: Final = wire.decoder_of(ScheduleView)
_SCHEDULES: Final = wire.decoder_of(Page[ScheduleView])
_TRIGGERED: Final = wire.decoder_of(Triggered)
_BACKFILLED: Final = wire.decoder_of(Backfilled)
_ENTRIES: Final = wire.decoder_of(Page[EntryView])
