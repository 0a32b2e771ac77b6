"""What comes to the corridor, and how its answer goes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from tenuto.engine.rejections import Rejection

if TYPE_CHECKING:
    from tenuto.dmn import Model
    from tenuto.engine.commands import Command
    from tenuto.engine.stored import Encoded
    from tenuto.graph.events import EventMapping
    from tenuto.graph.process import ProcessGraph

NEW_INSTANCE = 0


class Answer(NamedTuple):
    """What a caller gets after the commit: the key that the command went to and facts by name."""

    key: int
    facts: dict[str, object]


class Ended(NamedTuple):
    """How an instance ended, for a caller that waited for it. Variables are encoded values."""

    key: int
    status: str
    variables: Encoded


Result = Answer | Ended | Rejection


class ReplySlot(Protocol):
    """Where the answers of one caller go; called once for each commit, on the corridor's thread."""

    def deliver(self, results: list[tuple[int, Result]]) -> None:
        """Take (ticket, result) pairs; must return at once."""


class Reply(NamedTuple):
    """A slot and the caller's ticket in it; `at_end` asks for the end of the instance, not its
    start.
    """

    slot: ReplySlot
    ticket: int
    at_end: bool = False


class Compiled(NamedTuple):
    """What a deployment's resources compiled to, at the door."""

    graphs: tuple[ProcessGraph, ...]
    models: tuple[Model, ...]
    mappings: tuple[EventMapping, ...] = ()


class Request(NamedTuple):
    """A command from outside. `receiver` 0 asks for a new instance.

    With `unique` the business key of a start may name one instance of its process only. The same
    `idempotency_key` in the same `scope` gets the first answer again; `fingerprint` says what must
    be the same for that (the command unless it is given). `if_version` lets the command through
    only while its instance is at that version.
    """

    receiver: int
    command: Command
    actor: str = ""
    idempotency_key: str | None = None
    reply: Reply | None = None
    unique: bool = False
    compiled: Compiled | None = None
    scope: str = ""
    fingerprint: bytes | None = None
    if_version: int | None = None
