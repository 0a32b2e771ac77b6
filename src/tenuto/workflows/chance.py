"""Chance and time for workflows: within one, the same in every replay; outside, Python's own."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random as Random  # noqa: TID251  (seeded by the instance, the same in every replay)
from random import random as _random  # noqa: TID251  (to know whose method it is)
from typing import Final
from uuid import UUID as UUID  # noqa: TID251  (made of seeded chance)
from uuid import uuid4  # noqa: TID251  (made of seeded chance, or outside of a workflow)

# What `random.random()` and the like draw from: chance that no replay draws again.
SHARED_CHANCE: Final = _random.__self__  # type: ignore[attr-defined]


def chance_of(instance: str) -> Random:
    """Return the chance of an instance."""
    return Random(instance)  # noqa: S311  (no secret comes from it)


def uuid_of(chance: Random) -> UUID:
    """Return a UUID made of chance."""
    return UUID(int=chance.getrandbits(128), version=4)


def any_chance() -> Random:
    """Return chance outside of a workflow."""
    return Random()  # noqa: S311  (no secret comes from it)


def any_uuid() -> UUID:
    """Return a UUID outside of a workflow."""
    return uuid4()


def any_moment() -> datetime:
    """Return the time outside of a workflow."""
    return datetime.now(UTC)  # noqa: TID251  (a plain function that nobody replays)
