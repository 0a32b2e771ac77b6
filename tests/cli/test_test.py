"""`tenuto test`: scenarios and decisions together, for people and for programs."""

import json
import re
from xml.etree import ElementTree

import pytest

from tests.dmn.models import decision, definitions, inputs, literal, reads

DOUBLE = definitions(inputs("x"), decision("double", reads("x"), literal("x * 2")))
GIVEN = """\
given:
  models: order.bpmn
  variables: {id: O-1, amount: 40}
  handlers: {charge: {charged: =amount}}
scenarios:
"""
SMALL = "  - {name: small, then: {status: completed, variables: {charged: 40}}}\n"
WRONG = "  - {name: wrong, then: {status: active}}\n"
LARGE = """\
  - name: large
    given: {variables: {amount: 4000}}
    when: [start, complete: {group: ops}]
    then: {status: completed}
"""


@pytest.fixture
def tests(tenuto):
    """Give the command in a folder with a process, a decision and a test of it."""
    tenuto.write("order.bpmn", tenuto.model("order.bpmn").read_bytes())
    tenuto.write("double.dmn", DOUBLE)
    tenuto.write(
        "double.yaml", "model: double.dmn\ncases: [{inputs: {x: 2}, expect: {double: 4}}]\n"
    )
    return tenuto


def test_a_folder_is_searched_for_both_kinds(tests):
    """Scenarios and decision tests of a folder run together; the last line counts both."""
    tests.write("order.scenario.yaml", GIVEN + SMALL + LARGE)

    result = tests("test", ".")

    lines = result.stdout.splitlines()
    assert lines[-1] == "3 passed, 0 failed"
    assert re.fullmatch(r"order +order.bpmn +5 of 5 \(100 %\) +5 of 5 \(100 %\)", lines[-2].strip())


def test_a_failure_exits_with_one_and_says_what_differs(tests):
    """File, line and name of the scenario, then what was expected and what was found."""
    file = tests.write("order.scenario.yaml", GIVEN + SMALL + WRONG)

    result = tests("test", file, expect=1)

    assert result.stdout.splitlines()[:5] == [
        f"{file}:7: wrong",
        "  line 7: status",
        "    expected active",
        "    found    completed",
        "  the instance is completed",
    ]
    assert result.stdout.splitlines()[-1] == "1 passed, 1 failed"


def test_what_was_never_passed_is_printed(tests):
    """Elements and sequence flows that no scenario passed stand below the table."""
    result = tests("test", tests.write("order.scenario.yaml", GIVEN + SMALL))

    assert "never passed in order: elements review" in result.stdout
    assert "never passed in order: sequence flows large, f3" in result.stdout


@pytest.mark.parametrize(("percent", "code"), [(60, 0), (61, 1)])
def test_coverage_may_be_demanded(tests, percent, code):
    """Less than the demanded share of elements or flows fails, though every scenario passed."""
    file = tests.write("order.scenario.yaml", GIVEN + SMALL)

    result = tests("test", file, "--min-coverage", percent, expect=code)

    assert ("expected 61 % of process order" in result.stderr) is bool(code)


def test_programs_get_json(tests):
    """Counts, scenarios with their differences, and coverage with the ids that were missed."""
    tests.write("order.scenario.yaml", GIVEN + SMALL + WRONG)

    data = json.loads(tests("test", ".", "-o", "json", expect=1).stdout)

    assert (data["passed"], data["failed"], data["internal"]) == (2, 1, 0)
    small, wrong = data["scenarios"]
    assert small["passed"] is True
    assert wrong["differences"] == [
        {"line": 7, "what": "status", "expected": "active", "found": "completed"}
    ]
    (covered,) = data["coverage"]
    assert covered["elements"] == {
        "total": 5,
        "passed": 4,
        "percent": 80,
        "missed": ["review"],
    }


def test_junit_has_a_case_for_each_test(tests):
    """The file is written whether tests fail or not, with a suite for each test file."""
    tests.write("order.scenario.yaml", GIVEN + SMALL + WRONG)

    tests("test", ".", "--junit", "junit.xml", expect=1)

    suites = ElementTree.parse(tests.folder / "junit.xml").getroot()
    assert [(one.get("name"), one.get("tests"), one.get("failures")) for one in suites] == [
        ("double.yaml", "1", "0"),
        ("order.scenario.yaml", "2", "1"),
    ]
    (failure,) = suites.iter("failure")
    assert failure.get("message") == "line 7: status: expected active, found completed"


def test_hidden_folders_are_left_out(tests):
    """What lies in `.venv` is nobody's test."""
    (tests.folder / ".venv").mkdir()
    tests.write(".venv/broken.scenario.yaml", "nothing")

    assert tests("test", ".").stdout.splitlines()[-1] == "1 passed, 0 failed"


def test_a_file_that_cannot_be_read_is_a_usage_error(tests):
    """A scenario file with an unknown name exits with 2 and names its line."""
    file = tests.write("order.scenario.yaml", GIVEN + SMALL.replace("then", "than"))

    result = tests("test", file, expect=2)

    assert f"{file}:6: expected name, given, when, then in a scenario" in result.stderr


def test_nothing_to_run_is_a_usage_error(tenuto):
    """A folder without tests exits with 2: nothing was tested."""
    assert "found none" in tenuto("test", ".", expect=2).stderr
