"""Keys: 63-bit numbers that carry their slot, given to the engine and never guessed by it.

An instance key is positive: 41 bits of milliseconds since 2024, 10 bits of slot, 12 bits of
counter. Keys of one slot rise with time, so the B-trees of a store grow at their right edge.

Aggregates that are found by name (mailboxes, the registry, …) have negative keys: kind, slot and a
hash of the name. Two names may share such a key; their state is rows under the full name, so
sharing costs nothing but a common order.
"""

from __future__ import annotations

import hashlib
from enum import IntEnum

SLOTS = 1024
SLOT_BITS = 10
COUNTER_BITS = 12
EPOCH_MS = 1_704_067_200_000
COUNTER_MAX = (1 << COUNTER_BITS) - 1
MS_MAX = (1 << 41) - 1


class Kind(IntEnum):
    """The kinds of aggregates; the number is stored."""

    INSTANCE = 0
    MAILBOX = 1
    BROADCAST = 2
    RECURRENCE = 3
    QUEUE = 4
    REGISTRY = 5
    WEBHOOK = 6
    SCHEDULE = 7


class KeyMint:
    """Gives the instance keys of one log: rising, never below the last one issued."""

    __slots__ = ("_counter", "_last_ms")

    def __init__(self, last_ms: int = 0) -> None:
        """Continue above `last_ms`, milliseconds since the epoch of the keys."""
        self._last_ms = last_ms
        self._counter = COUNTER_MAX

    def mint(self, now_ms: int, slot: int) -> int:
        """Return a new key in `slot`; `now_ms` is Unix time in milliseconds."""
        assert 0 <= slot < SLOTS, f"expected a slot below {SLOTS}, got {slot}"
        if self._counter >= COUNTER_MAX or now_ms - EPOCH_MS > self._last_ms:
            self._last_ms = max(self._last_ms + 1, now_ms - EPOCH_MS)
            self._counter = 0
        else:
            self._counter += 1
        return (
            (self._last_ms << (SLOT_BITS + COUNTER_BITS)) | (slot << COUNTER_BITS) | self._counter
        )


def key_floor(at_ms: int) -> int:
    """Return the lowest instance key that was minted at or after a Unix time in milliseconds."""
    return max(0, min(at_ms - EPOCH_MS, MS_MAX)) << (SLOT_BITS + COUNTER_BITS)


def named_key(kind: Kind, *parts: str) -> int:
    """Return the key of the aggregate of `kind` that is found by `parts`."""
    assert kind is not Kind.INSTANCE, "an instance is given a key, it is not found by name"
    digest = hashlib.blake2b("\x00".join(parts).encode(), digest_size=8).digest()
    body = int.from_bytes(digest, "big") & ((1 << 60) - 1)
    return -((int(kind) << 60) | body) - 1


def kind_of(key: int) -> Kind:
    """Return the kind of the aggregate that `key` belongs to."""
    return Kind.INSTANCE if key >= 0 else Kind((-key - 1) >> 60)


def slot_of(key: int) -> int:
    """Return the slot that decides for `key`."""
    return (key >> COUNTER_BITS) & (SLOTS - 1) if key >= 0 else ((-key - 1) >> 50) & (SLOTS - 1)


def slot_of_text(*parts: str) -> int:
    """Return the slot of a text key: where its uniqueness is decided."""
    digest = hashlib.blake2b("\x00".join(parts).encode(), digest_size=2).digest()
    return int.from_bytes(digest, "big") % SLOTS


def created_ms(key: int) -> int:
    """Return the Unix milliseconds at which an instance key was issued."""
    return (key >> (SLOT_BITS + COUNTER_BITS)) + EPOCH_MS


def show(key: int) -> str:
    """Return the text form of a key, as people and APIs see it."""
    return str(key)
