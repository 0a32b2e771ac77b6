"""List functions. DMN 1.5 §10.3.4.4, table 77; positions count from 1, or back from the end."""

from __future__ import annotations

from collections.abc import Callable
from functools import cmp_to_key
from typing import Any

from tenuto.feel.access import call
from tenuto.feel.arithmetic import CONTEXT, INT_LIMIT, is_number
from tenuto.feel.compare import compare, key_of
from tenuto.feel.function import Function
from tenuto.feel.meter import Fault, Meter, Site
from tenuto.feel.types import type_name
from tenuto.values import Number


def list_contains(meter: Meter, items: list[Any], element: Any) -> bool:
    """Tell whether an element equals one of a list."""
    meter.charge(len(items) >> 3)
    wanted = key_of(element, meter)
    return any(key_of(item, meter) == wanted for item in items)


def smallest(meter: Meter, items: list[Any]) -> Any:
    """Return the least of comparable items."""
    return _extreme(meter, items, -1)


def largest(meter: Meter, items: list[Any]) -> Any:
    """Return the greatest of comparable items."""
    return _extreme(meter, items, 1)


def _extreme(meter: Meter, items: list[Any], sign: int) -> Any:
    meter.charge(len(items) >> 3)
    if not items:
        raise Fault("invalid-argument", "expected at least one item, but the list is empty")
    found = items[0]
    for item in items:
        order = compare(item, found)
        if order is None:
            raise Fault("not-comparable", "expected items that compare with each other")
        if order * sign > 0:
            found = item
    return found


def _numbers(meter: Meter, items: list[Any]) -> list[Any]:
    meter.charge(len(items) >> 3)
    if not items:
        raise Fault("invalid-argument", "expected at least one number, but the list is empty")
    for item in items:
        if not is_number(item):
            raise Fault("type-mismatch", f"expected numbers, but one is {type_name(item)}")
    return items


def total(meter: Meter, items: list[Any]) -> Number:
    """Return the sum of numbers."""
    return _total(_numbers(meter, items))


def _total(numbers: list[Any]) -> Number:
    result: Number = 0
    if all(type(number) is int for number in numbers):
        result = sum(numbers)
        return result if -INT_LIMIT < result < INT_LIMIT else CONTEXT.plus(result)
    try:
        for number in numbers:
            result = CONTEXT.add(result, number)
    except ArithmeticError:
        raise Fault("number-out-of-range", "expected a finite sum") from None
    return result


def mean(meter: Meter, items: list[Any]) -> Number:
    """Return the arithmetic mean."""
    return _mean(_numbers(meter, items))


def _mean(numbers: list[Any]) -> Number:
    whole = _total(numbers)
    if type(whole) is int and whole % len(numbers) == 0:
        return whole // len(numbers)
    return CONTEXT.divide(whole, len(numbers))


def product(meter: Meter, items: list[Any]) -> Number:
    """Return the product of numbers."""
    result: Number = 1
    try:
        for number in _numbers(meter, items):
            result = CONTEXT.multiply(result, number)
    except ArithmeticError:
        raise Fault("number-out-of-range", "expected a finite product") from None
    return result


def median(meter: Meter, items: list[Any]) -> Number:
    """Return the middle number, or the mean of the two in the middle."""
    numbers = sorted(_numbers(meter, items))
    middle = len(numbers) // 2
    if len(numbers) % 2:
        found: Number = numbers[middle]
        return found
    return _mean(numbers[middle - 1 : middle + 1])


def standard_deviation(meter: Meter, items: list[Any]) -> Number:
    """Return the standard deviation of a sample."""
    numbers = _numbers(meter, items)
    if len(numbers) < 2:
        raise Fault("invalid-argument", "expected at least two numbers")
    centre = _mean(numbers)
    try:
        squares = [CONTEXT.power(CONTEXT.subtract(number, centre), 2) for number in numbers]
    except ArithmeticError:
        raise Fault("number-out-of-range", "expected a finite deviation") from None
    return CONTEXT.sqrt(CONTEXT.divide(_total(list(squares)), len(numbers) - 1))


