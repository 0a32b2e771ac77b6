"""Declared inputs: text and JSON become what the process declares."""

from decimal import Decimal

import pytest

from tenuto import values
from tenuto.cli.inputs import Declared
from tenuto.graph.data import InputDeclaration


def convert(type, value, *, required=False):
    """Return the value of one declared input, and what is wrong with it."""
    declared = Declared([InputDeclaration("x", type, required)])
    found, problem = declared.convert({} if value is None else {"x": value})
    return found.get("x"), problem


@pytest.mark.parametrize(
    ("type", "text", "value"),
    [
        ("string", "007", "007"),
        ("string", "", ""),
        ("number", " 12.50 ", Decimal("12.5")),
        ("number", "-3", -3),
        ("number", "1e3", 1000),
        ("boolean", "TRUE", True),
        ("boolean", "false", False),
        ("date", "2027-03-31", values.Date(2027, 3, 31)),
        ("dateTime", "2027-03-31T09:30:00Z", values.parse_date_and_time("2027-03-31T09:30:00Z")),
        ("date and time", "2027-03-31T09:30:00", values.parse_temporal("2027-03-31T09:30:00")),
        ("time", "09:30:00", values.parse_time("09:30:00")),
        ("days and time duration", "P2DT3H", values.parse_duration("P2DT3H")),
        ("list", '["a", 1]', ["a", 1]),
        ("context", '{"a": 0.1}', {"a": Decimal("0.1")}),
        ("Any", "12", "12"),
        ("number", 7, 7),
        ("boolean", False, False),
    ],
)
def test_text_becomes_the_declared_type(type, text, value):
    """A cell is read as the FEEL type that the process declares."""
    assert convert(type, text) == (value, "")


@pytest.mark.parametrize(
    ("type", "value"),
    [
        ("number", "1.250,00"),
        ("number", "about 900"),
        ("number", "NaN"),
        ("number", True),
        ("boolean", "yes"),
        ("boolean", 1),
        ("date", "2027-02-30"),
        ("date", "31.03.2027"),
        ("date", 20270331),
        ("time", "25:00:00"),
        ("list", "[1,"),
        ("context", "[1]"),
        ("string", 12),
    ],
)
def test_what_does_not_fit_is_named(type, value):
    """A value of another type names the input, what was expected and what came."""
    _, problem = convert(type, value)

    assert problem.startswith(f"`x`: expected a {type}")
    assert str(value) in problem


def test_a_required_input_has_to_come():
    """Missing and empty are the same for what is required."""
    assert convert("number", None, required=True)[1] == "`x` is required, but it is missing"
    assert convert("string", "", required=True)[1] == "`x` is required, but it is missing"


def test_an_empty_cell_is_null():
    """An empty cell of an optional input that is no text is null."""
    assert convert("date", "") == (None, "")


def test_what_is_not_declared_stays_as_it_came():
    """Nothing is guessed: an undeclared column is text."""
    assert Declared([]).convert({"y": "12"}) == ({"y": "12"}, "")


def test_all_problems_of_a_record_are_named_at_once():
    """Whoever mends a record learns everything in one go."""
    declared = Declared([InputDeclaration("x", "number", True), InputDeclaration("y", "date")])

    _, problem = declared.convert({"y": "soon"})

    assert "`x`" in problem
    assert "`y`" in problem
