"""Decision tables: what each hit policy makes of the rules that hold (DMN 1.5 §8.2.8)."""

from __future__ import annotations

import pytest

from tenuto import dmn

from .models import decision, definitions, inputs, reads, table


def decide(text, **given):
    """The result of a table over inputs of these names."""
    model = dmn.load(definitions(inputs(*given), decision("d", reads(*given), text)))
    return model.evaluate("d", given)


GRADES = ["< 5 => 'low'", ">= 5 => 'high'", "[3..6] => 'middle'"]


def grades(policy, results="", more=""):
    """A table whose rules overlap from 3 to 6."""
    rules = [rule.replace("'", '"') for rule in GRADES]
    return table("x", results, rules, policy=policy, more=more)


def test_unique_gives_the_output_of_the_one_rule():
    """One rule holds: its output is the value, and it is named with its place."""
    result = decide(grades("UNIQUE"), x=9)

    assert (result.value, result.error, result.warnings) == ("high", None, ())
    (rule,) = result.decisions[0].matched
    assert (rule.id, rule.index) == ("r2", 2)


def test_unique_refuses_several_rules():
    """Two rules hold: the value is null, the error names them, and both are in the trace."""
    result = decide(grades("UNIQUE"), x=4)

    assert result.value is None
    assert result.error == "d: expected one rule to hold, but rules 1, 3 do"
    assert [rule.index for rule in result.decisions[0].matched] == [1, 3]


@pytest.mark.parametrize(
    ("values", "x", "codes"),
    [
        ('"a", "b"', "c", ["not-allowed"]),
        ('"a", "b"', "a", []),
        ('"a", "b"', None, []),
        ("[0..9]", 10, ["not-allowed"]),
        ("[0..9]", 9, []),
        ("odd(?)", 4, ["not-allowed"]),
        ("odd(?)", 5, []),
        ("-", 5, []),
    ],
)
def test_a_value_beyond_the_input_values_is_decided_with_a_warning(values, x, codes):
    """Input values say what is expected; a rule for anything else may still hold."""
    text = table("x", "", ["- => 1"])
    text = text.replace("</input>", f"<inputValues><text>{values}</text></inputValues></input>")

    result = decide(text, x=x)

    assert result.value == 1
    assert [warning.code for warning in result.warnings] == codes


def test_a_list_is_left_to_feel():
    """What the index does not know is evaluated, cell by cell."""
    result = decide(table("x", "", ["< 1 => 1", "2 => 2"]), x=[2])

    assert result.value is None
    assert (result.warnings[0].code, result.warnings[0].text) == ("not-comparable", "< 1")


def test_no_rule_is_null_with_a_warning():
    """No rule holds and there is no default."""
    result = decide(grades("UNIQUE"), x=None)

    assert result.value is None
    assert result.error is None
    assert [warning.code for warning in result.warnings][-1] == "no-rule"


def test_any_asks_for_equal_outputs():
    """Rules that agree give their output; rules that differ are an error."""
    agreeing = table("x", "", ["> 1 => 1", "> 2 => 1.0", "> 3 => 2"], policy="ANY")

    assert decide(agreeing, x=3).value == 1
    assert "rules 1, 2, 3" in decide(agreeing, x=4).error


def test_first_gives_the_first_rule():
    """Later rules that hold are not looked at."""
    result = decide(grades("FIRST"), x=4)

    assert result.value == "low"
    assert len(result.decisions[0].matched) == 1


def test_priority_goes_by_the_output_values():
    """The rule whose output comes first in the list of output values wins."""
    assert decide(grades("PRIORITY", '["middle","low","high"]'), x=4).value == "middle"


def test_priority_ranks_the_first_column_first():
    """Several outputs are ranked from left to right."""
    rules = ["> 0 => 1 | 'a'", "> 1 => 2 | 'b'", "> 2 => 2 | 'a'"]
    text = table("x", "n [2,1]; s ['a','b']", rules, policy="PRIORITY").replace("'", '"')

    assert decide(text, x=3).value == {"n": 2, "s": "a"}


def test_rule_order_and_output_order_give_lists():
    """Rule order keeps the order of rules, output order that of the output values."""
    values = '["middle","low","high"]'

    assert decide(grades("RULE ORDER", values), x=4).value == ["low", "middle"]
    assert decide(grades("OUTPUT ORDER", values), x=4).value == ["middle", "low"]
    assert decide(grades("COLLECT"), x=4).value == ["low", "middle"]
    assert decide(grades("COLLECT"), x=None).value == []


@pytest.mark.parametrize(("how", "value"), [("SUM", 7), ("MIN", 1), ("MAX", 3), ("COUNT", 4)])
def test_collect_aggregates(how, value):
    """Sum, least, greatest and number of the outputs."""
    rules = ["> 0 => 1", "> 1 => 3", "> 2 => 2", "> 3 => 1"]
    text = table("x", "", rules, policy="COLLECT", more=f'aggregation="{how}"')

    assert decide(text, x=9).value == value


