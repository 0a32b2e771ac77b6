"""The summary of a run: what became of its instances, read from the database after it.

Everything is read in pages of committed rows; nothing here asks the node.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from tenuto.cli.explained import explained
from tenuto.cli.people import Waiting, waiting_for
from tenuto.engine.records import DecisionEvaluated, decode_records
from tenuto.engine.rows import IncidentRow, InstanceRow
from tenuto.store.codec import unpack_blob
from tenuto.store.port import InstanceQuery

if TYPE_CHECKING:
    from tenuto.client.reading import Reading

PAGE: Final = 1_000
PAST_THE_END: Final = 1 << 62


class Cause(Struct, frozen=True):
    """Incidents of one cause."""

    code: str
    element: str
    message: str
    count: int


class Rule(Struct, frozen=True):
    """How often a rule of a decision matched."""

    decision: str
    rule: str
    count: int


class CycleTime(Struct, frozen=True):
    """From start to end of the completed instances, in milliseconds."""

    p50: int | None
    p95: int | None


class Outcome(Struct, frozen=True):
    """What a run found in the database at its end."""

    instances: dict[str, int]
    cycle_time_ms: CycleTime
    waiting: list[Waiting]
    incidents: list[Cause]
    decisions: list[Rule]


def outcome(read: Reading, keys: array[int], cursor: dict[int, int]) -> Outcome:
    """Return what became of the instances `keys`; decisions are counted after `cursor`."""
    ordered = array("q", sorted(keys))
    first = ordered[0] if ordered else PAST_THE_END
    statuses, cycles = _ended(read, ordered)
    return Outcome(
        dict(statuses),
        CycleTime(quantile(cycles, 0.50), quantile(cycles, 0.95)),
        waiting_for(read),
        _causes(read, first),
        _rules(read, first, cursor),
    )


def quantile(ordered: array[int], share: float) -> int | None:
    """Return the value below which a share of the ordered values lies."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else None


def _ended(read: Reading, keys: array[int]) -> tuple[Counter[str], array[int]]:
    """Return instances by status, and the cycle times of the completed ones in order."""
    statuses: Counter[str] = Counter()
    cycles = array("q")
    for row in _instances(read, keys):
        statuses[row.status] += 1
        if row.status == "completed" and row.ended_at is not None:
            cycles.append(row.ended_at - row.started_at)
    return statuses, array("q", sorted(cycles))


def _instances(read: Reading, keys: array[int]) -> Iterator[InstanceRow]:
    """Give the rows of `keys`, which are in order, by walking the table beside them."""
    if not keys:
        return
    after: int | None = keys[0] - 1
    while page := read.instances(InstanceQuery(after=after, limit=PAGE, newest_first=False)):
        for row in page:
            place = bisect_left(keys, row.key)
            if place < len(keys) and keys[place] == row.key:
                yield row
        after = page[-1].key
        if after >= keys[-1]:
            return


def _causes(read: Reading, first: int) -> list[Cause]:
    """Return the open incidents of instances since `first` by cause, the most frequent first."""
    counted: Counter[tuple[str, str, str]] = Counter()
    after: tuple[object, ...] = (first, -1)
    while page := read.reader.rows("incident", after=after, limit=PAGE):
        for row in page:
            assert isinstance(row, IncidentRow), "the incident table holds incidents"
            counted[(row.code, row.element_id, row.message)] += 1
        after = (page[-1][0], page[-1][1])
    return [Cause(*cause, count) for cause, count in counted.most_common()]


def _rules(read: Reading, first: int, cursor: Mapping[int, int]) -> list[Rule]:
    """Return how often each rule matched in instances since `first`."""
    counted: Counter[tuple[str, str]] = Counter()
    position = dict(cursor)
    while page := read.reader.feed(position, PAGE):
        for row in page:
            position[row.log] = max(position.get(row.log, 0), row.seq)
            if row.aggregate < first or row.blob is None:
                continue
            for record in decode_records(unpack_blob(row.blob)):
                if isinstance(record, DecisionEvaluated):
                    result = read.value(row.aggregate, record.result)
                    counted.update(_matched(record, result))
    return [Rule(*rule, count) for rule, count in sorted(counted.items())]


def _matched(record: DecisionEvaluated, result: Any) -> list[tuple[str, str]]:
    """Return (decision, rule) of every rule that matched; a decision without rules counts once."""
    decisions = explained(result) if isinstance(result, dict) else []
    return [
        (one.decision, name)
        for one in decisions
        for name in ([rule.title for rule in one.rules] or ["no rule"])
    ] or [(record.decision, "no rule")]
