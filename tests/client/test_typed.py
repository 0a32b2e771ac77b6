"""Values over JSON: what JSON cannot say is said beside it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenuto import feel, values
from tenuto.client.typed import pointers_of, restored
from tenuto.errors import InputError

LITERALS = [
    '@"2026-01-31"',
    '@"09:30:00"',
    '@"2026-01-31T09:30:00@Europe/Berlin"',
    '@"P1Y6M"',
    '@"-PT3H"',
    "[1..10]",
    '(@"2026-01-31"..@"2026-02-28"]',
    '["a".."z")',
]
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(),
    st.sampled_from([*LITERALS, "2026-01-31", "P1D"]).map(
        lambda text: feel.compile(text).evaluate({}).value if text in LITERALS else text
    ),
)
contexts = st.dictionaries(
    st.text(max_size=5) | st.sampled_from(["a/b", "~1", "~", "0"]),
    st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
        max_leaves=8,
    ),
    max_size=4,
)


@given(contexts)
def test_a_value_comes_back_as_it_was(value):
    """Texts that look like a date stay texts, and dates stay dates, wherever they are."""
    data = values.loads(values.dumps(value))

    assert restored(data, pointers_of(value)) == value


@pytest.mark.parametrize("text", ["soon", "[1..", "", "(", "[a]"])
def test_what_is_no_literal_is_refused(text):
    """A server that says a text stands for a date has to send one."""
    with pytest.raises(InputError, match="expected a date"):
        restored({"day": text}, ["/day"])
