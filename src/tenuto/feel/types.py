"""FEEL types: what a value is an instance of, and the conversions that are made silently.

DMN 1.5 §10.3.2.9: the lattice of types, *conforms to*, and the implicit conversions (singleton list
from and to its element, date to date and time, and null for what does not conform).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NoReturn, Protocol, runtime_checkable

import msgspec

from tenuto.feel.meter import Meter, Site
from tenuto.feel.tokens import fail
from tenuto.values import (
    Date,
    DateAndTime,
    DaysTimeDuration,
    Range,
    Time,
    YearsMonthsDuration,
)

TYPE_DEPTH_MAX = 32


class Simple(msgspec.Struct, frozen=True):
    """A type without parameters, by its FEEL name."""

    name: str

    def __str__(self) -> str:
        return self.name


class ListType(msgspec.Struct, frozen=True):
    """Lists whose items conform to one type."""

    item: Type

    def __str__(self) -> str:
        return f"list<{self.item}>"


class RangeType(msgspec.Struct, frozen=True):
    """Ranges whose ends conform to one type."""

    item: Type

    def __str__(self) -> str:
        return f"range<{self.item}>"


class ContextType(msgspec.Struct, frozen=True):
    """Contexts that have at least these members."""

    members: dict[str, Type]

    def __str__(self) -> str:
        return f"context<{', '.join(f'{name}: {kind}' for name, kind in self.members.items())}>"

    def __hash__(self) -> int:
        return hash(tuple(sorted(self.members)))


class FunctionType(msgspec.Struct, frozen=True):
    """Functions by the types of their parameters and result; no parameters known means any."""

    parameters: tuple[Type, ...] | None
    result: Type

    def __str__(self) -> str:
        return f"function<{', '.join(map(str, self.parameters or ()))}>->{self.result}"


Type = Simple | ListType | RangeType | ContextType | FunctionType

ANY = Simple("Any")
NULL = Simple("Null")
NUMBER = Simple("number")
STRING = Simple("string")
BOOLEAN = Simple("boolean")
DATE = Simple("date")
TIME = Simple("time")
DATE_AND_TIME = Simple("date and time")
DAYS_TIME_DURATION = Simple("days and time duration")
YEARS_MONTHS_DURATION = Simple("years and months duration")

# DMN 1.5 §7.3.3 lets a typeRef write the two durations and the date and time in camel case too.
NAMED: dict[str, Type] = {
    **{
        kind.name: kind
        for kind in (
            ANY,
            NULL,
            NUMBER,
            STRING,
            BOOLEAN,
            DATE,
            TIME,
            DATE_AND_TIME,
            DAYS_TIME_DURATION,
            YEARS_MONTHS_DURATION,
        )
    },
    "dateTime": DATE_AND_TIME,
    "dayTimeDuration": DAYS_TIME_DURATION,
    "yearMonthDuration": YEARS_MONTHS_DURATION,
    "list": ListType(ANY),
    "range": RangeType(ANY),
    "context": ContextType({}),
    "function": FunctionType(None, ANY),
}
_CLASSES: dict[Simple, tuple[type, ...]] = {
    NULL: (type(None),),
    NUMBER: (int, Decimal),
    STRING: (str,),
    BOOLEAN: (bool,),
    DATE: (Date,),
    TIME: (Time,),
    DATE_AND_TIME: (DateAndTime,),
    DAYS_TIME_DURATION: (DaysTimeDuration,),
    YEARS_MONTHS_DURATION: (YearsMonthsDuration,),
}
_OF_CLASS: dict[type, Simple] = {kind: name for name, kinds in _CLASSES.items() for kind in kinds}
_TOKEN = re.compile(r"\s*(->|[<>,:]|(?:(?!->)[^<>,:])+)")
_SPACE = re.compile(r"\s+")


@runtime_checkable
class _HasTypes(Protocol):
    """A function value."""

    @property
    def types(self) -> tuple[FunctionType, ...]: ...


def parse_type(
    text: str,
    named: Mapping[str, Type] | None = None,
    *,
    inside: tuple[str, int] | None = None,
) -> Type:
    """Return the type that a FEEL type expression names; `named` holds the item definitions.

    `inside` is the whole text and the offset of the type in it, for the place of an error.

    >>> str(parse_type("list<context<amount: number, due date: date>>"))
    'list<context<amount: number, due date: date>>'
    """
    parser = _TypeParser(text, named or {}, inside or (text, 0))
    kind = parser.parse(0)
    if parser.peek():
        parser.fail("the end of the type")
    return kind


def conforms(value: Any, kind: Type) -> bool:
    """Tell whether a value is an instance of a type; null is one of `Null` alone."""
    if value is None:
        return kind == NULL
    return _fits(value, kind)


def conforms_to(narrow: Type, wide: Type) -> bool:
    """Tell whether every instance of the first type is one of the second (§10.3.2.9.2)."""
    if wide == ANY or narrow in (wide, NULL):
        return True
    if isinstance(narrow, ListType) and isinstance(wide, ListType):
        return conforms_to(narrow.item, wide.item)
    if isinstance(narrow, RangeType) and isinstance(wide, RangeType):
        return conforms_to(narrow.item, wide.item)
    if isinstance(narrow, ContextType) and isinstance(wide, ContextType):
        return all(
            name in narrow.members and conforms_to(narrow.members[name], member)
            for name, member in wide.members.items()
        )
    if isinstance(narrow, FunctionType) and isinstance(wide, FunctionType):
        return _function_conforms(narrow, wide)
    return False


def coerce(value: Any, kind: Type, meter: Meter, site: Site | None = None) -> Any:
    """Return the value converted to the type, or null with a warning where it does not conform.

    >>> from tenuto.feel.meter import Meter
    >>> coerce([7], NUMBER, Meter())
    7
    """
    if value is None or kind is ANY:
        return value
    converted = _convert(value, kind)
    if converted is None:
        meter.warn("type-mismatch", f"expected {kind}, but the value is {type_name(value)}", site)
    return converted


def type_of(value: Any) -> Type:
    """Return the most specific type that is told from the value alone."""
    simple = _OF_CLASS.get(type(value))
    if simple is not None:
        return simple
    if isinstance(value, list):
        kinds = {type_of(item) for item in value if item is not None}
        return ListType(kinds.pop() if len(kinds) == 1 else ANY)
    if isinstance(value, dict):
        return ContextType({name: type_of(member) for name, member in value.items()})
    if isinstance(value, Range):
        return RangeType(type_of(value.end if value.start is None else value.start))
    ways = _function_types(value)
    return ways[0] if ways else ANY


def type_name(value: Any) -> str:
    """Return a short name of the value's type for a message."""
    simple = _OF_CLASS.get(type(value))
    if simple is not None:
        return "null" if simple is NULL else simple.name
    if isinstance(value, list):
        return "list"
    if isinstance(value, dict):
        return "context"
    return "range" if isinstance(value, Range) else "function"


