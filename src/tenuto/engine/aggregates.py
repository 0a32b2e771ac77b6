"""The one dispatch table of aggregates that are found by name. Nothing durable lives outside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from tenuto.engine import (
    broadcast,
    mailbox,
    queue,
    queue_state,
    recurrence,
    registry,
    schedule,
    schedule_state,
    webhooks,
)
from tenuto.engine import rejections as why
from tenuto.engine.named_turn import Appliers, NamedTurn
from tenuto.engine.rejections import Rejection
from tenuto.keys import Kind, kind_of

if TYPE_CHECKING:
    from tenuto.engine.commands import Command
    from tenuto.engine.records import Record
    from tenuto.engine.world import World
    from tenuto.keys import KeyMint


class Aggregate(NamedTuple):
    """How one kind begins, folds, decides and is kept."""

    new: Callable[[int], Any]
    appliers: Appliers
    processors: dict[type[Command], Callable[[Any, Any], Rejection | None]]
    encode: Callable[[Any], bytes]
    decode: Callable[[int, bytes], Any]


def _decode_mailbox(key: int, data: bytes) -> mailbox.MailboxState:
    return mailbox.MailboxState(key, counters=mailbox.decode_counters(data))


AGGREGATES: dict[Kind, Aggregate] = {
    Kind.MAILBOX: Aggregate(
        mailbox.MailboxState,
        mailbox.APPLIERS,
        mailbox.PROCESSORS,
        lambda state: mailbox.encode_counters(state.counters),
        _decode_mailbox,
    ),
    Kind.BROADCAST: Aggregate(
        broadcast.BroadcastState,
        broadcast.APPLIERS,
        broadcast.PROCESSORS,
        broadcast.encode_state,
        lambda _, data: broadcast.decode_state(data),
    ),
    Kind.RECURRENCE: Aggregate(
        recurrence.RecurrenceState,
        recurrence.APPLIERS,
        recurrence.PROCESSORS,
        recurrence.encode_state,
        lambda _, data: recurrence.decode_state(data),
    ),
    Kind.REGISTRY: Aggregate(
        registry.RegistryState,
        registry.APPLIERS,
        registry.PROCESSORS,
        registry.encode_state,
        lambda _, data: registry.decode_state(data),
    ),
    Kind.WEBHOOK: Aggregate(
        webhooks.ProgressState,
        webhooks.PROGRESS_APPLIERS,
        webhooks.PROGRESS_PROCESSORS,
        webhooks.encode_progress,
        lambda _, data: webhooks.decode_progress(data),
    ),
    Kind.QUEUE: Aggregate(
        queue_state.QueueState,
        queue_state.APPLIERS,
        queue.PROCESSORS,
        queue_state.encode_state,
        queue_state.decode_state,
    ),
    Kind.SCHEDULE: Aggregate(
        schedule_state.ScheduleState,
        schedule_state.APPLIERS,
        schedule.PROCESSORS,
        schedule_state.encode_state,
        lambda _, data: schedule_state.decode_state(data),
    ),
}


class NamedOutcome(NamedTuple):
    """What a turn of a named aggregate gives."""

    records: list[Record]
    commands: list[tuple[int, Command]]
    answer: dict[str, object]


def advance_named(
    world: World, state: Any, command: Command, now: int, mint: KeyMint
) -> NamedOutcome | Rejection:
    """Run one command of a named aggregate. The state is changed in place unless it is refused."""
    aggregate = AGGREGATES[kind_of(state.key)]
    processor = aggregate.processors.get(type(command))
    if processor is None:
        kind = kind_of(state.key).name.lower()
        return Rejection(why.NOT_APPLICABLE, f"a {kind} knows no {type(command).__name__}")
    turn: NamedTurn[Any] = NamedTurn(world, state, aggregate.appliers, now, mint)
    rejection = processor(turn, command)
    if rejection is not None:
        assert not turn.records, f"{type(command).__name__} changed state and then refused"
        return rejection
    if turn.records or turn.commands:
        state.version += 1
    return NamedOutcome(turn.records, turn.commands, turn.answer)


def apply_named(state: Any, record: Record, at: int) -> None:
    """Fold one record into a named aggregate."""
    AGGREGATES[kind_of(state.key)].appliers[type(record)](state, record, at)
