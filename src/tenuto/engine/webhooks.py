"""Who is told what happens: webhooks in the registry, and how far each of them has been told.

How far is an aggregate for each webhook: it changes often, the registry does not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from tenuto.engine import commands as c
from tenuto.engine import records as r
from tenuto.engine import rejections as why
from tenuto.engine.named_turn import NamedTurn
from tenuto.engine.rejections import Rejection
from tenuto.engine.settings import ACTIVE, ENDED, Webhook

if TYPE_CHECKING:
    Registry = NamedTurn[Any]

WEBHOOKS_MAX = 1_000


def subscribe_webhook(turn: Registry, command: c.SubscribeWebhook) -> Rejection | None:
    """Begin to tell a URL."""
    webhooks = turn.state.webhooks
    if command.id in webhooks:
        return Rejection(
            why.ALREADY_EXISTS, f"expected a new webhook id, but `{command.id}` is there"
        )
    if sum(one.status == ACTIVE for one in webhooks.values()) >= WEBHOOKS_MAX:
        return Rejection(
            why.INVALID_VALUE, f"expected at most {WEBHOOKS_MAX} webhooks; end one before"
        )
    turn.emit(
        r.WebhookSubscribed(
            command.id,
            command.url,
            command.types,
            command.processes,
            command.allow_private,
            command.cursor,
        )
    )
    turn.answer = {"webhook": command.id}
    return None


def end_webhook(turn: Registry, command: c.EndWebhook) -> Rejection | None:
    """Tell a URL no more."""
    known = turn.state.webhooks.get(command.id)
    if known is None or known.status != ACTIVE:
        return Rejection(
            why.NOT_FOUND, f"expected an active webhook `{command.id}`, but there is none"
        )
    turn.emit(r.WebhookEnded(command.id, command.reason))
    return None


def _subscribed(state: Any, record: r.WebhookSubscribed, at: int) -> None:
    state.webhooks[record.id] = Webhook(
        record.id,
        record.url,
        record.types,
        record.processes,
        record.allow_private,
        at,
        ACTIVE,
        "",
        record.cursor,
    )


def _ended(state: Any, record: r.WebhookEnded, at: int) -> None:
    known = state.webhooks[record.id]
    state.webhooks[record.id] = msgspec.structs.replace(known, status=ENDED, reason=record.reason)


APPLIERS: dict[type[r.Record], Callable[[Any, Any, int], None]] = {
    r.WebhookSubscribed: _subscribed,
    r.WebhookEnded: _ended,
}
PROCESSORS: dict[type[c.Command], Callable[[Any, Any], Rejection | None]] = {
    c.SubscribeWebhook: subscribe_webhook,
    c.EndWebhook: end_webhook,
}


# --- how far a webhook has been told


class ProgressState(Struct, array_like=True):
    """What a webhook has been told: a cursor of the feed, empty before the first delivery."""

    key: int
    version: int = 0
    cursor: bytes = b""


encode_progress = msgspec.msgpack.Encoder().encode
decode_progress = msgspec.msgpack.Decoder(ProgressState).decode


def advance_webhook(turn: NamedTurn[ProgressState], command: c.AdvanceWebhook) -> Rejection | None:
    """Note how far a URL has been told."""
    turn.emit(r.WebhookAdvanced(command.id, command.cursor))
    return None


def _advanced(state: ProgressState, record: r.WebhookAdvanced, at: int) -> None:
    state.cursor = record.cursor


PROGRESS_APPLIERS: dict[type[r.Record], Callable[[Any, Any, int], None]] = {
    r.WebhookAdvanced: _advanced,
}
PROGRESS_PROCESSORS: dict[type[c.Command], Callable[[Any, Any], Rejection | None]] = {
    c.AdvanceWebhook: advance_webhook,
}
