"""Sequence flows."""

from __future__ import annotations

from msgspec import Struct

from tenuto.graph.data import Formula


class Flow(Struct, frozen=True):
    """A sequence flow from `source` to `target`, both node ids of the same scope."""

    id: str
    source: str
    target: str
    condition: Formula | None = None
    name: str = ""
