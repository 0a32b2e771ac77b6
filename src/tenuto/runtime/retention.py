"""Retention: instances that ended long ago go, with their history; the hashes of it stay.

What goes with an instance is found on a reader's thread; between two batches of the corridor the
store deletes it, a page at a time. What runs, what is paused and what has just ended is never
touched.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import structlog
from msgspec import Struct

from tenuto.engine import rejections as why
from tenuto.engine.records import InstanceStarted, decode_records
from tenuto.engine.rejections import Rejection
from tenuto.engine.stored import PayloadRef
from tenuto.errors import StoreBusy, StoreFull
from tenuto.runtime.admission import BUSINESS_KEY
from tenuto.store.codec import unpack_blob
from tenuto.store.headers import decode_header
from tenuto.store.port import InstanceQuery, Reader

if TYPE_CHECKING:
    from tenuto.runtime.loop import Corridor

log = structlog.get_logger("tenuto.runtime")

PAGE: Final = 100
TURNS: Final = 500
# Scopes under which a start may have used a key, beside those of its process.
SCOPES: Final = ("workflow-id", "bulk")

Deletes = dict[str, Sequence[tuple[object, ...]]]


class Doomed(NamedTuple):
    """Instances that are to go, and the keys of further rows that are theirs."""

    keys: list[int]
    deletes: Deletes


def ended_before(
    reader: Reader, before: int, *, process: str | None, after: int | None, limit: int
) -> list[int]:
    """Return instances that ended before an instant, the newest first, below the key `after`."""
    query = InstanceQuery(
        process, after=after, limit=limit, started_before=before, ended_before=before
    )
    return [row.key for row in reader.instances(query)]


def belongings(reader: Reader, keys: Sequence[int]) -> Doomed:
    """Return instances with their values that are kept apart and the keys that started them."""
    payloads: dict[tuple[object, ...], None] = {}
    used: dict[tuple[object, ...], None] = {}
    for key in keys:
        for version, header, records in _turns(reader, key):
            payloads.update(dict.fromkeys((digest, key) for digest in _digests(records)))
            if version == 1:
                used.update(dict.fromkeys(_used_keys(header, records)))
    return Doomed(list(keys), {"payload": list(payloads), "dedupe": list(used)})


def prune(corridor: Corridor, doomed: Doomed) -> list[int] | Rejection:
    """Delete instances that have ended; return which. Runs between two batches."""
    try:
        gone = corridor.store.prune_instances(doomed.keys, doomed.deletes)
    except StoreFull as error:
        return Rejection(why.STORE_FULL, str(error))
    except StoreBusy as error:
        return Rejection(why.STORE_BUSY, str(error))
    corridor.warm.evict(gone)
    log.info("pruned", instances=len(gone))
    return gone


def _turns(reader: Reader, key: int) -> Iterator[tuple[int, bytes, list[object]]]:
    """Yield the turns whose bytes are still there: version, header, records."""
    after = 0
    while rows := reader.journal_of(key, after, TURNS):
        for row in rows:
            if row.blob is not None:
                yield row.version, row.header, list(decode_records(unpack_blob(row.blob)))
        after = rows[-1].version


def _digests(value: object) -> Iterator[bytes]:
    """Yield the digests of all values that something refers to."""
    if isinstance(value, PayloadRef):
        yield value.digest
    elif isinstance(value, Struct):
        for name in value.__struct_fields__:
            yield from _digests(getattr(value, name))
    elif isinstance(value, dict):
        for member in value.values():
            yield from _digests(member)
    elif isinstance(value, list | tuple):
        for member in value:
            yield from _digests(member)


def _used_keys(header: bytes, records: list[object]) -> Iterator[tuple[str, str]]:
    """Yield the keys that a start may have used."""
    key = decode_header(header).idempotency_key
    for record in records:
        if isinstance(record, InstanceStarted):
            if record.business_key is not None:
                yield f"{BUSINESS_KEY}{record.process}", record.business_key
            if key is not None:
                yield f"start:{record.process}", key
                yield from ((scope, key) for scope in SCOPES)
