"""What flows through a graph: formulas, mappings, and what a process declares of its variables."""

from __future__ import annotations

from msgspec import Struct

from tenuto import feel
from tenuto.values import Value


class Formula(Struct, frozen=True):
    """A text from a model: a constant, or a compiled FEEL expression.

    `source` is what the modeler wrote, without the leading `=` that marks FEEL in the zeebe
    dialect.
    """

    source: str
    expression: feel.Expression | None = None
    constant: Value = None

    @property
    def is_constant(self) -> bool:
        """Tell whether the value is known without variables."""
        return self.expression is None


def constant(value: Value, source: str | None = None) -> Formula:
    """Return a formula that always gives `value`."""
    return Formula(source=str(value) if source is None else source, constant=value)


def formula(text: str) -> Formula:
    """Return the compiled FEEL expression of `text`.

    Raises `FeelSyntaxError`.
    """
    return Formula(source=text, expression=feel.compile(text, camunda=True))


def static_or_formula(text: str) -> Formula:
    """Return FEEL for a text that starts with `=`, else the text itself (the zeebe convention).

    Raises `FeelSyntaxError`.
    """
    stripped = text.strip()
    return formula(stripped[1:]) if stripped.startswith("=") else constant(stripped)


class Mapping(Struct, frozen=True):
    """One mapping: the value of `source` goes to the variable path `target` (`a` or `a.b`)."""

    source: Formula
    target: tuple[str, ...]


class InputDeclaration(Struct, frozen=True):
    """A variable that is expected at the start of something, with its FEEL type name."""

    name: str
    type: str = "Any"
    required: bool = False


class OutputDeclaration(Struct, frozen=True):
    """A variable that holds when something has ended, with its FEEL type name.

    `element` is the end event that declares it; empty where every end gives it.
    """

    name: str
    type: str = "Any"
    element: str = ""


class HandlerDeclaration(Struct, frozen=True):
    """What a handler of a job type takes and returns; `place` says where it is written.

    `outputs` None means that it may return anything.
    """

    job_type: str
    place: str
    inputs: tuple[InputDeclaration, ...] = ()
    outputs: tuple[OutputDeclaration, ...] | None = None


class NaturalKey(Struct, frozen=True):
    """A rule that finds the same business fact reported twice.

    `key` gives what must be equal, `near` names a numeric variable that may differ by the relative
    `tolerance`; the business keys of earlier look-alikes go to the variable `result`.
    """

    key: Formula
    result: str
    near: str | None = None
    tolerance: str = "0"
