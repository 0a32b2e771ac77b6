"""Requirements: what a decision reads, when, and what is refused when a model is loaded."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tenuto import dmn
from tenuto.errors import ModelError

from .models import decision, definitions, inputs, literal, needs, reads, table


class Asked(Mapping):
    """Inputs that remember what was read."""

    def __init__(self, **given):
        self.given = given
        self.names = []

    def __getitem__(self, name):
        self.names.append(name)
        return self.given[name]

    def __iter__(self):
        return iter(self.given)

    def __len__(self):
        return len(self.given)


CHAIN = definitions(
    inputs("a", "b"),
    decision("first", reads("a"), literal("a + 1")),
    decision("second", needs("first"), reads("b"), literal("if first > 10 then b else first")),
)


def test_required_decisions_are_made_first_and_once():
    """The trace has each decision with what it read, the one asked for last."""
    result = dmn.load(CHAIN).evaluate("second", {"a": 1, "b": 5})

    assert result.value == 2
    assert [(made.id, made.inputs) for made in result.decisions] == [
        ("first", {"a": 1}),
        ("second", {"first": 2}),
    ]


def test_inputs_are_read_when_needed():
    """A name that no expression reads is never asked for; another one is asked for once."""
    asked = Asked(a=1, b=5)

    dmn.load(CHAIN).evaluate("second", asked)

    assert asked.names == ["a"]


def test_a_missing_input_is_null_with_a_warning():
    """The warning names the input and belongs to the decision that read it."""
    result = dmn.load(CHAIN).evaluate("second", {})

    codes = {made.id: [warning.code for warning in made.warnings] for made in result.decisions}
    assert codes["first"][0] == "missing-input"
    assert "missing-input" not in codes["second"]


def test_a_long_chain_is_made_without_recursion():
    """A thousand decisions in a row are no deep call."""
    parts = [decision("d0", literal("0"))]
    parts += [
        decision(f"d{number}", needs(f"d{number - 1}"), literal(f"d{number - 1} + 1"))
        for number in range(1, 1000)
    ]

    assert dmn.load(definitions(*parts)).evaluate("d999", {}).value == 999


def test_a_result_is_a_plain_value():
    """What goes into a journal has no structs in it."""
    result = dmn.load(CHAIN).evaluate("second", {"a": 1})

    assert result.to_value() == {
        "value": 2,
        "decisions": [
            {
                "id": name,
                "name": name,
                "inputs": read,
                "matched": [],
                "value": 2,
                "warnings": [],
            }
            for name, read in (("first", {"a": 1}), ("second", {"first": 2}))
        ],
        "warnings": [],
        "error": None,
    }


def test_a_plain_value_keeps_what_went_wrong():
    """A broken hit policy is told as error, and as warning of the decision that broke it."""
    text = table("x", "", ["< 9 => 1", "> 1 => 2"])
    model = dmn.load(definitions(inputs("x"), decision("d", reads("x"), text)))

    value = model.evaluate("d", {"x": 5}).to_value()

    assert value["error"] == "d: expected one rule to hold, but rules 1, 2 do"
    assert [part["code"] for part in value["decisions"][0]["warnings"]] == ["several-rules"]


def refusal(*parts):
    """The error of loading these elements."""
    with pytest.raises(ModelError) as caught:
        dmn.load(definitions(*parts))
    return caught.value


def test_a_circle_of_requirements_is_refused():
    """The message walks the circle."""
    error = refusal(
        decision("a", needs("b"), literal("b")), decision("b", needs("a"), literal("a"))
    )

    assert error.code == "cyclic-requirement"
    assert "a → b → a" in str(error)


def test_a_reference_to_nothing_is_refused():
    """A required element that is not there is named, with the decision and its line."""
    error = refusal(decision("a", needs("gone"), literal("1")))

    assert (error.code, error.element, error.line) == ("unknown-reference", "a", 2)
    assert "#gone" in str(error)


def test_a_duplicate_id_is_refused():
    """Two elements of one id are named by it."""
    error = refusal(decision("a", literal("1")), decision("a", literal("2")))

    assert (error.code, error.element, error.line) == ("duplicate-id", "a", 3)


def test_a_duplicate_name_is_refused():
    """Who asks by name must get the one decision that has it."""
    second = decision("a", literal("2")).replace('id="a"', 'id="b"')

    error = refusal(decision("a", literal("1")), second)

    assert (error.code, error.element, error.line) == ("duplicate-name", "b", 3)
    assert "'a' names 'a' too" in str(error)


def test_an_unknown_type_names_its_element():
    """The error says whose type it is."""
    error = refusal(inputs(x="tGone"))

    assert (error.code, error.element, error.line) == ("unknown-type", "in-x", 2)


def test_a_cell_that_does_not_parse_names_table_rule_and_column():
    """The error says where the cell is and shows the place in its text."""
    error = refusal(inputs("x"), decision("d", reads("x"), table("x", "", ["1 => 1", "< => 2"])))

    assert error.code == "invalid-feel"
    assert "table table, rule 2 (r2), input 'x'" in str(error)
    assert "^" in str(error)


def test_a_table_without_rules_is_refused():
    """A table that can never hold is a mistake."""
    assert refusal(decision("d", table("", "", []))).code == "no-rules"


def test_an_unknown_decision_is_refused():
    """The message lists the decisions that are there."""
    with pytest.raises(ModelError, match="it has first, second"):
        dmn.load(CHAIN).evaluate("third", {})


@pytest.mark.parametrize(
    "version",
    [
        "http://www.omg.org/spec/DMN/20151101/dmn.xsd",
        "http://www.omg.org/spec/DMN/20180521/MODEL/",
        "https://www.omg.org/spec/DMN/20191111/MODEL/",
        "https://www.omg.org/spec/DMN/20211108/MODEL/",
        "https://www.omg.org/spec/DMN/20230324/MODEL/",
        "https://www.omg.org/spec/DMN/20240513/MODEL/",
    ],
)
def test_all_versions_of_the_standard_are_read(version):
    """A file of any version from 1.1 to 1.6 loads."""
    source = definitions(decision("d", literal("1 + 1")), version=version)

    assert dmn.load(source).evaluate("d", {}).value == 2


def test_a_doctype_is_refused():
    """No entity is ever declared."""
    with pytest.raises(ModelError) as caught:
        dmn.load(b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')

    assert caught.value.code == "xml-doctype"


def test_a_path_is_read_and_named_in_errors(tmp_path):
    """An error names file, line and element."""
    path = tmp_path / "broken.dmn"
    path.write_bytes(definitions(decision("d", literal("1 +"))))

    with pytest.raises(ModelError, match=r"broken\.dmn:2: d: expected FEEL"):
        dmn.load(path)
