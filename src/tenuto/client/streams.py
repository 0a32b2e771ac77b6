"""Reading what a workflow writes to a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tenuto.engine import records as r
from tenuto.engine import update_records as ur
from tenuto.store.codec import unpack_blob

if TYPE_CHECKING:
    from tenuto.client.reading import Reading

PAGE: Final = 1_000


class Written(NamedTuple):
    """A value of a stream: its offset, from 0, and its bytes."""

    offset: int
    data: bytes


class StreamPage(NamedTuple):
    """What was written after a version of the instance. `is_closed` tells that it was all."""

    written: list[Written]
    version: int
    is_closed: bool


def read_stream(
    read: Reading, instance: int, name: str, *, start: int = 0, after_version: int = 0
) -> StreamPage:
    """Return values of a stream from offset `start` on that turns after a version wrote.

    Raises `Rejected` (not-found).
    """
    is_ended = read.find(str(instance)).status != "active"
    found: list[Written] = []
    is_closed = False
    version = after_version
    while rows := read.reader.journal_of(instance, version, PAGE):
        for row in rows:
            version = row.version
            for record in () if row.blob is None else r.decode_records(unpack_blob(row.blob)):
                if isinstance(record, ur.StreamWritten) and record.name == name:
                    if record.offset >= start:
                        found.append(Written(record.offset, _bytes(read, instance, record)))
                elif isinstance(record, ur.StreamClosed) and record.name == name:
                    is_closed = True
    return StreamPage(found, version, is_closed or is_ended)


def _bytes(read: Reading, instance: int, record: ur.StreamWritten) -> bytes:
    if isinstance(record.value, bytes):
        return record.value
    data = read.reader.payload(instance, record.value.digest)
    assert data is not None, f"value {record.offset} of stream {record.name} was erased"
    return unpack_blob(data)
