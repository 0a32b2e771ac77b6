"""The search for the rules that hold: inputs are read once, an index narrows, cells decide."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

from tenuto import feel
from tenuto.dmn.cells import BOOLEAN, TEXT, Cell, is_foreign
from tenuto.dmn.index import MASKED_RULES_MAX, candidate_lookup, kind_of_column, mask_lookup
from tenuto.dmn.kinds import ANY, Kind, admit
from tenuto.dmn.running import Inner, Run

_INPUT = "?"


class Search:
    """The columns of a table, indexed."""

    def __init__(
        self,
        inputs: list[feel.Expression],
        readings: list[tuple[Kind, Cell | None]],
        columns: list[list[Cell]],
        site: feel.Site,
        *,
        rules: int,
    ) -> None:
        """`readings` are the kind and the expected values of each input, `columns` its cells."""
        self.columns = columns
        self.kinds = [kind for kind, _ in readings]
        self.expected = [cell for _, cell in readings]
        self._checks = [(at, cell) for at, cell in enumerate(self.expected) if cell is not None]
        self._site = site
        self._readers = [
            (expression.run, None if kind is ANY else kind)
            for expression, kind in zip(inputs, self.kinds, strict=True)
        ]
        # By column, the ordered type that its tests compare with, and the text of the input.
        kinds_compared = [kind_of_column(cells) for cells in columns]
        self._compared = [
            (None if kind in (TEXT, BOOLEAN) else kind, expression.text)
            for kind, expression in zip(kinds_compared, inputs, strict=True)
        ]
        self._count = rules
        self._is_masked = self._count <= MASKED_RULES_MAX
        self._all = (1 << self._count) - 1
        if self._is_masked:
            self._lookups = [mask_lookup(cells) for cells in columns]
            # By column, the rules whose cell the index leaves to be evaluated.
            self._open = [
                sum(
                    1 << place
                    for place, cell in enumerate(cells)
                    if cell.shape is None and not cell.always
                )
                for cells in columns
            ]
        else:
            self._candidates = [candidate_lookup(cells) for cells in columns]

    def find(self, scope: Mapping[str, Any], run: Run, *, stops_early: bool) -> list[int]:
        """Return the places of the rules that hold, in order."""
        if not self.columns:
            # Without inputs, every rule holds.
            return list(range(self._count))
        values = []
        for read, kind in self._readers:
            value = read(scope, run)
            if kind is not None and value is not None:
                value = admit(value, kind, run, self._site)
            values.append(value)
        for column, cell in self._checks:
            self._check_expected(cell, column, values[column], (scope, run))
        find = self._find_by_mask if self._is_masked else self._find_by_list
        places = find(values, scope, run, stops_early=stops_early)
        if not places:
            self._explain_nothing(values, run)
        return places

    def _check_expected(
        self, cell: Cell, column: int, value: Any, given: tuple[Mapping[str, Any], Run]
    ) -> None:
        """Warn of a value that is none of the input values; it is decided all the same."""
        verdict = True if value is None else cell.admits(value)
        scope, run = given
        if verdict is None:
            verdict = cell.expression.run(Inner(scope, {_INPUT: value}), run) is True
        if verdict:
            return
        text = self._compared[column][1]
        message = f"expected one of the input values {cell.text}, but it is another"
        run.warn("not-allowed", message, feel.Site(text, 0))

    def _explain_nothing(self, values: list[Any], run: Run) -> None:
        """Warn of values that no test compares: the index passes their cells over in silence."""
        for (kind, text), value in zip(self._compared, values, strict=True):
            if kind is not None and is_foreign(value, kind):
                found = "null" if value is None else feel.type_of(value)
                message = f"expected {kind}, which the tests compare with, but it is {found}"
                run.warn("not-comparable", message, feel.Site(text, 0))

    def _find_by_mask(
        self, values: list[Any], scope: Mapping[str, Any], run: Run, *, stops_early: bool
    ) -> list[int]:
        mask = self._all
        unsure = []
        for column, look_up in enumerate(self._lookups):
            found = None if look_up is None else look_up(values[column])
            if found is None:
                unsure.append((column, self._all))
            else:
                mask &= found
                if self._open[column]:
                    unsure.append((column, self._open[column]))
        if not unsure:
            places = list(_places(mask))
            return places[:1] if stops_early else places
        return self._decide(_places(mask), unsure, (values, scope), run, stops_early=stops_early)

    def _find_by_list(
        self, values: list[Any], scope: Mapping[str, Any], run: Run, *, stops_early: bool
    ) -> list[int]:
        shortest: Iterable[int] = range(self._count)
        length = self._count
        for column, look_up in enumerate(self._candidates):
            lists = None if look_up is None else look_up(values[column])
            if lists is not None:
                total = sum(map(len, lists))
                if total < length:
                    length, shortest = total, sorted(chain.from_iterable(lists))
        pairs = list(zip(self.columns, values, strict=True))
        likely = (
            place
            for place in shortest
            if all(cells[place].admits(value) is not False for cells, value in pairs)
        )
        unsure = [(column, self._all) for column in range(len(self.columns))]
        return self._decide(likely, unsure, (values, scope), run, stops_early=stops_early)

    def _decide(
        self,
        places: Iterable[int],
        unsure: list[tuple[int, int]],
        given: tuple[list[Any], Mapping[str, Any]],
        run: Run,
        *,
        stops_early: bool,
    ) -> list[int]:
        """Return those places whose unsure cells hold."""
        values, scope = given
        inner = {column: Inner(scope, {_INPUT: values[column]}) for column, _ in unsure}
        found = []
        for place in places:
            for column, mask in unsure:
                if not mask >> place & 1:
                    continue
                cell = self.columns[column][place]
                verdict = cell.admits(values[column])
                if verdict is None:
                    verdict = cell.expression.run(inner[column], run) is True
                if not verdict:
                    break
            else:
                found.append(place)
                if stops_early:
                    break
        return found


def _places(mask: int) -> Iterator[int]:
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low
