"""Hostile and broken files: nothing but a clear error comes out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenuto import dmn
from tenuto.dmn import xml
from tenuto.errors import BudgetExceeded, InputError, ModelError

from .models import decision, definitions, inputs, literal, needs, reads, table

WHOLE = definitions(
    '<itemDefinition name="t"><typeRef>number</typeRef></itemDefinition>',
    inputs(x="t"),
    decision("a", reads("x"), table("x", "o [1, 2] = 3", ["< 5 => 1", "[5..9) => 2"])),
    decision("b", needs("a"), literal("a + 1")),
)


@given(st.data())
def test_a_damaged_file_is_refused_or_read(data):
    """Bytes cut out, doubled or replaced: an error of input, or a model that evaluates."""
    start = data.draw(st.integers(0, len(WHOLE)))
    stop = data.draw(st.integers(start, min(len(WHOLE), start + 60)))
    middle = data.draw(st.sampled_from([b"", b"<", b"&x;", b'"', b"\xff", WHOLE[start:stop] * 2]))

    try:
        model = dmn.load(WHOLE[:start] + middle + WHOLE[stop:])
    except InputError:
        return
    for id in model.decisions:
        model.evaluate(id, {"x": 5})


def refusal(source):
    """The error of loading this."""
    with pytest.raises(ModelError) as caught:
        dmn.load(source)
    return caught.value


def test_deep_nesting_is_refused():
    """Elements inside each other beyond the bound."""
    assert refusal(b"<a>" * 300 + b"</a>" * 300).code == "xml-too-deep"


def test_boxed_expressions_up_to_the_bound_are_evaluated():
    """A hundred contexts inside each other."""
    boxed = literal("1")
    for _ in range(100):
        boxed = f"<context><contextEntry>{boxed}</contextEntry></context>"

    assert dmn.load(definitions(decision("d", boxed))).evaluate("d", {}).value == 1


def test_too_many_elements_and_attributes_are_refused(monkeypatch):
    """Counted while reading, before a tree is built."""
    monkeypatch.setattr(xml, "ELEMENTS_MAX", 10)

    assert refusal(b"<a>" + b"<b/>" * 20 + b"</a>").code == "xml-too-many-elements"
    attributes = "".join(f' a{number}=""' for number in range(300))
    assert refusal(f"<a{attributes}/>".encode()).code == "xml-too-many-attributes"


def test_too_many_bytes_are_refused(monkeypatch):
    """The size is looked at first."""
    monkeypatch.setattr(xml, "BYTES_MAX", 10)

    assert refusal(WHOLE).code == "xml-too-large"


@pytest.mark.parametrize(
    "source", [b"", b"no xml", b"<a>", b'<?xml version="1.0" encoding="klingon"?><a/>']
)
def test_what_is_not_well_formed_is_refused(source):
    """The parser's complaint, with its line."""
    assert refusal(source).code == "xml-malformed"


def test_another_root_is_refused():
    """A BPMN file is not a DMN file."""
    assert refusal(b'<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL"/>').code == (
        "not-dmn"
    )


def test_a_function_that_calls_itself_for_ever_is_stopped():
    """Depth is bounded, whatever holds the calls."""
    body = '<formalParameter name="n"/>' + literal("f(n + 1)")
    bkm = f'<businessKnowledgeModel id="f" name="f"><encapsulatedLogic>{body}</encapsulatedLogic>'
    model = dmn.load(
        definitions(
            f"{bkm}</businessKnowledgeModel>",
            decision("d", needs("f", kind="requiredKnowledge"), literal("f(1)")),
        )
    )

    with pytest.raises(BudgetExceeded):
        model.evaluate("d", {})


def test_a_file_that_is_not_there_is_refused(tmp_path):
    """A misspelt path, and no source at all."""
    with pytest.raises(InputError, match="expected a DMN file at"):
        dmn.load(tmp_path / "gone.dmn")
    with pytest.raises(InputError, match="expected a DMN file, but there is none"):
        dmn.load([])


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('<decisionTable hitPolicy="LAST"/>', "hit-policy"),
        ('<decisionTable hitPolicy="COLLECT" aggregation="MEAN"/>', "aggregation"),
        ("<decisionTable><rule/></decisionTable>", "no-output"),
        (table("x", "", ["1 | 2 => 3"]), "cell-count"),
    ],
)
def test_a_table_that_is_none_is_refused(text, code):
    """Policies, aggregations, columns and cells are looked at when the model is loaded."""
    assert refusal(definitions(inputs("x"), decision("d", reads("x"), text))).code == code


def test_an_element_without_id_and_name_is_refused():
    """Nothing could refer to it."""
    assert refusal(definitions("<decision/>")).code == "no-id"
