"""The door to FEEL: compile a text once, evaluate it often."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from tenuto.errors import BudgetExceeded
from tenuto.feel.access import PROPERTY_NAMES
from tenuto.feel.builtins import CAMUNDA, STANDARD
from tenuto.feel.emit_values import INPUT
from tenuto.feel.emitter import External
from tenuto.feel.generate import Compiled, Generator
from tenuto.feel.meter import Budget, FeelWarning, Meter
from tenuto.feel.parse import parse_expression, parse_unary_tests
from tenuto.feel.syntax import Node
from tenuto.feel.types import NAMED, Type
from tenuto.values import DateAndTime

_STANDARD_NAMES = frozenset((*STANDARD, *NAMED, *PROPERTY_NAMES))
_CAMUNDA_NAMES = frozenset((*CAMUNDA, *_STANDARD_NAMES))


class Evaluation(msgspec.Struct, frozen=True):
    """What an expression came to: its value, what it had to say, and what it spent."""

    value: Any
    warnings: tuple[FeelWarning, ...]
    steps: int


class Expression:
    """A compiled text; safe to share between threads."""

    __slots__ = ("_compiled", "_generator", "_names", "is_unary", "text", "tree")

    def __init__(self, text: str, tree: Node, generator: Generator, *, is_unary: bool) -> None:
        """Python code is generated at the first evaluation."""
        self.text = text
        self.tree = tree
        self.is_unary = is_unary
        self._generator = generator
        self._compiled: Compiled | None = None
        self._names: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return f"<Expression {self.text!r}>"

    @property
    def names(self) -> frozenset[str]:
        """The variables that the text reads from its context."""
        self._ready()
        return self._names - {INPUT}

    def evaluate(
        self,
        context: Mapping[str, Any],
        *,
        now: DateAndTime | datetime.datetime | None = None,
        budget: Budget | None = None,
    ) -> Evaluation:
        """Return value, warnings and steps; raise `BudgetExceeded` alone.

        The context is read lazily, and only for the names that occur.

        >>> from tenuto import feel
        >>> feel.compile("amount * 1.2").evaluate({"amount": 50}).value
        Decimal('60.0')
        """
        meter = Meter(now, budget)
        value = self.run(context, meter)
        return Evaluation(value, meter.warnings, meter.steps)

    def call(
        self,
        context: Mapping[str, Any],
        now: DateAndTime | datetime.datetime | None = None,
    ) -> Any:
        """Return the value alone, at the least cost."""
        return self.run(context, Meter(now))

    def run(self, context: Mapping[str, Any], meter: Meter) -> Any:
        """Return the value, spending from a meter that other expressions may share."""
        if self.is_unary:
            return self.test(context.get(INPUT), context, meter=meter)
        compiled = self._compiled or self._ready()
        try:
            return compiled(context, meter)
        except RecursionError:
            raise _too_deep() from None

    def test(
        self,
        value: Any,
        context: Mapping[str, Any],
        *,
        now: DateAndTime | datetime.datetime | None = None,
        meter: Meter | None = None,
    ) -> bool | None:
        """Return whether an input meets the unary tests; null when that is unknown.

        >>> from tenuto import feel
        >>> feel.compile("< 10, [20..30]", unary=True).test(25, {})
        True
        """
        assert self.is_unary, f"expected unary tests, but {self.text!r} is an expression"
        compiled = self._compiled or self._ready()
        try:
            verdict = compiled(context, meter or Meter(now), value)
        except RecursionError:
            raise _too_deep() from None
        return verdict if verdict is True or verdict is False else None

    def _ready(self) -> Compiled:
        if self._compiled is None:
            compiled, self._names = self._generator.generate(self.tree)
            self._compiled = compiled
        return self._compiled


def _too_deep() -> BudgetExceeded:
    return BudgetExceeded("expected fewer calls within calls, but the evaluation nests deeper")


def compile(  # noqa: A001  # the public name is feel.compile
    text: str,
    *,
    names: Iterable[str] = (),
    unary: bool = False,
    camunda: bool = False,
    types: Mapping[str, Type] | None = None,
    external: External | None = None,
) -> Expression:
    """Return the expression of a text; raise `FeelSyntaxError` with its place.

    `names` are the variables (and members of item definitions) that are known: names with signs
    inside need it, and a known name hides the built-in function of that name. `types` are the item
    definitions for `instance of` and for parameters. `external` finds the Python function for the
    context after `external`.
    """
    declared = frozenset(names)
    builtins = CAMUNDA if camunda else STANDARD
    standard = _CAMUNDA_NAMES if camunda else _STANDARD_NAMES
    parse = parse_unary_tests if unary else parse_expression
    known = (standard, declared, frozenset(types or ()))
    tree = parse(text, *known, types=types, quoted_names=camunda)
    generator = Generator(text, builtins, declared, external)
    return Expression(text, tree, generator, is_unary=unary)
