"""Past evaluations of a decision, read from the journal in bounded parts.

The journal has no index of decisions. A log is entered where `since` begins, which its commits'
times tell, and left when a part has read enough turns.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tenuto.client.recorded import evaluations_in
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
