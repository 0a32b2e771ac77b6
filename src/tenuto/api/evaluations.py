"""Past evaluations of a decision, read from the journal in bounded parts.

The journal has no index of decisions. A log is entered where `since` begins, which its commits'
times tell, and left when a part has read enough turns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tenuto.api.past import made_decision
from tenuto.api.rendering import stored_json
from tenuto.client.recorded import evaluations_in
from tenuto.engine.records import DecisionEvaluated, decode_records
from tenuto.store.codec import unpack_blob
from tenuto.store.headers import decode_header

if TYPE_CHECKING:
    from tenuto.client.reading import Reading
    from tenuto.store.port import ChainRow, JournalRow, Reader

TURNS_AT_ONCE: Final = 500
BEFORE_A_COMMIT: Final = -1


class Place(NamedTuple):
    """The turn after which a part begins."""

    log: int
    seq: int
    n: int


class Evaluation(NamedTuple):
    """One evaluation: of which instance, when, and what it and the decisions that it requires
    read.
    """

    instance: int
    at: int
    inputs: dict[str, Any]


class Match(NamedTuple):
    """A rule that matched: its number as drawn from 1, and what is written beside it."""

    decision: str
    number: int | None
    annotation: str


class Wanted(NamedTuple):
    """Evaluations of `decision` at or after `since` in Unix milliseconds."""

    decision: str
    since: int


class Bounds(NamedTuple):
    """What a part finds, and what it reads, at most."""

    found: int
    turns: int


def evaluations(
    read: Reading, wanted: Wanted, after: Place | None, bounds: Bounds
) -> tuple[list[Evaluation], Place | None]:
    """Return some evaluations, log by log, and the place of the next part, if there is one."""
    found: list[Evaluation] = []
    for count, turn in enumerate(_turns(read.reader, wanted.since, after), 1):
        at = decode_header(turn.header).now
        if at >= wanted.since:
            inputs = evaluations_in(read, turn, wanted.decision)
            found += [Evaluation(turn.aggregate, at, one) for one in inputs]
        if len(found) >= bounds.found or count == bounds.turns:
            return found, Place(turn.log, turn.seq, turn.n)
    return found, None


def matches(
    read: Reading, since: int, first: int, after: Place | None, turns_max: int
) -> tuple[dict[Match, int], Place | None]:
    """Count which rules matched in instances from `first` on; return the place of the next part.

    A decision without a rule that matched counts once, without one.
    """
    counted: Counter[Match] = Counter()
    for count, turn in enumerate(_turns(read.reader, since, after), 1):
        if turn.aggregate >= first and turn.blob is not None:
            for record in decode_records(unpack_blob(turn.blob)):
                if isinstance(record, DecisionEvaluated):
                    result = stored_json(read, turn.aggregate, record.result)
                    counted.update(_matched(record.decision, result))
        if count == turns_max:
            return counted, Place(turn.log, turn.seq, turn.n)
    return counted, None


def _matched(decision: str, result: Any) -> list[Match]:
    made = result.get("decisions") if isinstance(result, dict) else None
    return [match for one in made or () for match in _rules_of(one)] or [Match(decision, None, "")]


def _rules_of(one: dict[str, Any]) -> list[Match]:
    found = made_decision(one)
    return [
        Match(found.decision, rule.index, "; ".join(filter(None, rule.annotations.values())))
        for rule in found.matched
    ] or [Match(found.decision, None, "")]


def _turns(reader: Reader, since: int, after: Place | None) -> Iterator[JournalRow]:
    """Yield the turns after a place, and of each log from `since` on; some may be older."""
    for head in reader.log_heads():
        if head.at < since or (after is not None and head.log < after.log):
            continue
        if after is not None and head.log == after.log:
            place = after.seq, after.n
        else:
            place = _first_seq(reader, head, since), BEFORE_A_COMMIT
        page = reader.turns_of_log(head.log, place, TURNS_AT_ONCE)
        yield from page
        while len(page) == TURNS_AT_ONCE:
            page = reader.turns_of_log(head.log, (page[-1].seq, page[-1].n), TURNS_AT_ONCE)
            yield from page


def _first_seq(reader: Reader, head: ChainRow, since: int) -> int:
    """Return the first commit of a log at or after `since`: the times of a log only rise."""
    low, high = 0, head.seq
    while low < high:
        middle = (low + high) // 2
        [row] = reader.chain(head.log, middle - 1, 1)
        low, high = (middle + 1, high) if row.at < since else (low, middle)
    return low
