"""Types: their texts, what conforms to what, and the silent conversions of §10.3.2.9."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenuto import feel
from tenuto.errors import FeelSyntaxError
from tenuto.feel import (
    ANY,
    DATE_AND_TIME,
    NULL,
    NUMBER,
    STRING,
    ContextType,
    Function,
    FunctionType,
    ListType,
    Meter,
    RangeType,
    coerce,
    conforms,
    conforms_to,
    parse_type,
    type_of,
)
from tenuto.feel.types import NAMED, type_name
from tenuto.values import Date, Range

SIMPLE = st.sampled_from(
    sorted({kind for kind in NAMED.values() if type(kind) is feel.Simple}, key=str)
)
TYPES = st.recursive(
    SIMPLE,
    lambda inner: st.one_of(
        inner.map(ListType),
        inner.map(RangeType),
        st.dictionaries(st.sampled_from(["a", "b c", "d"]), inner, max_size=2).map(ContextType),
        st.builds(FunctionType, st.lists(inner, max_size=2).map(tuple), inner),
    ),
    max_leaves=5,
)


@given(TYPES)
def test_the_text_of_a_type_parses_back(kind):
    """parse_type(str(t)) is t."""
    assert parse_type(str(kind)) == kind


@given(TYPES, TYPES, TYPES)
def test_conforming_is_reflexive_and_transitive(first, second, third):
    """Types form a lattice between Null and Any."""
    assert conforms_to(first, first)
    assert conforms_to(first, ANY)
    assert conforms_to(NULL, first)
    if conforms_to(first, second) and conforms_to(second, third):
        assert conforms_to(first, third) or "function" in f"{first}{second}{third}"


@pytest.mark.parametrize(
    ("narrow", "wide", "expected"),
    [
        ("list<number>", "list<Any>", True),
        ("list<Any>", "list<number>", False),
        ("context<a: number, b: string>", "context<a: number>", True),
        ("context<a: number>", "context<a: number, b: string>", False),
        ("range<date>", "range<Any>", True),
        ("function<Any>->number", "function<number>->Any", True),
        ("function<number>->number", "function<Any>->number", False),
        ("function<number>->number", "function<number, number>->number", False),
        ("function<number>->string", "function<number>->number", False),
        ("function", "function<number>->number", True),
        ("number", "string", False),
        ("function<number>", "function<number>->Any", True),
    ],
)
def test_conforms_to_follows_its_clause(narrow, wide, expected):
    """Lists, ranges and contexts are covariant, parameters contravariant."""
    assert conforms_to(parse_type(narrow), parse_type(wide)) is expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nothing",
        "list<",
        "list<number",
        "list<number>>",
        "context<a>",
        "context<a: x>",
        "function<number>->",
        "number number",
    ],
)
def test_texts_that_are_no_types_are_refused(text):
    """A type text that does not parse raises with its place."""
    with pytest.raises(FeelSyntaxError):
        parse_type(text)


def test_typerefs_of_older_files_are_known():
    """Camel case names of DMN 1.1 mean the same types."""
    assert parse_type("dateTime") == DATE_AND_TIME
    assert parse_type("yearMonthDuration") == feel.YEARS_MONTHS_DURATION
    assert parse_type("dayTimeDuration") == feel.DAYS_TIME_DURATION


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        (5, "number", 5),
        ([5], "number", 5),
        (5, "list<number>", [5]),
        ([5, None], "list<number>", [5, None]),
        ([[5]], "list<number>", [5]),
        (Date(2024, 1, 1), "list<date and time>", ["2024-01-01T00:00:00Z"]),
        ({"a": [1]}, "context<a: number>", {"a": 1}),
        ({"a": None, "b": 2}, "context<a: number>", {"a": None, "b": 2}),
        (None, "number", None),
        ("x", "Any", "x"),
        (5, "list", [5]),
    ],
)
def test_values_are_converted_silently(value, kind, expected):
    """Singleton lists, dates and members are converted without a warning."""
    meter = Meter()

    found = coerce(value, parse_type(kind), meter)
    shown = [str(item) for item in found] if kind == "list<date and time>" else found
    assert (shown, meter.warnings) == (expected, ())


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("x", "number"),
        ([1, 2], "number"),
        ([1, "x"], "list<number>"),
        ({"a": "x"}, "context<a: number>"),
        ({}, "context<a: number>"),
        (1, "context<a: number>"),
        (True, "number"),
        (Range(1, 2), "range<string>"),
        (1, "Null"),
    ],
)
def test_what_does_not_conform_becomes_null_with_a_warning(value, kind):
    """There is no other conversion."""
    meter = Meter()

    assert coerce(value, parse_type(kind), meter) is None
    assert meter.warnings[0].code == "type-mismatch"


@pytest.mark.parametrize(
    ("value", "text", "name"),
    [
        (1, "number", "number"),
        ([1, 2], "list<number>", "list"),
        ([1, "a"], "list<Any>", "list"),
        ([], "list<Any>", "list"),
        ({"a": 1}, "context<a: number>", "context"),
        (Range(None, 2), "range<number>", "range"),
        (None, "Null", "null"),
        (Function((("a", NUMBER),), print, result=STRING), "function<number>->string", "function"),
    ],
)
def test_a_value_tells_its_type(value, text, name):
    """type_of() finds the most specific type of a value, which the value then conforms to."""
    kind = type_of(value)

    assert str(kind) == text
    assert type_name(value) == name
    assert conforms(value, kind)


def test_a_function_shows_its_parameters():
    """A function value in a message names its parameters."""
    assert repr(Function((("a", NUMBER),), print)) == "function(a)"
    assert feel.compile("string(f)").call({"f": Function((("a", NUMBER),), print)}) == "function(a)"
    assert len({ContextType({"a": NUMBER}), ContextType({"a": NUMBER}), NUMBER}) == 2
