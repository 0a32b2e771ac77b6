"""Numeric functions. DMN 1.5 §10.3.4.5, table 78."""

from __future__ import annotations

from collections.abc import Callable
from decimal import (
    ROUND_CEILING,
    ROUND_DOWN,
    ROUND_FLOOR,
    ROUND_HALF_DOWN,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    ROUND_UP,
    Context,
    Decimal,
    InvalidOperation,
    Overflow,
)
from typing import Any

from tenuto.feel.arithmetic import CONTEXT, round_number
from tenuto.feel.meter import Fault, Meter
from tenuto.values import DaysTimeDuration, Number, YearsMonthsDuration

SCALE_MIN = -6111
SCALE_MAX = 6176
_WIDE = {
    mode: Context(
        prec=12_400, rounding=mode, Emin=-20_000, Emax=20_000, traps=[InvalidOperation, Overflow]
    )
    for mode in (
        ROUND_CEILING,
        ROUND_DOWN,
        ROUND_FLOOR,
        ROUND_HALF_DOWN,
        ROUND_HALF_EVEN,
        ROUND_HALF_UP,
        ROUND_UP,
    )
}


def _rounding(mode: str) -> Callable[[Meter, Number, Number | None], Number]:
    def round_to(meter: Meter, number: Number, scale: Number | None) -> Number:
        return _round(number, 0 if scale is None else scale, mode)

    return round_to


def _round(number: Number, scale: Number, mode: str) -> Number:
    places = int(scale)
    if not SCALE_MIN <= places <= SCALE_MAX:
        raise Fault(
            "invalid-argument",
            f"expected a scale from {SCALE_MIN} to {SCALE_MAX}, but it is {scale}",
        )
    if type(number) is int and places >= 0:
        return number
    unit = Decimal((0, (1,), -places))
    rounded = CONTEXT.create_decimal(Decimal(number).quantize(unit, context=_WIDE[mode]))
    return int(rounded) if places <= 0 and rounded.adjusted() < 34 else rounded


def absolute(meter: Meter, number: Number) -> Number:
    """Return a number without its sign."""
    return abs(number) if type(number) is int else CONTEXT.abs(number)


def absolute_days(meter: Meter, duration: DaysTimeDuration) -> DaysTimeDuration:
    """Return a duration without its sign."""
    return DaysTimeDuration(abs(duration.nanos))


def absolute_months(meter: Meter, duration: YearsMonthsDuration) -> YearsMonthsDuration:
    """Return a duration without its sign."""
    return YearsMonthsDuration(abs(duration.months))


def modulo(meter: Meter, dividend: Number, divisor: Number) -> Number:
    """Return the remainder of a division whose quotient is rounded down."""
    if divisor == 0:
        raise Fault("division-by-zero", "expected a divisor other than zero, but it is 0")
    if type(dividend) is int and type(divisor) is int:
        return dividend % divisor
    wide = _WIDE[ROUND_FLOOR]
    try:
        left, right = Decimal(dividend), Decimal(divisor)
        remainder = wide.remainder(left, right)
        if remainder and (remainder < 0) is not (right < 0):
            remainder = wide.add(remainder, right)
    except ArithmeticError:
        raise Fault("number-out-of-range", "expected operands closer to each other") from None
    result = round_number(remainder)
    assert result is not None, "a remainder is smaller than its divisor"
    return result


def square_root(meter: Meter, number: Number) -> Number:
    """Return the square root."""
    if number < 0:
        raise Fault("invalid-argument", f"expected a number of at least 0, but it is {number}")
    return CONTEXT.sqrt(number)


def logarithm(meter: Meter, number: Number) -> Number:
    """Return the natural logarithm."""
    if number <= 0:
        raise Fault("invalid-argument", f"expected a number above 0, but it is {number}")
    return CONTEXT.ln(number)


def exponential(meter: Meter, number: Number) -> Number:
    """Return e to the power of a number."""
    try:
        return CONTEXT.exp(number)
    except ArithmeticError:
        raise Fault("number-out-of-range", "expected an exponent of e below 14150") from None


def is_odd(meter: Meter, number: Number) -> bool:
    """Tell whether a whole number is odd."""
    return _parity(number) == 1


def is_even(meter: Meter, number: Number) -> bool:
    """Tell whether a whole number is even."""
    return _parity(number) == 0


def _parity(number: Number) -> int:
    if number != int(number):
        raise Fault("invalid-argument", f"expected a whole number, but it is {number}")
    return int(number) % 2


ROWS: list[tuple[str, Callable[..., Any]]] = [
    ("decimal(n: number, scale: number)", _rounding(ROUND_HALF_EVEN)),
    ("floor(n: number, scale: number?)", _rounding(ROUND_FLOOR)),
    ("ceiling(n: number, scale: number?)", _rounding(ROUND_CEILING)),
    ("round up(n: number, scale: number)", _rounding(ROUND_UP)),
    ("round down(n: number, scale: number)", _rounding(ROUND_DOWN)),
    ("round half up(n: number, scale: number)", _rounding(ROUND_HALF_UP)),
    ("round half down(n: number, scale: number)", _rounding(ROUND_HALF_DOWN)),
    ("abs(n: number)", absolute),
    ("abs(n: days and time duration)", absolute_days),
    ("abs(n: years and months duration)", absolute_months),
    ("modulo(dividend: number, divisor: number)", modulo),
    ("sqrt(number: number)", square_root),
    ("log(number: number)", logarithm),
    ("exp(number: number)", exponential),
    ("odd(number: number)", is_odd),
    ("even(number: number)", is_even),
]
