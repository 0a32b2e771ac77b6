"""What compiled expressions call: ranges, paths, filters, loops and calls of function values.

DMN 1.5 §10.3.2.13. Attributes are read from FEEL values alone, through one table per type; nothing
here reads an attribute that a text names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tenuto.feel.arithmetic import CONTEXT, is_number
from tenuto.feel.compare import compare
from tenuto.feel.function import Function
from tenuto.feel.meter import Meter, Site
from tenuto.feel.signature import Builtin, invoke_named
from tenuto.feel.types import ANY, coerce, type_name
from tenuto.values import (
    Date,
    DateAndTime,
    DaysTimeDuration,
    Number,
    Range,
    Time,
    YearsMonthsDuration,
)
from tenuto.values.calendar import weekday
from tenuto.values.temporal import DAY_NANOS, NANOS

_Properties = dict[str, Callable[[Any], Any]]


def look_up(context: Mapping[str, Any], name: str, meter: Meter, site: Site) -> Any:
    """Return a variable, or null with a warning when there is none of that name."""
    try:
        return context[name]
    except KeyError:
        meter.warn("unknown-name", f"expected a variable {name!r}, but there is none", site)
        return None


def look_up_function(context: Mapping[str, Any], name: str, function: Function) -> Any:
    """Return a variable, or the built-in function of that name."""
    try:
        return context[name]
    except KeyError:
        return function


def look_up_callable(context: Mapping[str, Any], name: str, function: Function) -> Function:
    """Return the variable when it is a function, or the built-in function of that name."""
    found = context.get(name)
    return found if isinstance(found, Function) else function


def make_range(start: Any, end: Any, closed: tuple[bool, bool], meter: Meter, site: Site) -> Any:
    """Return the range between two ends; null when they do not compare or are out of order."""
    start_included, end_included = closed
    if start is None or end is None:
        if (start is None and (start_included or end is None)) or (end is None and end_included):
            meter.warn("invalid-range", "expected the ends of a range, but one is null", site)
            return None
        known = end if start is None else start
        order = compare(known, known)
    else:
        order = compare(start, end)
    if order is None or order > 0:
        meter.warn(
            "invalid-range",
            "expected the start of a range at or before its end, "
            f"but they are {type_name(start)} and {type_name(end)}",
            site,
        )
        return None
    return Range(start, end, start_included=start_included, end_included=end_included)


def make_open_range(relation: str, end: Any, meter: Meter, site: Site) -> Any:
    """Return `(< end)` and its like as a range."""
    if relation == "!=" or compare(end, end) is None:
        meter.warn("invalid-range", f"expected an end that '{relation}' makes a range of", site)
        return None
    if relation == "=":
        return Range(end, end)
    if relation in ("<", "<="):
        return Range(None, end, end_included=relation == "<=")
    return Range(end, None, start_included=relation == ">=")


def read_path(source: Any, name: str, meter: Meter, site: Site) -> Any:
    """Return `source.name`: a context entry, a property, or a list of them."""
    kind = type(source)
    if kind is dict:
        if name in source:
            return source[name]
    elif kind is list:
        meter.charge(1 + (len(source) >> 3))
        return [_read_item(item, name, meter, site) for item in source]
    else:
        read = _PROPERTIES.get(kind, {}).get(name)
        if read is not None:
            return read(source)
    meter.warn(
        "unknown-member", f"expected a member {name!r}, but {type_name(source)} has none", site
    )
    return None


def read_index(source: Any, index: Number, meter: Meter, site: Site) -> Any:
    """Return `source[index]`, counted from 1, or from the end when negative."""
    items = source if type(source) is list else [] if source is None else [source]
    place = int(index)
    if place == index and place != 0 and abs(place) <= len(items):
        return items[place - 1 if place > 0 else place]
    meter.warn(
        "index-out-of-range", f"expected an index from 1 to {len(items)}, but it is {index}", site
    )
    return None


def filter_items(source: Any, keep: Callable[[Any], Any], meter: Meter, site: Site) -> Any:
    """Return the items for which `keep` is true, or the item at its number."""
    if source is None:
        meter.warn("type-mismatch", "expected a list to filter, but it is null", site)
        return None
    items = source if type(source) is list else [source]
    kept = []
    meter.charge(len(items))
    for item in items or (None,):
        verdict = keep(item)
        if verdict is True:
            kept.append(item)
        elif is_number(verdict):
            return read_index(items, verdict, meter, site)
        elif verdict is not False and verdict is not None:
            expectation = "expected a filter that is true, false or a number"
            meter.warn("type-mismatch", f"{expectation}, but it is {type_name(verdict)}", site)
            return None
    return kept if items else []


def count_between(start: Any, end: Any, meter: Meter, site: Site) -> Sequence[Any] | None:
    """Return the whole numbers or days from one end to the other, upwards or downwards."""
    if type(start) is Date and type(end) is Date:
        numbers = _steps(start.number, end.number)
        meter.check_size(len(numbers))
        meter.charge(len(numbers))
        return [Date.of_number(number) for number in numbers]
    if is_number(start) and is_number(end) and start == int(start) and end == int(end):
        # Checked here, because Python cannot tell the length of a longer range.
        meter.check_size(abs(int(end) - int(start)) + 1)
        return _steps(int(start), int(end))
    meter.warn(
        "type-mismatch",
        "expected whole numbers or dates to count between, "
        f"but they are {type_name(start)} and {type_name(end)}",
        site,
    )
    return None


def list_domain(source: Any, meter: Meter, site: Site) -> Sequence[Any] | None:
    """Return what a loop goes through: a list, the members of a range, or a single value."""
    if type(source) is list or type(source) is range:
        return source
    if type(source) is Range:
        members = count_between(source.start, source.end, meter, site)
        if members is None:
            return None
        first = 0 if source.start_included else 1
        return members[first : len(members) - (0 if source.end_included else 1)]
    if source is None:
        meter.warn("type-mismatch", "expected a list to go through, but it is null", site)
        return None
    return [source]


def run_loop(
    sources: tuple[Callable[..., Any], ...],
    body: Callable[..., Any],
    cost: int,
    meter: Meter,
    site: Site,
) -> list[Any] | None:
    """Return the results of `for`: the last source turns fastest."""
    results: list[Any] = []

    def turn(bound: tuple[Any, ...]) -> bool:
        items = list_domain(sources[len(bound)](*bound), meter, site)
        if items is None:
            return False
        _charge_rounds(len(items), cost, meter)
        if len(bound) + 1 < len(sources):
            return all(turn((*bound, item)) for item in items)
        for item in items:
            results.append(body(*bound, item, results))  # body reads results
        return True

    if not turn(()):
        return None
    meter.check_size(len(results))
    return results


def run_simple_loop(
    source: Any, body: Callable[[Any], Any], cost: int, meter: Meter, site: Site
) -> list[Any] | None:
    """Return the results of `for` with one source whose body does not read `partial`."""
    items = list_domain(source, meter, site)
    if items is None:
        return None
    _charge_rounds(len(items), cost, meter)
    return [body(item) for item in items]


def run_quantified(  # called by generated code alone
    sources: tuple[Callable[..., Any], ...],
    condition: Callable[..., Any],
    wanted: bool,  # noqa: FBT001  # called by generated code alone
    cost: int,
    meter: Meter,
    site: Site,
) -> bool | None:
    """Return `some` (wanted true) or `every` (wanted false), with null for what is unknown."""
    is_known = True

    def turn(bound: tuple[Any, ...]) -> bool | None:
        nonlocal is_known
        items = list_domain(sources[len(bound)](*bound), meter, site)
        if items is None:
            is_known = False
            return False
        _charge_rounds(len(items), cost, meter)
        for item in items:
            inner = (*bound, item)
            verdict = turn(inner) if len(inner) < len(sources) else condition(*inner)
            if len(inner) < len(sources):
                if verdict:
                    return True
            elif verdict is wanted:
                return True
            elif verdict is not (not wanted):
                is_known = False
        return False

    if turn(()):
        return wanted
    if is_known:
        return not wanted
    meter.warn("not-a-boolean", "expected true or false for each item, but one is neither", site)
    return None


def call(function: Any, arguments: tuple[Any, ...], meter: Meter, site: Site) -> Any:
    """Call a function value by position."""
    if not isinstance(function, Function):
        return _refuse_call(function, meter, site)
    meter.site = site
    if function.variadic:
        return _run(function, arguments, meter)
    if len(arguments) != len(function.parameters):
        meter.warn(
            "wrong-arguments",
            f"expected {len(function.parameters)} arguments, but there are {len(arguments)}",
            site,
        )
        return None
    converted = tuple(
        argument if kind is ANY else coerce(argument, kind, meter, site)
        for argument, (_, kind) in zip(arguments, function.parameters, strict=True)
    )
    return coerce(_run(function, converted, meter), function.result, meter, site)


def call_named(function: Any, arguments: dict[str, Any], meter: Meter, site: Site) -> Any:
    """Call a function value by parameter names."""
    if not isinstance(function, Function):
        return _refuse_call(function, meter, site)
    if isinstance(function, Builtin):
        signatures = function.choose_named(tuple(arguments))
        if signatures:
            return invoke_named(signatures, arguments, meter, site)
    names = [name for name, _ in function.parameters]
    if set(names) != set(arguments):
        meter.warn(
            "wrong-arguments",
            f"expected the parameters {', '.join(names)}, but they are {', '.join(arguments)}",
            site,
        )
        return None
    return call(function, tuple(arguments[name] for name in names), meter, site)


def explain_unknown(meter: Meter, site: Site, *operands: Any) -> None:
    """Warn when a null of `and` or `or` comes from an operand that is no boolean."""
    for operand in operands:
        if operand is not None and operand is not True and operand is not False:
            meter.warn(
                "not-a-boolean",
                f"expected true or false, but the operand is {type_name(operand)}",
                site,
            )
            return


def _run(function: Function, arguments: tuple[Any, ...], meter: Meter) -> Any:
    meter.charge(1)
    meter.enter()
    try:
        return function.call(arguments, meter)
    finally:
        meter.leave()


def _refuse_call(function: Any, meter: Meter, site: Site) -> None:
    meter.warn("not-a-function", f"expected a function, but it is {type_name(function)}", site)


def _charge_rounds(count: int, cost: int, meter: Meter) -> None:
    meter.charge(count * cost)


def _steps(start: int, end: int) -> range:
    return range(start, end + 1) if start <= end else range(start, end - 1, -1)


def _read_item(item: Any, name: str, meter: Meter, site: Site) -> Any:
    if type(item) is dict:
        return item.get(name)
    return None if item is None else read_path(item, name, meter, site)


def _second(time: Time) -> Number:
    if not time.nanosecond:
        return time.second
    return CONTEXT.scaleb(time.second * NANOS + time.nanosecond, -9)


def _offset(moment: Any) -> DaysTimeDuration | None:
    offset = moment.offset
    return None if offset is None else DaysTimeDuration(offset * NANOS)


def _zone_name(moment: Any) -> str | None:
    return moment.zone if isinstance(moment.zone, str) else None


def _part(unit: int, modulus: int | None) -> Callable[[DaysTimeDuration], int]:
    def read(duration: DaysTimeDuration) -> int:
        whole = abs(duration.nanos) // unit
        part = whole if modulus is None else whole % modulus
        return -part if duration.nanos < 0 else part

    return read


def _seconds(duration: DaysTimeDuration) -> Number:
    nanos = abs(duration.nanos) % (60 * NANOS)
    signed = -nanos if duration.nanos < 0 else nanos
    return CONTEXT.scaleb(signed, -9) if nanos % NANOS else signed // NANOS


def _months_part(duration: YearsMonthsDuration) -> int:
    months = abs(duration.months) % 12
    return -months if duration.months < 0 else months


def _years_part(duration: YearsMonthsDuration) -> int:
    years = abs(duration.months) // 12
    return -years if duration.months < 0 else years


_DATE_PROPERTIES: _Properties = {
    "year": lambda date: date.year,
    "month": lambda date: date.month,
    "day": lambda date: date.day,
    "weekday": lambda date: weekday(date.number),
}
_TIME_PROPERTIES: _Properties = {
    "hour": lambda time: time.hour,
    "minute": lambda time: time.minute,
    "second": _second,
}
_ZONE_PROPERTIES: _Properties = {"time offset": _offset, "timezone": _zone_name}


def _of_date(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda moment: read(moment.date)


def _of_time(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda moment: read(moment.time)


_PROPERTIES: dict[type, _Properties] = {
    Date: _DATE_PROPERTIES,
    Time: {**_TIME_PROPERTIES, **_ZONE_PROPERTIES},
    DateAndTime: {
        **{name: _of_date(read) for name, read in _DATE_PROPERTIES.items()},
        **{name: _of_time(read) for name, read in _TIME_PROPERTIES.items()},
        **_ZONE_PROPERTIES,
    },
    DaysTimeDuration: {
        "days": _part(DAY_NANOS, None),
        "hours": _part(3600 * NANOS, 24),
        "minutes": _part(60 * NANOS, 60),
        "seconds": _seconds,
    },
    YearsMonthsDuration: {"years": _years_part, "months": _months_part},
    Range: {
        "start": lambda extent: extent.start,
        "end": lambda extent: extent.end,
        "start included": lambda extent: extent.start_included,
        "end included": lambda extent: extent.end_included,
    },
}
PROPERTY_NAMES = frozenset(name for names in _PROPERTIES.values() for name in names)
