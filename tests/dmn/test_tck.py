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


def test_lists_components_and_moments_are_read(tmp_path):
    """Every form of a value, inside each other."""
    values = (
        "<list><item><component name='a'><value xsi:type='xsd:date'>2024-02-29</value></component>"
        "</item><item><value xsi:nil='true'/></item><item><value xsi:type='xsd:boolean'>true"
        "</value></item><item><value xsi:type='xsd:duration'>P1D</value></item></list>"
    )
    echo = f'{HEAD}<testCase id="1"><inputNode name="x">{values}</inputNode>'
    echo += f'<resultNode name="echo"><expected>{values}</expected></resultNode></testCase>'
    (tmp_path / "m.dmn").write_bytes(
        definitions(inputs("x"), decision("echo", reads("x"), literal("x")))
    )
    (tmp_path / "t.xml").write_text(f"{echo}</testCases>")

    assert tck.run_paths([tmp_path / "t.xml"]).passed == 1


def test_a_value_that_is_none_is_refused(tmp_path):
    """The line of the value is named."""
    with pytest.raises(InputError, match="expected a decimal, but the text is 'many'"):
        run(tmp_path, case("many", ">8"))
    with pytest.raises(InputError, match="expected a date"):
        run(tmp_path, case(4, 'xsi:type="xsd:date">soon'))


def test_what_breaks_inside_is_counted(tmp_path, monkeypatch):
    """An exception of ours is a failure and an internal error, not the end of the run."""

    def broken(*_, **__):
        raise ZeroDivisionError("ours")

    monkeypatch.setattr("tenuto.dmn.model.Model.evaluate", broken)

    report = run(tmp_path, case(4, ">8"))

    assert str(report).splitlines()[-2:] == ["1 internal errors", "0 passed, 1 failed"]


def test_an_unknown_decision_fails_its_case(tmp_path):
    """The refusal is what was found."""
    report = run(tmp_path, case(4, ">8", node='name="gone"'))

    assert "'gone' is none" in str(report)


def test_a_test_file_without_its_model_fails(tmp_path):
    """The missing file is named."""
    (tmp_path / "t.xml").write_text(case(4, ">8"))

    assert "expected the model m.dmn" in str(tck.run_paths([tmp_path]))


def test_other_files_are_passed_over(tmp_path):
    """XML and YAML that hold no cases are none of ours; broken YAML is refused."""
    (tmp_path / "pom.xml").write_text("<project/>")
    (tmp_path / "ci.yaml").write_text("jobs: []")

    assert tck.run_paths([tmp_path]).outcomes == ()
    for text in ("cases: [1", "cases: [1]"):
        (tmp_path / "t.yml").write_text(text)
        with pytest.raises(InputError):
            tck.run_paths([tmp_path])


@pytest.mark.parametrize(
    ("value", "expected", "same"),
    [
        (1, "1", False),
        ([1], [1, 2], False),
        ({"a": 1}, {"b": 1}, False),
        ([{"a": 1}], [{"a": 1}], True),
    ],
)
def test_values_agree_by_type_and_parts(value, expected, same):
    """No conversion makes a wrong value right."""
    assert tck.agrees(value, expected) is same


def test_test_files_of_one_model_share_it(tmp_path):
    """Two files, one model; what is neither node nor description is passed over."""
    (tmp_path / "b-test.xml").write_text(
        case(2, 'xsi:type="xsd:decimal">4').replace("<inputNode", "<labels/><inputNode")
    )

    report = run(tmp_path, case(4, 'xsi:type="xsd:decimal">8'))

    assert (report.passed, report.failed) == (2, 0)


def test_an_empty_node_is_null(tmp_path):
    """Nothing inside means no value."""
    empty = case(4, ">").replace('<value xsi:type="xsd:decimal">4</value>', "")
    empty = empty.replace("<value ></value>", "")

    assert run(tmp_path, empty).passed == 1
