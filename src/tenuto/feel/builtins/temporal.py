"""Date and time functions. DMN 1.5 §10.3.4.6 and §10.3.4.7, tables 79 and 80.

`now()` and `today()` read the meter; there is no clock here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tenuto.feel.compare import is_same
from tenuto.feel.meter import Fault, Meter
from tenuto.values import Date, DateAndTime
from tenuto.values.calendar import day_number, iso_week, month_days, weekday

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def _day(value: Date | DateAndTime) -> Date:
    return value if isinstance(value, Date) else value.date


def now(meter: Meter) -> DateAndTime:
    """Return the date and time at which the evaluation takes place."""
    moment = meter.now
    if moment is None:
        raise Fault("no-clock", "expected the evaluation to be given its date and time")
    return moment


def today(meter: Meter) -> Date:
    """Return the day on which the evaluation takes place."""
    return now(meter).date


def day_of_year(meter: Meter, value: Date | DateAndTime) -> int:
    """Return the day within its year, from 1."""
    day = _day(value)
    return day.number - day_number(day.year, 1, 1) + 1


def day_of_week(meter: Meter, value: Date | DateAndTime) -> str:
    """Return the English name of the weekday."""
    return _DAYS[weekday(_day(value).number) - 1]


def month_of_year(meter: Meter, value: Date | DateAndTime) -> str:
    """Return the English name of the month."""
    return _MONTHS[_day(value).month - 1]


def week_of_year(meter: Meter, value: Date | DateAndTime) -> int:
    """Return the ISO 8601 week."""
    return iso_week(_day(value).number)


def last_day_of_month(meter: Meter, value: Date | DateAndTime) -> Date:
    """Return the last day of the month of a day."""
    day = _day(value)
    return Date(day.year, day.month, month_days(day.year, day.month))


ROWS: list[tuple[str, Callable[..., Any]]] = [
    ("now()", now),
    ("today()", today),
    ("day of year(date: date or date and time)", day_of_year),
    ("day of week(date: date or date and time)", day_of_week),
    ("month of year(date: date or date and time)", month_of_year),
    ("week of year(date: date or date and time)", week_of_year),
    ("is(value1: any~, value2: any~)", lambda meter, left, right: is_same(left, right)),
]
CAMUNDA_ROWS: list[tuple[str, Callable[..., Any]]] = [
    ("last day of month(date: date or date and time)", last_day_of_month),
]
