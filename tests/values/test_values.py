"""What a value is, how it is kept and how Python sees it."""

from __future__ import annotations

import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenuto import values
from tenuto.errors import ValueRefused
from tenuto.values import (
    Date,
    DateAndTime,
    DaysTimeDuration,
    Range,
    Time,
    YearsMonthsDuration,
)
from tenuto.values.calendar import civil_day, day_number, iso_week, weekday

ZONES = st.none() | st.integers(-64_800, 64_800) | st.sampled_from(["Europe/Paris", "Etc/UTC"])
DATES = st.integers(-365_000_000_000, 365_000_000_000).map(Date.of_number)
TIMES = st.builds(Time.of_nanos, st.integers(0, 86_400 * 10**9 - 1), ZONES)
TEMPORALS = (
    DATES
    | TIMES
    | st.builds(DateAndTime, DATES, TIMES)
    | st.builds(DaysTimeDuration, st.integers(-(10**25), 10**25))
    | st.builds(YearsMonthsDuration, st.integers(-(10**15), 10**15))
)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
NUMBERS = st.integers(-(10**40), 10**40) | st.decimals(-(10**40), 10**40)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXT | TEMPORALS
VALUES = st.recursive(
    SCALARS | st.builds(Range, NUMBERS, NUMBERS, start_included=st.booleans()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_decoding_gives_back_what_was_encoded(value):
    """decode(encode(v)) equals v for every value."""
    assert values.decode(values.encode(value)) == value


@given(VALUES)
def test_encoding_is_stable(value):
    """A value that was read back is written as the same bytes."""
    data = values.encode(value)

    assert values.encode(values.decode(data)) == data


@given(VALUES)
def test_every_value_passes_the_door(value):
    """What this module calls a value may be kept."""
    values.check_value(value, where="variables")


def test_whole_decimals_and_integers_have_the_same_bytes():
    """Equal numbers have one form on disk."""
    assert values.encode(Decimal("2.00")) == values.encode(2)
    assert values.encode(Decimal("1.50")) == values.encode(Decimal("1.5"))


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (Decimal("NaN"), "finite"),
        (Decimal("Infinity"), "finite"),
        (1.5, "float"),
        ("\ud800", "surrogate"),
        ("a\0b", "NUL"),
        ({"a\0": 1}, "NUL"),
        ({"k" * 256: 1}, "255"),
        ({1: 2}, "key"),
        ({1, 2}, "set"),
        (b"bytes", "bytes"),
        (object(), "object"),
        (datetime.date(2024, 1, 1), "date"),
        (10**2000, "digits"),
        ("x" * (4 * 1024 * 1024 + 1), "bytes"),
    ],
)
def test_what_no_store_may_keep_is_refused(value, reason):
    """Each limit of the door refuses with a sentence that names the place and the reason."""
    with pytest.raises(ValueRefused, match=reason) as caught:
        values.check_value({"outer": [value]}, where="variables")

    assert str(caught.value).startswith("variables")


def test_nesting_beyond_the_limit_is_refused():
    """64 levels are kept, one more is refused."""
    nested: list = []
    for _ in range(values.DEPTH_MAX - 1):
        nested = [nested]

    values.check_value(nested, where="x")
    with pytest.raises(ValueRefused, match="64 levels"):
        values.check_value([nested], where="x")


@pytest.mark.parametrize(
    "data", [b"", b"\xc1", b"\xc7\x01\x0aa", b"\xc7\x01\x01x", b"\xc7\x01\x02\x01"]
)
def test_foreign_bytes_are_refused(data):
    """Bytes that no encoder of ours wrote raise ValueRefused and nothing else."""
    with pytest.raises(ValueRefused):
        values.decode(data)


@pytest.mark.parametrize("value", [object(), {1: 2}, [1.5], float("nan"), Decimal("NaN"), "\ud800"])
def test_encoding_refuses_what_is_no_value(value):
    """The encoder refuses what the door would have refused."""
    with pytest.raises(ValueRefused):
        values.encode(value)


@given(
    st.dates()
    | st.times()
    | st.datetimes(timezones=st.sampled_from([None, datetime.UTC, ZoneInfo("Europe/Paris")]))
    | st.timedeltas()
    | st.integers()
    | st.none()
    | TEXT
)
def test_python_data_survives_the_way_through_values(data):
    """to_python(from_python(x)) equals x for everything that datetime can say."""
    assert values.to_python(values.from_python(data)) == data


@given(TEMPORALS)
def test_temporal_values_survive_the_way_through_python(value):
    """from_python(to_python(v)) equals v, because what datetime cannot hold stays our own."""
    assert values.from_python(values.to_python(value)) == value


def test_floats_become_the_decimal_of_their_shortest_text():
    """A float at the door is the number a person would have written."""
    assert values.from_python([0.1, (2.5,)]) == [Decimal("0.1"), [Decimal("2.5")]]


