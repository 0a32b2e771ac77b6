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
