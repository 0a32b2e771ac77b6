"""Keys in order: tuples kept sorted in short pieces, so that adding one costs the same at any size.

One long list would move half of itself for each key that is added or removed; pieces of a thousand
move a few microseconds' worth, and finding the piece is a binary search over their last keys.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from typing import Any

PIECE_MAX = 1024
Key = tuple[Any, ...]


class SortedKeys:
    """A set of tuples that is read in order. A tuple sorts before the longer ones that begin
    with it.
    """

    __slots__ = ("_lasts", "_pieces")

    def __init__(self) -> None:
        """Begin empty."""
        self._pieces: list[list[Key]] = []
        self._lasts: list[Key] = []

    def add(self, key: Key) -> None:
        """Put a key that is not there yet in its place."""
        pieces, lasts = self._pieces, self._lasts
        if not pieces:
            pieces.append([key])
            lasts.append(key)
            return
        at = min(bisect_left(lasts, key), len(pieces) - 1)
        piece = pieces[at]
        insort(piece, key)
        if len(piece) > PIECE_MAX:
            half = len(piece) // 2
            pieces.insert(at + 1, piece[half:])
            lasts.insert(at + 1, piece[-1])
            del piece[half:]
        lasts[at] = piece[-1]

    def remove(self, key: Key) -> None:
        """Take out a key that is there."""
        at = bisect_left(self._lasts, key)
        piece = self._pieces[at]
        place = bisect_left(piece, key)
        assert piece[place] == key, f"expected {key} among the sorted keys"
        del piece[place]
        if piece:
            self._lasts[at] = piece[-1]
        else:
            del self._pieces[at], self._lasts[at]

    def above(self, key: Key = ()) -> Iterator[Key]:
        """Yield the keys above `key`, in order; all of them without one."""
        at = bisect_right(self._lasts, key)
        if at == len(self._pieces):
            return
        piece = self._pieces[at]
        yield from piece[bisect_right(piece, key) :]
        for later in self._pieces[at + 1 :]:
            yield from later

    def below(self, key: Key | None = None) -> Iterator[Key]:
        """Yield the keys below `key`, the highest first; all of them without one."""
        pieces = self._pieces
        at = len(pieces) if key is None else bisect_left(self._lasts, key)
        if key is not None and at < len(pieces):
            piece = pieces[at]
            yield from reversed(piece[: bisect_left(piece, key)])
        for earlier in reversed(pieces[:at]):
            yield from reversed(earlier)

    def begin_with(self, prefix: Key, after: Key = ()) -> Iterator[Key]:
        """Yield the keys that begin with `prefix` and are above `after`, in order."""
        width = len(prefix)
        for key in self.above(max(prefix, after)):
            if key[:width] != prefix:
                return
            yield key