def _fits(value: Any, kind: Type) -> bool:
    if value is None or kind is ANY:
        return True
    if isinstance(kind, Simple):
        return kind == ANY or type(value) in _CLASSES[kind]
    if isinstance(kind, ListType):
        return isinstance(value, list) and all(_fits(item, kind.item) for item in value)
    if isinstance(kind, ContextType):
        return isinstance(value, dict) and all(
            name in value and _fits(value[name], member) for name, member in kind.members.items()
        )
    if isinstance(kind, RangeType):
        return isinstance(value, Range) and all(
            _fits(end, kind.item) for end in (value.start, value.end)
        )
    return any(_function_conforms(way, kind) for way in _function_types(value))


def _function_types(value: Any) -> tuple[FunctionType, ...]:
    """Return the types of a function value; its class lies above this module."""
    return value.types if isinstance(value, _HasTypes) else ()


def _function_conforms(narrow: FunctionType, wide: FunctionType) -> bool:
    # What a function without declared result gives is not known, which is no contradiction.
    fits_result = narrow.result == ANY or conforms_to(narrow.result, wide.result)
    if wide.parameters is None or narrow.parameters is None:
        return fits_result
    return (
        fits_result
        and len(narrow.parameters) == len(wide.parameters)
        and all(map(conforms_to, wide.parameters, narrow.parameters))
    )