def mode(meter: Meter, items: list[Any]) -> list[Any]:
    """Return the most frequent numbers, ascending."""
    if not items:
        return []
    counts: dict[Any, int] = {}
    for number in _numbers(meter, items):
        counts[number] = counts.get(number, 0) + 1
    most = max(counts.values())
    return sorted(number for number, count in counts.items() if count == most)


def all_true(meter: Meter, items: list[Any]) -> bool | None:
    """Return false if one item is false, true if all are true, else null."""
    return _judge(items, decisive=False)


def any_true(meter: Meter, items: list[Any]) -> bool | None:
    """Return true if one item is true, false if all are false, else null."""
    return _judge(items, decisive=True)


def _judge(items: list[Any], *, decisive: bool) -> bool:
    is_known: bool = True
    for item in items:
        if item is decisive:
            return bool(decisive)
        if type(item) is not bool:
            is_known = False
    if not is_known:
        raise Fault("not-a-boolean", "expected true or false in the list, but one item is neither")
    return not decisive


def sublist(meter: Meter, items: list[Any], start: Number, length: Number | None) -> list[Any]:
    """Return part of a list from a position."""
    begin = _place(items, start)
    if length is None:
        return items[begin:]
    if length < 0 or begin + int(length) > len(items):
        raise Fault("invalid-argument", f"expected a length within the list, but it is {length}")
    return items[begin : begin + int(length)]


def _place(items: list[Any], position: Number) -> int:
    place = int(position)
    if place == 0 or abs(place) > len(items):
        raise Fault(
            "index-out-of-range",
            f"expected a position within {len(items)} items, but it is {position}",
        )
    return place - 1 if place > 0 else len(items) + place


def append(meter: Meter, items: list[Any], added: list[Any]) -> list[Any]:
    """Return a list with items at its end."""
    return [*items, *added]


def concatenate(meter: Meter, lists: list[Any]) -> list[Any]:
    """Return the items of all lists."""
    result: list[Any] = []
    for items in lists:
        result.extend(items)
        meter.check_size(len(result))
    return result


def insert_before(meter: Meter, items: list[Any], position: Number, item: Any) -> list[Any]:
    """Return a list with an item before a position."""
    place = _place(items, position)
    return [*items[:place], item, *items[place:]]


def remove(meter: Meter, items: list[Any], position: Number) -> list[Any]:
    """Return a list without the item at a position."""
    place = _place(items, position)
    return [*items[:place], *items[place + 1 :]]


def replace_at(meter: Meter, items: list[Any], position: Number, item: Any) -> list[Any]:
    """Return a list with another item at a position."""
    place = _place(items, position)
    return [*items[:place], item, *items[place + 1 :]]


def replace_where(meter: Meter, items: list[Any], match: Function, item: Any) -> list[Any]:
    """Return a list with another item wherever a function of both is true."""
    site = meter.site or Site("", 0)
    result = []
    for old in items:
        verdict = call(match, (old, item), meter, site)
        if type(verdict) is not bool:
            raise Fault("not-a-boolean", "expected the function to give true or false")
        result.append(item if verdict else old)
    return result


def reverse(meter: Meter, items: list[Any]) -> list[Any]:
    """Return a list from its end."""
    return items[::-1]


def index_of(meter: Meter, items: list[Any], match: Any) -> list[Any]:
    """Return the positions of all items that equal a match."""
    meter.charge(len(items) >> 3)
    wanted = key_of(match, meter)
    return [place for place, item in enumerate(items, 1) if key_of(item, meter) == wanted]


def union(meter: Meter, lists: list[Any]) -> list[Any]:
    """Return the items of all lists, each once."""
    return distinct_values(meter, concatenate(meter, lists))


def distinct_values(meter: Meter, items: list[Any]) -> list[Any]:
    """Return each item once, in the order of its first occurrence."""
    meter.charge(len(items) >> 3)
    seen: dict[Any, Any] = {}
    for item in items:
        seen.setdefault(key_of(item, meter), item)
    return list(seen.values())


