"""The base of all records."""

from __future__ import annotations

from msgspec import Struct


class Record(Struct, frozen=True, array_like=True, gc=False, tag_field="record"):
    """What all records are."""
