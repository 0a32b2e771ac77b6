"""What files must say: the clause that an element keeps, the sentence that a test specifies."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from tidy.sources import functions

if TYPE_CHECKING:
    from tidy.sources import Source

CLAUSE = "BPMN 2.0.2 §"


def missing_clause(source: Source) -> list[str]:
    """Complain about an element's file whose docstring names no clause of the standard."""
    is_element = source.path.startswith("src/tenuto/engine/elements/")
    if not is_element or source.path.endswith("__init__.py"):
        return []
    said = ast.get_docstring(source.tree) or ""
    return [] if CLAUSE in said else [f"{source.path}: its docstring names no {CLAUSE!r}"]


def silent_tests(source: Source) -> list[str]:
    """Complain about tests without a sentence that says what holds."""
    return [
        f"{source.path}:{span.line}: {span.name} has no docstring that says what holds"
        for span in functions(source)
        if span.node.name.startswith("test_") and not ast.get_docstring(span.node)
    ]
