"""A small part of Java's standard library in Python, for models that name it.

Decision models of the field, the public test kit among them, call `java.lang.Math` and the
conversions of `java.lang`. Give this table, or part of it, as `functions` to `load`.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Any

_WHOLE = {"Byte": 8, "Short": 16, "Integer": 32, "Long": 64}
_NUMERIC = ("double", "float", "int", "long")


def _fit(bits: int) -> Callable[[Any], int]:
    limit = 1 << (bits - 1)

    def convert(value: Any) -> int:
        number = int(value)
        if not -limit <= number < limit:
            raise ValueError(f"expected a number of {bits} bits, but it is {number}")
        return number

    return convert


def _single(value: Any) -> float:
    """Return the shortest decimal of the nearest float of 32 bits."""
    exact: float = struct.unpack("f", struct.pack("f", float(value)))[0]
    return next(
        short
        for digits in range(6, 10)
        if struct.pack("f", short := float(f"{exact:.{digits}g}")) == struct.pack("f", exact)
    )


def _format(pattern: str, *values: Any) -> str:
    return str(pattern % values)


def _table() -> dict[str, Callable[..., Any]]:
    lang = "java.lang."
    table: dict[str, Callable[..., Any]] = {
        f"{lang}String.valueOf(char)": str,
        f"{lang}String.format({lang}String,[Ljava.lang.Object;)": _format,
        f"{lang}Float.valueOf({lang}String)": _single,
        f"{lang}Double.valueOf({lang}String)": float,
        f"{lang}Math.pow(double,double)": math.pow,
    }
    for kind in _NUMERIC:
        table[f"{lang}Math.max({kind},{kind})"] = max
        table[f"{lang}Math.min({kind},{kind})"] = min
        table[f"{lang}Math.abs({kind})"] = abs
    for name in ("cos", "sin", "tan", "acos", "asin", "atan", "sqrt", "exp", "log", "log10"):
        table[f"{lang}Math.{name}(double)"] = getattr(math, name)
    for name, bits in _WHOLE.items():
        plain = "int" if name == "Integer" else name.lower()
        table[f"{lang}{name}.valueOf({plain})"] = _fit(bits)
        table[f"{lang}{name}.valueOf({lang}String)"] = _fit(bits)
        table[f"{lang}{name}.parse{plain.capitalize()}({lang}String)"] = _fit(bits)
    return table


FUNCTIONS = _table()
