"""Parsing: what a text means, where it stops making sense, and how it is printed."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenuto import feel
from tenuto.errors import BudgetExceeded, FeelSyntaxError
from tenuto.feel.parse import parse_expression, parse_unary_tests
from tenuto.feel.unparse import unparse

from .trees import NAMES, TREES, shape

KNOWN = (*NAMES, "x y", "date and time", "upper case")


@given(TREES)
def test_parsing_what_was_printed_gives_the_same_tree(tree):
    """parse(unparse(tree)) is the tree."""
    text = unparse(tree)

    assert shape(parse_expression(text, KNOWN)) == shape(tree), text


@given(st.lists(TREES, min_size=1, max_size=3), st.booleans())
def test_unary_tests_survive_printing(trees, is_negated):
    """The same holds for unary tests."""
    from tenuto.feel.syntax import UnaryTests

    tests = UnaryTests(tests=tuple(trees), is_negated=is_negated)

    assert shape(parse_unary_tests(unparse(tests), KNOWN)) == shape(tests)


SOUP = st.lists(
    st.sampled_from(
        [*"()[]{}<>=!+-*/.,:@\"'?ab1 \n\\", "..", " and ", " in ", "if ", "for ", " return ", "{a:"]
    ),
    max_size=30,
).map("".join)


@given(SOUP | st.text(max_size=30))
def test_no_text_crashes_the_parser_or_the_evaluation(text):
    """Out of any text come a value, FeelSyntaxError or BudgetExceeded, nothing else."""
    for unary in (False, True):
        try:
            expression = feel.compile(text, names=["a", "b"], unary=unary)
            expression.evaluate({"a": 1, "b": [1, {"a": 2}], "?": 1})
        except (FeelSyntaxError, BudgetExceeded):
            pass


@given(TREES)
def test_no_tree_crashes_the_evaluation(tree):
    """Whatever parses evaluates to a value or spends its budget."""
    context = {"a": 3, "b": "text", "list": [1, 2], "order": {"a": 1}, "total": None}

    with contextlib.suppress(BudgetExceeded):
        feel.compile(unparse(tree), names=KNOWN).evaluate(context)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5_000 + "1" + ")" * 5_000,
        "[" * 5_000,
        "-" * 5_000 + "1",
        "1" + "+1" * 5_000,
        "a" + ".b" * 5_000,
        "a" + "[1]" * 5_000,
        "if true then " * 2_000 + "1" + " else 2" * 2_000,
        "x instance of " + "list<" * 1_000 + "number" + ">" * 1_000,
        "{a:" * 3_000 + "1" + "}" * 3_000,
        "function(a) " * 3_000 + "1",
        "1" * 100_000 + ".." + "1",
        '"' + "\\" * 100_001,
        "/*" * 50_000,
        "a " * 50_000 + ":",
        "x" * 200_001,
        "f(" + "a-" * 50_000,
    ],
    ids=lambda text: text[:12],
)
def test_hostile_texts_are_refused_in_linear_time(text):
    """Deep, long and unfinished texts raise FeelSyntaxError quickly."""
    with pytest.raises(FeelSyntaxError):
        feel.compile(text)


def test_long_but_shallow_texts_are_fine():
    """A thousand alternatives are one level deep."""
    text = " or ".join(f'x = "{number}"' for number in range(1_000))

    assert feel.compile(text).evaluate({"x": "999"}).value is True


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Date-Time2 - 1", 2),
        ("Date - Time2", 6),
        ("Profit/Loss", 7),
        ("Teacher's Evaluation", "A"),
        ("Full   Name", "Bob"),
        ("values in list", [1]),
        ("for i in values in list return i", [1]),
        ("days and nights", 3),
        ("unknown words", None),
        ("{foo+bar: 1, b: foo+bar}.b", 1),
        ("[{x y: 1}, {x y: 2}][x y > 1]", [{"x y": 2}]),
        ('if Full Name = "Bob" then 1 else 2', 1),
    ],
)
def test_the_longest_name_in_scope_wins(text, value):
    """Names hold spaces, keywords and signs where a name of that spelling is known."""
    context = {
        "Date-Time2": 3,
        "Date": 10,
        "Time2": 4,
        "Profit/Loss": 7,
        "Teacher's Evaluation": "A",
        "Full Name": "Bob",
        "values in list": [1],
        "days and nights": 3,
    }

    assert feel.compile(text, names=context).evaluate(context).value == value


@pytest.mark.parametrize(
    ("text", "line", "column", "part"),
    [
        ("1 +", 1, 4, "the text ends"),
        ("1 +\n  )", 2, 3, "')'"),
        ('"open', 1, 1, "quotation mark"),
        ("1 /* open", 1, 3, "*/"),
        ("a # b", 1, 3, "'#'"),
        ("if a then b", 1, 12, "'else'"),
        ("x instance of list<nothing>", 1, 20, "nothing"),
        ("[1..2", 1, 6, "after the range"),
        ("f(a: 1, 2)", 1, 9, "name"),
    ],
)
def test_errors_name_their_place(text, line, column, part):
    """A syntax error says what was expected and what is there, with line and column."""
    with pytest.raises(FeelSyntaxError) as caught:
        feel.compile(text)

    assert (caught.value.line, caught.value.column) == (line, column)
    assert part in caught.value.message


def test_names_are_those_read_from_the_context():
    """Bound variables, members and built-in functions called are no free names."""
    expression = feel.compile("for i in items return i.price * rate + sum([total])")

    assert expression.names == {"items", "rate", "total"}


def test_the_context_is_read_only_for_the_names_that_occur():
    """Values that are not asked for are not decoded."""
    asked = []

    class Lazy(dict):
        def __getitem__(self, name):
            asked.append(name)
            return super().__getitem__(name)

    feel.compile("if a then b else c").evaluate(Lazy(a=True, b=1, c=2, d=3))

    assert asked == ["a", "b"]
