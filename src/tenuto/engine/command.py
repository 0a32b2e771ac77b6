"""What all commands are."""

from __future__ import annotations

from msgspec import Struct


class Command(Struct, frozen=True, array_like=True, gc=False, tag_field="command"):
    """Something that is asked of an aggregate."""
