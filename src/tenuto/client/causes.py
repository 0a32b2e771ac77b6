"""Causes: what is stuck or has failed, grouped by why.

A group is what one repair mends: the same code at the same element of the same process. Its fields
are the filters of `tenuto retry` and `tenuto fork`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec import Struct

from tenuto.client.views import moment
from tenuto.engine.records import InstanceFailed, decode_records
from tenuto.engine.rows import IncidentRow
from tenuto.store.codec import unpack_blob
from tenuto.store.port import InstanceQuery

if TYPE_CHECKING:
    from tenuto.client.reading import Reading

ROWS: Final = 500
FAILED_MAX: Final = 2_000
STUCK: Final = "stuck"
FAILED: Final = "failed"


class Cause(Struct, frozen=True):
    """How many instances are stuck at an element, or have failed, for one reason.

    `what` is stuck or failed; a failed workflow names no element. `message` is that of the newest.
    """

    process: str
    what: str
    element: str
    cause: str
    count: int
    message: str
    oldest: str | None
    newest: str | None


class _Found(NamedTuple):
    """One place that is stuck or has failed."""

    group: tuple[str, str, str, str]
    message: str
    at: int


def causes(read: Reading, process: str | None = None) -> list[Cause]:
    """Return why instances are stuck or have failed, what happens most first.

    Of failed workflows the newest 2,000 are read.
    """
    groups: dict[tuple[str, str, str, str], list[_Found]] = {}
    for found in _stuck(read):
        if process in {None, found.group[0]}:
            groups.setdefault(found.group, []).append(found)
    for found in _failed(read, process):
        groups.setdefault(found.group, []).append(found)
    counted = [_cause(group, members) for group, members in groups.items()]
    return sorted(counted, key=lambda one: (-one.count, one.process, one.element, one.cause))


def _cause(group: tuple[str, str, str, str], members: list[_Found]) -> Cause:
    newest = max(members, key=lambda one: one.at)
    oldest = min(one.at for one in members)
    return Cause(*group, len(members), newest.message, moment(oldest), moment(newest.at))


def _stuck(read: Reading) -> Iterator[_Found]:
    after: tuple[object, ...] | None = None
    while page := read.reader.rows("incident", after=after, limit=ROWS):
        for row in page:
            assert isinstance(row, IncidentRow), "the incident table holds incidents"
            after = (row.instance, row.incident)
            group = (row.process, STUCK, row.element_id, row.code)
            yield _Found(group, row.message, row.created_at)


def _failed(read: Reading, process: str | None) -> Iterator[_Found]:
    query = InstanceQuery(process, "failed", limit=ROWS)
    for _ in range(FAILED_MAX // ROWS):
        rows = read.instances(query)
        for row in rows:
            for turn in read.reader.journal_of(row.key, row.version - 1, 1):
                records = () if turn.blob is None else decode_records(unpack_blob(turn.blob))
                for record in records:
                    if isinstance(record, InstanceFailed):
                        group = (row.process, FAILED, "", record.code)
                        yield _Found(group, record.message, row.ended_at or row.started_at)
        if len(rows) < ROWS:
            return
        query = query._replace(after=rows[-1].key)
