"""What the driver knows, on disk before it acts on it: starts, messages and cancellations that were
acknowledged.
"""

from __future__ import annotations

import json
from pathlib import Path


class Ledger:
    """Lines of JSON, each flushed; a new driver goes on from them."""

    def __init__(self, path: Path) -> None:
        """Read what there is."""
        self.started: dict[str, str] = {}
        self.told: set[str] = set()
        self.canceled: set[str] = set()
        if path.exists():
            for line in path.read_text().splitlines():
                self._take(*json.loads(line))
        self._file = path.open("a")

    def note(self, kind: str, place: str, key: str = "") -> None:
        """Keep an acknowledgement. Raises `AssertionError` for one that contradicts another."""
        self._take(kind, place, key)
        self._file.write(json.dumps([kind, place, key]) + "\n")
        self._file.flush()

    def _take(self, kind: str, place: str, key: str) -> None:
        if kind == "started":
            known = self.started.setdefault(place, key)
            assert known == key, f"{place} was acknowledged as {known} and as {key}"
        elif kind == "told":
            self.told.add(place)
        else:
            self.canceled.add(place)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
