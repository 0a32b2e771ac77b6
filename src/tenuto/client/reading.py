"""Reading committed rows and history, as plain data.

Every read sees every write that was answered.
"""

from __future__ import annotations

import json
import threading
from typing import Any, NamedTuple, Protocol

from tenuto import values
from tenuto.engine.records import AnyRecord, DecisionEvaluated, decode_records
from tenuto.engine.rows import AggregateRow, IncidentRow, InstanceRow, JobRow, UserTaskRow
from tenuto.engine.state import ROOT, InstanceState
from tenuto.engine.stored import PayloadRef, Stored
from tenuto.engine.webhooks import decode_progress
from tenuto.errors import Rejected
from tenuto.keys import Kind, named_key
from tenuto.runtime.warm import fold
from tenuto.store.codec import unpack_blob
from tenuto.store.headers import Header, decode_header
from tenuto.store.port import InstanceQuery, Reader

ERASED = "(erased)"


class Instance(NamedTuple):
    """An instance: key, status (active, completed, terminated, failed) and variables as Python
    data.
    """

    key: str
    status: str
    variables: dict[str, Any]


class Task(NamedTuple):
    """An open user task. Times are Unix milliseconds."""

    key: str
    instance: str
    process: str
    element: str
    name: str
    assignee: str | None
    candidate_groups: list[str]
    candidate_users: list[str]
    due_at: int | None
    priority: int
    created_at: int


class Turn(NamedTuple):
    """One turn of an instance's history: its header and its records."""

    version: int
    header: Header
    records: list[AnyRecord]


class Decision(NamedTuple):
    """A decision that was made: the element, the decision id, and the explained result as data."""

    element: int
    decision: str
    at: int
    result: dict[str, Any]


class Readable(Protocol):
    """What gives readers: a store."""

    def reader(self) -> Reader:
        """Return a reader for the calling thread."""


class Reading:
    """Queries of a database. One reader for each thread."""

    def __init__(self, store: Readable) -> None:
        """Read from a store."""
        self._store = store
        self._local = threading.local()

    @property
    def reader(self) -> Reader:
        """Return the reader of this thread."""
        reader: Reader | None = getattr(self._local, "reader", None)
        if reader is None:
            reader = self._local.reader = self._store.reader()
        return reader

    def instances(self, query: InstanceQuery) -> list[InstanceRow]:
        """Return a page of instances."""
        return self.reader.instances(query)

    def counts(self) -> dict[tuple[str, str], int]:
        """Return instance counts by (process, status)."""
        return self.reader.count_instances()

    def waiting(self) -> list[tuple[str, str, str, int]]:
        """Return (process, element, what, count) of everything that waits."""
        return self.reader.waiting()

    def tasks(
        self, *, assignee: str | None = None, group: str | None = None, limit: int = 100
    ) -> list[Task]:
        """Return open user tasks, earliest due first."""
        rows = self.reader.user_tasks(assignee=assignee, group=group, limit=limit)
        return [task_of(row) for row in rows]

    def incidents(self, instance: str | None = None, limit: int = 1000) -> list[IncidentRow]:
        """Return open incidents."""
        key = None if instance is None else int(instance)
        rows = self.reader.rows("incident", instance=key, limit=limit)
        return [row for row in rows if isinstance(row, IncidentRow)]

    def jobs(self, instance: str) -> list[JobRow]:
        """Return the open jobs of an instance."""
        rows = self.reader.rows("job", instance=int(instance))
        return [row for row in rows if isinstance(row, JobRow)]

    def find(self, text: str) -> InstanceRow:
        """Return an instance by key or business key. Raises `Rejected` (not-found)."""
        found: list[InstanceRow] = []
        if text.isdigit() and len(text) <= 19:
            stored = self.reader.instance(int(text))
            if stored is not None:
                return stored.row
        found = self.reader.instances(InstanceQuery(business_key=text, limit=1))
        if not found:
            raise Rejected(
                "not-found", f"expected an instance key or business key, but `{text}` is neither"
            )
        return found[0]

    def state(self, key: int) -> InstanceState:
        """Return the state of an instance, folded from its journal.

        Raises `Rejected` (not-found).
        """
        stored = self.reader.instance(key)
        if stored is None:
            raise Rejected("not-found", f"expected instance {key}, but there is none")
        return fold(stored).state

    def variables(self, key: int) -> dict[str, Any]:
        """Return the process variables of an instance as Python data."""
        state = self.state(key)
        return {
            name: values.to_python(self.value(key, stored))
            for name, stored in state.elements[ROOT].variables.items()
        }

    def encoded_variable(self, key: int, name: str) -> bytes | None:
        """Return a variable of the process as an encoded value; nothing if there is none."""
        stored = self.state(key).elements[ROOT].variables.get(name)
        if stored is None or isinstance(stored, bytes):
            return stored
        data = self.reader.payload(key, stored.digest)
        return None if data is None else unpack_blob(data)

    def value(self, key: int, stored: Stored) -> values.Value:
        """Return the value of stored bytes or of a payload of an instance."""
        if isinstance(stored, PayloadRef):
            data = self.reader.payload(key, stored.digest)
            stored = values.encode(ERASED) if data is None else unpack_blob(data)
        value: values.Value = values.decode(stored)
        return value

    def history(self, key: int) -> list[Turn]:
        """Return the turns of an instance, oldest first. What was pruned has no records."""
        turns: list[Turn] = []
        after = 0
        while rows := self.reader.journal_of(key, after):
            for row in rows:
                records = [] if row.blob is None else decode_records(unpack_blob(row.blob))
                turns.append(Turn(row.version, decode_header(row.header), records))
            after = rows[-1].version
        return turns

    def webhook_cursor(self, id: str) -> bytes | None:
        """Return how far a webhook has been told; nothing before its first delivery."""
        key = named_key(Kind.WEBHOOK, id)
        for row in self.reader.rows("aggregate", instance=key):
            assert isinstance(row, AggregateRow), "the aggregate table holds aggregates"
            return decode_progress(unpack_blob(row.snapshot or b"")).cursor or None
        return None

    def decisions(self, key: int) -> list[Decision]:
        """Return the decisions that an instance made, with inputs and matched rules."""
        found = []
        for turn in self.history(key):
            for record in turn.records:
                if isinstance(record, DecisionEvaluated):
                    result = values.to_python(self.value(key, record.result))
                    found.append(Decision(record.element, record.decision, turn.header.now, result))
        return found


def task_of(row: UserTaskRow) -> Task:
    """Return a user task as callers see it."""
    return Task(
        f"{row.instance}-{row.element}",
        str(row.instance),
        row.process,
        row.element_id,
        row.name,
        row.assignee,
        json.loads(row.candidate_groups),
        json.loads(row.candidate_users),
        row.due_at,
        row.priority,
        row.created_at,
    )
