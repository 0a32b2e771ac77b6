"""How scenario files are read: strictly, with file, line and what was expected there."""

import re
from decimal import Decimal

import pytest

from tenuto.errors import InputError
from tenuto.notation import DEPTH_MAX, open_document
from tenuto.testing.written import is_written
from tenuto.values import Date, DateAndTime
from tests.testing.conftest import GIVEN


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("NO", "NO"),
        ("12:30", "12:30"),
        ("0x1F", "0x1F"),
        ("P3D", "P3D"),
        ("~", None),
        ("", None),
        ("true", True),
        ("False", False),
        ("007", 7),
        ("-12", -12),
        ("1.10", Decimal("1.1")),
        (".5", Decimal("0.5")),
        ("2e3", 2000),
        ("0.1", Decimal("0.1")),
        ("'12'", "12"),
        ("'2026-03-01'", "2026-03-01"),
        ("[1, {a: b}]", [1, {"a": "b"}]),
    ],
)
def test_a_scalar_is_what_is_written(text, value):
    """Only plain words of the core schema have another type than text; numbers are exact."""
    read = open_document(f"x: {text}".encode(), "f").members("x")["x"].value()

    assert read == value
    assert type(read) is type(value)


def test_dates_and_times_are_values():
    """A date is a date, an instant keeps its offset."""
    read = open_document(b"[2026-03-01, 2026-03-01T10:00:00+01:00]", "f").value()

    assert isinstance(read[0], Date)
    assert isinstance(read[1], DateAndTime)
    assert str(read[1]) == "2026-03-01T10:00:00+01:00"


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ("", "expected `scenarios`, but the file is empty"),
        ("- a", ":1: expected a scenario file to be a mapping, got a list"),
        ("given: [", "expected YAML"),
        ("a: &a [*a]", "levels, got more"),
        ("given: {}\ngiven: {}", ":2: expected each name once in a scenario file"),
        ("given: {}\nscenario: []", ":2: expected given, scenarios, name, when, then in a "),
        ("given: {}\nscenario: []", "did you mean `scenarios`?"),
        ("given: {models: nowhere.bpmn}\nthen: {}", ":1: expected the path of a model"),
        ("given: {models: []}\nthen: {}", "expected at least one model, got none"),
        ("then: {status: active}", "expected `models` in `given`, got none"),
        ("given: {models: refund.bpmn}", "expected `then`: what is to hold"),
        ("given: {at: soon}\nthen: {}", "expected an instant such as"),
        ("given: {variables: [a]}\nthen: {}", "expected variables to be a mapping"),
        ("given: {variables: {a: 2026-02-30}}\nthen: {}", "a date or time that exists"),
        ("given: {variables: {a: !x 1}}\nthen: {}", "the tag !x"),
        ("given: {variables: {a: '=1 +'}}\nthen: {}", ":1: expected an expression"),
        ("given: {handlers: {pay: []}}\nthen: {}", "expected at least one answer"),
        ("given: {handlers: {pay: 1}}\nthen: {}", "expected an answer to be a mapping"),
        ("given: {handlers: {pay: {fail: x, error: Y}}}\nthen: {}", "expected `fail` alone"),
        ("given: {handlers: {pay: {error: X, b: 1}}}\nthen: {}", "error, fail in an answer"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(refunds, file, says):
    """The first thing that is wrong is named with its line."""
    with pytest.raises(InputError, match=re.escape(says)):
        refunds.run(file)


@pytest.mark.parametrize(
    ("scenario", "says"),
    [
        ("when: start\nthen: {status: active}", "expected `when` to be a list"),
        ("when: [begin]\nthen: {status: active}", "expected start, resolve, cancel, or a step"),
        ("when: [{begin: 1}]\nthen: {status: active}", "a step with one of start, advance"),
        ("when: [{start: p, cancel: }]\nthen: {}", "a step with one of"),
        ("when: [{advance: 2 days}]\nthen: {}", "an ISO 8601 duration such as P2D"),
        ("when: [{advance: P1D, of: x}]\nthen: {}", "expected advance, refused in the step"),
        ("when: [{claim: approve}]\nthen: {}", "expected `by`: who claims the task"),
        ("when: [{complete: {}}]\nthen: {}", "expected `element` or `group`"),
        ("when: [{complete: {element: a, by: b}}]\nthen: {}", "element, group in a user task"),
        ("when: [{cancel: first}]\nthen: {}", "`of` beside it names an instance"),
        ("when: [{resolve: , retries: -1}]\nthen: {}", "`retries` to be a whole number"),
        ("when: [{then: {}, refused: x}]\nthen: {}", "expected then in the step `then`"),
        ("then: {}", "expected something that is to hold"),
        ("then: []", "expected something that is to hold"),
        ("then: {of: x}", "expected something that is to hold"),
        ("then: {status: done}", "expected one of active, paused, completed, terminated, failed"),
        ("then: {passed: {a: b}}", "expected `passed` to be a text"),
        ("then: {tasks: approve}", "expected `tasks` to be a list"),
        ("then: {tasks: [{groups: [a]}]}", "expected `element`, got none"),
        ("then: {incidents: [{element: a}]}", "expected `code`, got none"),
        ("then: {decisions: [{rules: [a]}]}", "expected `decision`: its id"),
        ("then: {calls: {pay: often}}", "a count of jobs to be a whole number"),
        ("then: {holds: amount >}", "expected an expression"),
        ("then: {statoos: active}", "did you mean `status`?"),
    ],
)
def test_a_scenario_that_cannot_be_read_is_refused(refunds, scenario, says):
    """Steps and looks are read before anything runs."""
    with pytest.raises(InputError, match=re.escape(says)):
        refunds.play(scenario)


def test_names_of_scenarios_are_unique(refunds):
    """Two scenarios of one name could not be told apart in a report."""
    one = "  - {name: a, then: {status: completed}}\n"

    with pytest.raises(InputError, match=r":10: .*`a` is also on line 9"):
        refunds.run(f"{GIVEN}scenarios:\n{one}{one}")


def test_models_that_are_refused_name_the_scenario(refunds):
    """A model that cannot run refuses the run, with the scenario's place."""
    refunds.write("bad.bpmn", b"<definitions/>")

    with pytest.raises(InputError, match=r"yaml:1: expected models that run, but bad.bpmn:1"):
        refunds.run("given: {models: bad.bpmn}\nthen: {status: active}")


def test_depth_is_bounded():
    """Nesting without end is refused, not recursed into."""
    deep = b"[" * (DEPTH_MAX + 1) + b"]" * (DEPTH_MAX + 1)

    with pytest.raises(InputError, match="64 levels"):
        open_document(deep, "f")


def test_aliases_do_not_multiply_without_end():
    """Parts are counted with aliases written out."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 8)]

    with pytest.raises(InputError, match="parts"):
        open_document("\n".join(lines).encode(), "f")


@pytest.mark.parametrize(
    ("name", "text", "verdict"),
    [
        ("a.scenario.yaml", "whatever: 1", True),
        ("a.scenarios.yml", "", True),
        ("a.yaml", "scenarios: []", True),
        ("a.yaml", "given: {}\nthen: {}", True),
        ("a.yaml", "given: {}", False),
        ("a.yaml", "model: a.dmn\ncases: []", False),
        ("a.yaml", "- scenarios", False),
        ("a.xml", "<a/>", False),
    ],
)
def test_scenario_files_are_known_by_name_or_by_content(tmp_path, name, text, verdict):
    """The ending says it, or what stands at the top."""
    path = tmp_path / name
    path.write_text(text)

    assert is_written(path) is verdict
