"""A plain reading of a decision table: text in, comparisons out, and nothing of Tenuto.

It knows the few forms that the claims table uses: `-`, texts, `not(...)`, `<= n`, `> n` and
intervals. So whoever doubts the evaluator can check it against forty lines that anyone can follow.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree

DMN = "{https://www.omg.org/spec/DMN/20230324/MODEL/}"
COMPARISON = re.compile(r"(<=|>) (\d+)")
INTERVAL = re.compile(r"\((\d+)\.\.(\d+)\]")
TEXT = re.compile(r'"([^"]*)"')


@dataclass(frozen=True)
class Cell:
    """One test of a rule: a set of texts or its complement, or amounts above `low` up to `high`."""

    texts: frozenset[str] = frozenset()
    is_negated: bool = True
    low: Decimal | None = None
    high: Decimal | None = None

    def holds(self, value: str | Decimal) -> bool:
        """Tell whether a value passes."""
        if isinstance(value, str):
            return (value in self.texts) != self.is_negated
        return (self.low is None or value > self.low) and (self.high is None or value <= self.high)


@dataclass(frozen=True)
class Rule:
    """One row: cells by input, texts by output."""

    id: str
    cells: Mapping[str, Cell]
    outputs: Mapping[str, str]

    def holds(self, claim: Mapping[str, str | Decimal]) -> bool:
        """Tell whether every cell passes."""
        return all(cell.holds(claim[name]) for name, cell in self.cells.items())


def read_cell(text: str) -> Cell:
    """Return what a cell says; raise `ValueError` for a form that is not known here."""
    if text == "-":
        return Cell()
    if match := COMPARISON.fullmatch(text):
        bound = Decimal(match[2])
        return Cell(high=bound) if match[1] == "<=" else Cell(low=bound)
    if match := INTERVAL.fullmatch(text):
        return Cell(low=Decimal(match[1]), high=Decimal(match[2]))
    texts = TEXT.findall(text)
    joined = ", ".join(f'"{one}"' for one in texts)
    if texts and text in (joined, f"not({joined})"):
        return Cell(texts=frozenset(texts), is_negated=text.startswith("not("))
    raise ValueError(f"expected a form that this reader knows, got {text!r}")


def read_table(path: Path, decision: str = "claim-route") -> list[Rule]:
    """Return the rules of a decision table in the order in which they are drawn."""
    root = ElementTree.parse(path).getroot()  # noqa: S314 - a file of this repository
    table = root.find(f"{DMN}decision[@id='{decision}']/{DMN}decisionTable")
    assert table is not None, f"expected a table for decision {decision} in {path}"
    inputs = [e.text or "" for e in table.iterfind(f"{DMN}input/{DMN}inputExpression/{DMN}text")]
    outputs = [element.get("name", "") for element in table.iterfind(f"{DMN}output")]
    rules = []
    for row in table.iterfind(f"{DMN}rule"):
        cells = [read_cell(e.text or "") for e in row.iterfind(f"{DMN}inputEntry/{DMN}text")]
        texts = [(e.text or "").strip('"') for e in row.iterfind(f"{DMN}outputEntry/{DMN}text")]
        rules.append(
            Rule(
                row.get("id", ""),
                dict(zip(inputs, cells, strict=True)),
                dict(zip(outputs, texts, strict=True)),
            )
        )
    return rules
