"""Values as records and state carry them: bytes in place, or a reference to a payload.

Structure and values are apart from the first byte: appliers never look inside a value. A value over
`INLINE_BYTES_MAX` is kept as a payload under its digest, so that no turn ever rewrites it.
"""

from __future__ import annotations

import hashlib

from msgspec import Struct

INLINE_BYTES_MAX = 1024


class PayloadRef(Struct, frozen=True, array_like=True, gc=False):
    """A value kept apart: the SHA-256 digest of its stored bytes and their count."""

    digest: bytes
    size: int


Stored = bytes | PayloadRef
Variables = dict[str, Stored]
Encoded = dict[str, bytes]


# Stored bytes begin with format, compression and key id (0: not encrypted); see `store.codec`.
PLAIN_FRAME = b"\x01\x00\x00\x00"


def frame(data: bytes) -> bytes:
    """Return the bytes of a payload as they are stored, hashed and later perhaps encrypted."""
    return PLAIN_FRAME + data


def digest_of(data: bytes) -> bytes:
    """Return the name of a payload: the SHA-256 digest of its bytes."""
    return hashlib.sha256(data).digest()
