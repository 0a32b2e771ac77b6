"""Life-cycle events: what the journal says happened, as CloudEvents that others can use.

They are a reading of the feed, not a second record: the id of an event is its place in the journal,
so whoever is told twice can see it. A cursor is how far each log was read.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec

from tenuto import values
from tenuto.client.reading import Reading
from tenuto.engine import records as r
from tenuto.engine.records import decode_records
from tenuto.errors import InputError
from tenuto.store.codec import unpack_blob
from tenuto.store.headers import decode_header
from tenuto.store.port import JournalRow, Reader

PREFIX: Final = "io.tenuto."
TYPES: Final[dict[type[r.Record], str]] = {
    r.InstanceStarted: "instance.started",
    r.InstanceCompleted: "instance.completed",
    r.InstanceTerminated: "instance.terminated",
    r.InstanceFailed: "instance.failed",
    r.IncidentRaised: "incident.opened",
    r.IncidentResolved: "incident.resolved",
    r.UserTaskCreated: "task.created",
    r.UserTaskAssigned: "task.claimed",
    r.UserTaskCompleted: "task.completed",
    r.UserTaskCanceled: "task.cancelled",
    r.DecisionEvaluated: "decision.made",
}
NAMES: Final = tuple(f"{PREFIX}{name}" for name in TYPES.values())
KNOWN_INSTANCES: Final = 10_000

Cursor = dict[int, int]
_cursor: msgspec.msgpack.Decoder[dict[int, int]] = msgspec.msgpack.Decoder(dict[int, int])


class Told(NamedTuple):
    """One event: `at` in Unix milliseconds, `log` and `seq` of the commit that it comes from."""

    id: str
    type: str
    process: str
    instance: str
    at: int
    data: dict[str, Any]
    log: int
    seq: int

    def cloud_event(self) -> dict[str, Any]:
        """Return the event as a structured CloudEvent."""
        time = datetime.fromtimestamp(self.at / 1000, tz=UTC).isoformat(timespec="milliseconds")
        return {
            "specversion": "1.0",
            "id": self.id,
            "source": f"/processes/{self.process}",
            "type": self.type,
            "subject": self.instance,
            "time": time.replace("+00:00", "Z"),
            "datacontenttype": "application/json",
            "data": self.data,
        }


class Page(NamedTuple):
    """Events, where the next page begins, and how much was read: turns, and those of instances."""

    told: list[Told]
    after: Cursor
    turns: int
    of_instances: int


class LifeCycle:
    """Reads the feed as life-cycle events. One for each thread."""

    def __init__(self, read: Reading) -> None:
        """Read by the reader of the calling thread."""
        self._read = read
        self._instance = lru_cache(KNOWN_INSTANCES)(self._find_instance)

    def page(
        self, cursor: Mapping[int, int], limit: int, wanted: Callable[[str], bool] = bool
    ) -> Page:
        """Return the events of the turns after a cursor; `wanted` tells which types to make."""
        rows = self._read.reader.feed(dict(cursor), limit)
        after = dict(cursor)
        found: list[Told] = []
        of_instances = 0
        for row in rows:
            after[row.log] = row.seq
            if row.aggregate >= 0 and row.blob is not None:
                of_instances += 1
                found += self._events(row, row.blob, wanted)
        return Page(found, after, len(rows), of_instances)

    def _events(
        self, row: JournalRow, blob: bytes, wanted: Callable[[str], bool]
    ) -> Iterable[Told]:
        records = decode_records(unpack_blob(blob))
        for number, record in enumerate(records):
            name = TYPES.get(type(record))
            if name is None or not wanted(PREFIX + name):
                continue
            process, business_key = self._instance(row.aggregate)
            data = {
                "instance": str(row.aggregate),
                "process": process,
                "business_key": business_key,
                **self._details(row.aggregate, record, records),
            }
            at = decode_header(row.header).now
            id = f"{row.log}-{row.seq}-{row.n}-{number}"
            yield Told(id, PREFIX + name, process, str(row.aggregate), at, data, row.log, row.seq)

    def _find_instance(self, key: int) -> tuple[str, str | None]:
        stored = self._read.reader.instance(key)
        return ("", None) if stored is None else (stored.row.process, stored.row.business_key)

    def _details(
        self, instance: int, record: r.AnyRecord, turn: list[r.AnyRecord]
    ) -> dict[str, Any]:
        """Return what an event says beside its instance."""
        if isinstance(record, r.InstanceTerminated):
            return {"reason": record.reason}
        if isinstance(record, r.InstanceFailed):
            return {"code": record.code, "message": record.message}
        if isinstance(record, r.IncidentResolved):
            return {"incident": f"{instance}-{record.incident}"}
        if isinstance(record, r.IncidentRaised):
            return {
                "incident": f"{instance}-{record.incident}",
                "element": self._element(instance, record.element, turn),
                "code": record.code,
                "message": record.message,
            }
        if isinstance(record, r.DecisionEvaluated):
            return {
                "element": self._element(instance, record.element, turn),
                "decision": record.decision,
                "result": values.to_json(self._read.value(instance, record.result)),
            }
        task = isinstance(
            record,
            r.UserTaskCreated | r.UserTaskAssigned | r.UserTaskCompleted | r.UserTaskCanceled,
        )
        if not task:
            return {}
        element = record.element  # type: ignore[union-attr]  # all of them have one
        details: dict[str, Any] = {
            "task": f"{instance}-{element}",
            "element": self._element(instance, element, turn),
        }
        if isinstance(record, r.UserTaskCreated | r.UserTaskAssigned):
            details["assignee"] = record.assignee
        if isinstance(record, r.UserTaskCreated):
            details["name"] = record.name
            details["candidate_groups"] = list(record.candidate_groups)
        return details

    def _element(self, instance: int, number: int, turn: list[r.AnyRecord]) -> str | None:
        """Return the model id of an element; mostly it began in the same turn."""
        found = _activated(turn, number)
        if found is not None:
            return found
        for row in self._read.reader.journal_of(instance):
            if row.blob is not None:
                found = _activated(decode_records(unpack_blob(row.blob)), number)
                if found is not None:
                    return found
        return None


_OF_TASKS = (r.UserTaskCreated, r.UserTaskAssigned, r.UserTaskCompleted, r.UserTaskCanceled)


def _activated(records: Iterable[r.AnyRecord], number: int) -> str | None:
    for record in records:
        if isinstance(record, r.ElementActivated) and record.element == number:
            return record.id
    return None


def present(reader: Reader) -> Cursor:
    """Return the cursor of everything that is committed."""
    return {head.log: head.seq for head in reader.log_heads()}


def encode_cursor(cursor: Mapping[int, int]) -> bytes:
    """Return a cursor as bytes."""
    return msgspec.msgpack.encode(dict(cursor))


def decode_cursor(data: bytes) -> Cursor:
    """Return the cursor of bytes; none is the beginning of the journal."""
    return _cursor.decode(data) if data else {}


def cursor_text(cursor: Mapping[int, int]) -> str:
    """Return a cursor as a text for a header or a URL."""
    return base64.urlsafe_b64encode(encode_cursor(cursor)).decode().rstrip("=")


def parse_cursor(text: str) -> Cursor:
    """Return the cursor of a text. Raises `InputError` for what is none."""
    try:
        return decode_cursor(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, msgspec.MsgspecError, ValueError) as error:
        raise InputError("expected a cursor that this server gave as an event id") from error
