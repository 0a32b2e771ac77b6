"""Feeding: one start for each record, a bounded number of them unanswered, none of them twice.

The idempotency key of a start is made of the process, the batch name, the record's number and its
content, not of the file's path or time: a run that was interrupted and is run again finds the
instances that it has started, wherever the file lies now, and rows added at the end are new.
"""

from __future__ import annotations

import hashlib
import queue
from array import array
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, NamedTuple

from tenuto.cli.inputs import Declared
from tenuto.cli.output import json_bytes
from tenuto.cli.records import Record
from tenuto.client.requests import start_request
from tenuto.engine import rejections as why
from tenuto.engine.rejections import Rejection
from tenuto.errors import InputError, StoreError
from tenuto.runtime.requests import Answer, Reply, Result

if TYPE_CHECKING:
    from tenuto.runtime.node import Node

UNANSWERED_MAX: Final = 2_000
UNANSWERED_CHARACTERS_MAX: Final = 64 << 20
RAW_CHARACTERS_MAX: Final = 64 << 10
# These say that the node or its store is at its end, and nothing of the record.
_NOT_THE_RECORD: Final = (why.STORE_FULL, why.STORE_BUSY, why.STOPPING)


class Target(NamedTuple):
    """What records start: a process, its declared inputs, the column of the business key."""

    process: str
    declared: Declared
    business_key: str | None = None
    batch: str = ""
    actor: str = ""


class Rejects:
    """The file of records that were not started; it exists only when there is one."""

    def __init__(self, path: Path) -> None:
        """Write to `path`, replacing what an earlier run of the same input left there."""
        self.path = path
        self.count = 0
        self._file: IO[bytes] | None = None
        path.unlink(missing_ok=True)

    def add(self, record: Record, reason: str) -> None:
        """Keep a record with the line where it begins and the reason."""
        if self._file is None:
            self._file = self.path.open("wb")
        entry = {"line": record.line, "reason": reason, "raw": record.raw[:RAW_CHARACTERS_MAX]}
        self._file.write(json_bytes(entry) + b"\n")
        self.count += 1

    def close(self) -> None:
        """Write out what is held back."""
        if self._file is not None:
            self._file.close()


class Feeding:
    """Starts instances for records, as fast as the node answers."""

    def __init__(self, node: Node, target: Target, rejects: Rejects) -> None:
        """Start instances of `target` on `node`."""
        self._node = node
        self._target = target
        self._rejects = rejects
        self._answers: queue.SimpleQueue[list[tuple[int, Result]]] = queue.SimpleQueue()
        self._unanswered: dict[int, Record] = {}
        self._characters = 0
        self.characters = 0
        self.records = 0
        self.started = 0
        self.repeated = 0
        self.keys = array("q")

    def deliver(self, results: list[tuple[int, Result]]) -> None:
        """Take answers on the corridor's thread."""
        self._answers.put(results)

    @property
    def is_full(self) -> bool:
        """Tell whether answers must come before more is asked."""
        too_many = len(self._unanswered) >= UNANSWERED_MAX
        return too_many or self._characters > UNANSWERED_CHARACTERS_MAX

    @property
    def is_idle(self) -> bool:
        """Tell whether every start was answered."""
        return not self._unanswered

    def offer(self, record: Record) -> None:
        """Ask for the instance of a record, or reject the record."""
        self.records += 1
        self.characters += len(record.raw) + 1
        problem = record.problem
        variables: dict[str, Any] = {}
        if not problem:
            variables, problem = self._target.declared.convert(record.values)
        if problem:
            self._rejects.add(record, problem)
            return
        target = self._target
        try:
            request = start_request(
                target.process,
                variables,
                business_key=business_key(target, variables),
                idempotency_key=start_key(target, record),
                actor=target.actor,
            )
        except InputError as error:
            self._rejects.add(record, str(error))
            return
        self._unanswered[record.number] = record
        self._characters += len(record.raw)
        self._node.submit(request._replace(reply=Reply(self, record.number)))

    def take_answers(self, wait_seconds: float) -> None:
        """Take the answers that are there, waiting a moment for the first."""
        wait = wait_seconds if self._unanswered else 0.0
        try:
            while True:
                results = self._answers.get(timeout=wait) if wait else self._answers.get_nowait()
                wait = 0.0
                for number, result in results:
                    self._take(number, result)
        except queue.Empty:
            return

    def _take(self, number: int, result: Result) -> None:
        record = self._unanswered.pop(number)
        self._characters -= len(record.raw)
        if isinstance(result, Answer):
            self.keys.append(result.key)
            if result.facts.get("repeated"):
                self.repeated += 1
            else:
                self.started += 1
            return
        assert isinstance(result, Rejection), "a start is answered or refused"
        if result.code in _NOT_THE_RECORD:
            raise StoreError(result.message)
        if result.code == why.KEY_REUSED:
            # The same record was started when its process declared other types for it.
            self.repeated += 1
            return
        self._rejects.add(record, f"{result.code}: {result.message}")


def business_key(target: Target, variables: dict[str, Any]) -> str | None:
    """Return the business key that a record names by the column given for it."""
    if target.business_key is None:
        return None
    value = variables.get(target.business_key)
    if value is None or value == "":
        raise InputError(f"expected a business key in `{target.business_key}`, but it is empty")
    return str(value)


def start_key(target: Target, record: Record) -> str:
    """Return the idempotency key of a record's start."""
    head = f"{target.process}\x00{target.batch}\x00{record.number}\x00"
    content = json_bytes(record.values)
    digest = hashlib.blake2b(head.encode() + content, digest_size=20).hexdigest()
    return f"run-{digest}"
