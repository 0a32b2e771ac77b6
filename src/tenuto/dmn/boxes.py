"""Questions about all inputs of a table, answered over boxes of atoms.

A *box* is a set of atoms for each column; a rule is one, and so is a gap. The input space is split
column by column into groups of atoms that the same rules admit, so that the answer is exact without
trying each input; what was found for a set of remaining rules is kept. Every step is charged, and
`Exhausted` is raised when there are too many.
"""

from __future__ import annotations

from collections.abc import Iterator

from tenuto.dmn.atoms import Column

Box = tuple[int, ...]
GAPS_MAX = 200


class Exhausted(Exception):
    """The analysis spent its steps."""


class Steps:
    """What may still be spent."""

    __slots__ = ("left",)

    def __init__(self, left: int) -> None:
        """Begin with a number of steps."""
        self.left = left

    def charge(self, steps: int) -> None:
        """Spend steps; raise `Exhausted` when none are left."""
        self.left -= steps
        if self.left < 0:
            raise Exhausted


class Space:
    """The inputs of a table, and its rules as boxes."""

    def __init__(self, columns: list[Column], rules: int, steps: Steps) -> None:
        """Turn cells around: the rules that admit each atom."""
        self.columns = columns
        self.rules = rules
        self.steps = steps
        self._admitting: list[list[int]] = []
        for column in columns:
            always = 0
            admitting = [0] * column.size
            for place, mask in enumerate(column.masks):
                if mask == column.full:
                    always |= 1 << place
                    continue
                steps.charge(1 + mask.bit_count())
                for atom in bits(mask):
                    admitting[atom] |= 1 << place
            self._admitting.append([some | always for some in admitting])

    def box(self, rule: int) -> Box:
        """Return the inputs for which a rule holds."""
        return tuple(column.masks[rule] for column in self.columns)

    @property
    def everything(self) -> Box:
        """All inputs."""
        return tuple(column.full for column in self.columns)

    def touching(self, box: Box) -> int:
        """Return the rules that hold for some input of a box."""
        found = (1 << self.rules) - 1
        for column, admitting, mask in zip(self.columns, self._admitting, box, strict=True):
            if mask == column.full:
                continue
            self.steps.charge(1 + mask.bit_count())
            touched = 0
            for atom in bits(mask):
                touched |= admitting[atom]
            found &= touched
        return found

    def uncovered(self, box: Box, rules: int, limit: int = GAPS_MAX) -> list[Box]:
        """Return boxes, at most so many, that make up what no rule of a set covers."""
        known: dict[tuple[int, int], list[Box]] = {}
        return self._uncovered(0, box, rules, (known, limit))

    def _uncovered(
        self, at: int, box: Box, rules: int, search: tuple[dict[tuple[int, int], list[Box]], int]
    ) -> list[Box]:
        if not rules:
            return [box[at:]]
        if at == len(self.columns):
            return []
        known, limit = search
        found = known.get((at, rules))
        if found is not None:
            return found
        rests: dict[int, int] = {}
        admitting = self._admitting[at]
        for atom in bits(box[at]):
            rest = rules & admitting[atom]
            rests[rest] = rests.get(rest, 0) | 1 << atom
        self.steps.charge(1 + box[at].bit_count())
        # Groups that leave the same gaps below are one: fewer and larger boxes come out.
        gaps: dict[tuple[Box, ...], int] = {}
        for rest, atoms in rests.items():
            below = self._uncovered(at + 1, box, rest, search)
            if below:
                key = tuple(below)
                gaps[key] = gaps.get(key, 0) | atoms
        boxes = [(atoms, *gap) for below_, atoms in gaps.items() for gap in below_]
        known[at, rules] = boxes[:limit]
        return known[at, rules]


def meet(first: Box, second: Box) -> Box | None:
    """Return the inputs in both boxes, if there are any."""
    both = tuple(a & b for a, b in zip(first, second, strict=True))
    return both if all(both) else None


def holds(outer: Box, inner: Box) -> bool:
    """Tell whether one box lies within the other."""
    return all(b & ~a == 0 for a, b in zip(outer, inner, strict=True))


def bits(mask: int) -> Iterator[int]:
    """Yield the places of the bits that are set, from the lowest."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low
