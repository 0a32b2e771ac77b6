"""What files of other tools and older versions leave out, add or write in another way."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tenuto import dmn
from tenuto.dmn import java
from tenuto.errors import BudgetExceeded, ModelError

from .models import decision, definitions, inputs, literal, needs, reads, table

BKM = '<businessKnowledgeModel id="f" name="f">{}</businessKnowledgeModel>'
CALL = decision("d", needs("f", kind="requiredKnowledge"), literal("f(3)"))


def test_a_file_may_be_given_as_text():
    """Text that begins with a tag is no path."""
    model = dmn.load(definitions(decision("d", literal("1"))).decode())

    assert model.evaluate("d", {}).value == 1
    assert repr(model.decisions["d"]) == "<Decision 'd'>"


def test_xml_that_only_one_parser_accepts_is_refused():
    """A prefix without a namespace is well-formed, but means nothing."""
    with pytest.raises(ModelError, match="expected well-formed XML: Namespace prefix") as caught:
        dmn.load(b"<a:definitions/>")

    assert caught.value.code == "xml-malformed"


def test_imports_of_other_things_are_passed_over():
    """A schema or a PMML file is imported for other tools."""
    other = '<import namespace="urn:x" name="x" importType="http://www.w3.org/2001/XMLSchema"/>'

    assert dmn.load(definitions(other, decision("d", literal("1")))).evaluate("d", {}).value == 1


def test_a_file_may_be_imported_in_two_ways():
    """Two files that import a third share it."""
    third = definitions(decision("base", literal("7")), namespace="c")
    second = definitions(
        '<import namespace="c" name="c" importType="DMN"/>',
        decision("more", needs("c#base"), literal("c.base + 1")),
        namespace="b",
    )
    first = definitions(
        '<import namespace="b" name="b" importType="DMN"/>',
        '<import namespace="c" name="c" importType="DMN"/>',
        decision("d", needs("b#more"), needs("c#base"), literal("b.more * c.base")),
    )

    assert dmn.load([first, second, third]).evaluate("d", {}).value == 56


def test_a_reference_may_lack_its_mark():
    """Some tools write the id alone."""
    source = definitions(decision("a", literal("2")), decision("b", needs("a"), literal("a")))

    assert dmn.load(source.replace(b'"#a"', b'"a"')).evaluate("b", {}).value == 2


def test_a_requirement_without_a_reference_is_refused():
    """The error says what lacks it, and where."""
    source = definitions(decision("a", literal("2")), decision("b", needs("a"), literal("a")))

    with pytest.raises(ModelError, match="requiredDecision to have an href") as caught:
        dmn.load(source.replace(b' href="#a"', b""))

    assert (caught.value.code, caught.value.line) == ("no-reference", 3)


def test_a_function_may_stand_without_its_wrapper():
    """DMN 1.0 has a function definition right below the model."""
    function = (
        f'<functionDefinition><formalParameter name="n"/>{literal("n * 2")}</functionDefinition>'
    )

    assert dmn.load(definitions(BKM.format(function), CALL)).evaluate("d", {}).value == 6


def test_a_function_without_logic_is_null_with_a_warning():
    """A sketch of a model loads."""
    source = definitions(BKM.format(""), CALL).replace(b"f(3)", b"f()")

    result = dmn.load(source).evaluate("d", {})

    assert result.value is None
    assert "no-logic" in [warning.code for warning in result.warnings]


def test_a_function_of_java_is_bound_by_name():
    """The business knowledge model is the registered function; numbers fit or are refused."""
    body = (
        '<encapsulatedLogic kind="Java"><formalParameter name="n"/><context>'
        "<contextEntry><variable name='class'/>"
        f"{literal(chr(34) + 'java.lang.Byte' + chr(34))}</contextEntry>"
        "<contextEntry><variable name='method signature'/>"
        f"{literal(chr(34) + 'valueOf(byte)' + chr(34))}</contextEntry>"
        "</context></encapsulatedLogic>"
    )
    source = definitions(BKM.format(body), CALL)

    assert dmn.load(source, functions=java.FUNCTIONS).evaluate("d", {}).value == 3
    large = dmn.load(source.replace(b"f(3)", b"f(300)"), functions=java.FUNCTIONS)
    assert large.evaluate("d", {}).warnings[0].code == "external-failed"
    unbound = dmn.load(source).evaluate("d", {})
    assert unbound.value is None
    assert unbound.warnings[0].code == "unknown-external"


def test_numbers_stay_exact_where_java_has_decimals():
    """Only float and double lose digits."""
    body = (
        '<encapsulatedLogic kind="Java"><formalParameter name="n"/><context>'
        "<contextEntry><variable name='class'/><literalExpression><text>\"m\"</text>"
        "</literalExpression></contextEntry><contextEntry><variable name='method signature'/>"
        '<literalExpression><text>"f(java.math.BigDecimal)"</text></literalExpression>'
        "</contextEntry></context></encapsulatedLogic>"
    )
    source = definitions(BKM.format(body), CALL).replace(b"f(3)", b"f(0.1)")

    assert dmn.load(source, functions={"m.f": lambda n: n * 3}).evaluate("d", {}).value == Decimal(
        "0.3"
    )


def test_a_function_type_says_what_a_function_gives():
    """The type of a business knowledge model is that of its function."""
    item = (
        '<itemDefinition name="tF"><functionItem outputTypeRef="string">'
        '<parameters name="n" typeRef="number"/></functionItem></itemDefinition>'
    )
    logic = f'<encapsulatedLogic><formalParameter name="n"/>{literal("n")}</encapsulatedLogic>'
    typed = BKM.format(f'<variable name="f" typeRef="tF"/>{logic}')

    result = dmn.load(definitions(item, typed, CALL)).evaluate("d", {})

    assert (result.value, result.warnings[0].code) == (None, "type-mismatch")


def test_an_item_definition_of_anything_admits_anything():
    """A name for Any is Any."""
    item = '<itemDefinition name="t"><typeRef>Any</typeRef></itemDefinition>'
    model = dmn.load(definitions(item, inputs(x="t"), decision("d", reads("x"), literal("x"))))

    assert model.evaluate("d", {"x": [1, "a"]}).value == [1, "a"]


def test_item_definitions_of_one_name_are_refused():
    """Blanks make no difference."""
    items = [f'<itemDefinition name="{name}"/>' for name in ("a  b", "a b")]

    with pytest.raises(ModelError, match="expected each item definition once") as caught:
        dmn.load(definitions(*items))

    assert (caught.value.code, caught.value.line) == ("duplicate-name", 3)


def test_older_tables_of_camunda_name_the_variable_in_an_attribute():
    """An input expression without a text."""
    text = table("x", "", ["1 => 2"]).replace(
        "<input><inputExpression><text>x</text></inputExpression></input>",
        '<input xmlns:c="http://camunda.org/schema/1.0/dmn" c:inputVariable="x"/>',
    )

    source = definitions(inputs("x"), decision("d", reads("x"), text))

    assert dmn.load(source).evaluate("d", {"x": 1}).value == 2


def test_what_other_tools_add_to_a_rule_is_passed_over():
    """Extensions are theirs; a description is an annotation."""
    text = table("x", "", ["1 => 2"]).replace(
        '<rule id="r1">', '<rule id="r1"><extensionElements/><description>why</description>'
    )
    model = dmn.load(definitions(inputs("x"), decision("d", reads("x"), text)))

    (rule,) = model.evaluate("d", {"x": 1}).decisions[0].matched

    assert rule.annotations == {"description": "why"}
    assert model.explain("d", {"x": 1}).splitlines() == [
        "d = 2",
        "  with x = 1",
        "  by rule 1 (r1): output 1 = 2",
        "    description: why",
    ]


def test_calls_within_calls_end_at_the_budget():
    """A function that never ends calling itself is stopped."""
    logic = f'<encapsulatedLogic><formalParameter name="n"/>{literal("f(n + 1)")}'
    model = dmn.load(definitions(BKM.format(f"{logic}</encapsulatedLogic>"), CALL))

    with pytest.raises(BudgetExceeded, match="calls within calls"):
        model.evaluate("d", {})


def test_deep_boxes_within_calls_end_at_the_budget():
    """Boxes around boxed calls of boxes: no expression in between would notice."""
    parts = []
    for number in range(5):
        call = f"<invocation>{literal(f'f{number + 1}')}</invocation>"
        boxed = "<list>" * 200 + (call if number < 4 else literal("1")) + "</list>" * 200
        calls = needs(f"f{number + 1}", kind="requiredKnowledge") if number < 4 else ""
        logic = f"<encapsulatedLogic>{boxed}</encapsulatedLogic>{calls}"
        parts.append(BKM.format(logic).replace('"f"', f'"f{number}"'))
    call = f"<invocation>{literal('f0')}</invocation>"
    parts.append(decision("d", needs("f0", kind="requiredKnowledge"), call))

    with pytest.raises(BudgetExceeded, match="the evaluation nests deeper"):
        dmn.load(definitions(*parts)).evaluate("d", {})


def test_deep_logic_within_calls_ends_at_the_budget():
    """Boxes within boxes within calls: Python's own stack is never the limit that shows."""
    boxed = "<list>" * 60 + literal("f(n + 1)") + "</list>" * 60
    logic = f'<encapsulatedLogic><formalParameter name="n"/>{boxed}</encapsulatedLogic>'
    model = dmn.load(definitions(BKM.format(logic), CALL))

    with pytest.raises(BudgetExceeded, match="calls within calls"):
        model.evaluate("d", {})
