"""Numbers of 34 digits and the arithmetic of temporal values.

DMN 1.5 §10.3.2.3.1 (decimal128, half even) and §10.3.2.13, tables 57 to 60. The context is passed
to every operation, so that no thread's own context can change a result. Whole numbers stay `int`
while they fit: measured, an `int` sum costs a third of a `Decimal` one.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import (
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    DivisionByZero,
    InvalidOperation,
    Overflow,
)
from typing import Any

from tenuto.feel.meter import Meter, Site
from tenuto.feel.types import type_name
from tenuto.values import (
    Date,
    DateAndTime,
    DaysTimeDuration,
    Number,
    Time,
    YearsMonthsDuration,
)
from tenuto.values.calendar import month_days
from tenuto.values.temporal import DAY_NANOS

CONTEXT = Context(
    prec=34,
    rounding=ROUND_HALF_EVEN,
    Emin=-6143,
    Emax=6144,
    traps=[InvalidOperation, DivisionByZero, Overflow],
)
INT_LIMIT = 10**34
_POWER_BITS_MAX = 112
_DATED = (Date, DateAndTime)
_DURATIONS = (DaysTimeDuration, YearsMonthsDuration)
_MIDNIGHT_UTC = Time(0, 0, 0, 0, 0)


def is_number(value: object) -> bool:
    """Tell whether a value is a number; true and false are none."""
    kind = type(value)
    return kind is int or kind is Decimal


def round_number(number: Number) -> Number | None:
    """Return the number within 34 digits, or nothing when its exponent is too large."""
    if type(number) is int and -INT_LIMIT < number < INT_LIMIT:
        return number
    try:
        return CONTEXT.create_decimal(number)
    except ArithmeticError:
        return None


def add(left: Any, right: Any, meter: Meter, site: Site) -> Any:
    """Return `left + right`."""
    kind = type(left)
    if kind is int and type(right) is int:
        total = left + right
        return total if -INT_LIMIT < total < INT_LIMIT else CONTEXT.plus(total)
    if kind is str and type(right) is str:
        meter.check_size(len(left) + len(right))
        return left + right
    if is_number(left) and is_number(right):
        return _calculate(CONTEXT.add, left, right, meter, site)
    return _temporal(_add_temporal, "+", left, right, meter, site)


def subtract(left: Any, right: Any, meter: Meter, site: Site) -> Any:
    """Return `left - right`."""
    if type(left) is int and type(right) is int:
        total = left - right
        return total if -INT_LIMIT < total < INT_LIMIT else CONTEXT.plus(total)
    if is_number(left) and is_number(right):
        return _calculate(CONTEXT.subtract, left, right, meter, site)
    return _temporal(_subtract_temporal, "-", left, right, meter, site)


def multiply(left: Any, right: Any, meter: Meter, site: Site) -> Any:
    """Return `left * right`."""
    if type(left) is int and type(right) is int:
        product = left * right
        return product if -INT_LIMIT < product < INT_LIMIT else CONTEXT.plus(product)
    if is_number(left) and is_number(right):
        return _calculate(CONTEXT.multiply, left, right, meter, site)
    return _temporal(_multiply_temporal, "*", left, right, meter, site)


def divide(left: Any, right: Any, meter: Meter, site: Site) -> Any:
    """Return `left / right`; null when `right` is zero."""
    if right == 0 and is_number(right):
        meter.warn("division-by-zero", "expected a divisor other than zero, but it is 0", site)
        return None
    if is_number(left) and is_number(right):
        if type(left) is int and type(right) is int and left % right == 0:
            return left // right
        return _calculate(CONTEXT.divide, left, right, meter, site)
    return _temporal(_divide_temporal, "/", left, right, meter, site)


def raise_power(left: Any, right: Any, meter: Meter, site: Site) -> Any:
    """Return `left ** right`."""
    if not (is_number(left) and is_number(right)):
        return _refuse("**", left, right, meter, site)
    if right == 0:
        return 1
    is_whole = type(left) is int and type(right) is int and right > 0
    if is_whole and left.bit_length() * right <= _POWER_BITS_MAX:
        return left**right
    return _calculate(CONTEXT.power, left, right, meter, site)


def negate(operand: Any, meter: Meter, site: Site) -> Any:
    """Return `-operand`."""
    if type(operand) is int:
        return -operand
    if type(operand) is Decimal:
        return CONTEXT.minus(operand)
    if isinstance(operand, DaysTimeDuration):
        return DaysTimeDuration(-operand.nanos)
    if isinstance(operand, YearsMonthsDuration):
        return YearsMonthsDuration(-operand.months)
    meter.warn(
        "type-mismatch",
        f"expected a number or duration after '-', but it is {type_name(operand)}",
        site,
    )
    return None


def add_months(date: Date, months: int) -> Date:
    """Return the date so many months on, on the last day where the month is too short."""
    year, month = divmod(date.year * 12 + date.month - 1 + months, 12)
    last = month_days(year, month + 1)
    return Date(year, month + 1, min(date.day, last))


def at_midnight(value: Date | DateAndTime) -> DateAndTime:
    """Return a date as its midnight in UTC, which FEEL takes wherever it needs a time."""
    return DateAndTime(value, _MIDNIGHT_UTC) if isinstance(value, Date) else value


def _calculate(
    operation: Callable[[Any, Any], Decimal], left: Any, right: Any, meter: Meter, site: Site
) -> Decimal | None:
    try:
        return operation(left, right)
    except ArithmeticError:
        meter.warn("number-out-of-range", "expected a result that is a finite number", site)
        return None


def _refuse(operator: str, left: Any, right: Any, meter: Meter, site: Site) -> None:
    meter.warn(
        "type-mismatch",
        f"expected operands that '{operator}' is defined for, "
        f"but they are {type_name(left)} and {type_name(right)}",
        site,
    )


def _temporal(  # the operands, their place and the two words for the warning
    operation: Callable[[Any, Any], Any],
    operator: str,
    left: Any,
    right: Any,
    meter: Meter,
    site: Site,
) -> Any:
    try:
        result = operation(left, right)
    except (ValueError, ArithmeticError):
        meter.warn("date-out-of-range", "expected a result within the calendar", site)
        return None
    return _refuse(operator, left, right, meter, site) if result is None else result


def _add_temporal(left: Any, right: Any) -> Any:
    if isinstance(left, DaysTimeDuration) and isinstance(right, DaysTimeDuration):
        return DaysTimeDuration(left.nanos + right.nanos)
    if isinstance(left, YearsMonthsDuration) and isinstance(right, YearsMonthsDuration):
        return YearsMonthsDuration(left.months + right.months)
    if isinstance(left, _DURATIONS):
        return None if isinstance(right, _DURATIONS) else _add_temporal(right, left)
    if isinstance(right, DaysTimeDuration):
        return _shift_nanos(left, right.nanos)
    if isinstance(right, YearsMonthsDuration):
        return _shift_months(left, right.months)
    return None


def _subtract_temporal(left: Any, right: Any) -> Any:
    if isinstance(right, DaysTimeDuration):
        if isinstance(left, DaysTimeDuration):
            return DaysTimeDuration(left.nanos - right.nanos)
        return _shift_nanos(left, -right.nanos)
    if isinstance(right, YearsMonthsDuration):
        if isinstance(left, YearsMonthsDuration):
            return YearsMonthsDuration(left.months - right.months)
        return _shift_months(left, -right.months)
    if isinstance(left, Date) and isinstance(right, Date):
        return DaysTimeDuration((left.number - right.number) * DAY_NANOS)
    if isinstance(left, _DATED) and isinstance(right, _DATED):
        first, second = at_midnight(left), at_midnight(right)
        if (first.zone is None) is (second.zone is None):
            return DaysTimeDuration(first.instant - second.instant)
    if isinstance(left, Time) and isinstance(right, Time):
        return _time_between(left, right)
    return None


def _time_between(left: Time, right: Time) -> DaysTimeDuration | None:
    if (left.zone is None) is not (right.zone is None):
        return None
    shift = ((left.offset or 0) - (right.offset or 0)) * 1_000_000_000
    return DaysTimeDuration(left.nanos - right.nanos - shift)


def _shift_nanos(value: Any, nanos: int) -> Any:
    if isinstance(value, DateAndTime):
        if isinstance(value.zone, str):
            return DateAndTime.of_instant(value.instant + nanos, value.zone)
        return DateAndTime.of_local_nanos(value.local_nanos + nanos, value.zone)
    if isinstance(value, Date):
        return Date.of_number(value.number + nanos // DAY_NANOS)
    if isinstance(value, Time):
        return Time.of_nanos((value.nanos + nanos) % DAY_NANOS, value.zone)
    return None


def _shift_months(value: Any, months: int) -> Any:
    if isinstance(value, DateAndTime):
        return DateAndTime(add_months(value.date, months), value.time)
    return add_months(value, months) if isinstance(value, Date) else None


def _multiply_temporal(left: Any, right: Any) -> Any:
    if is_number(left):
        left, right = right, left
    if not is_number(right):
        return None
    if isinstance(left, DaysTimeDuration):
        return DaysTimeDuration(int(CONTEXT.multiply(left.nanos, right)))
    if isinstance(left, YearsMonthsDuration):
        return YearsMonthsDuration(int(CONTEXT.multiply(left.months, right)))
    return None


def _divide_temporal(left: Any, right: Any) -> Any:
    if isinstance(left, DaysTimeDuration):
        if is_number(right):
            return DaysTimeDuration(int(CONTEXT.divide(left.nanos, right)))
        if isinstance(right, DaysTimeDuration):
            return CONTEXT.divide(left.nanos, right.nanos)
    if isinstance(left, YearsMonthsDuration):
        if is_number(right):
            return YearsMonthsDuration(int(CONTEXT.divide(left.months, right)))
        if isinstance(right, YearsMonthsDuration):
            return CONTEXT.divide(left.months, right.months)
    return None
