"""What a column of a table can tell apart: its values, cut into finitely many *atoms*.

All values of one atom meet the same tests: a text that some cell names, all texts that none names,
a number that is an end of an interval, the numbers between two such ends. A cell is then a set of
atoms, kept as the bits of an integer, and a question about all inputs becomes one about finitely
many. Where input values are declared, only they count.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tenuto.dmn.cells import (
    BOOLEAN,
    DATE,
    DAYS,
    HIGH,
    LOW,
    MONTHS,
    NUMBER,
    TEXT,
    Cell,
    Choice,
    Cut,
    Ordered,
    Shape,
    value_of,
)
from tenuto.feel.arithmetic import CONTEXT

_DISCRETE = (DATE, DAYS, MONTHS)


class Column:
    """One column in atoms. `masks` hold the atoms of each rule's cell, `open` the rules whose cell
    is not understood, which counts as admitting everything.
    """

    def __init__(
        self, name: str, cells: list[Cell], kind: str | None, domain: Shape | None
    ) -> None:
        """`domain` are the declared input values."""
        self.name = name
        self.kind = kind
        self.domain = domain if domain is not None and domain.kind == kind else None
        shapes = [cell.shape for cell in cells if _is_of(cell.shape, kind)]
        if self.domain is not None:
            shapes.append(self.domain)
        self._others = False
        self._values: list[Any] = []
        self._points: list[Any] = []
        if kind == BOOLEAN:
            self._values = [False, True]
        elif kind == TEXT:
            self._values = sorted(
                {value for shape in shapes if isinstance(shape, Choice) for value in shape.values}
            )
            self._others = True
        elif kind is not None:
            self._points = _points_of(shapes)
        self._numbers = {key: at for at, key in enumerate(self._points)}
        self.size = self._count()
        self.full = self._admitted()
        known: dict[str, int] = {}
        for cell in cells:
            if cell.text not in known:
                shape = cell.shape if _is_of(cell.shape, kind) else None
                known[cell.text] = self.full if shape is None else self.mask_of(shape) & self.full
        self.masks = [known[cell.text] for cell in cells]
        self.open = sum(
            1 << place
            for place, cell in enumerate(cells)
            if not cell.always and not _is_of(cell.shape, kind)
        )

    def _count(self) -> int:
        if self.kind in (TEXT, BOOLEAN):
            return len(self._values) + self._others
        return 2 * len(self._points) + 1

    def _admitted(self) -> int:
        everything = (1 << self.size) - 1
        if self.kind in _DISCRETE:
            for at in range(1, len(self._points)):
                if self._points[at] - self._points[at - 1] <= 1:
                    everything &= ~(1 << 2 * at)
        return everything if self.domain is None else everything & self.mask_of(self.domain)

    def mask_of(self, shape: Shape) -> int:
        """Return the atoms that a shape of this column's type admits."""
        if isinstance(shape, Choice):
            mask = sum(1 << at for at, value in enumerate(self._values) if value in shape.values)
            return ((1 << self.size) - 1) & ~mask if shape.is_negated else mask
        mask = 0
        for start, stop in shape.intervals:
            low, high = self._slot(start), self._slot(stop)
            mask |= (1 << high) - (1 << low)
        return mask

    def _slot(self, cut: Cut) -> int:
        if cut == LOW:
            return 0
        if cut == HIGH:
            return self.size
        return 2 * self._numbers[cut[0]] + 1 + cut[1]

    def example(self, mask: int) -> Any:
        """Return a value of one of these atoms: a plain one if there is a choice."""
        assert mask, "an empty set of atoms has no example"
        if self.kind is None:
            return None
        if self.kind in (TEXT, BOOLEAN):
            at = (mask & -mask).bit_length() - 1
            return self._values[at] if at < len(self._values) else self._other_text()
        slots = [at for at in range(self.size) if mask >> at & 1]
        at = next((at for at in slots if at & 1), slots[0])
        return value_of(self._key(at), self.kind)

    def _key(self, slot: int) -> Any:
        if slot & 1:
            return self._points[slot // 2]
        if not self._points:
            return 0
        if slot == 0:
            return self._points[0] - 1
        if slot == self.size - 1:
            return self._points[-1] + 1
        low, high = self._points[slot // 2 - 1], self._points[slot // 2]
        whole = int(low.__floor__()) + 1
        if low < whole < high:
            return whole
        return CONTEXT.divide(CONTEXT.add(Decimal(low), Decimal(high)), Decimal(2))

    def _other_text(self) -> str:
        text = "other"
        while text in self._values:
            text += "?"
        return text

    def describe(self, mask: int) -> str | None:
        """Return these atoms as unary tests; nothing when they are all there are."""
        if mask == self.full or self.kind is None:
            return None
        if self.kind in (TEXT, BOOLEAN):
            return self._describe_choice(mask)
        parts = []
        slot = 0
        while slot < self.size:
            if mask >> slot & 1:
                start = slot
                while slot < self.size and mask >> slot & 1:
                    slot += 1
                parts.append(self._describe_span(start, slot - 1))
            slot += 1
        return ", ".join(parts)

    def _describe_choice(self, mask: int) -> str:
        if self._others and mask >> len(self._values) & 1:
            missing = [value for at, value in enumerate(self._values) if not mask >> at & 1]
            return f"not({', '.join(map(_show, missing))})"
        return ", ".join(_show(value) for at, value in enumerate(self._values) if mask >> at & 1)

    def _describe_span(self, first: int, last: int) -> str:
        if first == last and first & 1:
            return self._show_key(first // 2)
        low = None if first == 0 else self._show_key((first - 1) // 2)
        high = None if last == self.size - 1 else self._show_key(last // 2)
        opening = "[" if first & 1 else "("
        closing = "]" if last & 1 else ")"
        if low is None:
            return f"<{'=' if last & 1 else ''} {high}"
        if high is None:
            return f">{'=' if first & 1 else ''} {low}"
        return f"{opening}{low}..{high}{closing}"

    def _show_key(self, at: int) -> str:
        assert self.kind is not None, "only ordered columns have keys"
        value = value_of(self._points[at], self.kind)
        return str(value) if self.kind == NUMBER else f'@"{value}"'


def _is_of(shape: Shape | None, kind: str | None) -> bool:
    return shape is not None and shape.kind == kind


def _points_of(shapes: list[Any]) -> list[Any]:
    return sorted(
        {
            cut[0]
            for shape in shapes
            if isinstance(shape, Ordered)
            for span in shape.intervals
            for cut in span
            if cut not in (LOW, HIGH)
        }
    )


def _show(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value).lower()
