"""Operators and literals, clause by clause of DMN 1.5 §10.3.2.13 and §10.3.1.2.

Each row is an expression and another one for its value, so the tables read as the standard does.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenuto import feel
from tenuto.feel import Function
from tenuto.feel.compare import compare, equal, is_same, key_of
from tenuto.feel.meter import Meter, Site

NOWHERE = Site("", 0)


def value(text: str, **context: Any) -> Any:
    """The value of an expression."""
    return feel.compile(text, names=context).evaluate(context).value


def check(text: str, expected: str) -> None:
    """Assert that two expressions are the same; null has to come with a warning or a null."""
    found, wanted = value(text), value(expected)
    assert is_same(found, wanted), f"{text} is {found!r}, not {wanted!r}"


def check_fault(text: str) -> None:
    """Assert that an expression is null and says why."""
    evaluation = feel.compile(text).evaluate({})
    assert evaluation.value is None
    assert evaluation.warnings, text


ARITHMETIC = [
    ("10 + 5 * 2", "20"),
    ("(10 + 5) * 2", "30"),
    ("10 - 5 - 2", "3"),
    ("2 * 3 ** 2", "18"),
    ("3 ** 4 ** 5", "3486784401"),
    ("-5 ** 2", "25"),
    ("2 ** -1", "0.5"),
    ("4 ** 0.5", "2"),
    ("0 ** 0", "1"),
    ("1 / 4", "0.25"),
    ("1/3 * 3", "0.9999999999999999999999999999999999"),
    ("1e3 + 1E-1 + 1.5e+1", "1015.1"),
    (".5 + 0.5", "1.0"),
    ("9999999999999999999999999999999999 + 1", "1E34"),
    ("12345678901234567890123456789012345 * 1", "1234567890123456789012345678901234E1"),
    ('"a" + "b"', '"ab"'),
    ('@"2024-01-31" + @"P1M"', '@"2024-02-29"'),
    ('@"P1M" + @"2024-01-31"', '@"2024-02-29"'),
    ('@"2024-03-31" - @"P1M"', '@"2024-02-29"'),
    ('@"2024-02-28" + @"P1DT12H"', '@"2024-02-29"'),
    ('@"2024-02-28" - @"PT1H"', '@"2024-02-27"'),
    ('@"2024-02-28T23:00:00" + @"PT2H"', '@"2024-02-29T01:00:00"'),
    ('@"2024-03-30T12:00:00@Europe/Paris" + @"PT24H"', '@"2024-03-31T13:00:00@Europe/Paris"'),
    ('@"2024-02-29T12:00:00+01:00" + @"P1Y"', '@"2025-02-28T12:00:00+01:00"'),
    ('@"23:00:00" + @"PT2H"', '@"01:00:00"'),
    ('@"01:00:00Z" - @"PT2H"', '@"23:00:00Z"'),
    ('@"2024-03-01" - @"2024-02-01"', '@"P29D"'),
    ('@"2024-02-01T00:00:00Z" - @"2024-02-01T01:00:00+02:00"', '@"PT1H"'),
    ('@"2024-02-02" - @"2024-02-01T00:00:00Z"', '@"P1D"'),
    ('@"12:00:00" - @"10:30:00"', '@"PT1H30M"'),
    ('@"P1D" + @"PT12H"', '@"P1DT12H"'),
    ('@"P1Y" - @"P1M"', '@"P11M"'),
    ('@"P1D" * 1.5', '@"P1DT12H"'),
    ('2 * @"P1Y6M"', '@"P3Y"'),
    ('@"P1Y" / 2', '@"P6M"'),
    ('@"P1D" / 2', '@"PT12H"'),
    ('@"P1D" / @"PT6H"', "4"),
    ('@"P1Y" / @"P6M"', "2"),
    ('-@"P1D"', '@"-P1D"'),
    ("--5", "5"),
]


@pytest.mark.parametrize(("text", "expected"), ARITHMETIC)
def test_arithmetic_follows_tables_57_to_60(text, expected):
    """Each operator gives the value of its row."""
    check(text, expected)


@pytest.mark.parametrize(
    "text",
    [
        "1 / 0",
        "0 / 0",
        '@"P1D" / 0',
        "1 + null",
        "null - 1",
        '"a" - "b"',
        '"a" * 2',
        "true + 1",
        "[1] + [2]",
        "{} + {}",
        '1 + "a"',
        '@"2024-01-01" + 1',
        '@"2024-01-01" + @"2024-01-01"',
        '@"P1Y" + @"P1D"',
        '@"P1Y" / @"P1D"',
        '@"P1D" * @"P1D"',
        '2 / @"P1D"',
        '2 - @"P1D"',
        '@"2024-01-01T00:00:00" - @"2024-01-01T00:00:00Z"',
        '@"10:00:00" - @"10:00:00Z"',
        '@"10:00:00" + @"P1Y"',
        '@"999999999-12-31" + @"P1D"',
        '@"-999999999-01-01" - @"P1M"',
        "9e6144 * 10",
        "10 ** 10000",
        "(-8) ** 0.5",
        '@"P1Y" / "a"',
        '-"a"',
        '-@"2024-01-01"',
        '"a" ** 2',
        '@"P1D" * 1e60',
    ],
)
def test_undefined_arithmetic_is_null_with_a_warning(text):
    """What the tables leave out is null and says so."""
    check_fault(text)


LOGIC = [("true", True), ("false", False), ("null", None), ("123", None)]


@pytest.mark.parametrize(("left", "a"), LOGIC)
@pytest.mark.parametrize(("right", "b"), LOGIC)
def test_logic_has_three_values(left, a, right, b):
    """`and` and `or` follow table 50; what is no boolean counts as null."""
    expected_and = False if a is False or b is False else True if a and b else None
    expected_or = True if a is True or b is True else False if a is b is False else None

    assert value(f"{left} and {right}") is expected_and
    assert value(f"{left} or {right}") is expected_or


def test_logic_stops_where_it_is_decided():
    """The right operand is not evaluated when the left one decides."""
    assert not feel.compile("false and nothing").evaluate({}).warnings
    assert not feel.compile("true or nothing").evaluate({}).warnings


COMPARISONS = [
    ("1 = 1.0", "true"),
    ("1 != 2", "true"),
    ("null = null", "true"),
    ("null = 1", "false"),
    ("null != 1", "true"),
    ("[] = []", "true"),
    ("[1, [2]] = [1.0, [2]]", "true"),
    ("[1, 2] = [2, 1]", "false"),
    ("[1] = [1, 2]", "false"),
    ("{a: 1, b: 2} = {b: 2, a: 1}", "true"),
    ("{a: 1} = {b: 1}", "false"),
    ("{a: [1]} = {a: [2]}", "false"),
    ("[1..3] = [1..3]", "true"),
    ("[1..3] = [1..3)", "false"),
    ("(< 10) = (null..10)", "true"),
    ("(>= 10) = (< 10)", "false"),
    ("(=10) = [10..10]", "true"),
    ('@"P1D" = @"PT24H"', "true"),
    ('@"P1Y" = @"P12M"', "true"),
    ('@"10:00:00Z" = @"11:00:00+01:00"', "true"),
    ('@"10:00:00" = @"10:00:00Z"', "false"),
    ('@"2024-07-01T12:00:00@Europe/Paris" = @"2024-07-01T10:00:00Z"', "true"),
    ('@"2024-07-01T12:00:00" = @"2024-07-01T12:00:00@Europe/Paris"', "false"),
    ('"a" < "b"', "true"),
    ('"\U0001f40e" > "\uffee"', "true"),
    ('@"2024-01-01" < @"2024-01-02"', "true"),
    ('@"P1Y" < @"P13M"', "true"),
    ('@"PT1H" >= @"PT60M"', "true"),
    ('@"2024-07-01T12:00:00@Europe/Paris" < @"2024-07-01T10:30:00Z"', "true"),
    ("2 between 1 and 3", "true"),
    ("3 between 1 and 3", "true"),
    ("4 between 1 and 3", "false"),
    ("0 between 1 and null", "false"),
    ("not(1 between 1 and 2)", "false"),
]


@pytest.mark.parametrize(("text", "expected"), COMPARISONS)
def test_comparison_follows_tables_51_to_54(text, expected):
    """Equality and order per type, instants for zoned values."""
    check(text, expected)


@pytest.mark.parametrize(
    "text",
    [
        '1 = "1"',
        "true = 1",
        "[] = 0",
        "{} = []",
        '@"2024-01-01" = @"2024-01-01T00:00:00"',
        "1 < null",
        "null >= 1",
        '1 < "a"',
        "true < false",
        "[1] < [2]",
        '@"P1Y" < @"P1D"',
        '@"10:00:00" < @"10:00:00Z"',
        '@"2024-01-01T00:00:00" < @"2024-01-01T00:00:00Z"',
        "1 between null and 3",
        "[1, 2] = [1, true]",
        "function() 1 = 2",
        "null in [1..10]",
    ],
)
def test_values_that_do_not_compare_give_null_with_a_warning(text):
    """Different types have no equality and no order."""
    check_fault(text) if "function" not in text else check_fault("(function() 1) = 2")


MEMBERSHIP = [
    ("5 in (< 3, > 4)", "true"),
    ("5 in (1, 2)", "false"),
    ("5 in ([1..3], (4..6))", "true"),
    ("5 in ]5..6]", "false"),
    ("5 in [4..5[", "false"),
    ("5 in [1, 5]", "true"),
    ("5 in [[1..3], [4..6]]", "true"),
    ("5 in (< 10)", "true"),
    ("null in [1, null]", "true"),
    ('"b" in ["a".."c"]', "true"),
    ('5 in ["a", 5]', "true"),
    ("[1] in [[1], [2]]", "true"),
    ("5 in 5", "true"),
    ("5 in != 5", "false"),
    ("1 + 1 in [2..2] and true", "true"),
    ("5 in (4 + 1)", "true"),
    ("{r: (< 10), v: 5 in r}.v", "true"),
    ("[1..3] in [[1..3]]", "true"),
]


@pytest.mark.parametrize(("text", "expected"), MEMBERSHIP)
def test_in_follows_table_55(text, expected):
    """`in` takes comparisons, ranges, lists and values."""
    check(text, expected)


CONTROL = [
    ("if true then 1 else 2", "1"),
    ("if null then 1 else 2", "2"),
    ("if 1 > 0 then if false then 1 else 2 else 3", "2"),
    ("for x in [1, 2] return x + 1", "[2, 3]"),
    ("for x in 3 return x", "[3]"),
    ("for x in 1..3, y in x..2 return x * y", "[1, 2, 4, 9, 6]"),
    ("for x in 3..1 return x", "[3, 2, 1]"),
    ("for x in (1..4) return x", "[2, 3]"),
    ('for x in @"2024-02-28"..@"2024-03-01" return x.day', "[28, 29, 1]"),
    ("for i in 0..4 return if i < 2 then 1 else partial[-1] + partial[-2]", "[1, 1, 2, 3, 5]"),
    ("for i in 1..2, j in 1..2 return count(partial)", "[0, 1, 2, 3]"),
    ("some x in [1, 2] satisfies x > 1", "true"),
    ("every x in [1, 2] satisfies x > 1", "false"),
    ("every x in [] satisfies false", "true"),
    ("some x in [] satisfies true", "false"),
    ("some x in [1], y in [x, 2] satisfies y > x", "true"),
    ("every x in 1..3 satisfies x in [1..3]", "true"),
    ("(function(a, b) a - b)(5, 3)", "2"),
    ("(function(a, b) a - b)(b: 5, a: 3)", "-2"),
    ("(function(a: number) a)([5])", "5"),
    ("{add: function(a) function(b) a + b, r: add(1)(2)}.r", "3"),
]


@pytest.mark.parametrize(("text", "expected"), CONTROL)
def test_control_and_functions_follow_their_clauses(text, expected):
    """Conditions, loops, quantifiers and closures."""
    check(text, expected)


@pytest.mark.parametrize(
    "text",
    [
        "for x in null return x",
        'for x in "a".."c" return x',
        "for x in 1.5..3 return x",
        "for x in [3..1] return x",
        "some x in [1, null] satisfies x",
        "every x in null satisfies x",
        "(function(a) a)()",
        "(function(a) a)(1, 2)",
        "(function(a) a)(b: 1)",
        "5(1)",
        "nothing(1)",
        '(function(a: number) a)("x")',
        "{a: 1, a: 2}",
        "[3..1]",
        '[1.."a"]',
        "[null..null]",
        "[null..1]",
        "(!= 1)",
        '@"nonsense"',
        "{a: 1}.b",
        "null.a",
        "null[true]",
        "null[1]",
        "[1, 2][{a: 1}]",
        '[1]["a"]',
        "5.a",
        "[1, 2, 3][4]",
        "sum(1, sum)",
    ],
)
def test_what_has_no_value_is_null_with_a_warning(text):
    """No construct raises."""
    check_fault(text)


PATHS = [
    ("{a: {b: 1}}.a.b", "1"),
    ("[{a: 1}, {a: 2}].a", "[1, 2]"),
    ("[{a: 1}, {b: 2}].a", "[1, null]"),
    ("[1, 2, 3][2]", "2"),
    ("[1, 2, 3][-1]", "3"),
    ("[1, 2, 3][item > 1]", "[2, 3]"),
    ("[1, 2, 3][item > 1][1]", "2"),
    ("[{a: 1, b: 2}, {a: 3}][a > 1]", "[{a: 3}]"),
    ("[{item: 1}, {item: 2}][item = 2]", "[{item: 2}]"),
    ("[[1], [2, 3]][count(item) = 2]", "[[2, 3]]"),
    ("5[1]", "5"),
    ("5[true]", "[5]"),
    ("[{a: false}, {a: null}, {b: 1}, {a: true}][a]", "[{a: true}]"),
    ("[][item > 1]", "[]"),
    ("{x: 2, l: [{x: 1}, {x: 2}], r: l[x = 2]}.r", "[{x: 2}]"),
    ("{n: 2, l: [5, 6], r: l[n]}.r", "6"),
    ("[[{a: 1}], [{a: 2}]][item[1].a = 2]", "[[{a: 2}]]"),
    ("{a: 1, b: {c: a}}.b.c", "1"),
    ("{a b: 1, c: a b + 1}.c", "2"),
    ('{"a+b": 1}.a+b', "1"),
    ('{"": 1}', '{"": 1}'),
]


@pytest.mark.parametrize(("text", "expected"), PATHS)
def test_paths_and_filters_follow_their_clauses(text, expected):
    """§10.3.2.5: lists are mapped over, single values filtered as lists of one."""
    check(text, expected)


PROPERTIES = [
    ('@"2024-02-29".weekday', "4"),
    ('@"2024-02-29T10:20:30.5+01:00".second', "30.5"),
    ('@"2024-02-29T10:20:30+01:00".time offset', '@"PT1H"'),
    ('@"2024-07-01T10:20:30@Europe/Paris".time offset', '@"PT2H"'),
    ('@"2024-07-01T10:20:30@Europe/Paris".timezone', '"Europe/Paris"'),
    ('@"10:20:30Z".timezone', "null"),
    ('@"-P1Y2M".years', "-1"),
    ('@"-P1Y2M".months', "-2"),
    ('@"P1DT2H3M4.5S".hours', "2"),
    ('@"P1DT2H3M4.5S".seconds', "4.5"),
    ('@"-P1DT2H".days', "-1"),
    ("[1..5).end included", "false"),
    ("(< 5).start", "null"),
    ("(<= 5).end", "5"),
    ('[@"2024-01-01", @"2025-01-01"].year', "[2024, 2025]"),
]


@pytest.mark.parametrize(("text", "expected"), PROPERTIES)
def test_properties_follow_table_65(text, expected):
    """Temporal values and ranges have the properties of their type."""
    check(text, expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r'"\u0041\U01F40E\uD83D\uDC0E"', "A\U0001f40e\U0001f40e"),
        (r'"a\tb\nc\"d\\e\'f"', "a\tb\nc\"d\\e'f"),
        (r'"\d"', r"\d"),
        ('"line\nbreak"', "line\nbreak"),
    ],
)
def test_strings_know_the_escapes_of_the_standard(text, expected):
    """Escapes become their characters; an unknown one stays as it is written."""
    assert value(text) == expected


TYPES = [
    ("1 instance of number", True),
    ("true instance of number", False),
    ("null instance of Any", False),
    ("null instance of Null", True),
    ("[1, 2] instance of list<number>", True),
    ('[1, "a"] instance of list<number>', False),
    ("[] instance of list<string>", True),
    ("{a: 1, b: 2} instance of context<a: number>", True),
    ("{a: 1} instance of context<a: string>", False),
    ("[1..2] instance of range<number>", True),
    ('["a".."b"] instance of range<number>', False),
    ('@"P1D" instance of days and time duration', True),
    ('@"P1D" instance of years and months duration', False),
    ('@"2024-01-01T00:00:00" instance of date and time and true', True),
    ("abs instance of function<number>->number", True),
    ("(function(a: string) a) instance of function<number>->Any", False),
    ("(function(a) a) instance of function<number>->number", True),
    ("(function() 1) instance of function<>->number", True),
    ("1 instance of function<>->number", False),
    ("{f: abs} instance of context<f: function<number>->number>", True),
]


@pytest.mark.parametrize(("text", "expected"), TYPES)
def test_instance_of_takes_whole_type_expressions(text, expected):
    """§10.3.2.9: lists, contexts, ranges and functions with their parameters."""
    assert value(text) is expected


def test_named_types_are_resolved():
    """Item definitions are given by name."""
    person = feel.ContextType({"name": feel.STRING})
    expression = feel.compile("x instance of tPerson", types={"tPerson": person})

    assert expression.call({"x": {"name": "Bob"}}) is True
    assert expression.call({"x": {"name": 1}}) is False


def test_parameters_are_coerced_to_their_types():
    """What does not conform is null, with a warning where the call is."""
    evaluation = feel.compile('(function(a: date and time) a)(@"2024-01-01")').evaluate({})
    refused = feel.compile('(function(a: number) a = null)("x")').evaluate({})

    assert str(evaluation.value) == "2024-01-01T00:00:00Z"
    assert refused.value is True
    assert refused.warnings[0].code == "type-mismatch"


def test_external_functions_are_found_by_the_caller():
    """`external` hands the binding to the caller, who gives a function or nothing."""
    text = 'function(x) external {java: {class: "Math", method signature: "abs(double)"}}'
    asked = []

    def find(binding):
        asked.append(binding)
        return lambda arguments, meter: abs(arguments[0])

    function = feel.compile(text, external=find).call({})
    missing = feel.compile(text).evaluate({})

    assert isinstance(function, Function)
    assert feel.compile("f(-3)").call({"f": function}) == 3
    assert asked == [{"java": {"class": "Math", "method signature": "abs(double)"}}]
    assert missing.value is None
    assert missing.warnings[0].code == "unknown-external"


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    st.decimals(-5, 5, places=1),
    st.sampled_from(["", "a", "b"]),
    st.sampled_from(
        [
            value(f'@"{text}"')
            for text in ("10:00:00Z", "11:00:00+01:00", "10:00:00", "P1D", "PT24H")
        ]
    ),
)
DATA = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner),
    max_leaves=4,
)


@given(DATA, DATA)
def test_equality_is_symmetric_and_agrees_with_its_key(left, right):
    """a = b is b = a, and values that are equal share the key that list functions use."""
    verdict = equal(left, right, Meter(), NOWHERE)

    assert verdict == equal(right, left, Meter(), NOWHERE)
    assert (verdict is True) is (key_of(left, Meter()) == key_of(right, Meter()))


@given(DATA, DATA, DATA)
def test_order_is_antisymmetric_and_transitive(first, second, third):
    """compare() is an order wherever it is defined."""
    forth, back = compare(first, second), compare(second, first)

    assert (forth is None) is (back is None)
    if forth is not None and back is not None:
        assert (forth > 0) is (back < 0)
    onward = compare(second, third)
    if forth is not None and onward is not None and forth <= 0 and onward <= 0:
        across = compare(first, third)
        assert across is not None
        assert across <= 0
