"""Test files for decisions in the format of the DMN Technology Compatibility Kit, XML or YAML."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from msgspec import Struct

from tenuto.dmn.xml import Element, attribute, line_of, local_name, parse
from tenuto.errors import InputError, ModelError
from tenuto.values import (
    from_python,
    parse_date,
    parse_date_and_time,
    parse_duration,
    parse_time,
)

_XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
_NUMBERS = ("decimal", "double", "float", "integer", "int", "long")
_TEMPORAL = {
    "date": parse_date,
    "time": parse_time,
    "dateTime": parse_date_and_time,
    "duration": parse_duration,
    "dayTimeDuration": parse_duration,
    "yearMonthDuration": parse_duration,
}


class Expectation(Struct, frozen=True):
    """What one decision is to give; `is_error` asks for a null that a warning explains."""

    decision: str
    value: Any
    is_error: bool


class Case(Struct, frozen=True):
    """One case: the inputs, and what each decision is to give.

    `kind` is `decision`, `bkm` or `decisionService`; `invocable` names the service.
    """

    id: str
    description: str
    kind: str
    invocable: str | None
    inputs: dict[str, Any]
    expected: tuple[Expectation, ...]
    line: int | None


class CaseFile(Struct, frozen=True):
    """A test file."""

    model: str | None
    cases: tuple[Case, ...]


def read_xml(source: bytes, name: str) -> CaseFile | None:
    """Return the cases of an XML file; nothing when it is no test file."""
    root = parse(source, name=name)
    if local_name(root) != "testCases":
        return None
    model = None
    cases = []
    for child in root:
        if local_name(child) == "modelName":
            model = (child.text or "").strip() or None
        elif local_name(child) == "testCase":
            cases.append(_read_case(child, name))
    return CaseFile(model, tuple(cases))


def read_plain(data: Any, name: str) -> CaseFile | None:
    """Return the cases of a YAML or JSON file that was parsed; nothing when it is no test file.

    `{model: a.dmn, cases: [{id: 1, inputs: {x: 1}, expect: {Decision: 2}}]}`; a case may say
    `service: Name`, and `errors: [Decision]` asks for a null with a warning.
    """
    if not isinstance(data, dict) or not isinstance(data.get("cases"), list):
        return None
    cases = []
    for index, case in enumerate(data["cases"]):
        if not isinstance(case, dict):
            raise InputError(f"{name}: expected case {index + 1} to be a mapping")
        service = case.get("service")
        expected = [
            Expectation(str(key), from_python(value), False)
            for key, value in (case.get("expect") or {}).items()
        ]
        expected += [Expectation(str(key), None, True) for key in case.get("errors") or ()]
        cases.append(
            Case(
                id=str(case.get("id", index + 1)),
                description=str(case.get("description") or ""),
                kind="decision" if service is None else "decisionService",
                invocable=None if service is None else str(service),
                inputs=from_python(case.get("inputs") or {}),
                expected=tuple(expected),
                line=None,
            )
        )
    model = data.get("model")
    return CaseFile(None if model is None else str(model), tuple(cases))


def _read_case(element: Element, name: str) -> Case:
    inputs: dict[str, Any] = {}
    expected = []
    description = ""
    for child in element:
        kind = local_name(child)
        if kind == "description":
            description = (child.text or "").strip()
        elif kind == "inputNode":
            inputs[_name(child)] = _read_value(child, name)
        elif kind == "resultNode":
            wanted = next((part for part in child if local_name(part) == "expected"), None)
            value = None if wanted is None else _read_value(wanted, name)
            is_error = attribute(child, "errorResult") == "true"
            expected.append(Expectation(_name(child), value, is_error))
    return Case(
        id=attribute(element, "id") or f"line {line_of(element)}",
        description=description,
        kind=attribute(element, "type") or "decision",
        invocable=attribute(element, "invocableName"),
        inputs=inputs,
        expected=tuple(expected),
        line=line_of(element),
    )


def _name(element: Element) -> str:
    return " ".join((attribute(element, "name") or "").split())


def _read_value(element: Element, name: str) -> Any:
    """Return the value below an element: a scalar, components, or a list."""
    parts = list(element)
    if not parts:
        return None
    first = local_name(parts[0])
    if first == "component":
        return {_name(part): _read_value(part, name) for part in parts}
    if first == "list":
        return [_read_value(part, name) for part in parts[0] if local_name(part) == "item"]
    return _read_scalar(parts[0], name)


def _read_scalar(element: Element, name: str) -> Any:
    if element.get(f"{_XSI}nil") in ("true", "1"):
        return None
    text = element.text or ""
    kind = str(element.get(f"{_XSI}type") or "string").rpartition(":")[2]
    if kind == "boolean":
        return text.strip() in ("true", "1")
    try:
        if kind in _NUMBERS:
            return from_python(Decimal(text.strip()))
        value = _TEMPORAL[kind](text.strip()) if kind in _TEMPORAL else text
    except InvalidOperation:
        value = None
    if value is None:
        raise ModelError(
            f"expected a {kind}, but the text is {text!r}",
            code="invalid-value",
            line=line_of(element),
            source=name,
        )
    return value
