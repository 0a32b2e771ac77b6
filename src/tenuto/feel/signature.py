"""How a built-in function is declared and called.

A declaration is FEEL-like: `substring(string: string, start position: number, length: number?)`
where `?` marks a parameter that may be left out, `~` one that may be null, `...` one that takes all
remaining arguments. Arguments are converted as DMN 1.5 §10.3.2.9.4 says: an element where a list is
expected becomes a list of one, a list of one becomes its element.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from tenuto.feel.function import Function
from tenuto.feel.meter import Fault, Meter, Site
from tenuto.feel.types import ANY, NAMED, FunctionType, Type, type_name
from tenuto.values import (
    Date,
    DateAndTime,
    DaysTimeDuration,
    Range,
    Time,
    YearsMonthsDuration,
)

KINDS: dict[str, tuple[type, ...]] = {
    "number": (int, Decimal),
    "string": (str,),
    "boolean": (bool,),
    "date": (Date,),
    "time": (Time,),
    "date or date and time": (Date, DateAndTime),
    "days and time duration": (DaysTimeDuration,),
    "years and months duration": (YearsMonthsDuration,),
    "list": (list,),
    "context": (dict,),
    "range": (Range,),
    "function": (Function,),
    "any": (),
}


_TYPES: dict[str, Type] = {kind: NAMED.get(kind, ANY) for kind in KINDS}


class BuiltinParameter(msgspec.Struct, frozen=True):
    """A parameter of a built-in."""

    name: str
    kind: str
    classes: tuple[type, ...]
    is_optional: bool
    is_nullable: bool
    takes_rest: bool


class Signature(msgspec.Struct, frozen=True):
    """One way to call a built-in; `run` gets the meter and one argument for each parameter."""

    parameters: tuple[BuiltinParameter, ...]
    required: int
    run: Callable[..., Any]

    def takes_count(self, count: int) -> bool:
        """Tell whether that many arguments may be given by position."""
        if self.parameters and self.parameters[-1].takes_rest:
            return count >= max(self.required, 1)
        return self.required <= count <= len(self.parameters)

    def takes_names(self, names: tuple[str, ...]) -> bool:
        """Tell whether these arguments may be given by name."""
        known = {parameter.name for parameter in self.parameters}
        needed = {
            item.name for item in self.parameters if not (item.is_optional or item.is_nullable)
        }
        has_rest = any(item.takes_rest for item in self.parameters)
        return not has_rest and needed <= set(names) <= known and len(set(names)) == len(names)


class Builtin(Function):
    """A built-in function: its signatures in the order in which they are tried."""

    __slots__ = ("is_pure", "signatures")

    def __init__(self, name: str, signatures: tuple[Signature, ...], *, is_pure: bool) -> None:
        """A pure built-in with constant arguments may be computed at compile time."""
        longest = max(signatures, key=lambda signature: len(signature.parameters))
        parameters = tuple((item.name, ANY) for item in longest.parameters)
        super().__init__(parameters, self._call, name=name, variadic=True)
        self.signatures = signatures
        self.is_pure = is_pure

    @property
    def types(self) -> tuple[FunctionType, ...]:
        """The types of this value: one for each signature."""
        return tuple(
            FunctionType(tuple(_TYPES[item.kind] for item in signature.parameters), ANY)
            for signature in self.signatures
        )

    def choose(self, count: int) -> tuple[Signature, ...]:
        """Return the signatures for a number of arguments."""
        return tuple(item for item in self.signatures if item.takes_count(count))

    def choose_named(self, names: tuple[str, ...]) -> tuple[Signature, ...]:
        """Return the signatures for parameter names."""
        return tuple(item for item in self.signatures if item.takes_names(names))

    def explain(self) -> str:
        """Return how the function may be called, for a message."""
        return " or ".join(
            f"{self.name}({', '.join(item.name for item in signature.parameters)})"
            for signature in self.signatures
        )

    def _call(self, arguments: tuple[Any, ...], meter: Meter) -> Any:
        site = meter.site or Site("", 0)
        signatures = self.choose(len(arguments))
        if not signatures:
            meter.warn("wrong-arguments", f"expected {self.explain()}", site)
            return None
        return invoke(signatures, arguments, meter, site)


def invoke(
    signatures: tuple[Signature, ...], arguments: tuple[Any, ...], meter: Meter, site: Site
) -> Any:
    """Call the first signature that takes the arguments; null with a warning when none does."""
    meter.charge(1)
    meter.site = site
    refusal = ""
    for signature in signatures:
        converted: Any = arguments
        if not _fits_exactly(signature, arguments):
            converted = _convert(signature, arguments)
            if isinstance(converted, str):
                refusal = refusal or converted
                continue
        try:
            result = signature.run(meter, *converted)
        except Fault as fault:
            meter.warn(fault.code, fault.message, site)
            return None
        if type(result) is str or type(result) is list:
            meter.check_size(len(result))
        return result
    meter.warn("wrong-arguments", refusal, site)
    return None


def declare(text: str, run: Callable[..., Any]) -> tuple[str, Signature]:
    """Return the name and signature that a declaration describes."""
    name, _, rest = text.partition("(")
    parameters = tuple(
        _declare_parameter(part.strip()) for part in rest.rstrip(")").split(",") if part.strip()
    )
    required = sum(1 for item in parameters if not item.is_optional)
    return name, Signature(parameters, required, run)


def _declare_parameter(text: str) -> BuiltinParameter:
    name, _, kind = text.partition(":")
    kind = kind.strip()
    plain = kind.rstrip("?~.")
    marks = kind[len(plain) :]
    return BuiltinParameter(
        name.strip(), plain, KINDS[plain], "?" in marks, "~" in marks, "..." in marks
    )


_ABSENT = object()


def reorder(signature: Signature, named: dict[str, Any]) -> tuple[Any, ...]:
    """Return named arguments by position, with a mark for those left out in the middle."""
    values = [named.get(item.name, _ABSENT) for item in signature.parameters]
    while values and values[-1] is _ABSENT:
        values.pop()
    return tuple(values)


def invoke_named(
    signatures: tuple[Signature, ...], named: dict[str, Any], meter: Meter, site: Site
) -> Any:
    """Call a built-in by parameter names."""
    if len(signatures) == 1:
        return invoke(signatures, reorder(signatures[0], named), meter, site)
    for signature in signatures[:-1]:
        arguments = reorder(signature, named)
        if not isinstance(_convert(signature, arguments), str):
            return invoke((signature,), arguments, meter, site)
    return invoke(signatures[-1:], reorder(signatures[-1], named), meter, site)


def _fits_exactly(signature: Signature, arguments: tuple[Any, ...]) -> bool:
    """Tell whether nothing has to be converted: the ordinary case, in a fraction of the time."""
    parameters = signature.parameters
    if len(arguments) != len(parameters):
        return False
    for argument, parameter in zip(arguments, parameters, strict=True):
        if type(argument) not in parameter.classes or parameter.takes_rest:
            return False
    return True


def _convert(signature: Signature, arguments: tuple[Any, ...]) -> list[Any] | str:
    """Return the converted arguments, or why they do not fit."""
    parameters = signature.parameters
    converted: list[Any] = []
    for place, argument in enumerate(arguments):
        parameter = parameters[min(place, len(parameters) - 1)]
        if argument is _ABSENT:
            converted.append(None)
        elif type(argument) in parameter.classes:
            converted.append(argument)
        elif argument is None:
            if not parameter.is_nullable:
                return f"expected {parameter.kind} for {parameter.name!r}, but it is null"
            converted.append(None)
        else:
            fitted = _fit(argument, parameter)
            if fitted is _ABSENT:
                return (
                    f"expected {parameter.kind} for {parameter.name!r}, "
                    f"but it is {type_name(argument)}"
                )
            converted.append(fitted)
    if parameters and parameters[-1].takes_rest:
        first = len(parameters) - 1
        return [*converted[:first], converted[first:]]
    converted.extend([None] * (len(parameters) - len(converted)))
    return converted


def _fit(argument: Any, parameter: BuiltinParameter) -> Any:
    kind = parameter.kind
    if kind == "any":
        return argument
    if kind == "list":
        return [argument]
    if type(argument) is list and len(argument) == 1:
        return argument[0] if type(argument[0]) in parameter.classes else _ABSENT
    if kind == "function" and isinstance(argument, Function):
        return argument
    return _ABSENT
