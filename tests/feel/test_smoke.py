"""The contract of the room in a few lines, one for each promise."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tenuto import feel
from tenuto.errors import BudgetExceeded, FeelSyntaxError


def test_an_expression_gives_its_value_and_what_it_read():
    """Evaluation yields the value; the names that occur are known."""
    expression = feel.compile("amount * 1.2")

    assert expression.evaluate({"amount": 50}).value == Decimal("60.0")
    assert expression.names == {"amount"}


def test_a_part_without_value_is_null_with_a_placed_warning():
    """Nothing is raised for data; the warning names line and column."""
    evaluation = feel.compile("1 +\n missing").evaluate({})

    assert evaluation.value is None
    first = evaluation.warnings[0]
    assert (first.code, first.line, first.column) == ("unknown-name", 2, 2)


def test_a_text_that_does_not_parse_is_refused_with_its_place():
    """Syntax errors carry line, column and a caret."""
    with pytest.raises(FeelSyntaxError) as caught:
        feel.compile("1 + * 2")

    assert (caught.value.line, caught.value.column) == (1, 5)


def test_an_evaluation_without_end_is_stopped():
    """A loop that spends its budget raises BudgetExceeded."""
    with pytest.raises(BudgetExceeded):
        feel.compile("for i in 1..1000000 return i").evaluate({})


def test_unary_tests_judge_an_input():
    """`?` is the input; a comma means or."""
    test = feel.compile("< 10, [20..30], ? = limit", unary=True)

    assert [test.test(value, {"limit": 50}) for value in (5, 15, 25, 50)] == [
        True,
        False,
        True,
        True,
    ]


def test_function_values_are_called_from_feel():
    """A Python function in the context is called with coerced arguments."""
    double = feel.Function((("n", feel.NUMBER),), lambda arguments, meter: arguments[0] * 2)

    assert feel.compile("double([21])").evaluate({"double": double}).value == 42
