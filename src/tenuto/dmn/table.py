"""Decision tables to logic (DMN 1.5 §8): tests by column, rules that hold, and the hit policy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tenuto import feel
from tenuto.dmn import hits, notation
from tenuto.dmn.cells import read_values
from tenuto.dmn.compiler import Compiler, Names
from tenuto.dmn.kinds import Kind, admit
from tenuto.dmn.result import MatchedRule
from tenuto.dmn.rules import read_cells, read_expected, read_results
from tenuto.dmn.running import Logic, Run
from tenuto.dmn.search import Search


class Table:
    """A compiled table."""

    def __init__(self, table: notation.Table, names: Names, compiler: Compiler, label: str) -> None:
        """Compile every cell; raise `ModelError` that names table, rule and column."""
        self.notation = table
        self.label = label
        self.site = feel.Site(f"decision table of {label}", 0)
        self.columns = _column_names(table)
        _check_shape(table, compiler, label)
        self.kinds = [compiler.kinds.find(clause.type_ref, clause.line) for clause in table.outputs]
        self.inputs = [
            compiler.compile(
                clause.expression, names, label, clause.line, what=f"input {clause.label!r}"
            )
            for clause in table.inputs
        ]
        readings = [compiler.kinds.find(clause.type_ref, clause.line) for clause in table.inputs]
        cells = read_cells(table, names, compiler)
        self.search = Search(
            self.inputs,
            [
                (reading, read_expected(clause, names, compiler, label))
                for reading, clause in zip(readings, table.inputs, strict=True)
            ],
            cells,
            self.site,
            rules=len(table.rules),
        )
        self.results = read_results(table, names, compiler, self.kinds)
        self.defaults = _compile_defaults(table, names, compiler, label)
        self.orders = [
            _order_of(clause, compiler, kind)
            for clause, kind in zip(table.outputs, self.kinds, strict=True)
        ]

    def run(self, scope: Mapping[str, Any], run: Run) -> Any:
        """Return the value of the table."""
        places = self.find(scope, run)
        if not places:
            return self._without_match(scope, run)
        return _POLICIES[self.notation.hit_policy](self, places, scope, run)

    def find(self, scope: Mapping[str, Any], run: Run) -> list[int]:
        """Return the places of the rules that hold; no more than needed."""
        return self.search.find(scope, run, stops_early=self.notation.hit_policy == "F")

    def rows(self, places: list[int], scope: Mapping[str, Any], run: Run) -> list[hits.Row]:
        """Return the outputs of rules and note that they held."""
        rows = []
        for place in places:
            known, cells = self.results[place]
            if known is None:
                row = [
                    admit(cell.run(scope, run), kind, run, self.site)
                    for cell, kind in zip(cells, self.kinds, strict=True)
                ]
            else:
                row = list(known)
            rows.append(row)
            if run.is_traced:
                rule = self.notation.rules[place]
                outputs = dict(zip(self.columns, row, strict=True))
                run.matched.append(MatchedRule(rule.id, place + 1, rule.annotations, outputs))
        return rows

    def shape(self, row: hits.Row) -> Any:
        """Return a row as value: itself when there is one column, else a context."""
        return row[0] if len(row) == 1 else dict(zip(self.columns, row, strict=True))

    def fail(self, run: Run, code: str, message: str) -> None:
        """Note that the table broke its hit policy."""
        run.warn(code, message, self.site)
        run.error = run.error or f"{self.label}: {message}"

    def _without_match(self, scope: Mapping[str, Any], run: Run) -> Any:
        if self.defaults is not None:
            row = [
                admit(None if cell is None else cell.run(scope, run), kind, run, self.site)
                for cell, kind in zip(self.defaults, self.kinds, strict=True)
            ]
            value = self.shape(row)
            is_list = self.notation.hit_policy in "ROC" and self.notation.aggregation is None
            return [value] if is_list and not isinstance(value, list) else value
        if self.notation.hit_policy == "C" and self.notation.aggregation == "COUNT":
            return 0
        if self.notation.hit_policy in "ROC" and self.notation.aggregation is None:
            return []
        run.warn("no-rule", "expected a rule that holds, but there is none", self.site)
        return None


def compile_table(table: notation.Table, names: Names, compiler: Compiler, label: str) -> Logic:
    """Return the logic of a decision table."""
    compiled = Table(table, names, compiler, label)
    compiler.tables.append(compiled)
    return compiled.run


def _run_unique(table: Table, places: list[int], scope: Mapping[str, Any], run: Run) -> Any:
    rows = table.rows(places, scope, run)
    row = hits.unique(rows)
    if row is None:
        table.fail(run, "several-rules", _several(places, "one rule"))
        return None
    return table.shape(row)


def _run_any(table: Table, places: list[int], scope: Mapping[str, Any], run: Run) -> Any:
    row = hits.agreed(table.rows(places, scope, run))
    if row is None:
        table.fail(run, "differing-rules", _several(places, "equal outputs of all rules"))
        return None
    return table.shape(row)


def _several(places: list[int], expected: str) -> str:
    numbers = ", ".join(str(place + 1) for place in places[:10])
    return f"expected {expected} to hold, but rules {numbers} do"


def _run_first(table: Table, places: list[int], scope: Mapping[str, Any], run: Run) -> Any:
    return table.shape(table.rows(places[:1], scope, run)[0])


def _run_priority(table: Table, places: list[int], scope: Mapping[str, Any], run: Run) -> Any:
    rows = table.rows(places, scope, run)
    return table.shape(hits.by_priority(rows, hits.rank_of(table.orders))[0])


def _run_output_order(table: Table, places: list[int], scope: Mapping[str, Any], run: Run) -> Any:
    rows = table.rows(places, scope, run)
    return [table.shape(row) for row in hits.by_priority(rows, hits.rank_of(table.orders))]


def _run_collect(table: Table, places: list[int], scope: Mapping[str, Any], run: Run) -> Any:
    rows = table.rows(places, scope, run)
    how = table.notation.aggregation
    if how is None:
        return [table.shape(row) for row in rows]
    if len(table.columns) == 1:
        return hits.aggregate(how, [row[0] for row in rows], run, table.site)
    return {
        name: hits.aggregate(how, [row[at] for row in rows], run, table.site)
        for at, name in enumerate(table.columns)
    }


_POLICIES: dict[str, Callable[[Table, list[int], Mapping[str, Any], Run], Any]] = {
    "U": _run_unique,
    "A": _run_any,
    "P": _run_priority,
    "F": _run_first,
    "R": _run_collect,
    "O": _run_output_order,
    "C": _run_collect,
}


def _column_names(table: notation.Table) -> list[str]:
    names = []
    for index, clause in enumerate(table.outputs):
        fallback = clause.label if len(table.outputs) == 1 else None
        names.append(clause.name or fallback or f"output {index + 1}")
    return names


def _check_shape(table: notation.Table, compiler: Compiler, label: str) -> None:
    if not table.outputs:
        raise compiler.refuse(
            "expected an output, but there is none", "no-output", label, table.line
        )
    if not table.rules:
        raise compiler.refuse("expected a rule, but there is none", "no-rules", label, table.line)
    expected = (len(table.inputs), len(table.outputs))
    for index, rule in enumerate(table.rules):
        found = (len(rule.tests), len(rule.results))
        if found != expected:
            raise compiler.refuse(
                f"rule {index + 1} ({rule.id}): expected {expected[0]} tests and {expected[1]} "
                f"outputs, but there are {found[0]} and {found[1]}",
                "cell-count",
                label,
                rule.line,
            )


def _compile_defaults(
    table: notation.Table, names: Names, compiler: Compiler, label: str
) -> list[feel.Expression | None] | None:
    if not any(clause.default for clause in table.outputs):
        return None
    return [
        compiler.compile(clause.default, names, label, clause.line, what="default output")
        if clause.default
        else None
        for clause in table.outputs
    ]


def _order_of(clause: notation.OutputClause, compiler: Compiler, kind: Kind) -> list[Any] | None:
    """Return the output values of a column in order; its type's allowed values stand in."""
    if clause.values:
        tests = compiler.compile_tests(
            clause.values, frozenset(), clause.id or "output", clause.line, what="output values"
        )
    elif kind.constraints:
        tests = kind.constraints[-1]
    else:
        return None
    return read_values(tests.tree)
