"""Range functions: how points and ranges lie to each other.

DMN 1.5 §10.3.4.9, table 81, after Allen's interval algebra as HL7 CQL words it. A point is a range
that starts and ends at itself, which gives each relation one definition. An open side lies beyond
every value.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tenuto.errors import FeelSyntaxError
from tenuto.feel import syntax
from tenuto.feel.access import make_range
from tenuto.feel.compare import compare
from tenuto.feel.meter import Fault, Meter, Site
from tenuto.feel.parse import parse_expression
from tenuto.feel.syntax import Node
from tenuto.feel.types import type_name
from tenuto.values import (
    Range,
    parse_date,
    parse_date_and_time,
    parse_duration,
    parse_temporal,
    parse_time,
)

Relation = Callable[[Range, Range], bool]
_LITERALS: dict[str, Callable[[str], Any]] = {
    "date": parse_date,
    "time": parse_time,
    "date and time": parse_date_and_time,
    "duration": parse_duration,
}


def range_of_text(meter: Meter, text: str) -> Range:
    """Return the range that a text such as `[1..10)` names; its ends are literals."""
    try:
        tree = parse_expression(text, _LITERALS)
    except FeelSyntaxError as error:
        raise Fault("invalid-argument", f"expected a range, but {error.message}") from None
    if not isinstance(tree, syntax.RangeLiteral):
        raise Fault("invalid-argument", f"expected a range as in [1..10], but it is {text!r}")
    start, end = _literal(tree.start), _literal(tree.end)
    closed = (tree.start_included, tree.end_included)
    quiet = Meter()
    found = make_range(start, end, closed, quiet, Site(text, 0))
    if not isinstance(found, Range):
        raise Fault("invalid-argument", f"expected ascending ends of one type, but it is {text!r}")
    return found


def _literal(node: Node) -> Any:
    if isinstance(node, syntax.Constant):
        return node.value
    if isinstance(node, syntax.AtLiteral):
        return parse_temporal(node.text)
    if isinstance(node, syntax.Invocation) and isinstance(node.function, syntax.Name):
        parse = _LITERALS.get(node.function.name)
        if parse is not None and len(node.arguments) == 1:
            argument = node.arguments[0]
            if isinstance(argument, syntax.Constant) and isinstance(argument.value, str):
                return parse(argument.value)
    raise Fault("invalid-argument", "expected literals as the ends of a range")


def _order(left: Any, right: Any, *, left_open: int, right_open: int) -> int:
    """Return the order of two ends; an open one counts as infinite with the given sign."""
    if left is None or right is None:
        return (left_open if left is None else 0) - (right_open if right is None else 0)
    order = compare(left, right)
    if order is None:
        raise Fault(
            "not-comparable",
            f"expected ends that compare, but they are {type_name(left)} and {type_name(right)}",
        )
    return order


def _starts(a: Range, b: Range) -> int:
    return _order(a.start, b.start, left_open=-1, right_open=-1)


def _ends(a: Range, b: Range) -> int:
    return _order(a.end, b.end, left_open=1, right_open=1)


def _end_to_start(a: Range, b: Range) -> int:
    return _order(a.end, b.start, left_open=1, right_open=-1)


def _before(a: Range, b: Range) -> bool:
    order = _end_to_start(a, b)
    return order < 0 or (order == 0 and not (a.end_included and b.start_included))


def _meets(a: Range, b: Range) -> bool:
    return a.end_included and b.start_included and _end_to_start(a, b) == 0


def _overlaps(a: Range, b: Range) -> bool:
    return not _before(a, b) and not _before(b, a)


def _overlaps_before(a: Range, b: Range) -> bool:
    start, end = _starts(a, b), _ends(a, b)
    starts_first = start < 0 or (start == 0 and a.start_included and not b.start_included)
    ends_first = end < 0 or (end == 0 and (not a.end_included or b.end_included))
    return starts_first and ends_first and not _before(a, b)


def _finishes(a: Range, b: Range) -> bool:
    start = _starts(a, b)
    starts_later = start > 0 or (start == 0 and (not a.start_included or b.start_included))
    return starts_later and a.end_included == b.end_included and _ends(a, b) == 0


def _begins(a: Range, b: Range) -> bool:
    end = _ends(a, b)
    ends_first = end < 0 or (end == 0 and (not a.end_included or b.end_included))
    return ends_first and a.start_included == b.start_included and _starts(a, b) == 0


def _includes(a: Range, b: Range) -> bool:
    start, end = _starts(a, b), _ends(a, b)
    starts_first = start < 0 or (start == 0 and (a.start_included or not b.start_included))
    ends_last = end > 0 or (end == 0 and (a.end_included or not b.end_included))
    return starts_first and ends_last


def _coincides(a: Range, b: Range) -> bool:
    same = (a.start_included, a.end_included) == (b.start_included, b.end_included)
    return same and _starts(a, b) == 0 and _ends(a, b) == 0


def _point_finishes(a: Range, b: Range) -> bool:
    return b.end_included and _ends(a, b) == 0


def _point_starts(a: Range, b: Range) -> bool:
    return b.start_included and _starts(a, b) == 0


def _swap(relation: Relation) -> Relation:
    return lambda a, b: relation(b, a)


def _run(relation: Relation) -> Callable[[Meter, Any, Any], bool]:
    def run(meter: Meter, left: Any, right: Any) -> bool:
        a = left if isinstance(left, Range) else Range(left, left)
        b = right if isinstance(right, Range) else Range(right, right)
        if not isinstance(left, Range) and not isinstance(right, Range):
            _order(left, right, left_open=0, right_open=0)
        return relation(a, b)

    return run


_POINTS = "(point1: {any}, point2: {any})"
_POINT_RANGE = "(point: {any}, range: range)"
_RANGE_POINT = "(range: range, point: {any})"
_RANGES = "(range1: range, range2: range)"
_TABLE: list[tuple[str, tuple[tuple[str, Relation], ...]]] = [
    (name, tuple((shape, relation) for shape in (_RANGES, _RANGE_POINT, _POINT_RANGE, _POINTS)))
    for name, relation in (("before", _before), ("after", _swap(_before)))
] + [
    ("meets", ((_RANGES, _meets),)),
    ("met by", ((_RANGES, _swap(_meets)),)),
    ("overlaps", ((_RANGES, _overlaps),)),
    ("overlaps before", ((_RANGES, _overlaps_before),)),
    ("overlaps after", ((_RANGES, _swap(_overlaps_before)),)),
    ("finishes", ((_RANGES, _finishes), (_POINT_RANGE, _point_finishes))),
    ("finished by", ((_RANGES, _swap(_finishes)), (_RANGE_POINT, _swap(_point_finishes)))),
    ("includes", ((_RANGES, _includes), (_RANGE_POINT, _includes))),
    ("during", ((_RANGES, _swap(_includes)), (_POINT_RANGE, _swap(_includes)))),
    ("starts", ((_RANGES, _begins), (_POINT_RANGE, _point_starts))),
    ("started by", ((_RANGES, _swap(_begins)), (_RANGE_POINT, _swap(_point_starts)))),
    ("coincides", ((_RANGES, _coincides), (_POINTS, _coincides))),
]
ROWS: list[tuple[str, Callable[..., Any]]] = [
    ("range(from: string)", range_of_text),
    *(
        (name + shape.replace("{any}", "any"), _run(relation))
        for name, relations in _TABLE
        for shape, relation in relations
    ),
]
