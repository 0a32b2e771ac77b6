"""Values as text, as `string()` shows them.

DMN 1.5 §10.3.4.1 and §10.3.2.3: numbers without exponent and trailing zeros, temporal values in
their ISO form, texts inside lists and contexts in quotation marks.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tenuto.feel.arithmetic import CONTEXT, INT_LIMIT
from tenuto.feel.meter import Meter
from tenuto.values import TEMPORAL_TYPES, Number, Range

_QUOTED = str.maketrans({'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"})


def format_value(value: Any, meter: Meter) -> str:
    """Return the text of a value; a text is itself."""
    if isinstance(value, str):
        return value
    return _format(value, meter)


def format_number(number: Number) -> str:
    """Return the digits of a number, never with an exponent."""
    if isinstance(number, Decimal) or abs(number) >= INT_LIMIT:
        text = f"{CONTEXT.create_decimal(number):f}"
        if "." in text:
            text = text.rstrip("0").rstrip(".")
        return "0" if text == "-0" else text
    return str(number)


def quote(text: str) -> str:
    """Return a text as a FEEL string literal."""
    return f'"{text.translate(_QUOTED)}"'


def _format(value: Any, meter: Meter) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, int | Decimal):
        return format_number(value)
    if isinstance(value, TEMPORAL_TYPES):
        return str(value)
    if isinstance(value, list):
        return _join("[", [_format(item, meter) for item in value], "]", meter)
    if isinstance(value, dict):
        parts = [f"{_format_key(key)}: {_format(part, meter)}" for key, part in value.items()]
        return _join("{", parts, "}", meter)
    if isinstance(value, Range):
        return _format_range(value, meter)
    return repr(value)


def _format_key(key: str) -> str:
    plain = key.replace("_", "a").replace(" ", "a")
    return key if plain.isalnum() and not key[0].isdigit() else quote(key)


def _format_range(extent: Range, meter: Meter) -> str:
    if extent.start is None:
        return f"({'<=' if extent.end_included else '<'} {_format_end(extent.end, meter)})"
    if extent.end is None:
        return f"({'>=' if extent.start_included else '>'} {_format_end(extent.start, meter)})"
    opening = "[" if extent.start_included else "("
    closing = "]" if extent.end_included else ")"
    start, end = _format_end(extent.start, meter), _format_end(extent.end, meter)
    return f"{opening}{start}..{end}{closing}"


def _format_end(end: Any, meter: Meter) -> str:
    return f'@"{end}"' if isinstance(end, TEMPORAL_TYPES) else _format(end, meter)


def _join(opening: str, parts: list[str], closing: str, meter: Meter) -> str:
    meter.charge(len(parts))
    meter.check_size(sum(map(len, parts)))
    return f"{opening}{', '.join(parts)}{closing}"
