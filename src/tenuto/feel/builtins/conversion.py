"""Conversion functions: values out of texts, numbers and other values.

DMN 1.5 §10.3.4.1, table 73.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tenuto.feel.arithmetic import CONTEXT, at_midnight, round_number
from tenuto.feel.builtins.text import format_value
from tenuto.feel.meter import Fault, Meter
from tenuto.values import (
    Date,
    DateAndTime,
    DaysTimeDuration,
    Number,
    Time,
    YearsMonthsDuration,
    Zone,
    parse_date,
    parse_date_and_time,
    parse_duration,
    parse_time,
)
from tenuto.values.temporal import NANOS

_NUMBER = re.compile(r"-?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,9})?")
_SEPARATORS = (" ", ",", ".")


def _whole(number: Number, name: str) -> int:
    if number != int(number):
        raise Fault("invalid-argument", f"expected a whole number for {name!r}, but it is {number}")
    return int(number)


def date_of_text(meter: Meter, text: str) -> Date:
    """Return the date that a text names."""
    found = parse_date(text)
    if found is None:
        raise Fault("invalid-argument", f"expected a date as in 2024-02-29, but it is {text!r}")
    return found


def date_of_value(meter: Meter, value: Date | DateAndTime) -> Date:
    """Return the day of a date and time."""
    return value if isinstance(value, Date) else value.date


def date_of_parts(meter: Meter, year: Number, month: Number, day: Number) -> Date:
    """Return the date of a year, month and day."""
    try:
        return Date(_whole(year, "year"), _whole(month, "month"), _whole(day, "day"))
    except ValueError as error:
        raise Fault("invalid-argument", str(error)) from None


def date_and_time_of_text(meter: Meter, text: str) -> DateAndTime:
    """Return the date and time that a text names; a date alone means its midnight."""
    found = parse_date_and_time(text)
    if found is not None:
        return found
    date = parse_date(text)
    if date is None:
        raise Fault(
            "invalid-argument",
            f"expected a date and time as in 2024-02-29T09:30:00, but it is {text!r}",
        )
    return DateAndTime(date, Time(0, 0))


def join_date_and_time(meter: Meter, date: Date | DateAndTime, time: Time) -> DateAndTime:
    """Return a date and a time as one value."""
    return DateAndTime(date_of_value(meter, date), time)


def move_to_zone(meter: Meter, moment: Date | DateAndTime, zone: str) -> DateAndTime:
    """Return the same instant as a clock in the zone shows it; a local value takes the zone."""
    moment = at_midnight(moment)
    try:
        if moment.zone is None:
            time = moment.time
            placed = Time(time.hour, time.minute, time.second, time.nanosecond, zone)
            return DateAndTime(moment.date, placed)
        return DateAndTime.of_instant(moment.instant, zone)
    except (ValueError, AssertionError):
        raise Fault("invalid-argument", f"expected a time zone, but it is {zone!r}") from None


def date_and_time_of_parts(meter: Meter, *parts: Any) -> DateAndTime:
    """Return the date and time of its parts, the last of them a zone or the hours of an offset."""
    year, month, day, hour, minute, second, *rest = parts
    date = date_of_parts(meter, year, month, day)
    time = time_of_parts(meter, hour, minute, second, None)
    if not rest:
        return DateAndTime(date, time)
    zone = rest[0] if isinstance(rest[0], str) else int(rest[0] * 3600)
    try:
        placed = Time(time.hour, time.minute, time.second, time.nanosecond, zone)
    except ValueError as error:
        raise Fault("invalid-argument", str(error)) from None
    return DateAndTime(date, placed)


def time_of_text(meter: Meter, text: str) -> Time:
    """Return the time of day that a text names."""
    found = parse_time(text)
    if found is None:
        raise Fault("invalid-argument", f"expected a time as in 09:30:00, but it is {text!r}")
    return found


def time_of_value(meter: Meter, value: Time | Date | DateAndTime) -> Time:
    """Return the time of a date and time; a date begins at midnight in UTC."""
    return value if isinstance(value, Time) else at_midnight(value).time


def time_of_parts(
    meter: Meter, hour: Number, minute: Number, second: Number, offset: DaysTimeDuration | None
) -> Time:
    """Return the time of its parts; without an offset it is local."""
    zone: Zone = None
    if offset is not None:
        zone = int(abs(offset.nanos) // NANOS)
        zone = -zone if offset.nanos < 0 else zone
    nanos = int(CONTEXT.scaleb(second, 9)) if 0 <= second < 60 else -1
    if nanos < 0:
        raise Fault("invalid-argument", f"expected seconds from 0 to 59, but they are {second}")
    try:
        return Time(
            _whole(hour, "hour"), _whole(minute, "minute"), nanos // NANOS, nanos % NANOS, zone
        )
    except ValueError as error:
        raise Fault("invalid-argument", str(error)) from None


def number_of_text(meter: Meter, text: str, grouping: str | None, decimal: str | None) -> Number:
    """Return the number that a text shows with the given separators."""
    if grouping is not None and (grouping not in _SEPARATORS or grouping == decimal):
        raise Fault("invalid-argument", "expected ' ', ',' or '.' as the grouping separator")
    if decimal is not None and decimal not in (",", "."):
        raise Fault("invalid-argument", "expected ',' or '.' as the decimal separator")
    plain = text.replace(grouping, "") if grouping else text
    plain = plain.replace(decimal, ".") if decimal and decimal != "." else plain
    number = None
    if len(plain) <= 1000 and _NUMBER.fullmatch(plain):
        number = int(plain) if plain.lstrip("-").isdigit() else Decimal(plain)
        number = round_number(number)
    if number is None:
        raise Fault("invalid-argument", f"expected the text of a number, but it is {text!r}")
    return number


def string_of(meter: Meter, value: Any) -> str | None:
    """Return a value as text; null stays null."""
    return None if value is None else format_value(value, meter)


def duration_of(meter: Meter, text: str) -> DaysTimeDuration | YearsMonthsDuration:
    """Return the duration that a text names."""
    found = parse_duration(text)
    if found is None:
        raise Fault("invalid-argument", f"expected a duration as in P1DT2H, but it is {text!r}")
    return found


def months_between(
    meter: Meter, start: Date | DateAndTime, end: Date | DateAndTime
) -> YearsMonthsDuration:
    """Return the whole months from one day to another; the times of day do not count."""
    first, last = date_of_value(meter, start), date_of_value(meter, end)
    sign = 1
    if last.number < first.number:
        first, last = last, first
        sign = -1
    months = (last.year - first.year) * 12 + last.month - first.month - (last.day < first.day)
    return YearsMonthsDuration(sign * months)


_PARTS = "year: number, month: number, day: number, hour: number, minute: number, second: number"
ROWS: list[tuple[str, Callable[..., Any]]] = [
    ("date(from: string)", date_of_text),
    ("date(from: date or date and time)", date_of_value),
    ("date(year: number, month: number, day: number)", date_of_parts),
    ("date and time(from: string)", date_and_time_of_text),
    ("date and time(from: date or date and time)", lambda meter, value: at_midnight(value)),
    ("date and time(date: date or date and time, time: time)", join_date_and_time),
    ("date and time(date: date or date and time, timezone: string)", move_to_zone),
    (f"date and time({_PARTS})", date_and_time_of_parts),
    (f"date and time({_PARTS}, hour offset: number)", date_and_time_of_parts),
    (f"date and time({_PARTS}, timezone: string)", date_and_time_of_parts),
    ("time(from: string)", time_of_text),
    ("time(from: time)", time_of_value),
    ("time(from: date or date and time)", time_of_value),
    (
        "time(hour: number, minute: number, second: number, offset: days and time duration?~)",
        time_of_parts,
    ),
    (
        "number(from: string, grouping separator: string?~, decimal separator: string?~)",
        number_of_text,
    ),
    ("number(from: number)", lambda meter, number: number),
    ("string(from: any~)", string_of),
    ("duration(from: string)", duration_of),
    ("duration(from: days and time duration)", lambda meter, duration: duration),
    ("duration(from: years and months duration)", lambda meter, duration: duration),
    (
        "years and months duration(from: date or date and time, to: date or date and time)",
        months_between,
    ),
]
