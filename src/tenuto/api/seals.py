"""Seals: what a caller holds for us comes back unaltered, or is refused.

Page cursors and lease tokens leave the server with a keyed hash. Whoever brings one back was given
it: a worker that may work one job type cannot guess the lease of another.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Any, Final

import msgspec

SEAL_BYTES: Final = 16
TEXT_LENGTH_MAX: Final = 2_048


class Seals:
    """Seals data of one purpose with a key."""

    def __init__(self, key: bytes) -> None:
        """Seal with a key of 32 bytes."""
        self._key = key

    def close(self, about: str, data: Any) -> str:
        """Return data, sealed as text that is safe in a URL; it opens under the same `about`."""
        packed = msgspec.msgpack.encode(data)
        return _text_of(self._seal(about, packed) + packed)

    def open(self, about: str, text: str) -> Any:
        """Return what was sealed under `about`. Raises `ValueError` for anything else."""
        if len(text) > TEXT_LENGTH_MAX or not text.isascii():
            raise ValueError("the text is none that was sealed here")
        try:
            whole = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except binascii.Error as error:
            raise ValueError("the text is none that was sealed here") from error
        packed = whole[SEAL_BYTES:]
        if _text_of(whole) != text or not hmac.compare_digest(
            whole[:SEAL_BYTES], self._seal(about, packed)
        ):
            raise ValueError("the text is none that was sealed here")
        return msgspec.msgpack.decode(packed)

    def _seal(self, about: str, packed: bytes) -> bytes:
        message = b"%d:%b%b" % (len(about), about.encode(), packed)
        return hashlib.blake2b(message, key=self._key, digest_size=SEAL_BYTES).digest()


def _text_of(whole: bytes) -> str:
    return base64.urlsafe_b64encode(whole).rstrip(b"=").decode()
