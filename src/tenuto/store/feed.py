"""The feed: turns after a cursor, whole commits at a time, from any reader."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from tenuto.store.port import JournalRow

LAST_TURN = (1 << 63) - 1
PAGE = 256


class TurnsReader(Protocol):
    """The part of a reader that the feed asks."""

    def logs(self) -> list[int]:
        """Return all logs, oldest first."""

    def turns_of_log(self, log: int, after: tuple[int, int], limit: int) -> list[JournalRow]:
        """Return turns of a log with (seq, n) above `after`, in that order."""


def turns_after(reader: TurnsReader, cursor: Mapping[int, int], limit: int) -> list[JournalRow]:
    """Return turns after the cursor (log -> seq), log by log.

    A commit is never cut, so a page may be longer than `limit` by what its last commit still holds.
    """
    found: list[JournalRow] = []
    for log in reader.logs():
        room = limit - len(found)
        if room <= 0:
            break
        page = reader.turns_of_log(log, (cursor.get(log, 0), LAST_TURN), room)
        found += page
        if len(page) == room:
            found += _rest_of_commit(reader, page[-1])
    return found


def _rest_of_commit(reader: TurnsReader, last: JournalRow) -> Iterator[JournalRow]:
    while True:
        page = reader.turns_of_log(last.log, (last.seq, last.n), PAGE)
        rest = [turn for turn in page if turn.seq == last.seq]
        yield from rest
        if len(rest) < PAGE:
            return
        last = rest[-1]
