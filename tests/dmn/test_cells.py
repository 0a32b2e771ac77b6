"""Cells: what is understood without evaluation, and what is not."""

from __future__ import annotations

import pytest

from tenuto import feel
from tenuto.dmn.cells import Choice, Ordered, read_constant, read_quickly, read_tree, read_values
from tenuto.errors import FeelSyntaxError


def shape(text):
    """The shape of a parsed cell."""
    return read_tree(feel.compile(text, unary=True).tree, frozenset())


@pytest.mark.parametrize(
    "text", ["5", "-5", "1.50", "< 5", ">= -2.5", "[1..5]", "(1..5)", "]1..5[", '"a"', '"a", "b c"']
)
def test_the_quick_reading_is_the_slow_one(text):
    """Cells of the commonest forms are read alike with and without parsing."""
    assert read_quickly(text) == shape(text)


@pytest.mark.parametrize(
    "text",
    [
        '< "m"',
        '["a".."z"]',
        "[1..x]",
        "x",
        "null",
        '5, "a"',
        "? < 5 and ? > 1",
        "y < 5",
        'time("10:00:00")',
        'today() + duration("P1D")',
        'not("a"), "b"',
        '? != "a", ? != "b"',
        "sum(x) > 5",
        "date(x)",
        "date(2024, 1, 1)",
        '[1..date("2024-01-01")]',
        "date(5)",
    ],
)
def test_what_is_not_understood_is_left_to_evaluation(text):
    """No shape is better than a wrong one."""
    try:
        found = shape(text)
    except FeelSyntaxError:
        return
    assert found is None


def test_shapes_of_each_type():
    """Comparisons with the input, negations and several tests become one shape."""
    assert shape("? >= 5") == shape(">= 5")
    assert shape("< 1, [0..3]") == Ordered("number", shape("<= 3").intervals)
    assert shape("not(< 5)") == shape(">= 5")
    assert shape("!= true") == Choice("boolean", frozenset([True]), True)
    assert shape('not(!= "a")') == Choice("string", frozenset("a"))
    assert shape('> duration("P1M")').kind == "years and months duration"
    assert shape("(5..5)").intervals == ()


@pytest.mark.parametrize(("text", "value"), [("1.5", "1.5"), ('"a"', "a"), ("true", "True")])
def test_constants_are_read(text, value):
    """Numbers, texts and booleans."""
    assert (read_constant(text)[0], str(read_constant(text)[1])) == (True, value)


@pytest.mark.parametrize("text", ["1e3", '"a\\n"', "x", "1 + 1", "1" * 20])
def test_other_outputs_are_parsed(text):
    """What FEEL has to read is left to it."""
    assert read_constant(text) == (False, None)


def test_output_values_keep_their_order():
    """Constants in order; a range or a negation lists nothing."""

    def listed(text):
        return read_values(feel.compile(text, unary=True).tree)

    assert listed('"b", "a"') == ["b", "a"]
    assert [listed(text) for text in ("> 5", 'not("a")', '"a", x')] == [None, None, None]
