"""JUEL: the part that only reads variables is translated, everything else is refused."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenuto import feel
from tenuto.bpmn.juel import NotTranslatable, quote, translate

CONTEXT = {
    "a": 5,
    "nothing": None,
    "s": "hi",
    "items": [1, 2],
    "none": [],
    "m": {"k": {"z": 1}, "a-b": 2},
    "no": False,
    "date": "d",
    "in": 7,
    "count": 3,
}


def value(text):
    """Return what a JUEL text gives, by way of FEEL."""
    translation = translate(text)
    return feel.compile(translation.feel, names=translation.names, camunda=True).call(CONTEXT)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${a}", 5),
        ("#{a + 1}", 6),
        ("${a - 1 * 2}", 3),
        ("${(a - 1) * 2}", 8),
        ("${a / 2}", Decimal("2.5")),
        ("${a div 2}", Decimal("2.5")),
        ("${a mod 2}", 1),
        ("${-a + 10}", 5),
        ("${1.5e2}", 150),
        ("${a == 5}", True),
        ("${a eq 5 and a ne 6}", True),
        ("${a > 4 && a <= 5}", True),
        ("${a lt 4 || a ge 5}", True),
        ("${!no}", True),
        ("${not no}", True),
        ("${!nothing}", True),
        ("${a > 3 ? 'big' : 'small'}", "big"),
        ("${a > 9 ? 1 : a > 4 ? 2 : 3}", 2),
        ("${empty nothing}", True),
        ("${empty none}", True),
        ("${empty items}", False),
        ("${!empty s}", True),
        ("${empty m}", False),
        ("${m.k.z}", 1),
        ('${m["a-b"]}', 2),
        ("${m.between}", None),
        ("${in + 1}", 8),
        ("${items[0]}", 1),
        ("${s == 'hi'}", True),
        ("${'it\\'s'}", "it's"),
        ("${true}", True),
        ("${null == nothing}", True),
        ("Hi ${s}!", "Hi hi!"),
        ("${s}${a}", "hi5"),
        ("<${nothing}>", "<>"),
        ("plain", "plain"),
        ("${date}", "d"),
        ("${count + 1}", 4),
        ("${items.size() == 2}", True),
        ("${s.contains('h')}", True),
        ("${items.contains(2)}", True),
        ("${s.equals('hi')}", True),
        ("${s.startsWith('h')}", True),
        ("${execution.getVariable('a')}", 5),
        ("${execution.hasVariable('nothing')}", False),
    ],
)
def test_reading_expressions_keep_their_meaning(text, expected):
    """What only reads variables means in FEEL what it means in JUEL."""
    assert value(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "${bean.call()}",
        "${bean.call(a, 1).more}",
        "${dateTime()}",
        "${execution.processInstanceId}",
        "${execution.setVariable('a', 1)}",
        "${s.getClass().forName('x')}",
    ],
)
def test_calls_are_told_apart(text):
    """A call of Java code is refused as a call: a registered handler may do it instead."""
    with pytest.raises(NotTranslatable) as caught:
        translate(text)

    assert caught.value.is_call


@pytest.mark.parametrize(
    "text",
    [
        "${",
        "${}",
        "${a",
        "${a b}",
        "${a ? b}",
        "${a[}",
        "${a.}",
        "${a[b]}",
        "${'x}",
        "${@}",
        "${for}",
        "${A²}",
    ],
)
def test_what_is_no_juel_is_refused(text):
    """Broken expressions are refused, and not as calls."""
    with pytest.raises(NotTranslatable) as caught:
        translate(text)

    assert not caught.value.is_call


@pytest.mark.parametrize("text", ["${" + "(" * 5_000 + "}", "${" + "!" * 5_000 + "a}"])
def test_depth_is_bounded(text):
    """Deep nesting is refused instead of exhausting the stack."""
    with pytest.raises(NotTranslatable, match="inside each other"):
        translate(text)


@pytest.mark.parametrize(
    "text",
    ["${" + "empty " * 31 + "a}", "${s" + ".contains('h')" * 40 + "}", "${a}" * 100_000],
)
def test_translation_does_not_grow_beyond_its_text(text):
    """Operands that FEEL names twice do not double without end; many expressions cost linearly."""
    try:
        translation = translate(text)
    except NotTranslatable:
        return
    assert len(translation.feel) < 20 * len(text)


@given(st.text())
def test_any_text_translates_or_is_refused(text):
    """Any text in an expression is translated or refused; nothing else happens."""
    try:
        translation = translate("${" + text + "}")
    except NotTranslatable:
        return
    feel.compile(translation.feel, names=translation.names, camunda=True)


NAMES = st.sampled_from(["a", "s", "no", "if", "in", "date", "größe", "x1", "instance"])


@given(
    st.recursive(
        NAMES | st.sampled_from(["1", "'t'", "null", "true"]),
        lambda inner: (
            st.builds("({} {} {})".format, inner, st.sampled_from(list("+-*/<>")), inner)
            | st.builds("{}.{}".format, inner.filter(str.isidentifier), NAMES)
            | st.builds("!{}".format, inner)
            | st.builds("empty {}".format, inner)
            | st.builds("({} ? {} : {})".format, inner, inner, inner)
        ),
        max_leaves=8,
    )
)
def test_what_is_translated_compiles(text):
    """Whatever is translated is FEEL that compiles and evaluates."""
    try:
        translation = translate("${" + text + "}")
    except NotTranslatable:
        return
    feel.compile(translation.feel, names=translation.names, camunda=True).call(CONTEXT)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])))
def test_quoted_text_is_itself(text):
    """The FEEL literal of a text gives that text."""
    assert feel.compile(quote(text), camunda=True).call({}) == text


def test_now_is_the_instant_of_the_turn():
    """now() is FEEL's now()."""
    assert translate("${now()}").feel == "now()"