@pytest.mark.parametrize("data", [float("inf"), object(), {1: 2}, {"a": {1, 2}}, b"x"])
def test_host_objects_do_not_become_values(data):
    """Only plain data becomes a value."""
    with pytest.raises(ValueRefused):
        values.from_python(data)


@given(TEMPORALS)
def test_temporal_text_parses_back(value):
    """The ISO text of a temporal value parses to the same value."""
    if isinstance(value, DaysTimeDuration) and abs(value.nanos) >= 10**22:
        return
    assert values.parse_temporal(str(value)) == value


@pytest.mark.parametrize(
    "text",
    [
        "2017-13-10",
        "2017-02-29",
        "998-12-31",
        "01211-12-31",
        "+2012-12-02",
        "9999999999-12-25",
        "-0000-01-01",
        "23:59:60",
        "24:00:01",
        "7:00:00",
        "13:20:00+19:00",
        "13:20:00+02:60",
        "13:20:00@xyz/abc",
        "13:20:00+02:00@Europe/Paris",
        "2012-12-25T",
        "P",
        "PT",
        "P1DT",
        "P1Y1D",
        "-P",
        "P1S",
        "2017-01-01T25:00:00",
        "",
        "@",
        "13:20:00@../../etc/passwd",
        "999999999-12-31T24:00:00",
    ],
)
def test_texts_outside_the_lexical_space_name_nothing(text):
    """Text that XML Schema does not allow is no temporal value."""
    assert values.parse_temporal(text) is None


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("24:00:00", "00:00:00"),
        ("2017-12-31T24:00:00Z", "2018-01-01T00:00:00Z"),
        ("11:22:33-00:00", "11:22:33Z"),
        ("P1DT24H", "P2D"),
        ("PT0.5S", "PT0.5S"),
        ("P0Y", "P0M"),
        ("-P14M", "-P1Y2M"),
        ("11:59:45+02:45:55", "11:59:45+02:45:55"),
        ("-2017-01-01", "-2017-01-01"),
    ],
)
def test_each_temporal_value_has_one_text(text, canonical):
    """Spellings of the same value share one canonical text."""
    assert str(values.parse_temporal(text)) == canonical


@given(st.dates())
def test_the_calendar_agrees_with_python(date):
    """Day numbers, weekdays and ISO weeks equal those of datetime."""
    number = day_number(date.year, date.month, date.day)

    assert number == date.toordinal() - datetime.date(1970, 1, 1).toordinal()
    assert civil_day(number) == (date.year, date.month, date.day)
    assert (weekday(number), iso_week(number)) == (date.isoweekday(), date.isocalendar().week)


@given(st.datetimes(datetime.datetime(1972, 1, 1), timezones=st.just(ZoneInfo("Europe/Paris"))))
def test_instants_agree_with_python(moment):
    """The instant of a zoned value is its timestamp, and reading it in the zone gives it back."""
    value = values.from_python(moment.replace(fold=0))

    seconds = moment.replace(fold=0, microsecond=0).timestamp()
    assert value.instant == int(seconds) * 10**9 + moment.microsecond * 1000
    assert DateAndTime.of_instant(value.instant, "Europe/Paris").instant == value.instant


def test_values_cannot_be_changed():
    """A temporal value and a range refuse assignment."""
    for value, name in [(Date(2024, 1, 1), "year"), (Range(1, 2), "start"), (Time(1, 2), "hour")]:
        with pytest.raises(AttributeError):
            setattr(value, name, 3)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.10", Decimal("1.10")),
        ("123456789012345678901234567890.5", Decimal("123456789012345678901234567890.5")),
        ('{"a":[1,null,true]}', {"a": [1, None, True]}),
    ],
)
def test_json_text_keeps_numbers_exact(text, value):
    """Numbers pass through JSON text without a float in between."""
    assert values.loads(text) == value
    assert values.loads(values.dumps(value)) == value


def test_json_data_has_text_for_fractions_and_dates():
    """Plain JSON data holds whole numbers as int, other numbers and temporal values as text."""
    value = {"n": Decimal("2.0"), "f": Decimal("0.10"), "d": Date(2024, 1, 2), "r": Range(1, None)}

    assert values.to_json(value) == {"n": 2, "f": "0.1", "d": "2024-01-02", "r": "[1..null)"}
    assert values.from_json({"f": 0.5}) == {"f": Decimal("0.5")}


@pytest.mark.parametrize("text", ["", "{", "NaN", "[1e999999999999999999999]", "[" * 100_000])
def test_texts_that_are_not_json_are_refused(text):
    """Hostile text raises ValueRefused and nothing else."""
    with pytest.raises(ValueRefused):
        values.loads(text)


def test_the_empty_duration_has_a_text():
    """No time at all is PT0S, no months are P0M."""
    assert str(DaysTimeDuration(0)) == "PT0S"
    assert str(YearsMonthsDuration(0)) == "P0M"
