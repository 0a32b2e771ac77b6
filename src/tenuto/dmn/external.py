"""External functions: `java.lang.Math.max(double, double)` bound to a registered Python function.

DMN 1.5 §10.3.2.13.3. No Java runs here. A function is found by class and signature, else by class
and method alone; what is not registered is null with a warning.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from tenuto.errors import InputError
from tenuto.feel import Meter, Site
from tenuto.values import from_python

External = Callable[[dict[str, Any]], Callable[..., Any] | None]

_WHOLE = frozenset(
    f"{package}{name}"
    for package in ("", "java.lang.", "java.math.")
    for name in ("byte", "short", "int", "long", "Byte", "Short", "Integer", "Long", "BigInteger")
)
_BROKEN = frozenset(
    f"{package}{name}"
    for package in ("", "java.lang.")
    for name in ("float", "double", "Float", "Double")
)


def bind(functions: Mapping[str, Callable[..., Any]]) -> External:
    """Return what finds the function of an `external` context.

    >>> find = bind({"java.lang.Math.abs": abs})
    >>> call = find({"java": {"class": "java.lang.Math", "method signature": "abs(double)"}})
    >>> call((-3,), None)
    3
    """
    known = {"".join(name.split()): function for name, function in functions.items()}

    def find(binding: dict[str, Any]) -> Callable[..., Any] | None:
        java = binding.get("java", binding)
        owner = java.get("class") if isinstance(java, dict) else None
        signature = java.get("method signature") if isinstance(java, dict) else None
        if not isinstance(owner, str) or not isinstance(signature, str):
            return None
        full = "".join(f"{owner}.{signature}".split())
        name, _, rest = full.partition("(")
        function = known.get(full) or known.get(name)
        if function is None:
            return None
        return _adapt(function, full, tuple(part for part in rest.rstrip(")").split(",") if part))

    return find


def _adapt(
    function: Callable[..., Any], name: str, types: tuple[str, ...]
) -> Callable[[tuple[Any, ...], Meter], Any]:
    site = Site(name, 0)

    def call(arguments: tuple[Any, ...], meter: Meter) -> Any:
        kinds = (*types, *("",) * (len(arguments) - len(types)))
        try:
            values = [_convert(value, kind) for value, kind in zip(arguments, kinds, strict=False)]
            return from_python(function(*values))
        except (
            ArithmeticError,
            AttributeError,
            InputError,
            LookupError,
            TypeError,
            ValueError,
        ) as error:
            meter.warn("external-failed", f"expected a value of {name}, but {error}", site)
            return None

    return call


def _convert(value: Any, kind: str) -> Any:
    """Return an argument as the Java type asks; a number that does not fit is refused."""
    if type(value) in (int, Decimal):
        if kind in _WHOLE:
            return int(value)
        if kind in _BROKEN:
            return float(value)
        if kind.endswith("String"):
            raise TypeError("a number is not a string")
    elif kind in _WHOLE or kind in _BROKEN:
        raise TypeError(f"expected a number for {kind}")
    elif kind in ("char", "java.lang.Character") and not (
        isinstance(value, str) and len(value) == 1
    ):
        raise TypeError("expected one character")
    return value
