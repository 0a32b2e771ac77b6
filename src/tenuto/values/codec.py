"""Values as bytes and back: MessagePack with extension types of our own.

Equal values built in the same order give equal bytes on every machine: whole numbers are integers
whether they were `int` or `Decimal`, other decimals lose their trailing zeros. Structures without
decimals and temporals go straight through msgspec; a first look decides, because msgspec would
write a `Decimal` as text.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from typing import Any

import msgspec

from tenuto.errors import ValueRefused
from tenuto.values.range import Range
from tenuto.values.temporal import (
    Date,
    DateAndTime,
    DaysTimeDuration,
    Time,
    YearsMonthsDuration,
)

Number = int | Decimal
Value = (
    None
    | bool
    | int
    | Decimal
    | str
    | Date
    | Time
    | DateAndTime
    | DaysTimeDuration
    | YearsMonthsDuration
    | Range
    | list[Any]
    | dict[str, Any]
)

EXT_NUMBER = 1
EXT_DATE = 2
EXT_TIME = 3
EXT_DATE_AND_TIME = 4
EXT_DAYS_TIME_DURATION = 5
EXT_YEARS_MONTHS_DURATION = 6
EXT_RANGE = 7
# What Python workflows keep besides: a value reads them as a number and as base64 text.
EXT_FLOAT = 8
EXT_BYTES = 9

INT_MIN = -(2**63)
INT_MAX = 2**64 - 1
WHOLE_DIGITS_MAX = 64
_NATIVE = frozenset((str, int, bool, type(None)))
_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)
_Ext = msgspec.msgpack.Ext


def encode(value: Value) -> bytes:
    """Return the bytes of a value; raise `ValueRefused` for what is not one.

    >>> decode(encode({"amount": Decimal("1.50")}))
    {'amount': Decimal('1.5')}
    """
    try:
        if _is_native(value):
            return _ENCODE(value)
        return _ENCODE(_pack(value))
    except OverflowError:
        return _ENCODE(_pack(value))
    except UnicodeEncodeError as error:
        raise ValueRefused("expected Unicode text, but a string holds a lone surrogate") from error
    except RecursionError as error:
        raise ValueRefused("expected a value of bounded depth, but it nests too deeply") from error


def encode_together(members: Mapping[str, bytes]) -> bytes:
    """Return the bytes of a context whose members are encoded already.

    >>> decode(encode_together({"a": encode(1)}))
    {'a': 1}
    """
    return _ENCODE({name: msgspec.Raw(data) for name, data in members.items()})


def decode(data: bytes) -> Any:
    """Return the value of bytes that `encode` wrote."""
    try:
        return _DECODE(data)
    except (msgspec.DecodeError, UnicodeDecodeError, ArithmeticError, TypeError) as error:
        raise ValueRefused(f"expected an encoded value, but the bytes are none: {error}") from error


def simplify_number(number: Number) -> Number:
    """Return the one canonical form of a number: an `int` when it is whole and not huge."""
    if type(number) is int:
        return number
    assert isinstance(number, Decimal)
    if number.adjusted() < WHOLE_DIGITS_MAX and number == number.to_integral_value():
        return int(number)
    return number.normalize(_EXACT)


def _is_native(value: object) -> bool:
    kind = type(value)
    if kind in _NATIVE:
        return True
    if kind is dict:
        for key, member in value.items():  # type: ignore[attr-defined]  # narrowed by `kind`
            if type(key) is not str or (type(member) not in _NATIVE and not _is_native(member)):
                return False
        return True
    if kind is list:
        for item in value:  # type: ignore[attr-defined]  # narrowed by `kind`
            if type(item) not in _NATIVE and not _is_native(item):
                return False
        return True
    return False


def _pack(value: object) -> object:
    kind = type(value)
    if kind is int:
        assert isinstance(value, int)
        return value if INT_MIN <= value <= INT_MAX else _pack_number(value)
    if kind in _NATIVE:
        return value
    if kind is dict:
        assert isinstance(value, dict)
        return {_check_key(key): _pack(member) for key, member in value.items()}
    if kind is list:
        assert isinstance(value, list)
        return [_pack(item) for item in value]
    packer = _PACKERS.get(kind)
    if packer is None:
        raise ValueRefused(f"expected a value, but {kind.__name__} is not one")
    return packer(value)


def _check_key(key: object) -> str:
    if type(key) is not str:
        raise ValueRefused(f"expected text as a key, but it is {key!r}")
    return key


def _pack_number(number: Any) -> object:
    if isinstance(number, Decimal) and not number.is_finite():
        raise ValueRefused(f"expected a finite number, but it is {number}")
    simple = simplify_number(number)
    if isinstance(simple, int) and INT_MIN <= simple <= INT_MAX:
        return simple
    try:
        return _Ext(EXT_NUMBER, str(simple).encode())
    except ValueError as error:
        raise ValueRefused("expected a number of at most 4,300 digits") from error


def _pack_date(date: Any) -> object:
    return _Ext(EXT_DATE, _ENCODE((date.year, date.month, date.day)))


def _time_parts(time: Any) -> tuple[object, ...]:
    return time.hour, time.minute, time.second, time.nanosecond, time.zone


def _pack_time(time: Any) -> object:
    return _Ext(EXT_TIME, _ENCODE(_time_parts(time)))


def _pack_date_and_time(moment: Any) -> object:
    date = moment.date
    parts = (date.year, date.month, date.day, *_time_parts(moment.time))
    return _Ext(EXT_DATE_AND_TIME, _ENCODE(parts))


def _pack_days_time_duration(duration: Any) -> object:
    return _Ext(EXT_DAYS_TIME_DURATION, b"%d" % duration.nanos)


def _pack_years_months_duration(duration: Any) -> object:
    return _Ext(EXT_YEARS_MONTHS_DURATION, b"%d" % duration.months)


def _pack_range(extent: Any) -> object:
    ends = (_pack(extent.start), _pack(extent.end), extent.start_included, extent.end_included)
    return _Ext(EXT_RANGE, _ENCODE(ends))


_PACKERS = {
    Decimal: _pack_number,
    Date: _pack_date,
    Time: _pack_time,
    DateAndTime: _pack_date_and_time,
    DaysTimeDuration: _pack_days_time_duration,
    YearsMonthsDuration: _pack_years_months_duration,
    Range: _pack_range,
}


def _unpack(code: int, data: memoryview) -> object:
    try:
        return _unpack_known(code, bytes(data))
    except ValueError as error:
        raise msgspec.DecodeError(str(error)) from error


def _unpack_known(code: int, data: bytes) -> object:
    if code == EXT_NUMBER:
        text = data.decode("ascii")
        return int(text) if text.lstrip("-").isdigit() else Decimal(text)
    if code == EXT_DATE:
        return Date(*_DECODE(data))
    if code == EXT_TIME:
        return Time(*_DECODE(data))
    if code == EXT_DATE_AND_TIME:
        year, month, day, *time = _DECODE(data)
        return DateAndTime(Date(year, month, day), Time(*time))
    if code == EXT_DAYS_TIME_DURATION:
        return DaysTimeDuration(int(data))
    if code == EXT_YEARS_MONTHS_DURATION:
        return YearsMonthsDuration(int(data))
    if code == EXT_RANGE:
        start, end, start_included, end_included = _DECODE(data)
        return Range(start, end, start_included=start_included, end_included=end_included)
    if code == EXT_FLOAT:
        number = Decimal(data.decode("ascii"))
        return simplify_number(number) if number.is_finite() else None
    if code == EXT_BYTES:
        return b64encode(data).decode("ascii")
    raise ValueError(f"expected an extension code up to {EXT_BYTES}, but it is {code}")


_ENCODE = msgspec.msgpack.Encoder().encode
_DECODE = msgspec.msgpack.Decoder(ext_hook=_unpack).decode
