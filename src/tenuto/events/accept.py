"""Accepting events: what the mappings make of them, durable before anybody is told so.

An event is known by its source and id. The same event again changes nothing; the same source and id
with another content is refused. All events of a request reach the corridor together, so that few
commits take them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from tenuto import values
from tenuto.client.reading import Reading
from tenuto.client.requests import check_text
from tenuto.engine.commands import Command, PublishMessage, StartInstance
from tenuto.engine.rejections import Rejection
from tenuto.engine.rows import DedupeRow
from tenuto.errors import BudgetExceeded, InputError
from tenuto.events.envelope import Event, EventRefused
from tenuto.graph.events import EventMapping, MappingIndex, value_of
from tenuto.keys import Kind, named_key
from tenuto.runtime.requests import NEW_INSTANCE, Answer, Ended, Request, Result

if TYPE_CHECKING:
    from tenuto.client.client import Client
    from tenuto.runtime.node import Node

SCOPE: Final = "event"
SEPARATOR: Final = "|"
PLAIN_LENGTH_MAX: Final = 200
ACCEPTED: Final = "accepted"
DUPLICATE: Final = "duplicate"
UNMAPPED: Final = "unmapped"
REFUSED: Final = "refused"


class Effect(Struct):
    """What one mapping made of an event: the key of an instance, or what became of a message."""

    mapping: str
    instance: str | None = None
    message: str | None = None


class Outcome(Struct):
    """What became of an event: accepted, duplicate, unmapped or refused (with code and detail)."""

    status: str
    effects: list[Effect] = []
    code: str = ""
    detail: str = ""


class Acceptor:
    """Turns events into commands by the mappings that are deployed."""

    def __init__(self, node: Node) -> None:
        """Accept events for `node`."""
        self._node = node
        first = Reading(node.store).reader.rows("dedupe", instance=SCOPE, limit=1)
        # A database that began with digests goes on with them: nothing is forgotten, and no event
        # is looked up twice. Plain names begin with a character that is behind all digests.
        self._has_digests = any(
            isinstance(one, DedupeRow) and not one.key.startswith(SEPARATOR) for one in first
        )
        self._mappings: tuple[EventMapping, ...] = ()
        self._index = MappingIndex(())

    async def accept(
        self, client: Client, events: Sequence[Event | EventRefused], *, actor: str = ""
    ) -> list[Outcome]:
        """Return what became of each event, in order, after the commits that made it durable."""
        index = self._current_index()
        outcomes = [Outcome(UNMAPPED) for _ in events]
        asked: list[tuple[int, EventMapping]] = []
        requests: list[Request] = []
        for place, event in enumerate(events):
            if isinstance(event, EventRefused):
                outcomes[place] = Outcome(REFUSED, code=event.code, detail=event.message)
                continue
            try:
                made = [
                    (mapping, request_of(event, mapping, actor, digests=self._has_digests))
                    for mapping in index.find(event.type, event.source, event.context)
                ]
            except (InputError, BudgetExceeded) as error:
                outcomes[place] = Outcome(REFUSED, code="unmappable-event", detail=str(error))
                continue
            for mapping, request in made:
                asked.append((place, mapping))
                requests.append(request)
        results = await client.ask_all(requests)
        for (place, mapping), result in zip(asked, results, strict=True):
            outcomes[place] = _with(outcomes[place], mapping, result)
        return outcomes

    def _current_index(self) -> MappingIndex:
        mappings = self._node.world.mappings
        if mappings is not self._mappings:
            self._mappings, self._index = mappings, MappingIndex(mappings)
        return self._index


def request_of(
    event: Event, mapping: EventMapping, actor: str, *, digests: bool = False
) -> Request:
    """Return the command that a mapping makes of an event, known by its digest or its name.

    Raises `InputError` when the key or a variable cannot be used.
    """
    variables = {
        variable: values.encode_checked(value, where=f"variable `{variable}`")
        for variable, value in mapping.take(event.context).items()
    }
    receiver, command = _command(event, mapping, variables)
    return Request(
        receiver,
        command,
        actor,
        idempotency_key=_digest_of(event, mapping) if digests else _known_by(event, mapping),
        scope=SCOPE,
        fingerprint=event.digest,
    )


def _known_by(event: Event, mapping: EventMapping) -> str:
    """Return what an event is known by in what one mapping makes of it.

    It is plain text where that fits, so that ids which follow each other lie beside each other in
    the store (measured: a quarter of what a commit costs); a digest otherwise.
    """
    parts = (mapping.file, mapping.id, event.source, event.id)
    name = SEPARATOR.join(("", *parts))
    is_plain = len(name) <= PLAIN_LENGTH_MAX and name.isascii() and name.isprintable()
    if is_plain and name.count(SEPARATOR) == len(parts):
        return name
    return f"{SEPARATOR}{_digest_of(event, mapping)}"


def _digest_of(event: Event, mapping: EventMapping) -> str:
    """Return the digest by which the first releases knew an event."""
    name = f"{event.source}\0{event.id}\0{mapping.file}\0{mapping.id}"
    return hashlib.sha256(name.encode()).hexdigest()


def _command(
    event: Event, mapping: EventMapping, variables: dict[str, bytes]
) -> tuple[int, Command]:
    if mapping.start is not None:
        business_key = None
        if mapping.business_key is not None:
            business_key = _text(value_of(mapping.business_key, event.context))
        return NEW_INSTANCE, StartInstance(mapping.start, variables, business_key)
    assert mapping.message is not None, "a mapping starts a process or publishes a message"
    key = ""
    if mapping.key is not None:
        found = _text(value_of(mapping.key, event.context))
        if found is None:
            raise InputError(
                f"mapping `{mapping.id}`: expected `{mapping.key.source}` to give the correlation "
                "key, but it is null for this event"
            )
        check_text("correlation key", found)
        key = found
    command = PublishMessage(mapping.message, key, variables, None, mapping.ttl_ms)
    return named_key(Kind.MAILBOX, mapping.message, key), command


def _text(value: values.Value) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool | dict | list):
        raise InputError(f"expected a key to be a text or a number, got `{str(value)[:60]}`")
    return str(values.simplify_number(value)) if isinstance(value, int | Decimal) else str(value)


def _with(outcome: Outcome, mapping: EventMapping, result: Result) -> Outcome:
    """Add what one mapping made of an event; one refusal makes the whole event refused."""
    if isinstance(result, Rejection):
        return Outcome(REFUSED, outcome.effects, result.code, result.message)
    assert not isinstance(result, Ended), "nobody waits for the end of what an event began"
    effect = _effect(mapping, result)
    effects = [*outcome.effects, effect]
    if outcome.status == REFUSED:
        return Outcome(REFUSED, effects, outcome.code, outcome.detail)
    repeated = bool(result.facts.get("repeated"))
    is_new = not repeated or outcome.status == ACCEPTED
    return Outcome(ACCEPTED if is_new else DUPLICATE, effects)


def _effect(mapping: EventMapping, answer: Answer) -> Effect:
    if mapping.start is not None:
        return Effect(mapping.id, instance=str(answer.facts.get("instance", answer.key)))
    return Effect(mapping.id, message=str(answer.facts.get("status", "")))