def _convert(value: Any, kind: Type) -> Any:
    if isinstance(kind, ListType):
        return _convert_list(value, kind)
    if isinstance(value, list) and kind != ANY:
        return _convert(value[0], kind) if len(value) == 1 else None
    if kind == DATE_AND_TIME and isinstance(value, Date):
        return DateAndTime(value, Time(0, 0, 0, 0, 0))
    if isinstance(kind, ContextType) and isinstance(value, dict):
        return _convert_context(value, kind)
    return value if _fits(value, kind) else None


def _convert_list(value: Any, kind: ListType) -> Any:
    if kind.item == ANY:
        return value if isinstance(value, list) else [value]
    items = []
    for item in value if isinstance(value, list) else [value]:
        converted = None if item is None else _convert(item, kind.item)
        if converted is None and item is not None:
            return None
        items.append(converted)
    return items


def _convert_context(value: dict[str, Any], kind: ContextType) -> Any:
    changed = dict(value)
    for name, member in kind.members.items():
        if name not in value:
            return None
        if value[name] is not None:
            changed[name] = _convert(value[name], member)
            if changed[name] is None:
                return None
    return changed


class _TypeParser:
    """One pass over a type text; `function<a, b> -> c` reaches as far as it can."""

    def __init__(self, text: str, named: Mapping[str, Type], inside: tuple[str, int]) -> None:
        self._text = text
        self._whole, self._start = inside
        self._named = named
        self._at = 0

    def peek(self) -> str:
        match = _TOKEN.match(self._text, self._at)
        return match[1].strip() if match else ""

    def take(self) -> str:
        match = _TOKEN.match(self._text, self._at)
        if match is None:
            return ""
        self._at = match.end()
        return match[1].strip()

    def expect(self, token: str) -> None:
        if self.take() != token:
            self.fail(repr(token))

    def fail(self, expectation: str) -> NoReturn:
        fail(
            f"expected {expectation} in the type {self._text.strip()!r}",
            self._whole,
            self._start + self._at,
        )

    def parse(self, depth: int) -> Type:
        if depth > TYPE_DEPTH_MAX:
            self.fail(f"at most {TYPE_DEPTH_MAX} levels")
        name = _SPACE.sub(" ", self.take())
        if self.peek() == "<" and name in ("list", "range", "context", "function"):
            self.take()
            return self._parse_parameters(name, depth)
        found = self._named.get(name) or NAMED.get(name)
        if found is None:
            self._at = max(0, self._at - len(name))
            self.fail(f"a known type, but {name!r} is none,")
        return found

    def _parse_parameters(self, name: str, depth: int) -> Type:
        if name == "context":
            return self._parse_context(depth)
        if name == "function":
            return self._parse_function(depth)
        item = self.parse(depth + 1)
        self.expect(">")
        return ListType(item) if name == "list" else RangeType(item)

    def _parse_context(self, depth: int) -> Type:
        members: dict[str, Type] = {}
        while self.peek() != ">":
            name = _SPACE.sub(" ", self.take())
            self.expect(":")
            members[name] = self.parse(depth + 1)
            if self.peek() == ",":
                self.take()
        self.expect(">")
        return ContextType(members)

    def _parse_function(self, depth: int) -> Type:
        parameters = []
        while self.peek() != ">":
            parameters.append(self.parse(depth + 1))
            if self.peek() == ",":
                self.take()
        self.expect(">")
        if self.peek() != "->":
            return FunctionType(tuple(parameters), ANY)
        self.take()
        return FunctionType(tuple(parameters), self.parse(depth + 1))
