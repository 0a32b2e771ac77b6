"""Recorded histories of workflows: kept as files, and replayed with the code of today.

    durable.record(run).write("tests/histories/fulfil.json")    # once

    def test_the_code_still_fits():
        replay_history(fulfil, "tests/histories/fulfil.json")   # in every later test

A replay needs no engine and no server, and runs no step.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Struct

from tenuto.client.history import History, last_start, read_history
from tenuto.client.reading import Reading
from tenuto.engine.routines import step_key
from tenuto.errors import InputError
from tenuto.store.port import InstanceQuery
from tenuto.workflows import codec
from tenuto.workflows.define import Workflow
from tenuto.workflows.routine import NotDeterministic, Routine

FORM: Final = 1
INSTANCES_MAX: Final = 100_000
ENDED: Final = frozenset({"completed", "failed"})


class StepSeen(NamedTuple):
    """One await of a workflow: its key, and how it went.

    `state` is completed, failed, withdrawn, delayed (another attempt follows), running or waiting.
    `attempts` is 0 for what is no step. `error` is that of the outcome, else that of the last
    attempt.
    """

    key: str
    state: str
    attempts: int
    value: Any
    error: str | None


class RecordedOutcome(Struct, frozen=True):
    """What an await came to; `at` is in Unix milliseconds. Data is as `shown` gives it."""

    key: str
    at: int
    value: Any = None
    error: Any = None


class Recorded(Struct, frozen=True):
    """What one instance of a workflow asked for, and what it saw."""

    workflow: str
    instance: str
    status: str
    began_at: int
    arguments: dict[str, Any]
    asked: list[str]
    outcomes: list[RecordedOutcome]
    marks: list[str]
    form: int = FORM

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON data."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        return found

    def write(self, path: str | Path) -> None:
        """Write a file that can be committed."""
        text = json.dumps(self.as_json(), indent=2, ensure_ascii=False)
        Path(path).write_text(text + "\n", encoding="utf-8")


def read_recorded(given: Recorded | Mapping[str, Any] | str | Path) -> Recorded:
    """Return a recorded history from its file or its JSON data.

    Raises `InputError` for what is none.
    """
    if isinstance(given, Recorded):
        return given
    try:
        if isinstance(given, Mapping):
            found = msgspec.convert(given, Recorded)
        else:
            found = msgspec.json.decode(Path(given).read_bytes(), type=Recorded)
    except (OSError, msgspec.MsgspecError) as error:
        raise InputError(
            f"expected a history as `durable.record(run).write(path)` writes it: {error}"
        ) from error
    if found.form != FORM:
        raise InputError(f"expected a history of form {FORM}, got form {found.form}; record anew")
    return found


def history_of(read: Reading, instance: str) -> History:
    """Return what the journal says of a workflow. Raises `InputError` for what is none."""
    key = read.find(instance).key
    start = last_start(read, key)
    return read_history(read, key, start.element, start.version)


def record_history(read: Reading, instance: str) -> Recorded:
    """Return the history of an instance as a file keeps it."""
    row = read.find(instance)
    history = history_of(read, instance)
    return Recorded(
        row.process,
        str(row.key),
        row.status,
        history.began_at,
        {name: shown(data) for name, data in history.variables.items()},
        history.asked,
        [
            RecordedOutcome(
                one.key,
                one.at,
                None if one.value is None else shown(one.value),
                None if one.error is None else shown(one.error),
            )
            for one in history.outcomes[: history.seen]
        ],
        history.marks,
    )


def steps_of(read: Reading, instance: str) -> list[StepSeen]:
    """Return the awaits of a workflow in the order in which it asked for them."""
    history = history_of(read, instance)
    outcomes = {one.key: one for one in history.outcomes}
    found = []
    for key in history.asked:
        attempts = history.attempts.get(key, 0)
        failure = history.failures.get(key)
        outcome = outcomes.get(key)
        if outcome is None:
            found.append(StepSeen(key, _open_state(history, key), attempts, None, failure))
        elif outcome.error is not None:
            found.append(StepSeen(key, "failed", attempts, None, _error_text(outcome.error)))
        else:
            value = codec.decode(outcome.value or b"")
            found.append(StepSeen(key, "completed", attempts, value, None))
    return found


def finished_steps(read: Reading) -> set[str]:
    """Return the idempotency keys of all awaits whose outcome is in the journal."""
    found = set()
    for row in read.instances(InstanceQuery(limit=INSTANCES_MAX)):
        try:
            start = last_start(read, row.key)
        except InputError:  # it is a process, not a workflow
            continue
        history = read_history(read, row.key, start.element, start.version)
        found |= {step_key(row.key, start.version, one.key) for one in history.outcomes}
    return found


def _open_state(history: History, key: str) -> str:
    if key in history.withdrawn:
        return "withdrawn"
    if key in history.delayed:
        return "delayed"
    return "running" if key in history.steps else "waiting"


def _error_text(data: bytes) -> str:
    error = codec.decode(data)
    return f"{error['type']}: {error['message']}"


def replay_history(
    workflow: Workflow[..., Any], recorded: Recorded | Mapping[str, Any] | str | Path
) -> None:
    """Replay a recorded history with the code of a workflow as it is now; no step runs.

    `recorded` is a file, its data, or what `durable.record(run)` gives. Raises `NotDeterministic`
    with the expected and the actual step where the code does not fit.
    """
    found = read_recorded(recorded)
    if found.workflow != workflow.name:
        raise InputError(
            f"expected a history of workflow `{workflow.name}`, got one of `{found.workflow}`"
        )
    routine = Routine(workflow, found.instance, found.began_at)
    routine.expect(found.asked, found.marks)
    try:
        routine.begin(workflow.body({name: kept(one) for name, one in found.arguments.items()}))
        for one in found.outcomes:
            value = None if one.value is None else kept(one.value)
            error = None if one.error is None else kept(one.error)
            routine.feed(one.key, one.at, value, error)
        is_ended = routine.is_ended
        routine.go_live()
    finally:
        routine.discard()
    if found.status in ENDED and not is_ended:
        raise NotDeterministic("its end", "something more to wait for")
    if found.status == "active" and is_ended:
        raise NotDeterministic("something more to wait for", "its end")


def shown(data: bytes) -> dict[str, Any]:
    """Return an encoded value as JSON data: as plain as it can be kept exactly."""
    try:
        plain = json.loads(json.dumps(codec.decode(data)))
        if codec.encode(plain, where="a value") == data:
            return {"json": plain}
    except (TypeError, ValueError):  # not everything is JSON
        pass
    return {"base64": base64.b64encode(data).decode()}


def kept(given: Any) -> bytes:
    """Return the encoded value that `shown` gave. Raises `InputError` for what is none."""
    if isinstance(given, Mapping) and "json" in given:
        return codec.encode(given["json"], where="a recorded value")
    try:
        return base64.b64decode(given["base64"], validate=True)
    except (TypeError, KeyError, ValueError) as error:
        raise InputError(f"expected a recorded value with `json` or `base64`: {error}") from error
