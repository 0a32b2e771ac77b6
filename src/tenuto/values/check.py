"""What may be kept: the limits that every value meets at the door.

DESIGN §4: what a store could refuse is refused here, identically for every store.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tenuto.errors import ValueRefused
from tenuto.values.codec import encode
from tenuto.values.range import Range
from tenuto.values.temporal import TEMPORAL_TYPES

DEPTH_MAX = 64
KEY_LENGTH_MAX = 255
ENCODED_BYTES_MAX = 4 * 1024 * 1024
NUMBER_DIGITS_MAX = 1024
NUMBER_EXPONENT_MAX = 6144
_NUMBER_LIMIT = 10**NUMBER_DIGITS_MAX
_FIXED = frozenset((bool, type(None), *TEMPORAL_TYPES))


def check_value(value: object, *, where: str) -> None:
    """Raise `ValueRefused` with the path from `where` when a value may not be kept.

    >>> check_value({"amount": 12}, where="variables")
    """
    encode_checked(value, where=where)


def check_form(value: object, *, where: str) -> None:
    """Raise `ValueRefused` when a value may not be kept for another reason than its size: for who
    has looked at that.
    """
    if not _is_fine(value, 0):
        _check(value, where, 0)


def encode_checked(value: object, *, where: str) -> bytes:
    """Return the bytes of a value that may be kept.

    Raises `ValueRefused` with the path from `where` for any other.
    """
    check_form(value, where=where)
    data = encode(value)  # type: ignore[arg-type]  # it has been proved a value
    if len(data) > ENCODED_BYTES_MAX:
        raise ValueRefused(
            f"{where}: expected at most {ENCODED_BYTES_MAX} bytes, but it has {len(data)}; "
            "keep the content elsewhere and its reference here"
        )
    return data


def _is_fine(value: Any, depth: int) -> bool:
    """Tell whether a value of common kinds may be kept; what it doubts is looked at in detail.

    It knows no paths: building them for values that are fine was half of the time of a decision.
    """
    kind = type(value)
    if kind is str:
        return _is_plain(value)
    if kind is int:
        return bool(-_NUMBER_LIMIT < value < _NUMBER_LIMIT)
    if kind in _FIXED:
        return True
    if depth >= DEPTH_MAX:
        return False
    if kind is list:
        return all(_is_fine(item, depth + 1) for item in value)
    if kind is not dict:
        return False
    for key, member in value.items():
        if type(key) is not str or len(key) > KEY_LENGTH_MAX:
            return False
        if not _is_plain(key) or not _is_fine(member, depth + 1):
            return False
    return True


def _is_plain(text: str) -> bool:
    return text.isascii() and "\0" not in text


def _check(value: object, where: str, depth: int) -> None:  # noqa: C901 - one branch for each kind of value
    kind = type(value)
    if kind is str:
        _check_text(value, where)  # type: ignore[arg-type]  # narrowed by `kind`
    elif kind in _FIXED:
        return
    elif kind is int:
        _check_int(value, where)  # type: ignore[arg-type]  # narrowed by `kind`
    elif depth >= DEPTH_MAX:
        raise ValueRefused(f"{where}: expected at most {DEPTH_MAX} levels, but it nests deeper")
    elif isinstance(value, dict) and kind is dict:
        for key, member in value.items():
            _check_key(key, where)
            _check(member, f"{where}.{key}", depth + 1)
    elif isinstance(value, list) and kind is list:
        for place, item in enumerate(value):
            _check(item, f"{where}[{place}]", depth + 1)
    elif isinstance(value, Range):
        _check(value.start, f"{where}.start", depth + 1)
        _check(value.end, f"{where}.end", depth + 1)
    elif isinstance(value, Decimal) and kind is Decimal:
        _check_decimal(value, where)
    elif kind is float:
        raise ValueRefused(
            f"{where}: expected an exact number, but {value!r} is a float; "
            "pass it through from_python, which keeps its shortest decimal form"
        )
    else:
        raise ValueRefused(f"{where}: expected a value, but it is a {kind.__name__}")


def _check_text(text: str, where: str) -> None:
    if "\0" in text:
        raise ValueRefused(f"{where}: expected text without NUL, but it holds one")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ValueRefused(
                f"{where}: expected Unicode text, but it holds a lone surrogate"
            ) from None


def _check_key(key: object, where: str) -> None:
    if type(key) is not str:
        raise ValueRefused(f"{where}: expected text as a key, but it is {key!r}")
    if len(key) > KEY_LENGTH_MAX:
        raise ValueRefused(
            f"{where}: expected keys of at most {KEY_LENGTH_MAX} characters, "
            f"but {key[:20]!r}... has {len(key)}"
        )
    _check_text(key, f"{where}: key {key[:20]!r}")


def _check_int(number: int, where: str) -> None:
    if not -_NUMBER_LIMIT < number < _NUMBER_LIMIT:
        raise ValueRefused(f"{where}: expected a number of at most {NUMBER_DIGITS_MAX} digits")


def _check_decimal(number: Decimal, where: str) -> None:
    if not number.is_finite():
        raise ValueRefused(f"{where}: expected a finite number, but it is {number}")
    if abs(number.adjusted()) > NUMBER_EXPONENT_MAX:
        raise ValueRefused(f"{where}: expected an exponent of at most {NUMBER_EXPONENT_MAX}")
    if len(number.as_tuple().digits) > NUMBER_DIGITS_MAX:
        raise ValueRefused(f"{where}: expected a number of at most {NUMBER_DIGITS_MAX} digits")
