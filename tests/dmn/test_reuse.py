"""Business knowledge models, decision services and imports."""

from __future__ import annotations

import pytest

from tenuto import dmn
from tenuto.errors import ModelError

from .models import decision, definitions, inputs, literal, needs, reads, table


def bkm(name, parameters, boxed, *parts):
    """A business knowledge model whose id is its name."""
    named = "".join(
        f'<formalParameter name="{parameter}" typeRef="number"/>'
        for parameter in parameters.split()
    )
    return (
        f'<businessKnowledgeModel id="{name}" name="{name}">'
        f"<encapsulatedLogic>{named}{boxed}</encapsulatedLogic>{''.join(parts)}"
        "</businessKnowledgeModel>"
    )


def knows(*names):
    """Knowledge requirements."""
    return needs(*names, kind="requiredKnowledge")


def service(name, outputs, *parts):
    """A decision service whose id is its name."""
    made = "".join(f'<outputDecision href="#{output}"/>' for output in outputs.split())
    return f'<decisionService id="{name}" name="{name}">{made}{"".join(parts)}</decisionService>'


def test_a_bkm_is_called_and_may_call_another():
    """A function reads what it requires itself, not what its caller requires."""
    model = dmn.load(
        definitions(
            bkm("double", "n", literal("n * 2")),
            bkm("quadruple", "n", literal("double(double(n))"), knows("double")),
            decision("d", knows("quadruple"), literal("quadruple(n: 3)")),
        )
    )

    assert model.evaluate("d", {}).value == 12
    assert model.evaluate("quadruple", {"n": 1}).value == 4


def test_rules_of_a_bkm_belong_to_the_decision_that_calls_it():
    """A table inside a function explains the decision."""
    grade = bkm("grade", "n", table("n", "", ['< 5 => "low"', '>= 5 => "high"']))
    model = dmn.load(definitions(grade, decision("d", knows("grade"), literal("grade(7)"))))

    (made,) = model.evaluate("d", {}).decisions

    assert [rule.index for rule in made.matched] == [2]


def test_a_bkm_may_call_itself():
    """Recursion is no circle of requirements, and its depth is bounded by the budget."""
    logic = literal("if n < 2 then 1 else n * fac(n - 1)")
    model = dmn.load(
        definitions(bkm("fac", "n", logic), decision("d", knows("fac"), literal("fac(20)")))
    )

    assert model.evaluate("d", {}).value == 2432902008176640000


SERVICE = definitions(
    inputs(x="number"),
    decision("rate", literal("10"), type_ref="number"),
    decision("inner", needs("rate"), reads("x"), literal("x * rate")),
    decision("outer", needs("inner"), literal("inner + 1")),
    service(
        "s",
        "outer inner",
        '<encapsulatedDecision href="#inner"/><inputDecision href="#rate"/>',
        '<inputData href="#in-x"/>',
    ),
    decision("caller", needs("s", kind="requiredKnowledge"), literal("s(2, 5).outer")),
    decision("wrong", needs("s", kind="requiredKnowledge"), literal('s("a", 5)')),
)


def test_a_service_gives_its_output_decisions():
    """Several outputs are a context; a given input decision is not made."""
    result = dmn.load(SERVICE).evaluate("s", {"x": 2, "rate": 3})

    assert result.value == {"outer": 7, "inner": 6}
    assert "rate" not in [made.id for made in result.decisions]


def test_a_service_is_a_function():
    """Input data come first, input decisions after them; a wrong type calls nothing."""
    model = dmn.load(SERVICE)

    assert model.evaluate("caller", {}).value == 11
    wrong = model.evaluate("wrong", {})
    assert (wrong.value, wrong.warnings[0].code) == (None, "type-mismatch")
    assert [made.id for made in wrong.decisions] == ["wrong"]


LIBRARY = definitions(
    '<itemDefinition name="tSmall"><typeRef>number</typeRef>'
    "<allowedValues><text>[0..9]</text></allowedValues></itemDefinition>",
    inputs(y="number"),
    bkm("add one", "n", literal("n + 1")).replace('id="add one"', 'id="add-one"'),
    decision("base", reads("y"), literal("y * 100")),
    namespace="urn:library",
)


def importing(name, text):
    """A model that imports the library under a name."""
    references = needs("urn:library#add-one", kind="requiredKnowledge")
    references += needs("urn:library#base")
    return definitions(
        f'<import namespace="urn:library" name="{name}" importType="x/DMN/"/>',
        '<inputData id="x" name="x"><variable name="x" typeRef="'
        f'{name + "." if name else ""}tSmall"/></inputData>',
        decision("d", references, needs("x", kind="requiredInput"), literal(text)),
    )


def test_an_import_is_known_by_its_name():
    """Functions, decisions and types of another file, with names of several words."""
    model = dmn.load([importing("lib", "lib.add one(x) + lib.base"), LIBRARY])

    assert model.evaluate("d", {"x": 4, "y": 2}).value == 205
    assert model.evaluate("d", {"x": 10, "y": 2}).warnings[0].code == "not-allowed"


def test_an_import_without_a_name_joins_the_names():
    """DMN 1.5: the empty name imports without a prefix."""
    assert dmn.load([importing("", "add one(base)"), LIBRARY]).evaluate("d", {"y": 1}).value == 101


def test_a_missing_import_is_refused():
    """The message says which file is missing."""
    with pytest.raises(ModelError, match="'urn:library' that is imported as 'lib'") as caught:
        dmn.load(importing("lib", "1"))

    assert (caught.value.code, caught.value.line) == ("missing-import", 2)


def test_files_that_import_each_other_are_refused():
    """A circle of imports is named."""
    first = definitions('<import namespace="b" name="b" importType="DMN"/>', namespace="a")
    second = definitions('<import namespace="a" name="a" importType="DMN"/>', namespace="b")

    with pytest.raises(ModelError, match="without a circle"):
        dmn.load([first, second])
