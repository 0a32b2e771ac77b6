"""What the journal says of a routine: what its coroutine asked for, and the outcomes, in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from tenuto.engine import records as r
from tenuto.engine import routine_records as rr
from tenuto.engine.state import ROOT
from tenuto.engine.stored import Stored
from tenuto.runtime.routines import Outcome
from tenuto.store.codec import unpack_blob
from tenuto.store.headers import decode_header

if TYPE_CHECKING:
    from tenuto.client.reading import Reading


class History(Struct):
    """A routine as its records have it.

    After `seen` of the `outcomes` the coroutine had asked for `asked`, if it `has_run` at all.
    `steps` are open, with their attempts; `variables` are what it began with at `began_at` (Unix
    milliseconds).
    """

    began_at: int = 0
    seen: int = 0
    has_run: bool = False
    variables: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    steps: dict[str, int] = field(default_factory=dict)
    delayed: dict[str, int] = field(default_factory=dict)


def read_history(read: Reading, instance: int, element: int, since: int) -> History:
    """Return the history of a routine that began in the turn `since`. Runs on a reader's thread."""
    found = History()
    variables: dict[str, Stored] = {}
    after = since - 1
    while rows := read.reader.journal_of(instance, after):
        for row in rows:
            after = row.version
            if row.blob is None:
                continue
            at = decode_header(row.header).now
            for record in r.decode_records(unpack_blob(row.blob)):
                if isinstance(record, r.VariablesSet) and row.version == since:
                    if record.scope == ROOT:
                        variables.update(record.variables)
                elif getattr(record, "element", None) == element:
                    _fold(found, record, at, lambda stored: _bytes(read, instance, stored))
    found.variables = {
        name: data
        for name, stored in variables.items()
        if (data := _bytes(read, instance, stored)) is not None
    }
    return found


def _fold(found: History, record: object, at: int, bytes_of: object) -> None:
    if isinstance(record, rr.OutcomeTaken):
        assert callable(bytes_of), "bytes are read from the store"
        number = len(found.outcomes) + 1
        value, error = bytes_of(record.value), bytes_of(record.error)
        found.outcomes.append(Outcome(number, record.key, record.at, value, error))
        found.steps.pop(record.key, None)
    elif isinstance(record, rr.RoutineAdvanced):
        found.seen = record.seen
        found.has_run = True
        found.asked.extend(record.asked)
        found.steps.update(dict.fromkeys(record.steps, 1))
    elif isinstance(record, rr.RoutineBegan):
        # What the same turn holds before this belongs to the run that it continues.
        for part in (found.asked, found.outcomes, found.marks, found.steps, found.delayed):
            part.clear()
        found.began_at, found.seen, found.has_run = at, 0, False
    elif isinstance(record, rr.PatchMarked):
        found.marks.append(record.name)
    elif isinstance(record, rr.StepDelayed):
        found.steps.pop(record.key, None)
        found.delayed[record.key] = record.attempt
    elif isinstance(record, rr.StepResumed):
        found.steps[record.key] = found.delayed.pop(record.key) + 1
    elif isinstance(record, rr.AwaitWithdrawn):
        found.steps.pop(record.key, None)
        found.delayed.pop(record.key, None)


def _bytes(read: Reading, instance: int, stored: Stored | None) -> bytes | None:
    if stored is None or isinstance(stored, bytes):
        return stored
    data = read.reader.payload(instance, stored.digest)
    return None if data is None else unpack_blob(data)
