"""Mailboxes under every interleaving of two messages and two waiters.

The mailbox is the real one; waiters are what an instance is to it: one that opens a subscription,
may withdraw, and accepts or declines what it is offered. Commands travel in order between each pair
and may be delivered at any moment. Every reachable state is visited once.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
import pytest

from tenuto.engine import commands as c
from tenuto.engine import records as r
from tenuto.engine.aggregates import advance_named
from tenuto.engine.mailbox import MailboxState
from tenuto.engine.rejections import Rejection
from tenuto.engine.world import World
from tenuto.keys import KeyMint, Kind, named_key

KEY = named_key(Kind.MAILBOX, "news", "k")
WAIT = 1
LATER = 1_000
LONG = 500
# Only these may give a message whose time is over to a waiter: it was promised before that.
GIVING = (c.PublishMessage, c.DeclineOffer)
IDLE, WAITING, GONE = "idle", "waiting", "gone"

encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(MailboxState).decode


class Rules(NamedTuple):
    """What a run varies: the process of each waiter, how long each message lives, and whether
    waiters go on waiting after a message.
    """

    processes: tuple[str, str]
    lives: tuple[int, int]
    stays: bool


class Scene(NamedTuple):
    """One reachable state. `sent` and `offers` are the channels to the mailbox and back."""

    mailbox: bytes
    now: int
    published: int
    waiters: tuple[str, str]
    sent: tuple[tuple[c.Command, ...], ...]
    offers: tuple[tuple[int, ...], ...]
    taken: tuple[tuple[int, int], ...]


FIRST = Scene(encode(MailboxState(KEY)), 0, 0, (IDLE, IDLE), ((), ()), ((), ()), ())


def put(places: tuple[Any, ...], index: int, entry: Any) -> tuple[Any, ...]:
    """Return the tuple with one place changed."""
    return (*places[:index], entry, *places[index + 1 :])


def processes_with(scene: Scene, message: int, rules: Rules) -> set[str]:
    """Return the processes that took a message."""
    return {rules.processes[who] for number, who in scene.taken if number == message}


def tell(scene: Scene, command: c.Command, rules: Rules) -> Scene:
    """Let the mailbox take a command, and hold the turn against the promises."""
    state = decode(scene.mailbox)
    outcome = advance_named(World(), state, command, scene.now, KeyMint())
    if isinstance(outcome, Rejection):
        return scene
    offers = scene.offers
    for receiver, sent in outcome.commands:
        if isinstance(sent, c.OfferMessage):
            offers = put(offers, receiver, (*offers[receiver], sent.message))
    for record in outcome.records:
        if isinstance(record, r.MessageExpired) and isinstance(command, GIVING):
            check_dropped(state, processes_with(scene, record.message, rules))
    check_offered(state, scene.now)
    state.version = 0
    return scene._replace(mailbox=encode(state), offers=offers)


def check_offered(state: MailboxState, now: int) -> None:
    """No living message lies beside a free waiter whose process has not had it."""
    for message in state.messages.values():
        for subscription in state.subscriptions.values():
            if message.expires_at > now and subscription.offered is None:
                assert subscription.process in message.taken


def check_dropped(state: MailboxState, had_by: set[str]) -> None:
    """A message is not dropped beside a free waiter whose process has not had it."""
    for subscription in state.subscriptions.values():
        assert subscription.offered is not None or subscription.process in had_by


def steps(scene: Scene, rules: Rules) -> Iterator[Scene]:
    """Yield every state that one event leads to."""
    if scene.published < 2:
        publish = c.PublishMessage("news", "k", {}, None, rules.lives[scene.published])
        yield tell(scene._replace(published=scene.published + 1), publish, rules)
    if scene.now == 0:
        yield scene._replace(now=LATER)
    else:
        yield tell(scene, c.ExpireMessages(), rules)
    for who in (0, 1):
        yield from waiter_steps(scene, who, rules)


def waiter_steps(scene: Scene, who: int, rules: Rules) -> Iterator[Scene]:
    """Yield what one waiter and its channels may do next."""
    sent, offers = scene.sent[who], scene.offers[who]
    if scene.waiters[who] == IDLE:
        opened = c.OpenSubscription("news", "k", who, WAIT, rules.processes[who], "catch")
        yield send(scene, who, WAITING, opened)
    if scene.waiters[who] == WAITING:
        yield send(scene, who, GONE, c.CloseSubscription(who, WAIT))
    if sent:
        yield tell(scene._replace(sent=put(scene.sent, who, sent[1:])), sent[0], rules)
    if offers:
        rest = scene._replace(offers=put(scene.offers, who, offers[1:]))
        if scene.waiters[who] == WAITING:
            yield take(rest, who, offers[0], rules)
        else:
            yield send(rest, who, GONE, c.DeclineOffer(who, WAIT, offers[0]))


def send(scene: Scene, who: int, then: str, command: c.Command) -> Scene:
    """Let a waiter send a command and go on in another state."""
    waiters = put(scene.waiters, who, then)
    return scene._replace(waiters=waiters, sent=put(scene.sent, who, (*scene.sent[who], command)))


def take(scene: Scene, who: int, message: int, rules: Rules) -> Scene:
    """Let a waiter accept a message; its process has never had it before."""
    assert rules.processes[who] not in processes_with(scene, message, rules)
    then = WAITING if rules.stays else GONE
    accepted = send(scene, who, then, c.AcceptOffer(who, WAIT, message, not rules.stays))
    return accepted._replace(taken=tuple(sorted((*accepted.taken, (message, who)))))


def check_rest(scene: Scene, rules: Rules) -> None:
    """When nothing is on its way, nothing is on offer, and who waits has had what is kept."""
    for number, message in decode(scene.mailbox).messages.items():
        assert message.offers == []
        for who in (0, 1):
            if scene.waiters[who] == WAITING and message.expires_at > scene.now:
                assert rules.processes[who] in processes_with(scene, number, rules)


def explore(rules: Rules) -> int:
    """Visit every reachable state; return how many there are."""
    seen, ahead = {FIRST}, [FIRST]
    while ahead:
        scene = ahead.pop()
        if scene.sent == ((), ()) and scene.offers == ((), ()):
            check_rest(scene, rules)
        for following in steps(scene, rules):
            if following not in seen:
                seen.add(following)
                ahead.append(following)
    return len(seen)


PROCESSES = (("p", "p"), ("p", "q"))
LIVES = ((LONG, LONG), (LONG, 0), (0, 0))


@pytest.mark.parametrize(("processes", "lives"), list(itertools.product(PROCESSES, LIVES)))
@pytest.mark.parametrize("stays", [False, True])
def test_no_interleaving_loses_or_repeats_a_message(processes, lives, stays):
    """Whatever the order of sending, waiting, withdrawing and time, a message reaches a free waiter
    and no process twice.
    """
    assert explore(Rules(processes, lives, stays)) > 100
