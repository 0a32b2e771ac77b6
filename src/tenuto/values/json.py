"""Values as JSON data and JSON text.

JSON knows one kind of number and no dates. Text keeps numbers exact in both directions. Plain data
has no exact fraction, so there a whole number is an `int` and any other number is its text: a
reader that does arithmetic must say so, instead of losing a cent to a float. Temporal values are
their ISO text, ranges are FEEL text such as `[1..10]`.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from tenuto.errors import ValueRefused
from tenuto.values.codec import simplify_number
from tenuto.values.convert import from_python
from tenuto.values.range import Range
from tenuto.values.temporal import TEMPORAL_TYPES

_ENCODE = msgspec.json.Encoder(decimal_format="number").encode
_DECODE = msgspec.json.Decoder(float_hook=Decimal).decode


def from_json(data: object) -> Any:
    """Return the value of parsed JSON data; floats become the decimal of their shortest text."""
    return from_python(data)


def to_json(value: Any) -> Any:
    """Return JSON-able data; a number that is not whole becomes its text.

    >>> to_json({"amount": Decimal("1.50"), "count": Decimal("2.0")})
    {'amount': '1.5', 'count': 2}
    """
    return _plain(value, _number_text)


def loads(text: str | bytes) -> Any:
    """Return the value of a JSON text, its numbers exact.

    >>> loads('{"rate": 0.10}')
    {'rate': Decimal('0.10')}
    """
    try:
        return _DECODE(text)
    except (msgspec.DecodeError, ArithmeticError, ValueError, RecursionError) as error:
        raise ValueRefused(f"expected JSON, but it does not parse: {error}") from error


def dumps(value: Any) -> str:
    """Return the JSON text of a value, its numbers exact.

    >>> dumps({"rate": Decimal("0.10")})
    '{"rate":0.1}'
    """
    try:
        return _ENCODE(_plain(value, simplify_number)).decode()
    except UnicodeEncodeError as error:
        raise ValueRefused("expected Unicode text, but a string holds a lone surrogate") from error


def _plain(value: Any, number: Callable[[Any], object]) -> Any:
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueRefused(f"expected a finite number, but it is {value}")
        return number(value)
    if isinstance(value, list):
        return [_plain(item, number) for item in value]
    if isinstance(value, dict):
        return {key: _plain(member, number) for key, member in value.items()}
    if isinstance(value, TEMPORAL_TYPES):
        return str(value)
    if isinstance(value, Range):
        return _range_text(value)
    raise ValueRefused(f"expected a value, but it is a {type(value).__name__}")


def _number_text(number: Decimal) -> int | str:
    simple = simplify_number(number)
    return simple if isinstance(simple, int) else str(simple)


def _range_text(extent: Range) -> str:
    opening = "[" if extent.start_included else "("
    closing = "]" if extent.end_included else ")"
    return f"{opening}{_end_text(extent.start)}..{_end_text(extent.end)}{closing}"


def _end_text(end: Any) -> str:
    if end is None:
        return "null"
    if isinstance(end, str):
        return msgspec.json.encode(end).decode()
    return f'@"{end}"' if isinstance(end, TEMPORAL_TYPES) else str(end)
