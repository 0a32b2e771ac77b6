"""The header of a turn: who asked what, when, and why. `apply` needs only `now`."""

from __future__ import annotations

import msgspec
from msgspec import Struct


class Header(Struct, frozen=True, array_like=True, gc=False):
    """What a journal row says beside its records. Times are Unix milliseconds of the store's clock.

    `cause` is the aggregate whose turn sent the command, 0 for a request from outside.
    """

    command: str
    now: int
    registry: int
    actor: str = ""
    cause: int = 0
    idempotency_key: str | None = None
    trace: str | None = None


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Header)

encode_header = _encoder.encode
decode_header = _decoder.decode
