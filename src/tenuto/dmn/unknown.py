"""Names that nothing gives: variables that a text reads and its decision does not require.

Such a name is null when the decision is made, with a warning; here it is found beforehand. Members
that a filter reads from its items cannot be told from variables and are left out.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from tenuto import feel
from tenuto.dmn.model import Model
from tenuto.feel import syntax
from tenuto.feel.builtins import STANDARD


class UnknownName(Struct, frozen=True):
    """A name, where it is read (counted from 1), and what is known there."""

    element: str
    line: int | None
    name: str
    text: str
    text_line: int
    column: int
    known: tuple[str, ...]

    @property
    def message(self) -> str:
        """What is wrong, as a sentence."""
        known = ", ".join(self.known) or "nothing"
        place = f"line {self.text_line}, column {self.column} of {self.text!r}"
        return f"expected a known name, but {self.name!r} is none ({place}); known are {known}"


def unknown_names(model: Model) -> tuple[UnknownName, ...]:
    """Return the names that no text of a model can read, in the order of the file."""
    found = []
    for expression, names, element, line in model.texts:
        for name, at in _free(expression):
            if name not in names and name not in STANDARD:
                before = expression.text[:at]
                found.append(
                    UnknownName(
                        element=element,
                        line=line,
                        name=name,
                        text=expression.text,
                        text_line=before.count("\n") + 1,
                        column=at - before.rfind("\n"),
                        known=tuple(sorted(names)),
                    )
                )
    return tuple(found)


def _free(expression: feel.Expression) -> Iterator[tuple[str, int]]:
    free = expression.names
    seen = set()
    pending = [expression.tree]
    while pending:
        node = pending.pop()
        if isinstance(node, syntax.Name) and node.name in free and node.name not in seen:
            seen.add(node.name)
            yield node.name, node.at
        if isinstance(node, syntax.Filter):
            pending.append(node.source)
        else:
            pending.extend(reversed(syntax.children(node)))
