"""Equality and order of FEEL values: true, false or null.

DMN 1.5 §10.3.2.13, tables 51 to 55. Null equals only null; values of different types do not compare
and give null with a warning. Zoned values compare as instants, local ones by their wall clock, one
of each not at all.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tenuto.feel.meter import Meter, Site
from tenuto.feel.types import type_name
from tenuto.values import (
    Date,
    DateAndTime,
    DaysTimeDuration,
    Range,
    Time,
    YearsMonthsDuration,
)

_BY_VALUE = frozenset((bool, str, Date, DaysTimeDuration, YearsMonthsDuration))
_BILLION = 1_000_000_000


def equal(left: Any, right: Any, meter: Meter, site: Site) -> bool | None:
    """Return `left = right`."""
    kind = type(left)
    other = type(right)
    if (kind is int or kind is Decimal) and (other is int or other is Decimal):
        return bool(left == right)
    if left is None or right is None:
        return left is right
    if kind is not other:
        return _refuse("=", left, right, meter, site)
    if kind in _BY_VALUE:
        return bool(left == right)
    if kind is list:
        return _lists_equal(left, right, meter, site)
    if kind is dict:
        return _contexts_equal(left, right, meter, site)
    if kind is Range:
        return _ranges_equal(left, right, meter, site)
    if kind is DateAndTime or kind is Time:
        return _moments_equal(left, right)
    return True if left is right else _refuse("=", left, right, meter, site)


def not_equal(left: Any, right: Any, meter: Meter, site: Site) -> bool | None:
    """Return `left != right`."""
    result = equal(left, right, meter, site)
    return None if result is None else not result


def less(left: Any, right: Any, meter: Meter, site: Site) -> bool | None:
    """Return `left < right`."""
    order = compare(left, right)
    return _refuse("<", left, right, meter, site) if order is None else order < 0


def less_equal(left: Any, right: Any, meter: Meter, site: Site) -> bool | None:
    """Return `left <= right`."""
    order = compare(left, right)
    return _refuse("<=", left, right, meter, site) if order is None else order <= 0


def greater(left: Any, right: Any, meter: Meter, site: Site) -> bool | None:
    """Return `left > right`."""
    order = compare(left, right)
    return _refuse(">", left, right, meter, site) if order is None else order > 0


def greater_equal(left: Any, right: Any, meter: Meter, site: Site) -> bool | None:
    """Return `left >= right`."""
    order = compare(left, right)
    return _refuse(">=", left, right, meter, site) if order is None else order >= 0


def between(value: Any, low: Any, high: Any, meter: Meter, site: Site) -> bool | None:
    """Return `value between low and high`."""
    above = greater_equal(value, low, meter, site)
    below = less_equal(value, high, meter, site)
    if above is False or below is False:
        return False
    return True if above and below else None


def compare(left: Any, right: Any) -> int | None:
    """Return a number below, at or above 0 for the order of two values, or nothing."""
    kind = type(left)
    other = type(right)
    if kind is int or kind is Decimal:
        if other is int or other is Decimal:
            return int(left > right) - int(left < right)
        return None
    if kind is not other:
        return None
    if kind is str:
        return int(left > right) - int(left < right)
    if kind is Date:
        return int(left.number) - int(right.number)
    if kind is DaysTimeDuration:
        return int(left.nanos) - int(right.nanos)
    if kind is YearsMonthsDuration:
        return int(left.months) - int(right.months)
    if kind is DateAndTime or kind is Time:
        return _compare_moments(left, right)
    return None


def contains(extent: Range, value: Any, meter: Meter, site: Site) -> bool | None:
    """Tell whether a value lies in a range; null when it does not compare with the ends."""
    above: bool | None = True
    below: bool | None = True
    if extent.start is not None:
        test = greater_equal if extent.start_included else greater
        above = test(value, extent.start, meter, site)
    if extent.end is not None:
        test = less_equal if extent.end_included else less
        below = test(value, extent.end, meter, site)
    if above is False or below is False:
        return False
    return True if above and below else None


def matches(value: Any, test: Any, meter: Meter, site: Site) -> bool | None:
    """Tell whether a value meets a test: equals it, lies in it, or meets one item of a list."""
    if type(test) is Range and type(value) is not Range:
        return contains(test, value, meter, site)
    if type(test) is not list:
        return equal(value, test, meter, site)
    meter.charge(len(test))
    quiet = _Quiet(meter)
    found: bool | None = False
    for item in test:
        verdict = matches(value, item, quiet, site)
        if verdict is True:
            return True
    if type(value) is list:
        found = equal(value, test, quiet, site)
    return found is True


def key_of(value: Any, meter: Meter) -> Any:
    """Return something hashable that two values share when `=` holds between them."""
    kind = type(value)
    if kind is bool:
        return (bool, value)
    if kind is list:
        meter.charge(1 + (len(value) >> 3))
        return (list, *(key_of(item, meter) for item in value))
    if kind is dict:
        meter.charge(1 + (len(value) >> 3))
        return (dict, frozenset((name, key_of(part, meter)) for name, part in value.items()))
    if kind is DateAndTime:
        return (DateAndTime, value.zone is None, value.instant)
    if kind is Time:
        return (Time, value.zone is None, value.nanos - (value.offset or 0) * _BILLION)
    if kind is Range:
        ends = key_of(value.start, meter), key_of(value.end, meter)
        return (Range, *ends, value.start_included, value.end_included)
    return value


def is_same(left: Any, right: Any) -> bool:
    """Tell whether two values are the same in type and value, as FEEL's `is` does."""
    if type(left) in (int, Decimal) and type(right) in (int, Decimal):
        return bool(left == right)
    if type(left) is not type(right):
        return False
    if isinstance(left, list):
        return len(left) == len(right) and all(map(is_same, left, right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(is_same(left[key], right[key]) for key in left)
    return bool(left == right)


class _Quiet(Meter):
    """Spends from another meter but keeps silent: a list may hold values of any type."""

    __slots__ = ("_inner",)

    def __init__(self, inner: Meter) -> None:
        self._inner = inner

    def warn(self, code: str, message: str, site: Site | None = None) -> None:
        self._inner.charge(1)

    def charge(self, steps: int) -> None:
        self._inner.charge(steps)


def _refuse(relation: str, left: Any, right: Any, meter: Meter, site: Site) -> bool | None:
    meter.warn(
        "not-comparable",
        f"expected values that '{relation}' can compare, "
        f"but they are {type_name(left)} and {type_name(right)}",
        site,
    )
    return None


def _lists_equal(left: list[Any], right: list[Any], meter: Meter, site: Site) -> bool | None:
    if len(left) != len(right):
        return False
    meter.charge(len(left))
    result: bool | None = True
    for one, other in zip(left, right, strict=True):
        verdict = equal(one, other, meter, site)
        if verdict is False:
            return False
        if verdict is None:
            result = None
    return result


def _contexts_equal(
    left: dict[str, Any], right: dict[str, Any], meter: Meter, site: Site
) -> bool | None:
    if left.keys() != right.keys():
        return False
    return _lists_equal(list(left.values()), [right[key] for key in left], meter, site)


def _ranges_equal(left: Range, right: Range, meter: Meter, site: Site) -> bool | None:
    if (left.start_included, left.end_included) != (right.start_included, right.end_included):
        return False
    return _lists_equal([left.start, left.end], [right.start, right.end], meter, site)


def _moments_equal(left: Any, right: Any) -> bool | None:
    if (left.zone is None) is not (right.zone is None):
        return False
    return _compare_moments(left, right) == 0


def _compare_moments(left: Any, right: Any) -> int | None:
    if (left.zone is None) is not (right.zone is None):
        return None
    if isinstance(left, DateAndTime):
        return left.instant - int(right.instant)
    shift = ((left.offset or 0) - (right.offset or 0)) * _BILLION
    return int(left.nanos) - int(right.nanos) - shift
