"""What a process declares of its variables, applied to what came in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from tenuto import values
from tenuto.errors import ValueRefused

if TYPE_CHECKING:
    from tenuto.graph.data import InputDeclaration

_NUMBER: Final = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,4})?")
_MISSING: Final = object()


class Declared:
    """The declared inputs of a process; what is not declared stays as it came (text from CSV)."""

    def __init__(self, inputs: Iterable[InputDeclaration]) -> None:
        """Know the type of each input."""
        self._inputs = {one.name: one for one in inputs}
        self._readers = {
            name: _READERS.get(_type_name(one.type), _keep) for name, one in self._inputs.items()
        }

    @property
    def required(self) -> list[str]:
        """Return the names that must come."""
        return [one.name for one in self._inputs.values() if one.required]

    def convert(self, given: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
        """Return the variables of a record, and what is wrong with it (empty when nothing is)."""
        found = dict(given)
        problems = []
        for name, one in self._inputs.items():
            value = found.get(name, _MISSING)
            if value is _MISSING or value is None or (value == "" and self._is_blank(name)):
                if one.required:
                    problems.append(f"`{name}` is required, but it is missing")
                elif value is not _MISSING:
                    found[name] = None
                continue
            read = self._readers[name](value)
            if read is _MISSING:
                problems.append(f"`{name}`: expected {_wanted(one.type)}, got {_shown(value)}")
            else:
                found[name] = read
        return found, "; ".join(problems)

    def _is_blank(self, name: str) -> bool:
        """Tell whether an empty text means that nothing was given."""
        one = self._inputs[name]
        return one.required or self._readers[name] is not _read_text


def _type_name(name: str) -> str:
    return name.strip().lower().replace("_", " ")


def _read_text(value: Any) -> Any:
    return value if isinstance(value, str) else _MISSING


def _read_number(value: Any) -> Any:
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        return values.simplify_number(Decimal(value.strip()))
    return _MISSING


def _read_boolean(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    text = value.strip().lower() if isinstance(value, str) else ""
    return {"true": True, "false": False}.get(text, _MISSING)


def _read_json(kind: type) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if isinstance(value, str):
            try:
                value = values.loads(value)
            except ValueRefused:
                return _MISSING
        return value if isinstance(value, kind) else _MISSING

    return read


def _temporal(parse: Callable[[str], Any]) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if not isinstance(value, str):
            return value if isinstance(value, values.TEMPORAL_TYPES) else _MISSING
        found = parse(value.strip())
        return _MISSING if found is None else found

    return read


def _keep(value: Any) -> Any:
    return value


_DATE_AND_TIME = _temporal(values.parse_date_and_time)
_DURATION = _temporal(values.parse_duration)

# FEEL's names of its types, and the short ones that modelers write.
_READERS: Final[dict[str, Callable[[Any], Any]]] = {
    "string": _read_text,
    "number": _read_number,
    "boolean": _read_boolean,
    "date": _temporal(values.parse_date),
    "time": _temporal(values.parse_time),
    "date and time": _DATE_AND_TIME,
    "datetime": _DATE_AND_TIME,
    "days and time duration": _DURATION,
    "daytimeduration": _DURATION,
    "years and months duration": _DURATION,
    "yearmonthduration": _DURATION,
    "duration": _DURATION,
    "list": _read_json(list),
    "context": _read_json(dict),
}
_EXAMPLES: Final = {
    "number": "12.50",
    "boolean": "true",
    "date": "2027-03-31",
    "time": "09:30:00",
    "date and time": "2027-03-31T09:30:00",
    "days and time duration": "P2DT3H",
    "years and months duration": "P1Y6M",
    "duration": "P2D",
    "list": '["a", "b"]',
    "context": '{"a": 1}',
}


def _wanted(type: str) -> str:
    example = _EXAMPLES.get(_type_name(type))
    return f"a {type} such as {example}" if example else f"a {type}"


def _shown(value: Any) -> str:
    text = f"`{value}`" if isinstance(value, str) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
