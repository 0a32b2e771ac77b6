"""Item definitions: what is converted, what is admitted, and what becomes null (DMN 1.5 §7.3.3)."""

from __future__ import annotations

import pytest

from tenuto import dmn
from tenuto.errors import ModelError
from tenuto.values import Date

from .models import decision, definitions, inputs, literal, reads


def item(name, type_ref="", inner="", tag="itemDefinition", collection=False):
    """An item definition or component."""
    many = ' isCollection="true"' if collection else ""
    reference = f"<typeRef>{type_ref}</typeRef>" if type_ref else ""
    return f'<{tag} name="{name}"{many}>{reference}{inner}</{tag}>'


def component(name, type_ref, inner=""):
    """A component."""
    return item(name, type_ref, inner, tag="itemComponent")


def allowed(text, tag="allowedValues"):
    """Allowed values or a type constraint."""
    return f"<{tag}><text>{text}</text></{tag}>"


def admit(definition, value, kind="t"):
    """The value of an input of this kind, and the codes of the warnings."""
    model = dmn.load(
        definitions(definition, inputs(x=kind), decision("d", reads("x"), literal("x")))
    )
    result = model.evaluate("d", {"x": value})
    return result.value, [warning.code for warning in result.warnings]


GRADE = item("t", "string", allowed('"a", "b"'))
PERSON = item(
    "t", inner=component("name", "string") + component("age", "number", allowed("&lt; 150"))
)


def test_allowed_values_are_kept():
    """A value outside is null with a warning; null itself is no value and passes."""
    assert admit(GRADE, "a") == ("a", [])
    assert admit(GRADE, "c") == (None, ["not-allowed"])
    assert admit(GRADE, None) == (None, [])


def test_components_are_checked():
    """Type and allowed values of each component; further entries are kept."""
    assert admit(PERSON, {"name": "Ann", "age": 40, "x": 1}) == (
        {"name": "Ann", "age": 40, "x": 1},
        [],
    )
    assert admit(PERSON, {"name": "Ann", "age": 200}) == (None, ["not-allowed"])
    assert admit(PERSON, {"name": 1, "age": 20}) == (None, ["type-mismatch"])


def test_collections_are_checked_item_by_item():
    """Allowed values are for the items, a type constraint for the list."""
    small = item(
        "t",
        "number",
        allowed("&lt; 10") + allowed("count(?) &lt; 3", "typeConstraint"),
        collection=True,
    )

    assert admit(small, [1, 2]) == ([1, 2], [])
    assert admit(small, 1) == ([1], [])
    assert admit(small, [1, 20]) == (None, ["not-allowed"])
    assert admit(small, [1, 2, 3]) == (None, ["not-allowed"])


def test_a_definition_narrows_another():
    """The constraints of both hold."""
    both = item("base", "number", allowed("&gt; 0")) + item("t", "base", allowed("&lt; 10"))

    assert [admit(both, value)[0] for value in (-1, 5, 20)] == [None, 5, None]


def test_values_are_converted():
    """A list of one is its item; a date is a date and time at midnight."""
    assert admit("", [7], "number") == (7, [])
    assert str(admit(item("t", "date and time"), Date(2024, 2, 29))[0]) == "2024-02-29T00:00:00Z"


def test_a_function_item_is_a_function_type():
    """A decision whose type is a function must give one that conforms."""
    function = '<functionItem outputTypeRef="number"><parameters name="n" typeRef="number"/>'
    kind = item("t", inner=f"{function}</functionItem>")
    good = definitions(kind, decision("d", literal("function(n: number) n + 1"), type_ref="t"))
    bad = definitions(kind, decision("d", literal("1"), type_ref="t"))

    assert dmn.load(good).evaluate("d", {}).to_value()["value"] == "function(n)"
    assert dmn.load(bad).evaluate("d", {}).warnings[0].code == "type-mismatch"


def test_python_scalars_are_converted():
    """A float is the decimal of its shortest text."""
    assert str(admit("", 0.1, "number")[0]) == "0.1"


@pytest.mark.parametrize(
    "name", ["feel:number", "number", "integer", "double", "list&lt;number&gt;"]
)
def test_type_names_of_the_field_are_known(name):
    """Names of DMN 1.1, of other engines, and whole type expressions."""
    assert admit("", 1, name)[0] in (1, [1])


def test_an_unknown_type_is_refused():
    """The message names it, with the line of its element."""
    with pytest.raises(ModelError, match="'tGone' is neither") as caught:
        admit("", 1, "tGone")

    assert (caught.value.code, caught.value.line) == ("unknown-type", 3)


def test_a_definition_inside_itself_describes_a_tree():
    """Recursion ends where the type has no name for itself."""
    node = item(
        "t",
        inner=component("n", "number") + item("kids", "t", tag="itemComponent", collection=True),
    )

    assert admit(node, {"n": 1, "kids": [{"n": 2, "kids": []}]})[1] == []


def test_a_definition_twice_is_refused():
    """Names of item definitions are unique."""
    with pytest.raises(ModelError, match="comes twice"):
        admit(GRADE + GRADE, "a")


def test_negated_and_narrowed_values_both_count():
    """A definition that forbids values keeps forbidding them when it is narrowed."""
    both = item("base", "string", allowed('not("a")')) + item("t", "base", allowed('"a", "b"'))

    assert [admit(both, value)[0] for value in ("a", "b", "c")] == [None, "b", None]


def test_allowed_values_that_do_not_parse_are_refused():
    """The message names the item definition."""
    with pytest.raises(ModelError, match="the allowed values of 't'"):
        admit(item("t", "number", allowed("&lt;")), 1)


def test_a_null_component_passes():
    """Allowed values are for values."""
    assert admit(PERSON, {"name": "Ann", "age": None}) == ({"name": "Ann", "age": None}, [])
