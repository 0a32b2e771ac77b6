"""Bytes as they are stored: framing, leaves, the Merkle root and the hash of the chain.

A stored blob is one byte of format, one of compression, two of key id (0: not encrypted), then the
body. Hashes are SHA-256 and cover stored bytes, so that erasing a blob leaves its proof.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Sequence

from tenuto.errors import StoreCorrupt

FORMAT = 1
_HEAD = struct.Struct(">BBH")
_PLAIN = _HEAD.pack(FORMAT, 0, 0)
_PLACE = struct.Struct(">BqqI")
_CHAIN = struct.Struct(">qqq")


def pack_blob(body: bytes) -> bytes:
    """Return a body as it is stored."""
    return _PLAIN + body


def unpack_blob(blob: bytes | None) -> bytes:
    """Return the body of a stored blob.

    Raises `StoreCorrupt` for a format that this release cannot read.
    """
    if not blob or len(blob) < 4:
        raise StoreCorrupt("expected a stored blob, but it is missing or shorter than its head")
    version, compression, key = _HEAD.unpack_from(blob)
    if version != FORMAT or key != 0 or compression not in (0, 1):
        raise StoreCorrupt(
            f"expected blob format {FORMAT} without key, got format {version}, compression "
            f"{compression}, key {key}; a newer release wrote it"
        )
    return zlib.decompress(blob[4:]) if compression else blob[4:]


def leaf_of(aggregate: int, version: int, header: bytes, blob: bytes) -> bytes:
    """Return the leaf of a turn: it covers its place, its header and its stored bytes."""
    return hashlib.sha256(_PLACE.pack(0, aggregate, version, len(header)) + header + blob).digest()


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """Return the root over leaves; of none, 32 zero bytes. An odd node goes up as it is."""
    if not leaves:
        return bytes(32)
    sha256 = hashlib.sha256
    level = list(leaves)
    while len(level) > 1:
        pairs = [
            sha256(b"\x01" + level[i] + level[i + 1]).digest() for i in range(0, len(level) - 1, 2)
        ]
        if len(level) % 2:
            pairs.append(level[-1])
        level = pairs
    return level[0]


def chain_hash(prev: bytes, log: int, seq: int, at: int, rest: bytes) -> bytes:
    """Return the hash of a commit over the one before it; `rest` is kind, root and note."""
    return hashlib.sha256(prev + _CHAIN.pack(log, seq, at) + rest).digest()
