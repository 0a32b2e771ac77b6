"""The functions that models for Camunda 8 use beyond the standard, off in strict mode.

`random number` and `uuid` have no deterministic meaning: a replay could not repeat them. They are
known, so that such a model deploys, and give null with a warning that says what to do instead.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any

from tenuto.errors import ValueRefused
from tenuto.feel.builtins import contexts, lists, temporal
from tenuto.feel.builtins.regex import compile_regex
from tenuto.feel.builtins.strings import string_join
from tenuto.feel.meter import Fault, Meter
from tenuto.values import dumps, loads


def get_or_else(meter: Meter, value: Any, default: Any) -> Any:
    """Return a value, or a default when it is null."""
    return default if value is None else value


def is_defined(meter: Meter, value: Any) -> bool:
    """Tell whether a value is there."""
    return value is not None


def assert_that(meter: Meter, value: Any, condition: Any, cause: str | None) -> Any:
    """Return a value if a condition holds, else null with the cause as warning."""
    if condition is not True:
        raise Fault("assertion-failed", cause or "expected the condition of assert to hold")
    return value


def from_json(meter: Meter, text: str) -> Any:
    """Return the value of a JSON text."""
    try:
        return loads(text)
    except ValueRefused as error:
        raise Fault("invalid-argument", str(error)) from None


def to_json(meter: Meter, value: Any) -> str:
    """Return the JSON text of a value."""
    try:
        return dumps(value)
    except ValueRefused as error:
        raise Fault("invalid-argument", str(error)) from None


def extract(meter: Meter, text: str, pattern: str) -> list[str]:
    """Return all matches of a pattern."""
    return [text[spans[0] : spans[1]] for spans in compile_regex(pattern, None).find(text, meter)]


def to_base64(meter: Meter, text: str) -> str:
    """Return the Base64 of the UTF-8 of a text."""
    return base64.b64encode(text.encode("utf-8", "replace")).decode("ascii")


def from_base64(meter: Meter, text: str) -> str:
    """Return the text of Base64."""
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError):
        raise Fault("invalid-argument", "expected the Base64 of a text") from None


def join_with(
    meter: Meter, items: list[Any], delimiter: str | None, prefix: str, suffix: str
) -> str:
    """Return joined texts between a prefix and a suffix."""
    return f"{prefix}{string_join(meter, items, delimiter)}{suffix}"


def refuse_chance(meter: Meter) -> Any:
    """Refuse what a replay could not repeat."""
    raise Fault(
        "not-deterministic",
        "expected a value that a replay repeats; create it in a step and pass it as a variable",
    )


def from_ai(meter: Meter, value: Any, *rest: Any) -> Any:
    """Return the value; the other arguments describe it to a model that fills it."""
    return value


ROWS: list[tuple[str, Callable[..., Any]]] = [
    *lists.CAMUNDA_ROWS,
    *temporal.CAMUNDA_ROWS,
    *contexts.CAMUNDA_ROWS,
    ("get or else(value: any~, default: any~)", get_or_else),
    ("is defined(value: any~)", is_defined),
    ("assert(value: any~, condition: any~, cause: string?)", assert_that),
    ("from json(value: string)", from_json),
    ("to json(value: any~)", to_json),
    ("extract(string: string, pattern: string)", extract),
    ("trim(string: string)", lambda meter, text: text.strip()),
    ("is blank(string: string)", lambda meter, text: not text.strip()),
    ("to base64(value: string)", to_base64),
    ("from base64(value: string)", from_base64),
    ("string join(list: list, delimiter: string~, prefix: string, suffix: string)", join_with),
    ("uuid()", refuse_chance),
    ("random number()", refuse_chance),
    (
        "fromAi(value: any~, description: any?~, type: any?~, schema: any?~, options: any?~)",
        from_ai,
    ),
]
