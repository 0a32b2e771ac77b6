"""Which rules of a table can hold for given inputs, found without trying each of them.

A small table has a bit for each rule: every column maps a value to the mask of rules whose cell
admits it, and the masks are joined by `and`. A large one would need too much memory for that: there
each column gives a list of candidates, and the shortest list is tried. Either way the answer may
hold too many rules, never too few: cells that are no constants are left to be evaluated.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable
from typing import Any

from tenuto.dmn.cells import HIGH, LOW, Cell, Choice, Cut, Ordered, is_foreign, key_of, kind_of

MASKED_RULES_MAX = 4096

Lookup = Callable[[Any], int | None]
Candidates = Callable[[Any], tuple[list[int], ...] | None]


def kind_of_column(cells: list[Cell]) -> str | None:
    """Return the one type that the shapes of a column are of."""
    kinds = {cell.shape.kind for cell in cells if cell.shape is not None}
    return kinds.pop() if len(kinds) == 1 else None


def mask_lookup(cells: list[Cell]) -> Lookup | None:
    """Return what maps a value to the mask of rules; nothing when no cell has a shape.

    The mask of a value of another type than the column's is nothing: evaluate the cells. Null and
    plain values of other types need none of that where all cells are strict.
    """
    kind = kind_of_column(cells)
    if kind is None:
        return None
    open_mask = sum(1 << place for place, cell in enumerate(cells) if cell.shape is None)
    if any(isinstance(cell.shape, Choice) for cell in cells):
        return _choice_lookup(cells, kind, open_mask)
    return _ordered_lookup(cells, kind, open_mask)


def _foreign_mask(cells: list[Cell], open_mask: int) -> int | None:
    """Return the rules left for null; nothing when some cell with a shape has to be evaluated."""
    are_strict = all(cell.is_strict for cell in cells if cell.shape is not None)
    return open_mask if are_strict else None


def _choice_lookup(cells: list[Cell], kind: str, open_mask: int) -> Lookup:
    negated = 0
    masks: dict[Any, int] = {}
    removed: dict[Any, int] = {}
    for place, cell in enumerate(cells):
        shape = cell.shape
        if isinstance(shape, Choice):
            bit = 1 << place
            target = removed if shape.is_negated else masks
            if shape.is_negated:
                negated |= bit
            for value in sorted(shape.values):
                target[value] = target.get(value, 0) | bit
    rest = open_mask | negated
    known = {
        value: (masks.get(value, 0) | rest) & ~removed.get(value, 0)
        for value in dict.fromkeys((*masks, *removed))
    }
    wanted = str if kind == "string" else bool
    foreign = _foreign_mask(cells, open_mask)

    def look_up(value: Any) -> int | None:
        if type(value) is wanted:
            return known.get(value, rest)
        return foreign if is_foreign(value, kind) else None

    return look_up


def _ordered_lookup(cells: list[Cell], kind: str, open_mask: int) -> Lookup:
    points, spans = _slots(cells)
    changes = [0] * (2 * len(points) + 2)
    for place, start, stop in spans:
        changes[start] ^= 1 << place
        changes[stop] ^= 1 << place
    masks = []
    mask = open_mask
    for change in changes:
        mask ^= change
        masks.append(mask)
    count = len(points)
    foreign = _foreign_mask(cells, open_mask)

    def look_up(value: Any) -> int | None:
        if kind_of(value) != kind:
            return foreign if is_foreign(value, kind) else None
        key = key_of(value, kind)
        at = bisect_left(points, key)
        if at < count and points[at] == key:
            return masks[2 * at + 1]
        return masks[2 * at]

    return look_up


def _slots(cells: Iterable[Cell]) -> tuple[list[Any], list[tuple[int, int, int]]]:
    """Return the sorted keys and, per interval, rule, first slot and the slot after the last.

    Slot `2i` is the gap before key `i`, slot `2i + 1` the key itself.
    """
    shapes = [
        (place, cell.shape) for place, cell in enumerate(cells) if isinstance(cell.shape, Ordered)
    ]
    points = sorted(
        {
            cut[0]
            for _, shape in shapes
            for span in shape.intervals
            for cut in span
            if cut not in (LOW, HIGH)
        }
    )
    numbers = {key: at for at, key in enumerate(points)}

    def slot(cut: Cut) -> int:
        if cut == LOW:
            return 0
        if cut == HIGH:
            return 2 * len(points) + 1
        return 2 * numbers[cut[0]] + 1 + cut[1]

    return points, [
        (place, slot(start), slot(stop))
        for place, shape in shapes
        for start, stop in shape.intervals
    ]


def candidate_lookup(cells: list[Cell]) -> Candidates | None:
    """Return what maps a value to lists of rules that may hold; nothing without shapes."""
    kind = kind_of_column(cells)
    if kind is None:
        return None
    rest = [
        place
        for place, cell in enumerate(cells)
        if cell.shape is None or (isinstance(cell.shape, Choice) and cell.shape.is_negated)
    ]
    if any(isinstance(cell.shape, Choice) for cell in cells):
        return _choice_candidates(cells, kind, rest)
    return _ordered_candidates(cells, kind, rest)


def _choice_candidates(cells: list[Cell], kind: str, rest: list[int]) -> Candidates:
    found: dict[Any, list[int]] = {}
    for place, cell in enumerate(cells):
        if isinstance(cell.shape, Choice) and not cell.shape.is_negated:
            for value in sorted(cell.shape.values):
                found.setdefault(value, []).append(place)

    foreign = _foreign_list(cells)

    def look_up(value: Any) -> tuple[list[int], ...] | None:
        if kind_of(value) == kind:
            return found.get(value, []), rest
        return (foreign,) if is_foreign(value, kind) else None

    return look_up


def _foreign_list(cells: list[Cell]) -> list[int]:
    """Return the rules that may hold for null and for plain values of other types."""
    return [place for place, cell in enumerate(cells) if not cell.is_strict]


def _ordered_candidates(cells: list[Cell], kind: str, rest: list[int]) -> Candidates:
    """A segment tree over the slots: each interval lies at few nodes, each slot below few."""
    points, spans = _slots(cells)
    size = 1
    while size < 2 * len(points) + 2:
        size *= 2
    nodes: dict[int, list[int]] = {}
    for place, start, stop in spans:
        low, high = start + size, stop + size
        while low < high:
            if low & 1:
                nodes.setdefault(low, []).append(place)
                low += 1
            if high & 1:
                high -= 1
                nodes.setdefault(high, []).append(place)
            low >>= 1
            high >>= 1
    foreign = _foreign_list(cells)

    def look_up(value: Any) -> tuple[list[int], ...] | None:
        if kind_of(value) != kind:
            return (foreign,) if is_foreign(value, kind) else None
        key = key_of(value, kind)
        at = bisect_left(points, key)
        node = size + 2 * at + (1 if at < len(points) and points[at] == key else 0)
        found = [rest]
        while node:
            if node in nodes:
                found.append(nodes[node])
            node >>= 1
        return tuple(found)

    return look_up
