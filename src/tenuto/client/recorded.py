"""Decisions that the journal keeps: their recorded inputs, and the models that were deployed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tenuto import dmn
from tenuto.client.reading import Reading
from tenuto.engine.records import DecisionEvaluated, decode_records
from tenuto.engine.registry import REGISTRY, decode_state
from tenuto.engine.rows import AggregateRow
from tenuto.errors import InputError
from tenuto.store.codec import unpack_blob
from tenuto.store.headers import decode_header
from tenuto.store.port import JournalRow

PAGE = 2_000


def recorded_inputs(
    read: Reading, decision: str, *, since: int = 0
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (instance key, inputs) of every evaluation of a decision at or after `since`.

    `since` is in Unix milliseconds. Inputs that were erased are left out of the dict.
    """
    for turn in all_turns(read):
        if decode_header(turn.header).now >= since:
            for inputs in evaluations_in(read, turn, decision):
                yield str(turn.aggregate), inputs


def evaluations_in(read: Reading, turn: JournalRow, decision: str) -> list[dict[str, Any]]:
    """Return the inputs of the evaluations of a decision in a turn; none when it was pruned."""
    found = []
    for record in () if turn.blob is None else decode_records(unpack_blob(turn.blob)):
        if isinstance(record, DecisionEvaluated) and record.decision == decision:
            inputs = _inputs(read.value(turn.aggregate, record.result))
            if inputs is not None:
                found.append(inputs)
    return found


def all_turns(read: Reading) -> Iterator[JournalRow]:
    """Yield every turn of the journal, log by log, in pages."""
    cursor: dict[int, int] = {}
    while page := read.reader.feed(cursor, PAGE):
        for turn in page:
            cursor[turn.log] = max(turn.seq, cursor.get(turn.log, 0))
            yield turn


def _inputs(result: Any) -> dict[str, Any] | None:
    """Return what the decision and those that it requires read; what they gave is no input."""
    if not isinstance(result, dict) or not result.get("decisions"):
        return None
    made = result["decisions"]
    names = {one["name"] for one in made}
    return {
        name: value for one in made for name, value in one["inputs"].items() if name not in names
    }


def deployed_model(read: Reading, decision: str) -> dmn.Model:
    """Return the newest deployed model that has a decision of this id or name.

    Raises `InputError` that names the decisions that are deployed.
    """
    known: list[str] = []
    for source in _deployed_sources(read):
        model = dmn.load(source)
        if decision in model.decisions:
            return model
        known += sorted({one.id for one in model.decisions.values()})
    raise InputError(
        f"expected a deployed decision `{decision}`, got {', '.join(known) or 'none'}; name the "
        "model that decided with --old"
    )


def _deployed_sources(read: Reading) -> Iterator[bytes]:
    """Yield the DMN sources of all deployments, newest first."""
    for row in read.reader.rows("aggregate", instance=REGISTRY):
        assert isinstance(row, AggregateRow), "the aggregate table holds aggregate rows"
        state = decode_state(unpack_blob(row.snapshot))
        for deployment in reversed(state.deployments):
            for _, kind, stored in deployment.resources:
                if kind == "dmn":
                    yield source_of(read, stored)


def source_of(read: Reading, stored: Any) -> bytes:
    """Return a deployed source from its payload."""
    if isinstance(stored, bytes):
        return stored
    data = read.reader.payload(REGISTRY, stored.digest)
    if data is None:
        raise InputError("expected the source of a deployment, but it was erased")
    return unpack_blob(data)
