"""Analysis of decision tables: gaps, overlaps, rules that never hold, outputs that never come.

DMN 1.5 §8.2.8 says what completeness and overlaps mean for each hit policy. The findings hold for
all inputs, not for samples: values are cut into the atoms that the table tells apart, and every
finding comes with an example. Null inputs are left out. A cell that is no constant, comparison or
range counts as holding for everything in the search for gaps and is left out of the other
questions; the analysis is then partial, as it is when its steps are spent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal

from msgspec import Struct

from tenuto import feel
from tenuto.dmn import notation
from tenuto.dmn.atoms import Column
from tenuto.dmn.boxes import GAPS_MAX, Box, Exhausted, Space, Steps, bits, holds, meet
from tenuto.dmn.cells import BOOLEAN, DATE, DAYS, MONTHS, NUMBER, TEXT, Choice, Shape, read_tree
from tenuto.dmn.hits import rank_of
from tenuto.dmn.index import kind_of_column
from tenuto.dmn.model import Model
from tenuto.dmn.table import Table
from tenuto.dmn.unknown import unknown_names
from tenuto.feel.compare import is_same

STEPS_MAX = 2_000_000
FINDINGS_MAX = 200
_ATOM_BITS_MAX = 200_000_000
_COLUMNS_MAX = 200

Severity = Literal["error", "warning", "note"]
_KINDS = {
    feel.NUMBER: NUMBER,
    feel.STRING: TEXT,
    feel.BOOLEAN: BOOLEAN,
    feel.DATE: DATE,
    feel.DAYS_TIME_DURATION: DAYS,
    feel.YEARS_MONTHS_DURATION: MONTHS,
}


class Finding(Struct, frozen=True):
    """One thing about a table; `rules` count from 1, `example` are values by input expression.

    Codes: `gap`, `overlap`, `never-holds`, `never-wins`, `subsumed`, `empty-output`,
    `missing-output`, `type-mismatch`, `value-not-expected`, `unknown-name`.
    """

    code: str
    severity: Severity
    message: str
    rules: tuple[int, ...] = ()
    example: dict[str, Any] | None = None


class Analysis(Struct, frozen=True):
    """The findings about one table, or about the texts of one element, whose `table` is empty.

    A partial analysis says in `notes` what it left out.
    """

    decision: str
    table: str
    line: int | None
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]

    @property
    def is_partial(self) -> bool:
        """Whether something was left out."""
        return bool(self.notes)


def analyse(model: Model, *, steps: int = STEPS_MAX) -> tuple[Analysis, ...]:
    """Return the findings about each table of a model; `steps` bound the work for each.

    Names that nothing gives come after them, one analysis for each element that reads some.
    """
    tables = [analyse_table(table, steps=steps) for table in model.tables]
    return (*tables, *_unknown_names(model))


def _unknown_names(model: Model) -> Iterator[Analysis]:
    found: dict[tuple[str, int | None], list[Finding]] = {}
    for name in unknown_names(model):
        finding = Finding("unknown-name", "error", name.message)
        found.setdefault((name.element, name.line), []).append(finding)
    for (element, line), findings in found.items():
        yield Analysis(element, "", line, tuple(findings), ())


def analyse_table(table: Table, *, steps: int = STEPS_MAX) -> Analysis:
    """Return the findings about one table."""
    findings: list[Finding] = []
    notes: list[str] = []
    findings += _type_findings(table)
    rules = len(table.notation.rules)
    width = max((len(cells) for cells in map(set, _texts(table))), default=0)
    if rules * width > _ATOM_BITS_MAX or len(table.search.columns) > _COLUMNS_MAX:
        notes.append("the table is too large to be searched for gaps and overlaps")
        return _result(table, findings, notes)
    try:
        columns = [_column(table, at) for at in range(len(table.search.columns))]
        space = Space(columns, rules, Steps(steps))
    except Exhausted:
        notes.append(f"{steps} steps were not enough to begin; give more")
        return _result(table, findings, notes)
    unclear = 0
    for column in columns:
        unclear |= column.open
    if unclear:
        numbers = ", ".join(str(place + 1) for place in list(bits(unclear))[:10])
        notes.append(f"cells of rules {numbers} can only be decided by evaluation")
    for what, search in _SEARCHES.items():
        # Each question has its own steps: a hard one leaves the others their answer.
        space.steps = Steps(steps)
        found: list[Finding] = []
        try:
            for finding in search(table, space, unclear):
                if len(found) == FINDINGS_MAX:
                    notes.append(f"{what}: the first {FINDINGS_MAX} are shown")
                    break
                found.append(finding)
        except Exhausted:
            notes.append(f"{what}: {steps} steps were not enough; give more")
        findings += found
    return _result(table, findings, notes)


def _result(table: Table, findings: list[Finding], notes: list[str]) -> Analysis:
    data = table.notation
    return Analysis(table.label, data.id or "", data.line, tuple(findings), tuple(notes))


def _texts(table: Table) -> list[list[str]]:
    return [[cell.text for cell in cells] for cells in table.search.columns]


def _column(table: Table, at: int) -> Column:
    clause = table.notation.inputs[at]
    kind = table.search.kinds[at]
    declared = _KINDS.get(kind.type) if isinstance(kind.type, feel.Simple) else None
    cells = table.search.columns[at]
    name = " ".join(clause.expression.split())
    return Column(name, cells, declared or kind_of_column(cells), _domain(table, at))


def _domain(table: Table, at: int) -> Shape | None:
    """Return the input values of a column: its own, else those of its type."""
    expected = table.search.expected[at]
    if expected is not None:
        return expected.shape
    kind = table.search.kinds[at]
    return read_tree(kind.constraints[-1].tree, frozenset()) if kind.constraints else None


def _example(space: Space, box: Box) -> dict[str, Any]:
    return {
        column.name: column.example(mask) for column, mask in zip(space.columns, box, strict=True)
    }


def _describe(space: Space, box: Box) -> str:
    parts = []
    for column, mask in zip(space.columns, box, strict=True):
        text = column.describe(mask)
        if text is not None:
            parts.append(f"{column.name}: {text}")
    return "; ".join(parts) or "any input"


def _never_holding(table: Table, space: Space, unclear: int) -> Iterator[Finding]:
    for place in range(space.rules):
        if not all(space.box(place)):
            yield Finding(
                "never-holds",
                "warning",
                f"rule {place + 1} admits no value that can be",
                (place + 1,),
            )


def _gaps(table: Table, space: Space, unclear: int) -> Iterator[Finding]:
    if table.defaults is not None or table.notation.hit_policy in "CRO":
        # A default output fills every gap; a list may well be empty.
        return
    for box in space.uncovered(space.everything, (1 << space.rules) - 1, GAPS_MAX + 1):
        text = _describe(space, box)
        yield Finding("gap", "warning", f"no rule holds for {text}", (), _example(space, box))


def _overlaps(table: Table, space: Space, unclear: int) -> Iterator[Finding]:
    policy = table.notation.hit_policy
    if policy in "CRO":
        return
    for place in range(space.rules):
        box = space.box(place)
        if unclear >> place & 1 or not all(box):
            continue
        later = space.touching(box) & ~unclear & -(2 << place)
        for other in bits(later):
            both = meet(box, space.box(other))
            if both is not None:
                yield _overlap(table, space, (place, other), both)


def _overlap(table: Table, space: Space, pair: tuple[int, int], both: Box) -> Finding:
    place, other = pair
    policy = table.notation.hit_policy
    is_same_row = _same_outputs(table, place, other)
    severity: Severity = "note"
    if policy == "U" or (policy == "A" and is_same_row is not True):
        severity = "error"
    if policy == "U" and is_same_row:
        severity = "warning"
    if policy == "A" and is_same_row is None:
        severity = "warning"
    how = {True: " with the same outputs", False: " with different outputs", None: ""}[is_same_row]
    return Finding(
        "overlap",
        severity,
        f"rules {place + 1} and {other + 1} both hold{how} for {_describe(space, both)}",
        (place + 1, other + 1),
        _example(space, both),
    )


def _same_outputs(table: Table, place: int, other: int) -> bool | None:
    """Tell whether two rules have the same outputs; nothing when they are computed."""
    first, second = table.results[place][0], table.results[other][0]
    if first is None or second is None:
        texts = table.notation.rules[place].results, table.notation.rules[other].results
        return True if texts[0] == texts[1] else None
    return all(map(is_same, first, second))


def _hidden(table: Table, space: Space, unclear: int) -> Iterator[Finding]:
    """Find rules that never decide: others hold wherever they do, and come first."""
    policy = table.notation.hit_policy
    for place in range(space.rules):
        box = space.box(place)
        if unclear >> place & 1 or not all(box):
            continue
        others = space.touching(box) & ~unclear & ~(1 << place)
        if policy in "FP":
            stronger = _stronger(table, place, others)
            if stronger and not space.uncovered(box, stronger, 1):
                numbers = tuple(at + 1 for at in bits(stronger))
                yield Finding(
                    "never-wins",
                    "warning",
                    f"rule {place + 1} never decides: rules {_list(numbers)} hold wherever it does "
                    "and come before it",
                    (place + 1, *numbers),
                    _example(space, box),
                )
        else:
            yield from _subsumed(table, space, place, others)


def _stronger(table: Table, place: int, others: int) -> int:
    if table.notation.hit_policy == "F":
        return others & ((1 << place) - 1)
    row = table.results[place][0]
    if row is None:
        return 0
    rank = rank_of(table.orders)
    found = 0
    for other in bits(others):
        its = table.results[other][0]
        if its is not None and (rank(its), other) < (rank(row), place):
            found |= 1 << other
    return found


def _subsumed(table: Table, space: Space, place: int, others: int) -> Iterator[Finding]:
    box = space.box(place)
    is_listing = table.notation.hit_policy in "CRO"
    for other in bits(others):
        outer = space.box(other)
        if not holds(outer, box) or (outer == box and other > place):
            continue
        if is_listing and not (outer == box and _same_outputs(table, place, other)):
            continue
        yield Finding(
            "subsumed",
            "warning",
            f"rule {place + 1} holds only where rule {other + 1} does",
            (place + 1, other + 1),
            _example(space, box),
        )
        return


def _missing_outputs(table: Table, space: Space, unclear: int) -> Iterator[Finding]:
    for place, rule in enumerate(table.notation.rules):
        for clause, text in zip(table.notation.outputs, rule.results, strict=True):
            if text.strip() in ("", "-") and all(space.box(place)):
                yield Finding(
                    "empty-output",
                    "warning",
                    f"rule {place + 1} gives no {clause.name or clause.label or 'output'}",
                    (place + 1,),
                    _example(space, space.box(place)),
                )
    for at, values in enumerate(table.orders):
        rows = [known for known, _ in table.results]
        if values is None or any(row is None for row in rows) or table.defaults is not None:
            continue
        for value in values:
            if not any(row is not None and is_same(row[at], value) for row in rows):
                yield Finding(
                    "missing-output",
                    "warning",
                    f"no rule gives the {table.columns[at]} {feel_text(value)}",
                )


_SEARCHES: dict[str, Callable[[Table, Space, int], Iterator[Finding]]] = {
    "rules that never hold": _never_holding,
    "gaps": _gaps,
    "overlaps": _overlaps,
    "hidden rules": _hidden,
    "missing outputs": _missing_outputs,
}


def _type_findings(table: Table) -> list[Finding]:
    """Return constants that no value of the declared type can meet, and outputs out of type."""
    findings = []
    for at, clause in enumerate(table.notation.inputs):
        kind = table.search.kinds[at]
        declared = _KINDS.get(kind.type) if isinstance(kind.type, feel.Simple) else None
        domain = _domain(table, at)
        for place, cell in enumerate(table.search.columns[at]):
            shape = cell.shape
            if shape is None:
                continue
            if declared is not None and shape.kind != declared:
                message = (
                    f"rule {place + 1}: expected {declared} for {clause.label!r}, "
                    f"but {cell.text} is {shape.kind}"
                )
                findings.append(Finding("type-mismatch", "error", message, (place + 1,)))
            elif isinstance(domain, Choice) and isinstance(shape, Choice):
                findings += _unexpected(place, clause, shape, domain)
    for place, (row, expressions) in enumerate(table.results):
        findings += _unexpected_outputs(table, place, row or [])
        for at, expression in enumerate(expressions):
            findings += _output_findings(table, place, at, expression)
    return findings[:FINDINGS_MAX]


def _unexpected_outputs(table: Table, place: int, row: list[Any]) -> Iterator[Finding]:
    for value, values, name in zip(row, table.orders, table.columns, strict=False):
        if value is None or values is None or any(is_same(value, known) for known in values):
            continue
        text = f"{feel_text(value)} is not among the output values of {name!r}"
        yield Finding("value-not-expected", "warning", f"rule {place + 1}: {text}", (place + 1,))


def _unexpected(
    place: int, clause: notation.InputClause, shape: Choice, domain: Choice
) -> list[Finding]:
    if domain.is_negated:
        return []
    return [
        Finding(
            "value-not-expected",
            "warning",
            f"rule {place + 1}: {feel_text(value)} is not among the values of {clause.label!r}",
            (place + 1,),
        )
        for value in sorted(shape.values - domain.values)
    ]


def _output_findings(
    table: Table, place: int, at: int, expression: feel.Expression
) -> list[Finding]:
    kind = table.kinds[at].type
    if expression.names or kind == feel.ANY:
        return []
    value = expression.evaluate({}).value
    if value is None or feel.conforms(value, kind):
        return []
    message = (
        f"rule {place + 1}: expected {kind} as {table.columns[at]}, but {expression.text} is none"
    )
    return [Finding("type-mismatch", "error", message, (place + 1,))]


def _list(numbers: tuple[int, ...]) -> str:
    shown = ", ".join(map(str, numbers[:10]))
    return shown if len(numbers) <= 10 else f"{shown}, ..."


def feel_text(value: Any) -> str:
    """Return a constant as a cell would write it."""
    return f'"{value}"' if isinstance(value, str) else str(value).lower()
