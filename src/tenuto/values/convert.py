"""Values and plain Python data, both ways.

Handlers see `datetime` types where they can hold the value exactly and our own types where they
cannot (years beyond 9999, nanoseconds, months durations).
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from tenuto.errors import ValueRefused
from tenuto.values.calendar import find_zone
from tenuto.values.codec import simplify_number
from tenuto.values.range import Range
from tenuto.values.temporal import (
    DAY_NANOS,
    NANOS,
    TEMPORAL_TYPES,
    Date,
    DateAndTime,
    DaysTimeDuration,
    Time,
    Zone,
)

_KEPT = frozenset((bool, int, str, type(None), Range, *TEMPORAL_TYPES))


def from_python(value: object) -> Any:
    """Return the value for plain Python data; raise `ValueRefused` for anything else.

    Floats become the decimal of their shortest text, tuples become lists.

    >>> from_python({"due": datetime.date(2024, 2, 29), "rate": 0.1})
    {'due': Date(2024, 2, 29), 'rate': Decimal('0.1')}
    """
    try:
        return _from_python(value)
    except RecursionError as error:
        raise ValueRefused("expected a value of bounded depth, but it nests too deeply") from error


def _from_python(value: object) -> Any:
    kind = type(value)
    if kind in _KEPT:
        return value
    if isinstance(value, Decimal):
        return _finite(value)
    if isinstance(value, float):
        return _finite(Decimal(repr(float(value))))
    if isinstance(value, (list, tuple)):
        return [_from_python(item) for item in value]
    if isinstance(value, Mapping):
        return {_key(key): _from_python(member) for key, member in value.items()}
    return _from_scalar(value)


def to_python(value: Any) -> Any:
    """Return plain Python data for a value: `datetime` types wherever they hold it exactly.

    >>> to_python([Date(2024, 2, 29), Decimal("2.0")])
    [datetime.date(2024, 2, 29), 2]
    """
    if isinstance(value, Decimal):
        return simplify_number(value)
    if isinstance(value, list):
        return [to_python(item) for item in value]
    if isinstance(value, dict):
        return {key: to_python(member) for key, member in value.items()}
    try:
        if isinstance(value, Date):
            return datetime.date(value.year, value.month, value.day)
        if isinstance(value, Time):
            return _to_time(value)
        if isinstance(value, DateAndTime):
            date = datetime.date(value.date.year, value.date.month, value.date.day)
            time = _to_time(value.time)
            return value if isinstance(time, Time) else datetime.datetime.combine(date, time)
        if isinstance(value, DaysTimeDuration) and value.nanos % 1000 == 0:
            return datetime.timedelta(microseconds=value.nanos // 1000)
    except (ValueError, OverflowError):
        return value
    return value


def _from_scalar(value: object) -> Any:
    if isinstance(value, datetime.datetime):
        return DateAndTime(Date(value.year, value.month, value.day), _from_time(value))
    if isinstance(value, datetime.date):
        return Date(value.year, value.month, value.day)
    if isinstance(value, datetime.time):
        return _from_time(value)
    if isinstance(value, datetime.timedelta):
        nanos = value.days * DAY_NANOS + value.seconds * NANOS + value.microseconds * 1000
        return DaysTimeDuration(nanos)
    if isinstance(value, bool | int):
        return int(value)
    if isinstance(value, str):
        return str.__str__(value)
    raise ValueRefused(f"expected plain data, but it is a {type(value).__name__}")


def _finite(number: Decimal) -> Decimal:
    if not number.is_finite():
        raise ValueRefused(f"expected a finite number, but it is {number}")
    return number


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise ValueRefused(f"expected text as a key, but it is {key!r}")
    return str.__str__(key)


def _from_time(time: datetime.time | datetime.datetime) -> Time:
    zone: Zone = None
    if isinstance(time.tzinfo, ZoneInfo) and time.tzinfo.key:
        zone = time.tzinfo.key
        zone = 0 if zone == "UTC" else zone
    else:
        offset = time.utcoffset()
        zone = None if offset is None else int(offset.total_seconds())
    return Time(time.hour, time.minute, time.second, time.microsecond * 1000, zone)


def _to_time(time: Time) -> datetime.time | Time:
    if time.nanosecond % 1000:
        return time
    tzinfo: datetime.tzinfo | None = None
    if isinstance(time.zone, str):
        tzinfo = find_zone(time.zone)
    elif time.zone is not None:
        tzinfo = datetime.timezone(datetime.timedelta(seconds=time.zone))
    micros = time.nanosecond // 1000
    return datetime.time(time.hour, time.minute, time.second, micros, tzinfo=tzinfo)
