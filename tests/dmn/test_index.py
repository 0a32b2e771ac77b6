"""The index of a table finds the same rules as trying every cell does."""

from __future__ import annotations

from decimal import Decimal
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenuto import dmn, feel, values
from tenuto.dmn import search
from tenuto.dmn.cells import complement, join

from .models import decision, definitions, inputs, reads, table

NUMBERS = st.one_of(st.integers(-5, 5), st.sampled_from(["1.5", "-2.50"]))
DATES = st.sampled_from(['date("2024-02-28")', '@"2024-02-29"', 'date("2024-03-01")'])
TEXTS = st.sampled_from(['"a"', '"b"', '"c d"', '"A"'])


def cells_of(constants):
    """Unary tests over constants of one type, with some that no index understands."""
    single = st.one_of(
        constants.map(str),
        st.builds("{} {}".format, st.sampled_from(["<", "<=", ">", ">=", "="]), constants),
        st.builds("{}{}..{}{}".format, st.sampled_from("[("), constants, constants, st.just("]")),
        st.builds("? != {}".format, constants),
    )
    several = st.lists(single, min_size=1, max_size=3).map(", ".join)
    return st.one_of(
        st.just("-"), single, several, several.map("not({})".format), st.just("? = x or ? = null")
    )


CELLS = st.tuples(
    cells_of(NUMBERS),
    st.one_of(
        st.just("-"),
        st.lists(TEXTS, min_size=1).map(", ".join),
        st.lists(TEXTS, min_size=1).map(lambda texts: f"not({', '.join(texts)})"),
        st.just('starts with(?, "a")'),
    ),
    cells_of(DATES),
)
VALUES = st.one_of(
    st.none(),
    st.integers(-6, 6),
    st.sampled_from([Decimal("1.5"), Decimal("-2.5"), "a", "b", "x", True, [1]]),
    st.sampled_from([values.Date(2024, 2, 28), values.Date(2024, 2, 29), values.Date(2023, 1, 1)]),
)


def try_every_cell(rules, context):
    """The rules of which every test holds."""
    found = []
    for place, cells in enumerate(rules):
        columns = zip("xyz", cells, strict=True)
        if all(
            feel.compile(text, unary=True, names="xyz").test(context[name], context) is True
            for name, text in columns
        ):
            found.append(place)
    return found


@given(
    rules=st.lists(CELLS, min_size=1, max_size=6),
    given_values=st.tuples(VALUES, VALUES, VALUES),
    masked=st.booleans(),
)
def test_the_index_agrees_with_every_cell(rules, given_values, masked):
    """Masks and candidate lists leave exactly the rules that hold."""
    context = dict(zip("xyz", given_values, strict=True))
    lines = [f"{' | '.join(cells)} => {place}" for place, cells in enumerate(rules)]
    text = table("x; y; z", "", lines, policy="RULE ORDER")
    source = definitions(inputs("x", "y", "z"), decision("d", reads(*"xyz"), text))
    with patch.object(search, "MASKED_RULES_MAX", 4096 if masked else 0):
        model = dmn.load(source)

    assert model.evaluate("d", context).value == try_every_cell(rules, context)


SPANS = st.lists(
    st.tuples(st.tuples(st.integers(0, 9), st.integers(0, 1)), st.integers(1, 4)).map(
        lambda span: (span[0], (span[0][0] + span[1], span[0][1]))
    )
)


@given(SPANS)
def test_a_complement_is_what_a_union_leaves(spans):
    """Every place is in the union or in its complement, never in both."""
    union = join(spans)
    rest = complement(union)

    for key in range(-1, 15):
        place = (key, 0)
        inside = any(start <= place < stop for start, stop in spans)
        assert any(start <= place < stop for start, stop in union) is inside
        assert any(start <= place < stop for start, stop in rest) is not inside


@pytest.mark.parametrize("amount", [None, "much", True])
def test_a_large_table_answers_for_values_of_other_types(amount):
    """No rule can hold for null or a text among numbers, and none is tried."""
    rules = [f"[{number}..{number + 1}) => {number}" for number in range(30_000)]
    model = dmn.load(definitions(inputs("x"), decision("d", reads("x"), table("x", "", rules))))

    result = model.evaluate("d", {"x": amount})

    assert result.value is None
    assert [warning.code for warning in result.warnings] == ["not-comparable", "no-rule"]
    assert "expected number, which the tests compare with" in result.warnings[0].message


def test_a_large_table_loads_and_is_searched_by_candidates():
    """Twenty thousand rules over texts and ranges: the right one is found."""
    rules = [
        f'"k{number % 100}" | [{number}..{number + 1}) => {number}' for number in range(20_000)
    ]
    text = table("y; x", "", rules)
    model = dmn.load(definitions(inputs("x", "y"), decision("d", reads("x", "y"), text)))

    result = model.evaluate("d", {"x": Decimal("12345.5"), "y": "k45"})

    assert result.value == 12345
    assert result.decisions[0].matched[0].index == 12346
