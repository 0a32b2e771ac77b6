"""The chain of one log: the next row over the head."""

from __future__ import annotations

from collections.abc import Sequence

from tenuto.store.codec import chain_hash, merkle_root
from tenuto.store.port import ChainRow, LogHead


def next_commit(
    head: LogHead, at: int, leaves: Sequence[bytes], *, kind: str = "commit", note: bytes = b""
) -> ChainRow:
    """Return the chain row after `head` over the leaves of a commit; `kind` may be open, seal or
    restore.
    """
    root = merkle_root(leaves)
    seq = head.seq + 1
    digest = chain_hash(head.hash, head.log, seq, at, kind.encode() + root + note)
    return ChainRow(head.log, seq, kind, at, head.hash, root, digest, note)