def test_default_outputs_stand_in_for_a_rule():
    """Without a rule that holds, the default outputs are the value."""
    rules = ["> 5 => 1 | 2"]

    assert decide(table("x", "a = 7; b = 8", rules), x=1).value == {"a": 7, "b": 8}


def test_cells_read_the_input_and_other_names():
    """A test may use `?`, functions and other inputs; an output may compute."""
    rules = ['starts with(?, prefix) => prefix + "!"', "- => null"]

    assert decide(table("x", "", rules, policy="FIRST"), x="abc", prefix="ab").value == "ab!"


def typed_output(kind, definition, rules, policy="UNIQUE"):
    """The result for x = 1 of a table whose output has a type."""
    text = table("x", "", rules, policy=policy).replace("<output >", f'<output typeRef="{kind}">')
    model = dmn.load(definitions(definition, inputs("x"), decision("d", reads("x"), text)))
    return model.evaluate("d", {"x": 1})


GRADE = (
    '<itemDefinition name="t"><typeRef>string</typeRef><allowedValues><text>"high", "low"</text>'
    "</allowedValues></itemDefinition>"
)
POSITIVE = (
    '<itemDefinition name="t"><typeRef>number</typeRef><allowedValues><text>&gt; 0</text>'
    "</allowedValues></itemDefinition>"
)


def test_allowed_values_of_the_type_are_the_output_values():
    """Priority goes by the type where the column lists no values."""
    result = typed_output("t", GRADE, ['- => "low"', '- => "high"'], policy="PRIORITY")

    assert result.value == "high"


def test_outputs_are_held_against_their_type():
    """A constant and a computed output that the type refuses are null with a warning."""
    for output in ("-1", "x - 5"):
        result = typed_output("t", POSITIVE, [f"- => {output}"])
        assert (result.value, result.warnings[0].code) == (None, "not-allowed")
    assert typed_output("t", POSITIVE, ["- => x"]).value == 1


def test_aggregates_of_what_does_not_compare_are_null():
    """A minimum of a number and a text, with a warning."""
    text = table("x", "", ["- => 1", '- => "a"'], policy="COLLECT", more='aggregation="MIN"')

    assert [warning.code for warning in decide(text, x=1).warnings] == ["not-comparable"]


def test_aggregates_of_several_outputs_are_a_context():
    """Each column is aggregated by itself."""
    text = table(
        "x", "a; b", ["- => 1 | 5", "- => 2 | 6"], policy="COLLECT", more='aggregation="SUM"'
    )

    assert decide(text, x=1).value == {"a": 3, "b": 11}


@pytest.mark.parametrize(("how", "value"), [("COUNT", 0), ("SUM", None)])
def test_aggregates_of_nothing(how, value):
    """No rule holds: the number is 0, the rest is null."""
    text = table("x", "", ["> 5 => 1"], policy="COLLECT", more=f'aggregation="{how}"')

    assert decide(text, x=1).value == value


def test_a_table_without_inputs_always_holds():
    """Every rule holds."""
    assert decide(table("", "", ["=> 1", "=> 2"], policy="RULE ORDER")).value == [1, 2]


def test_long_numbers_are_rounded_as_feel_rounds_them():
    """Thirty-four digits are kept."""
    digits = "1" * 40

    assert decide(table("x", "", [f"- => {digits}"]), x=1).value == int("1" * 34) * 10**6


def test_an_explanation_names_rules_inputs_and_warnings():
    """The text for people."""
    model = dmn.load(definitions(inputs("x"), decision("d", reads("x"), grades("UNIQUE"))))

    lines = model.explain("d", {"x": 4}).splitlines()

    assert lines[:3] == ["d = null", "  with x = 4", '  by rule 1 (r1): output 1 = "low"']
    assert lines[4].startswith("  warning several-rules: expected one rule to hold")
    assert lines[-1].startswith("error: d: expected one rule")


def test_annotations_and_descriptions_explain_a_rule():
    """Texts beside a rule, by the name of their column."""
    text = table("x", "", ["- => 1"]).replace("<rule ", '<annotation name="Why"/><rule ', 1)
    extra = "<annotationEntry><text>law</text></annotationEntry>"
    text = text.replace("</rule>", f"{extra}{extra}</rule>")
    text = text.replace('<rule id="r1">', '<rule id="r1"><description>all</description>')

    (rule,) = decide(text, x=1).decisions[0].matched

    assert rule.annotations == {"description": "all", "Why": "law", "annotation 2": "law"}


def test_the_value_alone_costs_least():
    """`decide` gives the value, `requirements` what is needed for it."""
    model = dmn.load(definitions(inputs("x"), decision("d", reads("x"), grades("UNIQUE"))))

    assert model.decide("d", {"x": 9}) == "high"
    assert [element.name for element in model.requirements("d")] == ["x"]
    assert repr(model) == "<Model 'test'>"