def flatten(meter: Meter, items: list[Any]) -> list[Any]:
    """Return the items of lists in lists as one list."""
    result: list[Any] = []
    pending = [items]
    while pending:
        item: Any = pending.pop()
        if isinstance(item, list):
            meter.charge(1 + (len(item) >> 3))
            meter.check_size(len(result) + len(pending) + len(item))
            pending.extend(reversed(item))
        else:
            result.append(item)
    return result


def sort(meter: Meter, items: list[Any], precedes: Function | None) -> list[Any]:
    """Return a list in the order that `precedes` tells, or in that of its values."""
    if precedes is None:

        def order(left: Any, right: Any) -> int:
            verdict = compare(left, right)
            if verdict is None:
                raise Fault("not-comparable", "expected items that compare with each other")
            return verdict

    else:
        site = meter.site or Site("", 0)

        def order(left: Any, right: Any) -> int:
            if call(precedes, (left, right), meter, site) is True:
                return -1
            return 1 if call(precedes, (right, left), meter, site) is True else 0

    meter.charge(len(items))
    return sorted(items, key=cmp_to_key(order))


def duplicate_values(meter: Meter, items: list[Any]) -> list[Any]:
    """Return each item that occurs more than once."""
    counts: dict[Any, list[Any]] = {}
    meter.charge(len(items) >> 3)
    for item in items:
        counts.setdefault(key_of(item, meter), []).append(item)
    return [found[0] for found in counts.values() if len(found) > 1]


def partition(meter: Meter, items: list[Any], size: Number) -> list[Any]:
    """Return lists of at most `size` items each."""
    if size < 1:
        raise Fault("invalid-argument", f"expected a size of at least 1, but it is {size}")
    step = int(size)
    return [items[place : place + step] for place in range(0, len(items), step)]


def _both(
    name: str, parameter: str, kind: str, run: Callable[..., Any]
) -> list[tuple[str, Callable[..., Any]]]:
    """Return the rows of a function that takes a list, or its items one by one."""
    return [(f"{name}({parameter}: list)", run), (f"{name}(items: {kind}...~)", run)]


ROWS: list[tuple[str, Callable[..., Any]]] = [
    ("list contains(list: list, element: any~)", list_contains),
    ("count(list: list)", lambda meter, items: len(items)),
    *_both("min", "list", "any", smallest),
    *_both("max", "list", "any", largest),
    *_both("sum", "list", "any", total),
    *_both("mean", "list", "any", mean),
    *_both("all", "list", "any", all_true),
    *_both("any", "list", "any", any_true),
    *_both("product", "list", "any", product),
    *_both("median", "list", "any", median),
    *_both("stddev", "list", "any", standard_deviation),
    *_both("mode", "list", "any", mode),
    ("sublist(list: list, start position: number, length: number?)", sublist),
    ("append(list: list, item: any...~)", append),
    ("append(list: list, item: any~)", lambda meter, items, item: [*items, item]),
    ("concatenate(list: list...)", concatenate),
    ("insert before(list: list, position: number, newItem: any~)", insert_before),
    ("remove(list: list, position: number)", remove),
    ("list replace(list: list, position: number, newItem: any~)", replace_at),
    ("list replace(list: list, match: function, newItem: any~)", replace_where),
    ("reverse(list: list)", reverse),
    ("index of(list: list, match: any~)", index_of),
    ("union(list: list...)", union),
    ("distinct values(list: list)", distinct_values),
    ("flatten(list: list)", flatten),
    ("sort(list: list, precedes: function?)", sort),
]
CAMUNDA_ROWS: list[tuple[str, Callable[..., Any]]] = [
    ("and(list: list)", all_true),
    ("or(list: list)", any_true),
    ("duplicate values(list: list)", duplicate_values),
    ("is empty(list: list)", lambda meter, items: not items),
    ("partition(list: list, size: number)", partition),
]
