"""The public conformance kit, as far as FEEL alone reaches: decisions that are one expression.

Decisions with other logic (tables, invocations, imported models) are the business of the decision
room, whose runner evaluates the kit whole.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from tenuto import feel, values

KIT = Path(__file__).resolve().parents[3] / "shared" / "conformance" / "dmn-tck"
XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
NOW = values.parse_date_and_time("2024-02-29T09:30:00Z")

pytestmark = [
    pytest.mark.conformance,
    pytest.mark.skipif(not KIT.exists(), reason="the conformance kit is not beside the repository"),
]


def local(element: Any) -> str:
    """The name of an element without its namespace."""
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def first(element: Any, name: str) -> Any:
    """The first child of that name."""
    return next((child for child in element if local(child) == name), None)


def read_value(element: Any) -> Any:
    """The value that the kit's XML describes."""
    children = [child for child in element if local(child)]
    if not children:
        return None
    if local(children[0]) == "component":
        return {child.get("name"): read_value(child) for child in children}
    if local(children[0]) == "list":
        return [read_value(item) for item in children[0] if local(item) == "item"]
    return read_scalar(children[0])


def read_scalar(element: Any) -> Any:
    """The value of a `value` element by its type."""
    if element.get(f"{XSI}nil") == "true":
        return None
    text = element.text or ""
    kind = (element.get(f"{XSI}type") or "string").split(":")[-1]
    if kind in ("decimal", "double", "integer"):
        return Decimal(text)
    if kind == "boolean":
        return text == "true"
    parse = {
        "date": values.parse_date,
        "time": values.parse_time,
        "dateTime": values.parse_date_and_time,
        "duration": values.parse_duration,
    }.get(kind)
    return parse(text) if parse else text


class Model:
    """The decisions of a folder that FEEL alone can evaluate."""

    def __init__(self, folder: Path) -> None:
        self.texts: dict[str, str] = {}
        self.types: dict[str, str] = {}
        self.needs: dict[str, list[str]] = {}
        self.inputs: set[str] = set()
        self.names: set[str] = set()
        for path in sorted(folder.glob("*.dmn")):
            self._read(etree.parse(path).getroot())

    def _read(self, root: Any) -> None:
        ids = {element.get("id"): element.get("name") for element in root if local(element)}
        self.names.update(name for name in ids.values() if name)
        self.names.update(
            element.get("name") for element in root.iter() if local(element) == "itemComponent"
        )
        for element in root:
            if local(element) == "inputData":
                self.inputs.add(element.get("name"))
            if local(element) == "decision" and first(element, "literalExpression") is not None:
                self._read_decision(element, ids)

    def _read_decision(self, element: Any, ids: dict[str, str]) -> None:
        name = element.get("name")
        text = first(first(element, "literalExpression"), "text")
        self.texts[name] = (text.text or "") if text is not None else ""
        self.needs[name] = [
            ids.get(part.get("href").lstrip("#"), "?")
            for requirement in element
            if local(requirement) in ("informationRequirement", "knowledgeRequirement")
            for part in requirement
            if local(part)
        ]

    def reaches(self, name: str) -> bool:
        """Whether the decision and all it needs are expressions or inputs."""
        return name in self.inputs or (
            name in self.texts and all(self.reaches(need) for need in self.needs[name])
        )

    def evaluate(self, name: str, inputs: dict[str, Any]) -> Any:
        """The value of a decision."""
        if name in self.inputs:
            return inputs.get(name)
        context = {}
        for need in self.needs[name]:
            found = self.evaluate(need, inputs)
            context[need] = found.value if isinstance(found, feel.Evaluation) else found
        expression = feel.compile(self.texts[name], names=[*context, *self.names])
        return expression.evaluate(context, now=NOW)


def find_cases() -> list[Any]:
    """Every case of the kit that FEEL alone can evaluate."""
    cases = []
    for path in sorted(KIT.glob("*/*/*.xml")):
        model = Model(path.parent)
        for case in etree.parse(path).getroot():
            if local(case) != "testCase" or case.get("type") == "decisionService":
                continue
            inputs = {
                child.get("name"): read_value(child)
                for child in case
                if local(child) == "inputNode"
            }
            for result in case:
                if local(result) == "resultNode" and model.reaches(result.get("name")):
                    label = f"{path.parent.name}-{case.get('id')}-{result.get('name')}"
                    cases.append(pytest.param(model, inputs, result, id=label))
    return cases


def agrees(value: Any, expected: Any) -> bool:
    """Whether a value is the expected one, numbers within 1e-8."""
    if isinstance(expected, Decimal):
        is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
        return is_number and abs(Decimal(value) - expected) < Decimal("1e-8")
    if isinstance(expected, list):
        return (
            isinstance(value, list)
            and len(value) == len(expected)
            and all(map(agrees, value, expected))
        )
    if isinstance(expected, dict):
        return (
            isinstance(value, dict)
            and value.keys() == expected.keys()
            and all(agrees(value[key], expected[key]) for key in expected)
        )
    return type(value) is type(expected) and value == expected


@pytest.mark.parametrize(("model", "inputs", "result"), find_cases() if KIT.exists() else [])
def test_case_of_the_kit(model, inputs, result):
    """The decision has the expected value; a null by error comes with a placed warning."""
    evaluation = model.evaluate(result.get("name"), inputs)

    value = evaluation.value if isinstance(evaluation, feel.Evaluation) else evaluation
    expected = read_value(first(result, "expected"))
    assert agrees(value, expected), f"{value!r} is not {expected!r}: {evaluation.warnings}"
    if result.get("errorResult") == "true":
        assert evaluation.warnings
