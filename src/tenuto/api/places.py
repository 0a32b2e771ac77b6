"""Places in the feed, as the ids of streamed events: whoever gives one back goes on after it.

A place is how far every log was read, and the last event within its commit. Every life of a node
leaves a log, so logs that were read to their end and get no more are told by one number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tenuto.api.problems import Problem

if TYPE_CHECKING:
    from tenuto.api.seals import Seals
    from tenuto.events.lifecycle import Cursor, Told
    from tenuto.store.port import ChainRow

ABOUT: Final = "events"
SEALED: Final = "seal"
# Within a commit: its turn and the record of the turn; this one is before all of them.
BEFORE: Final = (-1, -1)


class Place(NamedTuple):
    """`cursor` is how far each log was read. Of the commits after it, the first (`commit`: log and
    seq) was read up to `within`.
    """

    cursor: Cursor
    commit: tuple[int, int] | None = None
    within: tuple[int, int] = BEFORE

    def is_after(self, told: Told) -> bool:
        """Tell whether an event was told already where this place is."""
        if told.seq <= self.cursor.get(told.log, 0):
            return True
        return self.commit == (told.log, told.seq) and within(told) <= self.within


def within(told: Told) -> tuple[int, int]:
    """Return the turn of an event in its commit, and its record in the turn."""
    _, _, turn, record = told.id.split("-")
    return int(turn), int(record)


class Places:
    """Writes and reads places; it knows which logs get no more."""

    def __init__(self, seals: Seals, heads: list[ChainRow]) -> None:
        """Know the newest commit of each log, oldest log first."""
        self._seals = seals
        self._ended = {head.log: head.seq for head in heads if head.kind == SEALED}
        self._logs = [head.log for head in heads]

    def text(self, place: Place) -> str:
        """Return a place as the id of an event."""
        read = 0
        for log in self._logs:
            if place.cursor.get(log, 0) < self._ended.get(log, 1 << 63):
                break
            read = log
        rest = [[log, seq] for log, seq in place.cursor.items() if log > read and seq]
        return self._seals.close(ABOUT, [read, rest, place.commit, place.within])

    def read(self, text: str) -> Place:
        """Return the place of an id. Raises `Problem` (invalid-cursor)."""
        try:
            found: Any = self._seals.open(ABOUT, text)
        except ValueError:
            raise Problem(
                "invalid-cursor",
                "expected Last-Event-ID to be the id of an event of this server; begin without one",
            ) from None
        read, rest, commit, inside = found
        cursor = {log: seq for log, seq in self._ended.items() if log <= read}
        cursor.update((log, seq) for log, seq in rest)
        return Place(cursor, None if commit is None else (commit[0], commit[1]), tuple(inside))
