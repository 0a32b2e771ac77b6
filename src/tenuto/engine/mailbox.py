"""Mailboxes: messages of one name and correlation key meet the elements that wait for them.

Correlation has four steps: the instance *opens* a subscription; the mailbox *offers* a message,
which counts as taken by that process meanwhile; the instance *accepts* or *declines*; after a
decline or a close the message goes, in order of publication, to the next subscriber, or is kept
until its time to live ends. A message goes at most once to each process. A subscription holds one
offer at a time.

Two mailboxes may share an aggregate (`keys.named_key`), so everything here is found by full name
and key.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct, field

from tenuto.engine import commands as c
from tenuto.engine import records as r
from tenuto.engine import rejections as why
from tenuto.engine.named_turn import NamedTurn
from tenuto.engine.rejections import Rejection
from tenuto.engine.stored import Encoded
from tenuto.keys import slot_of

MESSAGES_MAX = 10_000


class Subscription(Struct, array_like=True):
    """An element that waits; `offered` is the message that it holds."""

    name: str
    correlation_key: str
    process: str
    element_id: str
    position: int
    offered: int | None = None


class Message(Struct, array_like=True):
    """A kept message.

    `taken` maps a process to the (instance, wait) that was offered or took it.
    """

    name: str
    correlation_key: str
    message_id: str | None
    published_at: int
    expires_at: int
    variables: Encoded
    taken: dict[str, tuple[int, int]] = field(default_factory=dict)
    offers: list[tuple[int, int]] = field(default_factory=list)


class Counters(Struct, array_like=True):
    """What a mailbox keeps beside its rows.

    `busy` names processes that wait for an instance to end.
    """

    next_position: int = 1
    next_message: int = 1
    busy: dict[str, int] = field(default_factory=dict)


class MailboxState(Struct):
    """Subscriptions by (instance, wait) in order of position, messages by number in order."""

    key: int
    version: int = 0
    counters: Counters = field(default_factory=Counters)
    subscriptions: dict[tuple[int, int], Subscription] = field(default_factory=dict)
    messages: dict[int, Message] = field(default_factory=dict)


encode_counters = msgspec.msgpack.Encoder().encode
decode_counters = msgspec.msgpack.Decoder(Counters).decode

Mailbox = NamedTurn[MailboxState]


# --- folding


def _subscription_opened(state: MailboxState, record: r.SubscriptionOpened, at: int) -> None:
    state.subscriptions[(record.instance, record.wait)] = Subscription(
        record.name, record.correlation_key, record.process, record.element_id, record.position
    )
    state.counters.next_position = record.position + 1


def _subscription_closed(state: MailboxState, record: r.SubscriptionClosed, at: int) -> None:
    state.subscriptions.pop((record.instance, record.wait), None)


def _message_published(state: MailboxState, record: r.MessagePublished, at: int) -> None:
    state.messages[record.message] = Message(
        record.name,
        record.correlation_key,
        record.message_id,
        record.published_at,
        record.expires_at,
        record.variables,
    )
    state.counters.next_message = record.message + 1


def _message_offered(state: MailboxState, record: r.MessageOffered, at: int) -> None:
    subscription = state.subscriptions[(record.instance, record.wait)]
    message = state.messages[record.message]
    subscription.offered = record.message
    message.taken[subscription.process] = (record.instance, record.wait)
    message.offers.append((record.instance, record.wait))


def _message_correlated(state: MailboxState, record: r.MessageCorrelated, at: int) -> None:
    who = (record.instance, record.wait)
    state.messages[record.message].offers.remove(who)
    if record.close:
        state.subscriptions.pop(who, None)
    elif who in state.subscriptions:
        state.subscriptions[who].offered = None


def _message_released(state: MailboxState, record: r.MessageReleased, at: int) -> None:
    who = (record.instance, record.wait)
    message = state.messages[record.message]
    message.offers.remove(who)
    message.taken = {process: taker for process, taker in message.taken.items() if taker != who}
    state.subscriptions.pop(who, None)


def _message_started(state: MailboxState, record: r.MessageStarted, at: int) -> None:
    message = state.messages[record.message]
    message.taken[record.process] = (record.instance, 0)
    if message.correlation_key:
        state.counters.busy[_busy(record.process, message.name, message.correlation_key)] = (
            record.instance
        )


def _message_expired(state: MailboxState, record: r.MessageExpired, at: int) -> None:
    del state.messages[record.message]


def _start_released(state: MailboxState, record: r.StartReleased, at: int) -> None:
    state.counters.busy.pop(_busy(record.process, record.name, record.correlation_key), None)


def _busy(process: str, name: str, key: str) -> str:
    return "\x1f".join((process, name, key))


APPLIERS: dict[type[r.Record], Callable[[MailboxState, Any, int], None]] = {
    r.SubscriptionOpened: _subscription_opened,
    r.SubscriptionClosed: _subscription_closed,
    r.MessagePublished: _message_published,
    r.MessageOffered: _message_offered,
    r.MessageCorrelated: _message_correlated,
    r.MessageReleased: _message_released,
    r.MessageStarted: _message_started,
    r.MessageExpired: _message_expired,
    r.StartReleased: _start_released,
}


# --- commands


def publish(turn: Mailbox, command: c.PublishMessage) -> Rejection | None:
    """Take a message in and offer it; the answer says correlated, buffered, expired or
    duplicate.
    """
    state = turn.state
    if command.message_id is not None:
        for number, known in state.messages.items():
            if (known.message_id, known.name, known.correlation_key) == (
                command.message_id,
                command.name,
                command.correlation_key,
            ):
                turn.answer = {"status": "duplicate", "message": number}
                return None
    if len(state.messages) >= MESSAGES_MAX:
        return Rejection(
            why.MAILBOX_FULL,
            f"expected fewer than {MESSAGES_MAX} kept messages named `{command.name}` with key "
            f"`{command.correlation_key}`; publish with a shorter time to live",
        )
    number = state.counters.next_message
    turn.emit(
        r.MessagePublished(
            number,
            command.name,
            command.correlation_key,
            command.message_id,
            turn.now,
            turn.now + max(0, command.time_to_live_ms),
            command.variables,
        )
    )
    _offer_everywhere(turn, number)
    message = state.messages[number]
    status = "correlated" if message.taken else "buffered"
    if _drop_if_done(turn, number) and not message.taken:
        status = "expired"
    turn.answer = {"status": status, "message": number}
    return None


def open_subscription(turn: Mailbox, command: c.OpenSubscription) -> Rejection | None:
    """Add a subscriber, confirm it, and offer the oldest message that its process has not had."""
    who = (command.instance, command.wait)
    if who in turn.state.subscriptions:
        return Rejection(why.ALREADY_EXISTS, f"subscription {who} is open already")
    turn.emit(
        r.SubscriptionOpened(
            turn.state.counters.next_position,
            command.name,
            command.correlation_key,
            command.instance,
            command.wait,
            command.process,
            command.element_id,
        )
    )
    turn.send(command.instance, c.ConfirmSubscription(command.wait))
    _offer_oldest(turn, who)
    return None


def close_subscription(turn: Mailbox, command: c.CloseSubscription) -> Rejection | None:
    """Remove a subscriber; an offer that it holds comes back by its decline."""
    if (command.instance, command.wait) not in turn.state.subscriptions:
        return Rejection(why.NOT_ACTIVE, f"subscription {command.wait} is closed already")
    turn.emit(r.SubscriptionClosed(command.instance, command.wait))
    return None


def _offer_outstanding(turn: Mailbox, command: c.AcceptOffer | c.DeclineOffer) -> bool:
    message = turn.state.messages.get(command.message)
    return message is not None and (command.instance, command.wait) in message.offers


def accept_offer(turn: Mailbox, command: c.AcceptOffer) -> Rejection | None:
    """The element took the message; one that goes on waiting gets the next."""
    if not _offer_outstanding(turn, command):
        return Rejection(why.NOT_ACTIVE, f"message {command.message} was not offered")
    turn.emit(r.MessageCorrelated(command.message, command.instance, command.wait, command.close))
    _drop_if_done(turn, command.message)
    if not command.close:
        _offer_oldest(turn, (command.instance, command.wait))
    return None


def decline_offer(turn: Mailbox, command: c.DeclineOffer) -> Rejection | None:
    """The element no longer waits: the message is free for the next subscriber."""
    if not _offer_outstanding(turn, command):
        return Rejection(why.NOT_ACTIVE, f"message {command.message} was not offered")
    turn.emit(r.MessageReleased(command.message, command.instance, command.wait))
    _offer_everywhere(turn, command.message)
    _drop_if_done(turn, command.message)
    return None


def expire_messages(turn: Mailbox, command: c.ExpireMessages) -> Rejection | None:
    """Drop what is past its time and not on offer."""
    for number in list(turn.state.messages):
        _drop_if_done(turn, number)
    if not turn.records:
        return Rejection(why.NOT_ACTIVE, "no message has expired")
    return None


def release_start(turn: Mailbox, command: c.ReleaseStart) -> Rejection | None:
    """The instance that a message started has ended: the next kept message may start one."""
    busy = _busy(command.process, command.name, command.correlation_key)
    if busy not in turn.state.counters.busy:
        return Rejection(why.NOT_ACTIVE, f"no instance of {command.process} was awaited")
    turn.emit(r.StartReleased(command.process, command.correlation_key, command.name))
    for number, message in list(turn.state.messages.items()):
        same = (message.name, message.correlation_key) == (command.name, command.correlation_key)
        if same and message.expires_at > turn.now:
            _start_processes(turn, number)
    return None


# --- offering


def _offer_everywhere(turn: Mailbox, number: int) -> None:
    """Offer a message to one free subscriber of each process, and start processes that begin
    with it.
    """
    message = turn.state.messages[number]
    for who, subscription in list(turn.state.subscriptions.items()):
        if (
            subscription.name == message.name
            and subscription.correlation_key == message.correlation_key
            and subscription.offered is None
            and subscription.process not in message.taken
        ):
            _offer(turn, number, who)
    _start_processes(turn, number)


def _offer_oldest(turn: Mailbox, who: tuple[int, int]) -> None:
    subscription = turn.state.subscriptions.get(who)
    if subscription is None or subscription.offered is not None:
        return
    for number, message in turn.state.messages.items():
        if (
            message.name == subscription.name
            and message.correlation_key == subscription.correlation_key
            and message.expires_at > turn.now
            and subscription.process not in message.taken
        ):
            _offer(turn, number, who)
            return


def _offer(turn: Mailbox, number: int, who: tuple[int, int]) -> None:
    turn.emit(r.MessageOffered(number, *who))
    message = turn.state.messages[number]
    turn.send(who[0], c.OfferMessage(who[1], turn.state.key, number, message.variables))


def _start_processes(turn: Mailbox, number: int) -> None:
    message = turn.state.messages[number]
    for start in turn.world.message_starts.get(message.name, ()):
        busy = _busy(start.process, message.name, message.correlation_key)
        if start.process in message.taken or busy in turn.state.counters.busy:
            continue
        key = turn.mint.mint(turn.now, slot_of(turn.state.key))
        turn.emit(r.MessageStarted(number, start.process, key))
        mailbox = turn.state.key if message.correlation_key else None
        turn.send(
            key,
            c.StartInstance(
                start.process,
                message.variables,
                definition=start.definition,
                node=start.node,
                mailbox=mailbox,
                message_name=message.name,
                message_key=message.correlation_key,
            ),
        )


def _drop_if_done(turn: Mailbox, number: int) -> bool:
    """Drop a message that is past its time and not on offer; tell whether it was dropped."""
    message = turn.state.messages[number]
    if message.offers or message.expires_at > turn.now:
        return False
    turn.emit(r.MessageExpired(number))
    return True


PROCESSORS: dict[type[c.Command], Callable[[Mailbox, Any], Rejection | None]] = {
    c.PublishMessage: publish,
    c.OpenSubscription: open_subscription,
    c.CloseSubscription: close_subscription,
    c.AcceptOffer: accept_offer,
    c.DeclineOffer: decline_offer,
    c.ExpireMessages: expire_messages,
    c.ReleaseStart: release_start,
}
