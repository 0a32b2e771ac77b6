"""Cells of decision tables, read for what they say: which values of which type they admit.

Most cells are constants, comparisons with constants and ranges. Those are understood here, so that
a table can be indexed and analysed; the rest stays an expression that is evaluated. Values of one
type are ordered by a key (a date by its number); an interval lies between two *cuts*: `(key, 0)` is
the place right before a key, `(key, 1)` the place right after it, so open and closed ends need no
cases.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from msgspec import Struct

from tenuto import feel
from tenuto.feel import syntax
from tenuto.values import (
    Date,
    DaysTimeDuration,
    YearsMonthsDuration,
    parse_date,
    parse_duration,
    parse_temporal,
)

Cut = tuple[Any, int]
Interval = tuple[Cut, Cut]
LOW: Cut = (-math.inf, 0)
HIGH: Cut = (math.inf, 1)

NUMBER = "number"
DATE = "date"
DAYS = "days and time duration"
MONTHS = "years and months duration"
TEXT = "string"
BOOLEAN = "boolean"

_KINDS: dict[type, str] = {
    int: NUMBER,
    Decimal: NUMBER,
    Date: DATE,
    DaysTimeDuration: DAYS,
    YearsMonthsDuration: MONTHS,
    str: TEXT,
    bool: BOOLEAN,
}
_KEYS: dict[str, Callable[[Any], Any]] = {
    DATE: lambda value: value.number,
    DAYS: lambda value: value.nanos,
    MONTHS: lambda value: value.months,
}

# Longer numbers are rounded to 34 digits, which FEEL does itself.
_NUMBER = r"-?\d{1,17}(?:\.\d{1,17})?"
_STRING = r'"[^"\\\r\n]*"'
_CONSTANT = re.compile(rf"\s*(?:({_NUMBER})|({_STRING})|(true|false))\s*")
_QUICK_NUMBER = re.compile(
    rf"\s*(?:(<=|>=|<|>)?\s*({_NUMBER})|([\[\](])\s*({_NUMBER})\s*\.\.\s*({_NUMBER})\s*([\])\[]))\s*"
)
_QUICK_TEXTS = re.compile(rf"\s*{_STRING}(?:\s*,\s*{_STRING})*\s*")
_EACH_STRING = re.compile(_STRING)


class Ordered(Struct, frozen=True):
    """Admits the values of one ordered type in any of these intervals, which are disjoint."""

    kind: str
    intervals: tuple[Interval, ...]


class Choice(Struct, frozen=True):
    """Admits these texts or booleans, or all others when negated."""

    kind: str
    values: frozenset[Any]
    is_negated: bool = False


Shape = Ordered | Choice


def kind_of(value: Any) -> str | None:
    """Return the type of a value that cells are indexed by, if it is one."""
    return _KINDS.get(type(value))


def key_of(value: Any, kind: str) -> Any:
    """Return what values of an ordered kind are compared by."""
    key = _KEYS.get(kind)
    return value if key is None else key(value)


def value_of(key: Any, kind: str) -> Any:
    """Return the value of a key."""
    if kind == DATE:
        return Date.of_number(int(key))
    if kind == DAYS:
        return DaysTimeDuration(int(key))
    if kind == MONTHS:
        return YearsMonthsDuration(int(key))
    return key


def is_foreign(value: Any, kind: str) -> bool:
    """Tell whether a value is null or of another type that cells are indexed by."""
    return value is None or _KINDS.get(type(value), kind) != kind


def is_strict(tree: syntax.Node) -> bool:
    """Tell whether parsed tests can hold for values of their own type alone, never for null.

    Negations hold for null: `not(5)` and `? != 5` do.
    """
    return (
        isinstance(tree, syntax.UnaryTests)
        and not tree.is_negated
        and not any(
            isinstance(test, syntax.OpenRange | syntax.Comparison) and test.relation == "!="
            for test in tree.tests
        )
    )


def read_constant(text: str) -> tuple[bool, Any]:
    """Return whether a text is plainly a constant, and its value."""
    match = _CONSTANT.fullmatch(text)
    if match is None:
        return False, None
    number, string, boolean = match.groups()
    if number is not None:
        return True, _number(number)
    if string is not None:
        return True, string[1:-1]
    return True, boolean == "true"


def read_quickly(text: str) -> Shape | None:
    """Return the shape of a cell of the commonest forms, without parsing FEEL."""
    if _QUICK_TEXTS.fullmatch(text):
        return Choice(TEXT, frozenset(part[1:-1] for part in _EACH_STRING.findall(text)))
    match = _QUICK_NUMBER.fullmatch(text)
    if match is None:
        return None
    relation, end, opening, low, high, closing = match.groups()
    if end is not None:
        return Ordered(NUMBER, _spans(relation or "=", _number(end)))
    start = (_number(low), 0 if opening == "[" else 1)
    stop = (_number(high), 1 if closing == "]" else 0)
    return Ordered(NUMBER, ((start, stop),) if start < stop else ())


def read_tree(tree: syntax.Node, names: frozenset[str]) -> Shape | None:
    """Return the shape of parsed unary tests; nothing when they need to be evaluated."""
    if not isinstance(tree, syntax.UnaryTests) or not tree.tests:
        return None
    shapes = [_read_test(test, names) for test in tree.tests]
    known = [shape for shape in shapes if shape is not None]
    if len(known) < len(shapes) or len({shape.kind for shape in known}) > 1:
        return None
    choices = [shape for shape in known if isinstance(shape, Choice)]
    if choices:
        return _join_choices(choices, is_negated=tree.is_negated)
    spans = [span for shape in known if isinstance(shape, Ordered) for span in shape.intervals]
    joined = join(spans)
    return Ordered(known[0].kind, complement(joined) if tree.is_negated else joined)


def read_values(tree: syntax.Node) -> list[Any] | None:
    """Return the constants that unary tests list, in order; nothing when one is no constant."""
    if not isinstance(tree, syntax.UnaryTests) or tree.is_negated:
        return None
    values = [_constant(test, frozenset()) for test in tree.tests]
    return None if any(value is None for value in values) else values


def join(intervals: list[Interval]) -> tuple[Interval, ...]:
    """Return the union of intervals, sorted and disjoint."""
    found: list[Interval] = []
    for start, stop in sorted(intervals):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], stop))
        else:
            found.append((start, stop))
    return tuple(found)


def complement(intervals: tuple[Interval, ...]) -> tuple[Interval, ...]:
    """Return what lies outside of disjoint, sorted intervals."""
    found: list[Interval] = []
    at = LOW
    for start, stop in intervals:
        if at < start:
            found.append((at, start))
        at = stop
    if at < HIGH:
        found.append((at, HIGH))
    return tuple(found)


def _join_choices(choices: list[Choice], *, is_negated: bool) -> Choice | None:
    if any(choice.is_negated for choice in choices):
        if len(choices) > 1:
            return None
        return Choice(choices[0].kind, choices[0].values, not is_negated)
    values = frozenset(value for choice in choices for value in choice.values)
    return Choice(choices[0].kind, values, is_negated)


def _read_test(node: syntax.Node, names: frozenset[str]) -> Shape | None:
    if isinstance(node, syntax.RangeLiteral):
        return _read_range(node, names)
    relation, end = "=", node
    if isinstance(node, syntax.OpenRange):
        relation, end = node.relation, node.end
    elif isinstance(node, syntax.Comparison):
        if not isinstance(node.left, syntax.Name) or node.left.name != "?":
            return None
        relation, end = node.relation, node.right
    value = _constant(end, names)
    kind = kind_of(value)
    if kind is None:
        return None
    if kind in (TEXT, BOOLEAN):
        if relation not in ("=", "!="):
            return None
        return Choice(kind, frozenset((value,)), relation == "!=")
    return Ordered(kind, _spans(relation, key_of(value, kind)))


def _read_range(node: syntax.RangeLiteral, names: frozenset[str]) -> Shape | None:
    start, stop = _constant(node.start, names), _constant(node.end, names)
    kind = kind_of(start)
    if kind is None or kind in (TEXT, BOOLEAN) or kind != kind_of(stop):
        return None
    low = (key_of(start, kind), 0 if node.start_included else 1)
    high = (key_of(stop, kind), 1 if node.end_included else 0)
    return Ordered(kind, ((low, high),) if low < high else ())


def _constant(node: syntax.Node, names: frozenset[str]) -> Any:
    """Return the value of a constant, a temporal literal, or `date` or `duration` of a text."""
    if isinstance(node, syntax.Constant):
        return node.value
    if isinstance(node, syntax.AtLiteral):
        return parse_temporal(node.text)
    if not isinstance(node, syntax.Invocation) or not isinstance(node.function, syntax.Name):
        return None
    parse = {"date": parse_date, "duration": parse_duration}.get(node.function.name)
    is_plain = len(node.arguments) == 1 and isinstance(node.arguments[0], syntax.Constant)
    if parse is None or not is_plain or node.function.name in names:
        return None
    argument = node.arguments[0]
    assert isinstance(argument, syntax.Constant), "checked above"
    return parse(argument.value) if isinstance(argument.value, str) else None


def _spans(relation: str, key: Any) -> tuple[Interval, ...]:
    before, after = (key, 0), (key, 1)
    return {
        "=": ((before, after),),
        "!=": ((LOW, before), (after, HIGH)),
        "<": ((LOW, before),),
        "<=": ((LOW, after),),
        ">": ((after, HIGH),),
        ">=": ((before, HIGH),),
    }[relation]


def _number(text: str) -> Any:
    return Decimal(text) if "." in text else int(text)


class Cell:
    """One test: its text, its shape if it has one, and the expression, compiled when needed."""

    __slots__ = ("_compile", "_expression", "always", "is_strict", "shape", "text")

    def __init__(
        self,
        text: str,
        shape: Shape | None,
        compile_text: Callable[[], feel.Expression],
        expression: feel.Expression | None = None,
    ) -> None:
        """A cell without shape has its expression at once, so that a wrong text is found."""
        self.text = text
        self.shape = shape
        self.always = text in ("", "-")
        self.is_strict = shape is not None and (expression is None or is_strict(expression.tree))
        self._compile = compile_text
        self._expression = expression

    @property
    def expression(self) -> feel.Expression:
        """The unary tests."""
        if self._expression is None:
            self._expression = self._compile()
        return self._expression

    def admits(self, value: Any) -> bool | None:
        """Tell whether the shape admits a value; nothing when the expression has to say."""
        shape = self.shape
        if shape is None:
            return True if self.always else None
        if _KINDS.get(type(value)) != shape.kind:
            return False if self.is_strict and is_foreign(value, shape.kind) else None
        if isinstance(shape, Choice):
            return (value in shape.values) is not shape.is_negated
        place = (key_of(value, shape.kind), 0)
        return any(start <= place < stop for start, stop in shape.intervals)
