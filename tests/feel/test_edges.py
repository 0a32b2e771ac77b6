"""Corners that few texts reach: deep stacks, numbers at the limits, odd patterns and names."""

from __future__ import annotations

import contextlib
import copy
import enum
import pickle
from decimal import Decimal
from typing import Any

import pytest

from tenuto import feel, values
from tenuto.errors import BudgetExceeded, FeelSyntaxError, ValueRefused
from tenuto.feel.compare import is_same
from tenuto.feel.unparse import unparse
from tenuto.values import Date, DateAndTime, DaysTimeDuration, Range, Time, YearsMonthsDuration
from tenuto.values.calendar import standard_offset, zone_offset


def value(text: str, **context: Any) -> Any:
    """The value of an expression."""
    return feel.compile(text, names=context).evaluate(context).value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('@"P2D" - @"P1D"', '@"P1D"'),
        ("{f: abs, r: f = f}.r", "true"),
        ("string((>= 5))", '"(>= 5)"'),
        ('string((> @"2024-01-01"))', r'"(> @\"2024-01-01\")"'),
        (
            'distinct values([@"2024-01-01T10:00:00Z", @"2024-01-01T11:00:00+01:00"])[1]',
            '@"2024-01-01T10:00:00Z"',
        ),
        ("count(distinct values([[1..2], [1..2], [1..2)]))", "2"),
        ("includes((> 1), 5)", "true"),
        ("7 in (> 5)", "true"),
        ("{r: (> 5), v: 7 in r}.v", "true"),
        ("function + 1", "null"),
        ("(5 in [1..6[)", "true"),
        ("5 in [1..6[ and true", "true"),
        ('replace("ab", "(a)", "$12")', '"a2b"'),
        ('replace("ab", "(a)", "$2")', '"b"'),
        ('range("[date(2024, 1, 1)..@\\"2024-02-01\\"]")', "null"),
        ("for x in [1], y in null return x", "null"),
        ("null(a: 1)", "null"),
        ('date and time([@"2024-01-01"], @"10:00:00")', '@"2024-01-01T10:00:00"'),
        ('matches("a\\tb", "^a\\\\tb$")', "true"),
        ('matches("ab", "^[\\\\w-[b]]b$")', "true"),
        ('matches("abcdefghijjk", "(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)\\\\10k")', "true"),
        ('matches("aba", "(a)b\\\\1")', "true"),
        ('matches("a0", "(a)\\\\10")', "false"),
        ('replace("abcdefghijk", "(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)", "$10$1")', '"jak"'),
        ('matches("aaab", "((?:a|b)*)b", "s")', "true"),
        ('matches("x\\ny", "^(.|q)*y", "s")', "true"),
        ('matches("x\\ny", "(^y|z)*$", "m")', "true"),
        ('matches(" ", "[\\\\s-[\\\\t]]")', "true"),
    ],
)
def test_rare_texts_have_their_value(text, expected):
    """Each is right by the same clauses as the common ones."""
    assert is_same(value(text), value(expected)), value(text)


@pytest.mark.parametrize(
    "text",
    [
        "sum([9e6144, 9e6144])",
        "product([9e6144, 10])",
        "stddev([9e6144, -9e6144, 1e-10])",
        "concatenate([1], null)",
        "{f: upper case, r: f(1, 2)}.r",
        'matches("a", "(a")',
        'matches("a", "[a")',
        'matches("a", "[")',
        'matches("a", "[[a]]")',
        'matches("a", "[]")',
        'matches("a", "\\\\p")',
        'matches("a", "(?<n>a)")',
        'matches("a", "a{1001}")',
        'matches("a", "((a{1000}b*){1000}){2}")',
        'matches("a", "\\\\")',
        'matches("a", "+")',
        'matches("a", "[a-\\\\d]")',
        'matches("a", "' + "[a-" * 60 + '")',
    ],
)
def test_rare_faults_are_null_with_a_warning(text):
    """The limits of numbers and patterns refuse, they do not crash."""
    evaluation = feel.compile(text).evaluate({})

    assert evaluation.value is None
    assert evaluation.warnings


def test_numbers_from_outside_may_be_larger_than_feels():
    """A number beyond the exponents of the standard gives null where it cannot be used."""
    evaluation = feel.compile("modulo(x, 1e-6000)").evaluate({"x": values.loads("1e19000")})

    assert evaluation.value is None
    assert evaluation.warnings[0].code == "number-out-of-range"


@pytest.mark.parametrize(
    "text",
    [
        "x instance of",
        "x instance of 5",
        "x instance of no such type",
        "x instance of list<number",
        "x instance of function<number>-> 5",
        "a. ",
        "1 or and 2",
        "for in x return 1",
        "f(a:)",
        "{a 1}",
        "not(a) b",
        "1e99999",
        "x instance of tA.b.",
        "]1..2",
        "function(1) 2",
        "{a: 1",
        "[1, ",
        "some x in y return 1",
        "@5",
        "'a'",
        "if 1 then 2 els 3",
    ],
)
def test_broken_texts_are_refused(text):
    """Each stops at a place with an expectation."""
    for unary in (False, True):
        with pytest.raises(FeelSyntaxError):
            feel.compile(text, unary=unary)


def test_dotted_types_and_names_with_keywords_are_read():
    """Imported types have a dot; a word such as `of` may be part of an unknown name."""
    types = {"m.tYears": feel.NUMBER, "the age": feel.NUMBER}

    assert feel.compile("x instance of m.tYears and true", types=types).call({"x": 1}) is True
    assert feel.compile("x instance of the age", types=types).call({"x": "a"}) is False
    assert feel.compile("date of birth").call({"date of birth": 5}) == 5


