"""Built-in functions, clause by clause of DMN 1.5 §10.3.4: limits, nulls, names and errors.

The ordinary case of each function is on the reference page, whose examples are tests as well.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenuto import feel, values
from tenuto.errors import FeelSyntaxError
from tenuto.feel.builtins import CAMUNDA, STANDARD
from tenuto.feel.compare import is_same
from tenuto.values import Date, DateAndTime, DaysTimeDuration, YearsMonthsDuration


def value(text: str, **context: Any) -> Any:
    """The value of an expression."""
    return feel.compile(text, camunda=True).evaluate(context).value


ROWS = [
    # conversion
    ('date and time("2024-02-29")', '@"2024-02-29T00:00:00"'),
    ('date and time(@"2024-02-29")', '@"2024-02-29T00:00:00Z"'),
    ('date and time(@"2024-02-29T10:00:00", @"12:00:00Z")', '@"2024-02-29T12:00:00Z"'),
    ('date and time(@"2024-02-29T10:00:00", "Asia/Tokyo")', '@"2024-02-29T10:00:00@Asia/Tokyo"'),
    ("date and time(2024, 2, 29, 1, 2, 3.5, 2)", '@"2024-02-29T01:02:03.5+02:00"'),
    ('date and time(2024, 2, 29, 1, 2, 3, "Etc/UTC")', '@"2024-02-29T01:02:03@Etc/UTC"'),
    ('time(@"2024-02-29")', '@"00:00:00Z"'),
    ('time(12, 0, 0, @"-PT2H45M55S")', '@"12:00:00-02:45:55"'),
    ("time(12, 0, 0, null)", '@"12:00:00"'),
    ('number("1e3")', "1000"),
    ('number("1 000", " ", null)', "1000"),
    ('number(from: "1,5", grouping separator: ".", decimal separator: ",")', "1.5"),
    ("string(null)", "null"),
    ("string(1e30)", '"1000000000000000000000000000000"'),
    ("string(0.0000001)", '"0.0000001"'),
    ("string(-0.0)", '"0"'),
    ("string([1..3])", '"[1..3]"'),
    ("string((< 10))", '"(< 10)"'),
    ('string({a: "x", "b-c": null})', r'"{a: \"x\", \"b-c\": null}"'),
    ('string(@"PT36H")', '"P1DT12H"'),
    ('range(" [ 1 .. 3 ) ")', "[1..3)"),
    ('range("[@\\"2024-01-01\\"..date(\\"2024-02-01\\")]")', '[@"2024-01-01"..@"2024-02-01"]'),
    ('years and months duration(@"2024-02-29", @"2023-02-28")', '@"-P1Y"'),
    # strings
    ('substring("\U0001f40eab", 2)', '"ab"'),
    ('substring("abc", 2, 10)', '"bc"'),
    ('substring("abc", 2.9, 1.9)', '"b"'),
    ('string length("\U0001f40e")', "1"),
    ('substring after("abc", "")', '"abc"'),
    ('substring before("abc", "x")', '""'),
    ('split("a1b22c", "[0-9]+")', '["a", "b", "c"]'),
    ('split("abc", "x")', '["abc"]'),
    ("string join([])", '""'),
    ('string join("a", "X")', '"a"'),
    ('replace("a.b", "[.]", "$0\\\\$")', '"a.$b"'),
    ('replace("ab", "(a)|(b)", "[$1$2$3]")', '"[a][b]"'),
    ('replace("a*b", "*", "+", "q")', '"a+b"'),
    # lists
    ('list contains([1, "a"], "a")', "true"),
    ('list contains([@"10:00:00Z"], @"11:00:00+01:00")', "true"),
    ('max([@"2024-01-01", @"2023-01-01"])', '@"2024-01-01"'),
    ('min(@"P1D", @"PT1H")', '@"PT1H"'),
    ("sum(1, 2, 3)", "6"),
    ("sum([0.1, 0.2])", "0.3"),
    ("sum(5)", "5"),
    ("all([])", "true"),
    ("any([])", "false"),
    ("all([true, null, false])", "false"),
    ("any([null, true])", "true"),
    ("all(true, false)", "false"),
    ("sublist([1, 2, 3], -1)", "[3]"),
    ("append([1], [2])", "[1, [2]]"),
    ("append(list: [1], item: 2)", "[1, 2]"),
    ("concatenate([1], 2, [[3]])", "[1, 2, [3]]"),
    ("insert before([1, 2], -1, 0)", "[1, 0, 2]"),
    ("list replace([1, 2], -1, 0)", "[1, 0]"),
    ("index of([1, null, 1], null)", "[2]"),
    ("union([1, null], [null, 1.0])", "[1, null]"),
    ("distinct values([1, 1.0, [1], [1.0]])", "[1, [1]]"),
    ("flatten(1)", "[1]"),
    ("median([1, 2, 3, 4])", "2.5"),
    ("mode([])", "[]"),
    ("mode([1, 1.0, 2])", "[1]"),
    ("sort([3, 1, 2])", "[1, 2, 3]"),
    ("sort([{a: 2, b: 1}, {a: 1}, {a: 2, b: 2}], function(x, y) x.a < y.a).b", "[null, 1, 2]"),
    # numbers
    ("decimal(2.5, 0)", "2"),
    ("decimal(3.5, 0)", "4"),
    ("decimal(1234, -2)", "1200"),
    ("round up(1.121, 2)", "1.13"),
    ("round up(-1.1, 0)", "-2"),
    ("round down(-5.5, 0)", "-5"),
    ("round half up(-5.5, 0)", "-6"),
    ("round half down(1.126, 2)", "1.13"),
    ("round half down(-5.5, 0)", "-5"),
    ("floor(-1.5)", "-2"),
    ("ceiling(-1.56, 1)", "-1.5"),
    ("abs(-1.5)", "1.5"),
    ('abs(@"-P1Y")', '@"P1Y"'),
    ("modulo(12, -5)", "-3"),
    ("modulo(-12, -5)", "-2"),
    ("modulo(10.1, 4.5)", "1.1"),
    ("modulo(-10.1, 4.5)", "3.4"),
    ("sqrt(2)", "1.414213562373095048801688724209698"),
    ("odd(-1)", "true"),
    ("even(2.0)", "true"),
    # dates, contexts
    ('day of year(@"2024-12-31T10:00:00")', "366"),
    ('week of year(@"2003-12-29")', "1"),
    ('is(@"10:00:00Z", @"10:00:00+00:00")', "true"),
    ("is([1, {a: null}], [1.0, {a: null}])", "true"),
    ("is(value1: 1)", "false"),
    ('get value({a: 1}, "b")', "null"),
    ('get value({a: 1}, ["a", "b"])', "null"),
    ('context put({a: 1}, "a", null)', "{a: null}"),
    ("context merge({a: 1})", "{a: 1}"),
    ('context({key: "a", value: null})', "{a: null}"),
    # ranges
    ("before([1..5), [5..6])", "true"),
    ("before([1..5], [5..6])", "false"),
    ("after(6, (< 5))", "true"),
    ("before(5, (> 5))", "true"),
    ("meets([1..5), [5..10])", "false"),
    ("overlaps([1..5], (5..8])", "false"),
    ("overlaps((< 5), [4..8])", "true"),
    ("overlaps before([1..5], [1..5])", "false"),
    ("overlaps before([1..5], (1..5])", "true"),
    ("finishes(10, [1..10))", "false"),
    ("finishes([5..10], [1..10])", "true"),
    ("includes([1..10], [1..10))", "true"),
    ("includes((1..10), [1..5])", "false"),
    ("during(1, (1..10])", "false"),
    ("starts([1..5], [1..5])", "true"),
    ("coincides(1, 1)", "true"),
    ("coincides([1..5], [1..5))", "false"),
    ("includes((>= 5), 1e30)", "true"),
    # implicit conversions of arguments
    ('upper case(["a"])', '"A"'),
    ("sqrt([4])", "2"),
    ("count(5)", "1"),
    ("reverse(1)", "[1]"),
    # camunda
    ("and([true, null, false])", "false"),
    ("is defined(1)", "true"),
    ('from json("{\\"a\\": 1}").a', "1"),
    ("duplicate values([1, 2, 1, 2, 3])", "[1, 2]"),
]


@pytest.mark.parametrize(("text", "expected"), ROWS)
def test_function_gives_the_value_of_its_clause(text, expected):
    """Limits, rounding, signs, spellings and implicit conversions."""
    found, wanted = value(text), value(expected)

    assert is_same(found, wanted), f"{text} is {found!r}, not {wanted!r}"


FAULTS = [
    'date("2024-02-30")',
    "date(2024, 13, 1)",
    "date(2024.5, 1, 1)",
    "date(null)",
    'date("2024-01-01T00:00:00")',
    'time("25:00:00")',
    "time(12, 60, 0)",
    "time(1, 2, 60)",
    'time(1, 2, 3, @"PT19H")',
    'time("2024-01-01T10:00:00")',
    'date and time("2024-02-29T")',
    'date and time(@"2024-01-01", "Mars/Base")',
    "date and time(2024, 1, 1, 25, 0, 0)",
    "date and time(2024, 1, 1, 0, 0, 0, 30)",
    'number("a")',
    'number("1,0", ",", ",")',
    'number("1", "x")',
    'number("1", ",", "x")',
    'number("' + "1" * 2000 + '")',
    'duration("P1Y1D")',
    "duration(5)",
    'range("[1..]")',
    'range("x")',
    'range("[a..b]")',
    'range(">= 1")',
    'range("[2..1]")',
    "not(null)",
    'not("a")',
    'substring("abc", 0)',
    'substring("abc", 4)',
    'substring("abc", 1, 0)',
    "string length(1)",
    "upper case(null)",
    'replace("abc", "", "x")',
    'replace("abc", "a", "$")',
    'replace("abc", "a", "\\\\x")',
    'replace("abc", "(", "x")',
    'matches("a", "[")',
    'matches("a", "a", "z")',
    'matches("a", "\\\\b")',
    'matches("a", "(?=a)")',
    'matches("a", "a{2,1}")',
    'matches("a", "\\\\1")',
    'matches("a", "[z-a]")',
    'matches("a", "\\\\p{Xx}")',
    'matches("a", "a**")',
    'matches("a", "a{x}")',
    'split("a", "[")',
    "string join([1])",
    "string join(null)",
    "min([])",
    'max([1, "a"])',
    "sum([])",
    'sum([1, "a"])',
    "sum(null)",
    "mean([])",
    "median([])",
    "stddev([1])",
    "product([])",
    "mode([null])",
    'all(["a"])',
    "any([null])",
    "all(null)",
    "count(null)",
    "sublist([1], 2)",
    "sublist([1], 1, 2)",
    "sublist([1], 0)",
    "insert before([1], 2, 0)",
    "remove([1], 0)",
    "list replace([1], 2, 0)",
    "list replace([1], function(a) a, 0)",
    "list replace([1], function(a, b) a, 0)",
    "concatenate([1], null)",
    'sort([1, "a"])',
    "sort(null)",
    "decimal(1, 99999)",
    "decimal(1)",
    "floor(null)",
    'floor("1")',
    "floor(1, 2, 3)",
    "modulo(1, 0)",
    "sqrt(-1)",
    "log(0)",
    "exp(1e6)",
    "odd(1.5)",
    "even(null)",
    "now()",
    "today()",
    "day of week(1)",
    "is(1, 2, 3)",
    "is(1)",
    "get value(1, 2)",
    'context([{key: "a"}])',
    "context([{key: 1, value: 1}])",
    'context([{key: "a", value: 1}, {key: "a", value: 2}])',
    "context put({a: 1}, [], 2)",
    'context put({a: 1}, ["a", "b"], 2)',
    "context merge([1])",
    'before(1, "a")',
    "meets(1, 2)",
    "before(1)",
    'includes([1..2], "a")',
    "sqrt(n: 4)",
    "sqrt(number: 4, number: 5)",
    "assert(1, false)",
    'from json("{")',
    'from base64("?")',
    "partition([1], 0)",
    "uuid()",
    "random number()",
    "to json(abs)",
    'put({a: 1}, ["a", "b"], 1)',
    'replace("abc", "' + "a" * 3000 + '", "x")',
    'matches("a", "' + "(" * 60 + ")" * 60 + '")',
]


@pytest.mark.parametrize("text", FAULTS, ids=lambda text: text[:60])
def test_what_a_function_is_not_defined_for_is_null_with_a_warning(text):
    """A wrong argument gives null and a warning with code and place."""
    evaluation = feel.compile(text, camunda=True).evaluate({})

    assert evaluation.value is None
    assert evaluation.warnings[0].code
    assert evaluation.warnings[0].text == text


@pytest.mark.parametrize("name", sorted(set(CAMUNDA) - set(STANDARD)))
def test_strict_mode_knows_no_camunda_functions(name):
    """The extra functions are unknown without their profile."""
    try:
        evaluation = feel.compile(f"{name}([true])").evaluate({})
    except FeelSyntaxError:
        assert {"and", "or", "else"} & set(name.split())
    else:
        assert evaluation.warnings[0].code == "unknown-name"


def test_backquotes_write_any_name_in_the_camunda_profile():
    """A quoted name needs no declaration; strict mode refuses the quotes."""
    text = '`first-name` + `if` + {a: {`x-y`: "!"}}.a.`x-y`'
    context = {"first-name": "Bo", "if": "b"}

    assert feel.compile(text, camunda=True).call(context) == "Bob!"
    with pytest.raises(FeelSyntaxError, match="`"):
        feel.compile(text)


def test_functions_are_values():
    """A built-in can be passed, returned and called later."""
    assert value('(if true then upper case else lower case)("a")') == "A"
    assert value("{twice: function(f, x) f(f(x)), r: twice(sqrt, 16)}.r") == 2
    assert value("sort([3, 1], before)") == [1, 3]


def test_a_variable_hides_a_function_where_it_is_declared():
    """A declared name is the variable; an undeclared one is the function when it is called."""
    assert feel.compile("count + 1", names=["count"]).call({"count": 2}) == 3
    assert feel.compile("count + 1").call({"count": 2}) == 3
    assert feel.compile("count([1, 2])").call({"count": 2}) == 2
    assert feel.compile("count([1, 2])", names=["count"]).call({"count": 2}) == 2
    assert feel.compile("floor(n: 1.5)", names=["floor"]).call({}) == 1
    assert feel.compile("floor(m: 1.5)", names=["floor"]).call({}) is None
    seven = feel.compile("function(list) 7").call({})
    assert feel.compile("count([1, 2])", names=["count"]).call({"count": seven}) == 7


def test_now_is_what_the_caller_says():
    """now() and today() give the moment of the evaluation, aware Python values included."""
    moment = values.parse_date_and_time("2024-02-29T23:30:00+01:00")

    assert feel.compile("now()").call({}, now=moment) == moment
    assert feel.compile("today()").call({}, now=moment) == Date(2024, 2, 29)
    assert feel.compile("now()").call({}, now=values.to_python(moment)) == moment


DAYS = st.integers(-(10**9), 10**9).map(Date.of_number)
MONTHS = st.integers(-(10**5), 10**5).map(YearsMonthsDuration)
SPANS = st.integers(-(10**18), 10**18).map(DaysTimeDuration)
MOMENTS = st.integers(-(10**19), 10**19).map(lambda nanos: DateAndTime.of_instant(nanos, 0))


@given(MOMENTS, MOMENTS)
def test_a_difference_added_back_gives_the_later_moment(first, second):
    """b + (a - b) is a."""
    assert value("b + (a - b) = a", a=first, b=second) is True


@given(MOMENTS, SPANS)
def test_what_is_added_can_be_taken_away(moment, span):
    """(a + d) - d is a, and the order follows the sign of d."""
    assert value("(a + d) - d = a", a=moment, d=span) is True
    assert value('(a + d >= a) = (d >= @"PT0S")', a=moment, d=span) is True


@given(DAYS, MONTHS)
def test_months_between_undoes_adding_months(day, months):
    """Adding months to the first of a month and counting them gives them back."""
    first = Date(day.year, day.month, 1)

    assert value("years and months duration(a, a + d) = d", a=first, d=months) is True


@given(DAYS)
def test_parts_of_a_date_make_the_date(day):
    """date(d.year, d.month, d.day) is d, and its text is read back."""
    assert value("date(d.year, d.month, d.day) = d and date(string(d)) = d", d=day) is True


@given(SPANS, MONTHS)
def test_parts_of_a_duration_make_the_duration(span, months):
    """The parts of a duration sum up to it."""
    text = (
        '@"P1D" * d.days + @"PT1H" * d.hours + @"PT1M" * d.minutes + @"PT1S" * d.seconds = d '
        'and @"P1Y" * m.years + @"P1M" * m.months = m'
    )

    assert value(text, d=span, m=months) is True


@given(st.lists(st.integers(-9, 9) | st.decimals(-9, 9, places=1), min_size=1, max_size=8))
def test_list_functions_keep_their_laws(items):
    """Sorting, reversing, joining and counting agree with each other."""
    laws = [
        "min(l) = sort(l)[1] and max(l) = sort(l)[-1]",
        "reverse(reverse(l)) = l",
        "sum(concatenate(l, l)) = sum(l) * 2",
        "count(distinct values(l)) <= count(l)",
        "every x in l satisfies list contains(l, x)",
        "abs(mean(l) * count(l) - sum(l)) < 1e-20",
        "flatten([l, [l]]) = concatenate(l, l)",
        "mode(l)[1] in l",
    ]

    for law in laws:
        assert value(law, l=items) is True, law


@given(st.text(max_size=8), st.text(max_size=3))
def test_string_functions_keep_their_laws(text, match):
    """Parts of a text put together give the text."""
    laws = [
        "if contains(s, m) then substring before(s, m) + m + substring after(s, m) = s else true",
        "string length(s + m) = string length(s) + string length(m)",
        "starts with(s + m, s) and ends with(s + m, m)",
        "number(string(string length(s))) = string length(s)",
    ]
    clean = text.encode("utf-8", "replace").decode(), match.encode("utf-8", "replace").decode()

    for law in laws:
        assert value(law, s=clean[0], m=clean[1]) is True, law
