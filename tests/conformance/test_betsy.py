"""The betsy processes: every model that this release executes leaves the log that the suite
expects.

Scripts in the suite are keywords for a driver. The models are read from the shared folder and their
script tasks are given to workers that do what the keyword says; expressions are translated by the
suite's own table.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from tenuto import BpmnError
from tenuto.deploy import Refused
from tenuto.errors import InputError
from tenuto.runtime.verify import verify
from tenuto.testing import Scenario

SUITE = Path(__file__).parents[3] / "shared" / "conformance" / "betsy-bpmn"
BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL"
ZEEBE = "http://camunda.org/schema/zeebe/1.0"
EXPRESSIONS = ("conditionExpression", "loopCardinality", "completionCondition")

PASSING = 99

pytestmark = pytest.mark.conformance


def _suite() -> dict[str, Any]:
    return json.loads((SUITE / "betsy-expected.json").read_text())


def _tests() -> list[dict[str, Any]]:
    return _suite()["tests"] if SUITE.exists() else []


def translated(source: bytes, table: dict[str, dict[str, str]]) -> bytes:
    """Return a model whose scripts are jobs and whose expressions are FEEL."""
    root = etree.fromstring(source)
    for script in list(root.iter(f"{{{BPMN}}}scriptTask")):
        body = script.find(f"{{{BPMN}}}script")
        keyword = "" if body is None else (body.text or "").strip()
        if body is not None:
            script.remove(body)
        script.tag = f"{{{BPMN}}}serviceTask"
        extensions = etree.Element(f"{{{BPMN}}}extensionElements")
        job = etree.SubElement(extensions, f"{{{ZEEBE}}}taskDefinition")
        job.set("type", keyword or "CREATE_LOG_FILE")
        script.insert(0, extensions)
    for name in EXPRESSIONS:
        for expression in root.iter(f"{{{BPMN}}}{name}"):
            text = (expression.text or "").strip()
            if text in table:
                expression.text = f"={table[text]['feel']}"
            expression.attrib.pop("language", None)
    root.attrib.pop("expressionLanguage", None)
    return etree.tostring(root)


class Driver:
    """Performs the keywords and keeps the log."""

    def __init__(self, scenario: Scenario) -> None:
        """Handle every keyword of the suite in a scenario."""
        self.log: list[str] = []
        for number in range(1, 6):
            scenario.handle(f"SCRIPT_task{number}", self._logging(f"task{number}"))
        for keyword in ("CREATE_LOG_FILE", "CREATE_MARKER_FILE", "WAIT_TEN_SECONDS"):
            scenario.handle(keyword, lambda: None)
        for keyword in ("CREATE_TIMESTAMP_LOG_1", "CREATE_TIMESTAMP_LOG_2"):
            scenario.handle(keyword, lambda: None)
        scenario.handle("INCREMENT_INTEGER_VARIABLE", increment)
        scenario.handle("INCREMENT_INTEGER_VARIABLE_AND_LOG", self._increment_and_log)
        scenario.handle("THROW_ERROR", throw)

    def _logging(self, entry: str) -> Any:
        def work() -> None:
            self.log.append(entry)

        return work

    def _increment_and_log(self, integerVariable: int) -> dict[str, int]:  # noqa: N803  (the suite's name)
        self.log.append("increment")
        return increment(integerVariable)


def increment(integerVariable: int) -> dict[str, int]:  # noqa: N803  (the suite's name)
    """Count."""
    return {"integerVariable": integerVariable + 1}


def throw() -> None:
    """Throw the suite's error."""
    raise BpmnError("ERR_CODE")


def play(source: bytes, test: dict[str, Any], case: dict[str, Any]) -> list[str]:
    """Return the log of one case. Raises `InputError` when the model is refused."""
    scenario = Scenario()
    driver = Driver(scenario)
    scenario.deploy(source)
    if case.get("start_first"):
        scenario.start(case["start_first"])
    scenario.start_with(test["process"], case["variables"])
    scenario.advance("PT60S")
    report = verify(scenario.store.reader())
    assert report.differences == []
    return driver.log


def outcomes() -> dict[str, str]:
    """Return pass, refused or what differs, by file and case."""
    table = _suite()["expression_mapping"]
    found = {}
    for test in _tests():
        source = translated((SUITE / test["file"]).read_bytes(), table)
        for case in test["cases"]:
            name = f"{test['file']}#{case['case']}"
            try:
                log = play(source, test, case)
            except (Refused, InputError) as refused:
                found[name] = f"refused: {str(refused)[:160]}"
                continue
            expected = case["expect"].get("log", [])
            same = Counter(log) == Counter(expected)
            found[name] = "pass" if same else f"expected {expected}, got {log}"
    return found


def test_what_is_executable_logs_what_the_suite_expects():
    """Every case of a model that deploys has the suite's log; what is not executable is refused."""
    found = outcomes()

    differing = {
        name: what
        for name, what in found.items()
        if what != "pass" and not what.startswith("refused")
    }
    assert differing == {}
    assert sum(what == "pass" for what in found.values()) >= PASSING
