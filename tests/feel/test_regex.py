"""Regular expressions: XPath's meaning, on both machines, in bounded time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenuto import feel
from tenuto.feel.builtins.regex import compile_regex
from tenuto.feel.meter import Budget, Meter

ROWS = [
    ("abracadabra", "bra", "", True),
    ("abracadabra", "^a.*a$", "", True),
    ("abracadabra", "^bra", "", False),
    ("hello\nworld", "hello.world", "", False),
    ("hello\nworld", "hello.world", "s", True),
    ("one\ntwo", "^two$", "", False),
    ("one\ntwo", "^two$", "m", True),
    ("one\n", "one$", "", False),
    ("helloworld", "hello world", "x", True),
    ("helloworld", "hello[ ]world", "x", False),
    ("hello world", r"hello\ sworld", "x", True),
    ("KIKI", "kiki", "i", True),
    ("A", "[a-z]", "i", True),
    ("A", "[^a]", "i", False),
    ("e", "[a-z-[aeiou]]", "", False),
    ("b", "[a-z-[aeiou]]", "", True),
    ("_", r"\w", "", False),
    ("é", r"\w", "", True),
    ("+", r"\w", "", True),
    ("٣", r"\d", "", True),
    ("\u00a0", r"\s", "", False),
    ("Ä", r"\p{Lu}", "", True),
    ("ä", r"\P{Lu}", "", True),
    ("Ω", r"\p{IsGreek}", "", True),
    ("x-1", r"^\i\c*$", "", True),
    ("1x", r"^\i\c*$", "", False),
    ("abab", r"^(ab)\1$", "", True),
    ("abAB", r"^(ab)\1$", "i", True),
    ("aXbX", r"^(?:a|b)X", "", True),
    ("a.b", "a.b", "q", True),
    ("axb", "a.b", "q", False),
    ("]", r"[\]]", "", True),
    ("-", "[a-]", "", True),
    ("aaa", "^a{2,3}$", "", True),
    ("aaaa", "^a{2,3}$", "", False),
    ("\U0001f40e", "^.$", "", True),
    ("", "^$", "", True),
]


@pytest.mark.parametrize(("text", "pattern", "flags", "expected"), ROWS)
def test_patterns_mean_what_xpath_says(text, pattern, flags, expected):
    """Anchors, classes, flags and references of XML Schema and XPath."""
    context = {"t": text, "p": pattern, "f": flags}

    assert feel.compile("matches(t, p, f)").call(context) is expected


SAFE = st.recursive(
    st.sampled_from(["a", "b", ".", "[ab]", "[^a]", r"\d", "c"]),
    lambda inner: (
        st.tuples(inner, inner).map("".join)
        | st.tuples(inner, inner).map("({0[0]}|{0[1]})".format)
        | st.tuples(inner, st.sampled_from(["*", "+", "?", "*?", "{1,2}"])).map(
            "({0[0]}){0[1]}".format
        )
        | inner.map("({})".format)
    ),
    max_leaves=6,
)


@given(SAFE, st.text("abc1", max_size=8))
def test_both_machines_find_the_same(pattern, text):
    """Our machine and Python's agree on every match where both may run."""
    regex = compile_regex(pattern, None)

    ours = list(regex._find_slowly(text, Meter(budget=Budget(steps=10**9))))

    assert [spans[:2] for spans in ours] == [spans[:2] for spans in regex._find_natively(text)]


@given(st.text("ab()[]{}*+?|^$\\.-,1pPu", max_size=12), st.text("ab1", max_size=10))
def test_no_pattern_crashes(pattern, text):
    """Any text as a pattern gives true, false or null with a warning."""
    evaluation = feel.compile("matches(t, p)").evaluate({"t": text, "p": pattern})

    assert evaluation.value in (True, False) or evaluation.warnings
