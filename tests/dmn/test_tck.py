"""Test files for decisions: what passes, what fails, and how it is said."""

from __future__ import annotations

import pytest

from tenuto.dmn import tck
from tenuto.errors import InputError

from .models import decision, definitions, inputs, literal, reads

MODEL = definitions(
    inputs("x"), decision("double", reads("x"), literal("x * 2")), decision("none", literal("1/0"))
)
HEAD = """<testCases xmlns="http://www.omg.org/spec/DMN/20160719/testcase"
  xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
  <modelName>m.dmn</modelName>"""


def run(tmp_path, cases, name="m-test.xml"):
    """The report of a folder with one model and one test file."""
    (tmp_path / "m.dmn").write_bytes(MODEL)
    (tmp_path / name).write_text(cases)
    return tck.run_paths([tmp_path])


def case(x, expected, *, node='name="double"'):
    """A test file of one case."""
    return (
        f'{HEAD}<testCase id="1"><inputNode name="x"><value xsi:type="xsd:decimal">{x}</value>'
        f"</inputNode><resultNode {node}><expected><value {expected}</value></expected>"
        "</resultNode></testCase></testCases>"
    )


def test_a_case_passes_within_the_tolerance(tmp_path):
    """Numbers may differ by less than 1e-8."""
    report = run(tmp_path, case(4, 'xsi:type="xsd:double">8.000000001'))

    assert str(report).splitlines()[-1] == "1 passed, 0 failed"


def test_a_failure_shows_both_values(tmp_path):
    """Expected and found stand below the place of the case."""
    report = run(tmp_path, case(4, 'xsi:type="xsd:decimal">9'))

    lines = str(report).splitlines()
    assert "m-test.xml:3: case 1, double" in lines[0]
    assert lines[1:] == ["  expected 9", "  found    8", "0 internal errors", "0 passed, 1 failed"]
    assert report.to_value()["failures"][0]["found"] == "8"


def test_an_expected_error_needs_a_warning(tmp_path):
    """A null passes only with a warning; a value never does."""
    nil = 'xsi:nil="true">'

    assert run(tmp_path, case(4, nil, node='name="none" errorResult="true"')).passed == 1
    assert run(tmp_path, case(4, nil, node='name="double" errorResult="true"')).failed == 1


def test_cases_may_be_written_in_yaml(tmp_path):
    """The same content, shorter."""
    pytest.importorskip("yaml")
    text = "model: m.dmn\ncases:\n- {inputs: {x: 2}, expect: {double: 4}}\n- {errors: [none]}\n"

    assert run(tmp_path, text, "m-test.yaml").passed == 2


def test_a_model_that_does_not_load_fails_its_cases(tmp_path):
    """The refusal is the difference; the run goes on."""
    (tmp_path / "m.dmn").write_bytes(b"<a/>")
    (tmp_path / "t.xml").write_text(case(4, ">8"))

    report = tck.run_paths([tmp_path])

    assert (report.failed, report.internal) == (1, 0)
    assert "ModelError" in str(report)


def test_a_path_that_is_not_there_is_refused(tmp_path):
    """A misspelt path is no empty success."""
    with pytest.raises(InputError, match="expected a test file"):
        tck.run_paths([tmp_path / "gone"])
