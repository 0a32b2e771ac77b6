"""Tombstones: the bytes of turns and values go, their hashes stay.

A turn covers itself by its leaf and a value by its digest, so a blob that is pruned (its time is
over) or erased (somebody asked for it) becomes NULL and every root and commit above it still
verifies: `audit verify` counts it as erased, its hash intact. Nothing is pruned that a running
instance is loaded from.
"""

from __future__ import annotations

from typing import Final

from tenuto.engine.rows import InstanceRow
from tenuto.keys import Kind, kind_of

LAST_VERSION: Final = (1 << 63) - 1
# Which column of a row that goes with an instance names it.
OWNER: Final[dict[str, str]] = {"payload": "aggregate", "dedupe": "instance"}


def prunable_version(aggregate: int, row: InstanceRow | None, upto: int) -> int:
    """Return the last version up to `upto` that nobody needs any more; 0 is none.

    A running instance is loaded from its snapshot and the turns after it. One that has ended is
    not loaded, and every other aggregate has its whole state in rows.
    """
    if kind_of(aggregate) is not Kind.INSTANCE:
        return upto
    if row is None:
        return 0
    return upto if row.ended_at is not None else min(upto, row.snapshot_version)
