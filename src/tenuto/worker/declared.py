"""What a handler declares by its annotations: the variables that it takes and returns, as FEEL
types, and what it returns as plain data.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from tenuto import values
from tenuto.graph.data import HandlerDeclaration, InputDeclaration, OutputDeclaration
from tenuto.worker.handlers import Handler

# A type that contains itself is cut here.
DEPTH_MAX = 8
ANY = "Any"

_NAMES: dict[Any, str] = {
    bool: "boolean",
    int: "number",
    float: "number",
    Decimal: "number",
    str: "string",
    date: "date",
    time: "time",
    datetime: "date and time",
    timedelta: "days and time duration",
    dict: "context",
    Mapping: "context",
    list: "list<Any>",
    tuple: "list<Any>",
    values.Date: "date",
    values.Time: "time",
    values.DateAndTime: "date and time",
    values.DaysTimeDuration: "days and time duration",
    values.YearsMonthsDuration: "years and months duration",
}


def declaration(handler: Handler) -> HandlerDeclaration:
    """Return what a handler takes and returns; `outputs` is None when it may return anything.

    A parameter is required unless it has a default or takes None.
    """
    function = handler.function
    return HandlerDeclaration(
        job_type=handler.type,
        place=f"{function.__module__}.{function.__qualname__}",
        inputs=tuple(
            InputDeclaration(name=name, type=feel_type(kind), required=required)
            for name, kind, required in handler.parameters
        ),
        outputs=_outputs(function),
    )


def feel_type(kind: Any, depth: int = 0) -> str:
    """Return the FEEL type of an annotation; what FEEL does not know is `Any`.

    >>> feel_type(list[Decimal]), feel_type(str | None), feel_type(set)
    ('list<number>', 'string', 'Any')
    """
    if depth > DEPTH_MAX:
        return ANY
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return _same(feel_type(one, depth) for one in arguments if one is not type(None))
    if origin is typing.Literal:
        return _same(_NAMES.get(type(one), ANY) for one in arguments)
    if origin is list or (origin is tuple and len(arguments) == 2 and arguments[1] is ...):
        return f"list<{feel_type(arguments[0], depth + 1)}>"
    members = _members(kind)
    if members is not None:
        return _context(members, depth)
    supertype = getattr(kind, "__supertype__", None)
    if supertype is not None:
        return feel_type(supertype, depth + 1)
    try:
        return _NAMES.get(kind if origin is None else origin, ANY)
    except TypeError:  # an annotation that is no type and has no hash
        return ANY


def fields_of(result: object) -> dict[str, Any] | None:
    """Return the fields of a dataclass or a `msgspec.Struct` as plain data; None for others."""
    if _is_record(result):
        return {name: _plain(getattr(result, name)) for name in _field_names(result)}
    return None


def _outputs(function: Any) -> tuple[OutputDeclaration, ...] | None:
    try:
        returned = typing.get_type_hints(function).get("return", Any)
    except (NameError, TypeError):
        return None
    if returned is type(None):
        return ()
    members = _members(returned)
    if members is None:
        return None
    return tuple(OutputDeclaration(name=name, type=feel_type(one)) for name, one in members.items())


def _members(kind: Any) -> dict[str, Any] | None:
    """Return the annotated members of a TypedDict, dataclass or Struct; None for other types."""
    if not isinstance(kind, type):
        return None
    is_struct = issubclass(kind, msgspec.Struct)
    if not (typing.is_typeddict(kind) or dataclasses.is_dataclass(kind) or is_struct):
        return None
    try:
        hints = typing.get_type_hints(kind)
    except (NameError, TypeError):
        return None
    if typing.is_typeddict(kind):
        return hints
    return {name: hints.get(name, Any) for name in _field_names(kind)}


def _context(members: Mapping[str, Any], depth: int) -> str:
    inner = ", ".join(f"{name}: {feel_type(one, depth + 1)}" for name, one in members.items())
    return f"context<{inner}>" if inner else "context"


def _same(names: typing.Iterable[str]) -> str:
    """Return the one name, or Any where there are several."""
    found = set(names)
    return found.pop() if len(found) == 1 else ANY


def _is_record(value: object) -> bool:
    is_dataclass = dataclasses.is_dataclass(value) and not isinstance(value, type)
    return is_dataclass or isinstance(value, msgspec.Struct)


def _field_names(record: Any) -> tuple[str, ...]:
    if dataclasses.is_dataclass(record):
        return tuple(field.name for field in dataclasses.fields(record))
    names: tuple[str, ...] = record.__struct_fields__
    return names


def _plain(value: Any) -> Any:
    if _is_record(value):
        return fields_of(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _plain(member) for key, member in value.items()}
    return value
