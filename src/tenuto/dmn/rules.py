"""The rules of a table, compiled: tests as cells, outputs as constants where they are."""

from __future__ import annotations

from typing import Any

from tenuto import feel
from tenuto.dmn import notation
from tenuto.dmn.cells import Cell, read_constant, read_quickly, read_tree
from tenuto.dmn.compiler import Compiler, Names
from tenuto.dmn.kinds import Kind, admit
from tenuto.feel import syntax

# The outputs of a rule: known in advance, or the expressions that give them.
Outputs = tuple[list[Any] | None, list[feel.Expression]]
_SITE = feel.Site("", 0)


def read_cells(table: notation.Table, names: Names, compiler: Compiler) -> list[list[Cell]]:
    """Return the cells by column; raise `ModelError` that names table, rule and column."""
    columns: list[list[Cell]] = []
    for column, clause in enumerate(table.inputs):
        known: dict[str, Cell] = {}
        cells = []
        for index, rule in enumerate(table.rules):
            text = rule.tests[column].strip()
            cell = known.get(text)
            if cell is None:
                what = f"table {table.id}, rule {index + 1} ({rule.id}), input {clause.label!r}"
                cell = known[text] = _read_cell(text, names, compiler, (rule, what))
            cells.append(cell)
        columns.append(cells)
    return columns


def read_expected(
    clause: notation.InputClause, names: Names, compiler: Compiler, label: str
) -> Cell | None:
    """Return the input values of a column as a cell; nothing when it names none."""
    if not clause.values:
        return None
    what = f"input values of {clause.label!r}"
    expression = compiler.compile_tests(clause.values, names, label, clause.line, what=what)
    shape = read_tree(expression.tree, names)
    return Cell(clause.values, shape, lambda: expression, expression)


def _read_cell(
    text: str, names: Names, compiler: Compiler, place: tuple[notation.Rule, str]
) -> Cell:
    rule, what = place

    def compile_text() -> feel.Expression:
        return compiler.compile_tests(text or "-", names, rule.id, rule.line, what=what)

    if text in ("", "-"):
        return Cell(text, None, compile_text)
    shape = read_quickly(text)
    if shape is not None:
        return Cell(text, shape, compile_text)
    expression = compile_text()
    return Cell(text, read_tree(expression.tree, names), compile_text, expression)


def read_results(
    table: notation.Table, names: Names, compiler: Compiler, kinds: list[Kind]
) -> list[Outputs]:
    """Return the outputs of each rule."""
    constants: list[dict[str, tuple[bool, Any]]] = [{} for _ in kinds]
    found: list[Outputs] = []
    for index, rule in enumerate(table.rules):
        row = []
        for column, (text, kind) in enumerate(zip(rule.results, kinds, strict=True)):
            known = constants[column].get(text)
            if known is None:
                known = constants[column][text] = _constant(text, kind)
            row.append(known)
        if all(is_known for is_known, _ in row):
            found.append(([value for _, value in row], []))
            continue
        expressions = [
            _compile_result(text, names, compiler, (rule, _describe(table, index, column)))
            for column, text in enumerate(rule.results)
        ]
        trees = [expression.tree for expression in expressions]
        if all(isinstance(tree, syntax.Constant) for tree in trees):
            values = [tree.value for tree in trees if isinstance(tree, syntax.Constant)]
            admitted = [_admitted(value, kind) for value, kind in zip(values, kinds, strict=True)]
            if all(is_known for is_known, _ in admitted):
                found.append(([value for _, value in admitted], []))
                continue
        found.append((None, expressions))
    return found


def _constant(text: str, kind: Kind) -> tuple[bool, Any]:
    if text.strip() in ("", "-"):
        return True, None
    is_constant, value = read_constant(text)
    return _admitted(value, kind) if is_constant else (False, None)


def _admitted(value: Any, kind: Kind) -> tuple[bool, Any]:
    """Return whether a constant is admitted without a warning, and as what."""
    meter = feel.Meter()
    converted = admit(value, kind, meter, _SITE)
    return not meter.warnings, converted


def _describe(table: notation.Table, index: int, column: int) -> str:
    clause = table.outputs[column]
    label = clause.name or clause.label or "output"
    return f"table {table.id}, rule {index + 1} ({table.rules[index].id}), output {label!r}"


def _compile_result(
    text: str, names: Names, compiler: Compiler, place: tuple[notation.Rule, str]
) -> feel.Expression:
    rule, what = place
    is_empty = text.strip() in ("", "-")
    return compiler.compile("null" if is_empty else text, names, rule.id, rule.line, what=what)
