"""A turn of an aggregate that is found by its name: mailbox, broadcast, recurrence, registry."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from tenuto.engine.commands import Command
    from tenuto.engine.records import Record
    from tenuto.engine.world import World
    from tenuto.keys import KeyMint


class NamedState(Protocol):
    """What all named aggregates have."""

    key: int
    version: int


S = TypeVar("S", bound=NamedState)
Appliers = dict[type["Record"], Callable[[Any, Any, int], None]]


class NamedTurn(Generic[S]):
    """Records, commands and the answer of one turn. Only `emit` changes the state."""

    def __init__(self, world: World, state: S, appliers: Appliers, now: int, mint: KeyMint) -> None:
        """Begin with no records."""
        self.world = world
        self.state = state
        self.now = now
        self.mint = mint
        self.records: list[Record] = []
        self.commands: list[tuple[int, Command]] = []
        self.answer: dict[str, object] = {}
        self._appliers = appliers

    def emit(self, record: Record) -> None:
        """Append a record and fold it into the state."""
        self._appliers[type(record)](self.state, record, self.now)
        self.records.append(record)

    def send(self, receiver: int, command: Command) -> None:
        """Ask another aggregate; the command leaves with the commit of this turn."""
        self.commands.append((receiver, command))
