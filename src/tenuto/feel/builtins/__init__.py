"""The built-in functions of FEEL, one table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tenuto.feel.builtins import (
    camunda,
    contexts,
    conversion,
    lists,
    numbers,
    ranges,
    strings,
    temporal,
)
from tenuto.feel.signature import Builtin, Signature, declare

Rows = Iterable[tuple[str, Callable[..., Any]]]


def build_table(rows: Rows, pure: frozenset[str]) -> Mapping[str, Builtin]:
    """Return the functions that declarations describe; equal names become one function."""
    found: dict[str, list[Signature]] = {}
    for text, run in rows:
        name, signature = declare(text, run)
        found.setdefault(name, []).append(signature)
    return {
        name: Builtin(name, tuple(signatures), is_pure=name in pure)
        for name, signatures in found.items()
    }


# Folded at compile time when their arguments are constants; they depend on nothing else.
PURE = frozenset(("date", "time", "date and time", "duration", "number", "range"))
_ROWS = [
    *conversion.ROWS,
    ("not(negand: boolean)", lambda meter, value: not value),
    *strings.ROWS,
    *lists.ROWS,
    *numbers.ROWS,
    *temporal.ROWS,
    *ranges.ROWS,
    *contexts.ROWS,
]
STANDARD = build_table(_ROWS, PURE)
CAMUNDA = build_table([*_ROWS, *camunda.ROWS], PURE)