def test_a_full_stack_is_no_crash():
    """Where the caller has used up Python's stack, texts are refused and evaluations stopped."""
    nested = "(" * 60 + "1" + ")" * 60
    ready = feel.compile("{f: function(n) if n = 0 then 0 else 1 + f(n - 1), r: f(90)}.r")
    assert ready.call({}) == 90
    down = feel.compile("{f: function(n) if n = 0 then 0 else f(n - 1), g: f}.g").call({})
    cell = feel.compile("f(90) = ?", unary=True)

    def descend() -> None:
        for run in (
            lambda: feel.compile(nested),
            lambda: feel.compile(nested, unary=True),
            lambda: ready.call({}),
            lambda: cell.test(0, {"f": down}),
        ):
            with contextlib.suppress(FeelSyntaxError, BudgetExceeded):
                run()
        descend()

    with pytest.raises(RecursionError):
        descend()


def test_printing_knows_the_empty_test():
    """`-` is printed as it is read."""
    assert unparse(feel.compile("-", unary=True).tree) == "-"


@pytest.mark.parametrize(
    "item",
    [
        Date(2024, 2, 29),
        Time(10, 0, 0, 5, "Europe/Paris"),
        DateAndTime(Date(2024, 2, 29), Time(10, 0, zone=0)),
        DaysTimeDuration(-5),
        YearsMonthsDuration(7),
        Range(1, Date(2024, 1, 1), end_included=False),
    ],
)
def test_values_are_copied_shown_and_hashed(item):
    """Copies and pickles are equal, repr() builds the value again, equal values share a hash."""
    shown = eval(repr(item), vars(values))

    assert copy.copy(item) is item
    assert copy.deepcopy(item) is item
    assert pickle.loads(pickle.dumps(item)) == shown == item
    assert hash(shown) == hash(item)
    assert item != 5
    with pytest.raises(AttributeError):
        del item.zone


@pytest.mark.parametrize(
    "build",
    [
        lambda: Date(2024, 2, 30),
        lambda: Date(1_000_000_000, 1, 1),
        lambda: Time(24, 0),
        lambda: Time(1, 0, 0, -1),
        lambda: Time(1, 0, zone="Mars/Base"),
        lambda: Time(1, 0, zone=70_000),
        lambda: Time(1, 0, zone="x" * 100),
        lambda: DaysTimeDuration(10**40),
        lambda: YearsMonthsDuration(-(10**40)),
    ],
)
def test_impossible_temporal_values_cannot_be_built(build):
    """The constructors refuse what the calendar does not have."""
    with pytest.raises(ValueError):
        build()


def test_a_moment_is_built_from_its_reading():
    """Local nanoseconds and instants give the same moment back."""
    moment = values.parse_date_and_time("2024-07-01T12:00:00.5@Europe/Paris")

    assert moment is not None
    assert DateAndTime.of_local_nanos(moment.local_nanos, moment.zone) == moment
    assert DateAndTime.of_instant(moment.instant, "Europe/Paris") == moment
    assert hash(DateAndTime.of_instant(moment.instant, 7200)) != hash(moment)


def test_zones_have_offsets_in_every_year():
    """Beyond the tz database the rule of a like year counts; a time alone has winter time."""
    far = values.parse_date_and_time("20240-07-01T12:00:00@Europe/Paris")
    ancient = values.parse_date_and_time("-0500-07-01T12:00:00@Europe/Paris")

    assert far is not None
    assert ancient is not None
    assert far.offset == 7200
    assert ancient.offset == zone_offset("Europe/Paris", ancient.date.number, 0)
    assert standard_offset("Europe/Paris") == 3600
    assert values.parse_time("10:00:00@Europe/Paris").offset == 3600


class Level(enum.IntEnum):
    """A number of a library."""

    HIGH = 3


class Text(str):
    """Text of a library."""


@pytest.mark.parametrize(
    ("data", "kept"),
    [
        (Text("a"), "a"),
        ({Text("k"): values.from_python(1.5)}, {"k": values.loads("1.5")}),
        ((True, None, Level.HIGH), [True, None, 3]),
    ],
)
def test_subclasses_become_plain_values(data, kept):
    """A subclass of text is stored as text."""
    found = values.from_python(data)

    assert found == kept
    assert all(type(key) is str for key in found) if isinstance(found, dict) else True


@pytest.mark.parametrize(
    "run",
    [
        lambda: values.check_value(values.loads("1e7000"), where="x"),
        lambda: values.check_value(values.loads("0." + "1" * 2000), where="x"),
        lambda: values.dumps("\ud800"),
        lambda: values.dumps(object()),
        lambda: values.to_json([Decimal("NaN")]),
        lambda: values.encode(10**5000),
        lambda: values.decode(values.encode([1])[:-1]),
    ],
)
def test_limits_of_values_refuse_with_a_sentence(run):
    """Whatever cannot be kept or shown raises ValueRefused."""
    with pytest.raises(ValueRefused, match="expected"):
        run()


def test_values_beyond_any_depth_are_refused():
    """A value that nests without end raises ValueRefused, not RecursionError."""
    nested: list[Any] = [values.loads("1.5")]
    for _ in range(100_000):
        nested = [nested]

    with pytest.raises(ValueRefused, match="nests"):
        values.encode(nested)


def test_ranges_have_json_text():
    """A range is shown as FEEL text."""
    assert values.dumps(Range("a", "c")) == r'"[\"a\"..\"c\"]"'
    assert values.to_json(Range(Date(2024, 1, 1), None)) == '[@"2024-01-01"..null)'
    assert values.to_python({"a": [values.loads("2.0")]}) == {"a": [2]}
