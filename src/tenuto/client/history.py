"""What the journal says of a routine: what its coroutine asked for, and the outcomes, in order."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct, field

from tenuto.engine import queue_records as qr
from tenuto.engine import records as r
from tenuto.engine import routine_records as rr
from tenuto.engine.state import ROOT
from tenuto.engine.stored import Stored
from tenuto.errors import InputError
from tenuto.runtime.routines import Outcome
from tenuto.store.codec import unpack_blob
from tenuto.store.headers import decode_header

if TYPE_CHECKING:
    from tenuto.client.reading import Reading


class History(Struct):
    """A routine as its records have it.

    After `seen` of the `outcomes` the coroutine had asked for `asked`, in `advances`.
    `stages` say after how many outcomes it asked for what. `steps` are open, with their attempts;
    `variables` are what it began with at `began_at` (Unix milliseconds). `attempts` counts those
    that began of every step, `asked_at` says when it was asked for; `failures` has the message of
    the last that failed, `details` what it said of its progress.
    """

    began_at: int = 0
    seen: int = 0
    advances: int = 0
    variables: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    stages: list[tuple[int, tuple[str, ...]]] = field(default_factory=list)
    steps: dict[str, int] = field(default_factory=dict)
    delayed: dict[str, int] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    asked_at: dict[str, int] = field(default_factory=dict)
    details: dict[str, bytes] = field(default_factory=dict)
    withdrawn: set[str] = field(default_factory=set)

    @property
    def open_steps(self) -> set[str]:
        """Return the steps that run or wait for their next attempt."""
        return self.steps.keys() | self.delayed.keys()


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
                elif isinstance(record, qr.PlaceAdmitted):
                    if not record.step:
                        found.began_at = at
                elif getattr(record, "element", None) == element:
                    _fold(found, record, at, lambda stored: _bytes(read, instance, stored))
    found.variables = {
        name: data
        for name, stored in variables.items()
        if (data := _bytes(read, instance, stored)) is not None
    }
    return found


BytesOf = Callable[[Stored | None], bytes | None]


def _fold(found: History, record: object, at: int, bytes_of: BytesOf) -> None:
    if isinstance(record, rr.OutcomeTaken):
        number = len(found.outcomes) + 1
        value, error = bytes_of(record.value), bytes_of(record.error)
        found.outcomes.append(Outcome(number, record.key, record.at, value, error))
        found.steps.pop(record.key, None)
    elif isinstance(record, rr.RoutineAdvanced):
        found.seen = record.seen
        found.advances += 1
        found.asked.extend(record.asked)
        found.stages.append((record.seen, record.asked))
        found.steps.update(dict.fromkeys(record.steps, 1))
        found.attempts.update(dict.fromkeys(record.steps, 1))
        found.asked_at.update(dict.fromkeys(record.steps, at))
    elif isinstance(record, rr.RoutineBegan):
        # What the same turn holds before this belongs to the run that it continues.
        for part in (found.asked, found.stages, found.outcomes, found.marks):
            part.clear()
        found.steps, found.delayed = {}, {}
        found.attempts, found.failures, found.withdrawn = {}, {}, set()
        found.asked_at, found.details = {}, {}
        found.began_at, found.seen, found.advances = at, 0, 0
    elif isinstance(record, rr.PatchMarked):
        found.marks.append(record.name)
    else:
        _fold_steps(found, record, bytes_of)


def _fold_steps(found: History, record: object, bytes_of: BytesOf) -> None:
    """Take in what happened to steps between their beginning and their end."""
    if isinstance(record, rr.StepDelayed):
        found.steps.pop(record.key, None)
        found.delayed[record.key] = record.attempt
        found.failures[record.key] = record.message
        details = bytes_of(record.details)
        if details is not None:
            found.details[record.key] = details
    elif isinstance(record, qr.PlaceTaken):
        if record.step:
            found.delayed[record.step] = found.attempts[record.step] = (
                found.steps.pop(record.step) - 1
            )
    elif isinstance(record, rr.StepResumed):
        found.steps[record.key] = found.attempts[record.key] = found.delayed.pop(record.key) + 1
    elif isinstance(record, rr.AwaitWithdrawn):
        found.withdrawn.add(record.key)
        found.steps.pop(record.key, None)
        found.delayed.pop(record.key, None)


def _bytes(read: Reading, instance: int, stored: Stored | None) -> bytes | None:
    if stored is None or isinstance(stored, bytes):
        return stored
    data = read.reader.payload(instance, stored.digest)
    return None if data is None else unpack_blob(data)


class Start(NamedTuple):
    """Where a routine began last: its element and the turn."""

    element: int
    version: int


def last_start(read: Reading, instance: int) -> Start:
    """Return where the routine of an instance began. Raises `InputError` where there is none."""
    found: Start | None = None
    after = 0
    while rows := read.reader.journal_of(instance, after):
        for row in rows:
            after = row.version
            records = () if row.blob is None else r.decode_records(unpack_blob(row.blob))
            for record in records:
                if isinstance(record, rr.RoutineBegan):
                    found = Start(record.element, row.version)
    if found is None:
        raise InputError(f"expected instance {instance} to be a workflow, but it is none")
    return found


def cut_before(history: History, step: str | None) -> int:
    """Return how many outcomes were seen before a step was asked for.

    The step is given by its key (`charge#3`) or by its name, which means its last call; nothing
    means the last step that failed. Raises `InputError` that names what there is.
    """
    if step is None:
        failed = [one.key for one in history.outcomes if one.error is not None]
        step = failed[-1] if failed else ""
    for seen, asked in reversed(history.stages):
        if any(key == step or key.rpartition("#")[0] == step for key in asked):
            return seen
    known = ", ".join(history.asked[-20:]) or "none"
    what = f"`{step}`" if step else "none that failed"
    raise InputError(f"expected a step of the workflow to fork from, got {what}; it has {known}")
