"""Unary tests: the cells of decision tables. DMN 1.5 §10.3.1.2 rules 7 to 15 and §8.3.3."""

from __future__ import annotations

from typing import Any

import pytest

from tenuto import feel
from tenuto.errors import BudgetExceeded, FeelSyntaxError
from tenuto.values import Date


def judge(text: str, value: Any, **context: Any) -> bool | None:
    """Whether the input meets the tests."""
    return feel.compile(text, unary=True, names=context).test(value, context)


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        ("-", None, True),
        ("-", 5, True),
        ("5", 5, True),
        ("5", 6, False),
        ('"a"', "a", True),
        ('"a", "b"', "b", True),
        ('"a", "b"', "c", False),
        ("< 10", 9, True),
        (">= 10", 9, False),
        ("= 10", 10, True),
        ("!= 10", 10, False),
        ("[1..5]", 5, True),
        ("(1..5)", 5, False),
        ("]1..5[", 3, True),
        ("< 0, > 100", 50, False),
        ("[1..5], 9, > 100", 9, True),
        ('not("a", "b")', "c", True),
        ('not("a", "b")', "a", False),
        ("not(< 5)", 5, True),
        ("not([1..5), 9)", 9, False),
        ("null", None, True),
        ("null", 1, False),
        ("not(null)", 1, True),
        ("true", True, True),
        ("true", False, False),
        ("false", False, True),
        ("[1, 2, 3]", 2, True),
        ("[1, 2]", [1, 2], True),
        ("[[1..3], [7..9]]", 8, True),
        ("? > 5", 6, True),
        ("? > 5 and ? < 7", 6, True),
        ("? > 5 or ? = null", 4, False),
        ('contains(?, "a")', "cat", True),
        ('not(contains(?, "a"))', "dog", True),
        ("count(?) > 1", [1, 2], True),
        ("?.age > 18", {"age": 20}, True),
        ('date("2024-01-01")', Date(2024, 1, 1), True),
        ('> date("2024-01-01")', Date(2024, 1, 2), True),
        ("-5", -5, True),
        ("- 5", -5, True),
        ("5 + 1", 6, True),
        ("some x in ? satisfies x > 1", [1, 2], True),
        ("? instance of number", 5, True),
        ("every x in [1, 2] satisfies x < ?", 3, True),
        ("(< 5)", 4, True),
    ],
)
def test_an_input_meets_its_tests(text, value, expected):
    """Comparisons, ranges, lists, values and expressions with `?`."""
    assert judge(text, value) is expected


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("< 10", None),
        ("< 10", "a"),
        ("[1..5]", None),
        ('"a"', 1),
        ("not(< 5)", None),
        ("? > 5", "a"),
    ],
)
def test_an_unknown_verdict_is_null(text, value):
    """What does not compare is neither met nor missed."""
    assert judge(text, value) is None


def test_variables_are_read_beside_the_input():
    """Limits may come from the context."""
    assert judge("< limit", 5, limit=10) is True
    assert judge("[low..high]", 5, low=1, high=4) is False
    assert judge("allowed", 5, allowed=[4, 5]) is True
    assert judge("check(?)", 5, check=feel.compile("function(x) x = 5").call({})) is True


def test_a_call_without_the_input_may_be_a_verdict_or_a_value():
    """A call that gives a boolean decides for inputs that are none."""
    assert judge('starts with("abc", "a")', 5) is True
    assert judge('starts with("abc", "a")', False) is False
    assert judge('upper case("a")', "A") is True


@pytest.mark.parametrize("text", ["", "not(", "not(1", "5,", ", 5", "not(1) 2", "< ", "(< 5"])
def test_cells_that_do_not_parse_are_refused(text):
    """A broken cell raises when it is compiled."""
    with pytest.raises(FeelSyntaxError):
        feel.compile(text, unary=True)


@pytest.mark.parametrize("text", ["not(a) and b", "not(a) = b", "not(a), b", "not(a) and (b)"])
def test_not_may_be_the_function(text):
    """`not(...)` that is not the whole cell is the function."""
    assert feel.compile(text, unary=True).tree.is_negated is False


def test_a_broken_negation_says_where_it_broke():
    """The error is that of the reading as a negation."""
    with pytest.raises(FeelSyntaxError) as caught:
        feel.compile("not(a) b()", unary=True)

    assert caught.value.column == 8


def test_the_input_may_come_with_the_context():
    """evaluate() takes `?` from the context, for callers that keep one kind of expression."""
    evaluation = feel.compile("< 10", unary=True).evaluate({"?": 5})

    assert evaluation.value is True
    assert feel.compile("? + 1").call({"?": 1}) == 2
    assert feel.compile("< limit", unary=True).names == {"limit"}


def test_tests_spend_the_budget_of_their_meter():
    """A meter may be shared by the cells of a table."""
    cell = feel.compile("count(for i in 1..100 return i) = ?", unary=True)
    meter = feel.Meter(budget=feel.Budget(steps=150))

    assert cell.test(100, {}, meter=meter) is True
    with pytest.raises(BudgetExceeded):
        cell.test(100, {}, meter=meter)


def test_deep_recursion_in_a_cell_is_stopped():
    """Recursion ends as BudgetExceeded in tests as in expressions."""
    down = feel.compile("{f: function(n) f(n), g: f}.g").call({})

    with pytest.raises(BudgetExceeded):
        feel.compile("f(?)", unary=True).test(1, {"f": down})
    assert repr(feel.compile("f(?)", unary=True)) == "<Expression 'f(?)'>"
