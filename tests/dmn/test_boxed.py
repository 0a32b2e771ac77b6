"""Boxed expressions: what each of the twelve kinds gives (DMN 1.5 §7.3, §10.2)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tenuto import dmn
from tenuto.errors import ModelError

from .models import decision, definitions, inputs, literal, reads


def make(boxed, **given):
    """The result of a decision with this logic."""
    model = dmn.load(definitions(inputs(*given), decision("d", reads(*given), boxed)))
    return model.evaluate("d", given)


def entry(name, boxed):
    """A context entry, or the result without a name."""
    variable = f'<variable name="{name}"/>' if name else ""
    return f"<contextEntry>{variable}{boxed}</contextEntry>"


def part(tag, text):
    """A child expression."""
    return f"<{tag}>{literal(text)}</{tag}>"


def function(parameters, boxed, kind="FEEL"):
    """A function definition."""
    named = "".join(f'<formalParameter name="{name}"/>' for name in parameters.split())
    return f'<functionDefinition kind="{kind}">{named}{boxed}</functionDefinition>'


def test_a_context_gives_its_entries():
    """Later entries see earlier ones, under names with blanks too."""
    boxed = f"<context>{entry('net price', literal('x'))}{entry('b', literal('net price*2'))}"

    assert make(f"{boxed}</context>", x=3).value == {"net price": 3, "b": 6}


def test_a_context_with_a_result_gives_that():
    """The entry without a name is the value."""
    boxed = f"<context>{entry('a', literal('x + 1'))}{entry('', literal('a * 10'))}</context>"

    assert make(boxed, x=3).value == 40


def test_a_function_in_a_context_may_call_itself():
    """An entry that is a function is known inside its own body."""
    factorial = function("n", literal("if n < 2 then 1 else n * fac(n - 1)"))
    boxed = f"<context>{entry('fac', factorial)}{entry('', literal('fac(x)'))}</context>"

    assert make(boxed, x=5).value == 120


def test_an_invocation_binds_by_name():
    """The function is called with its arguments by name; a missing one is an error."""
    binding = f'<binding><parameter name="n"/>{literal("x")}</binding>'
    call = f"<invocation>{literal('f')}{binding}</invocation>"
    boxed = f"<context>{entry('f', function('n', literal('n + 1')))}{entry('', call)}</context>"

    assert make(boxed, x=1).value == 2
    assert make(boxed.replace(binding, ""), x=1).warnings[0].code == "wrong-arguments"


def test_a_list_gives_its_items():
    """Each item is an expression."""
    assert make(f"<list>{literal('x')}{literal('x + 1')}</list>", x=1).value == [1, 2]


def test_a_relation_gives_contexts():
    """Each row is a context by columns."""
    columns = '<column name="a"/><column name="b c"/>'
    boxed = f"<relation>{columns}<row>{literal('1')}{literal('x')}</row></relation>"

    assert make(boxed, x=2).value == [{"a": 1, "b c": 2}]


def test_a_row_of_another_length_is_refused():
    """Rows have a cell for each column."""
    with pytest.raises(ModelError, match="expected 2 cells in each row, but one has 1"):
        make(
            '<relation><column name="a"/><column name="b"/><row>'
            + literal("1")
            + "</row></relation>"
        )


@pytest.mark.parametrize(("x", "value"), [(1, "one"), (2, "other"), (None, "other")])
def test_a_conditional_chooses(x, value):
    """Only true leads to the first branch."""
    branches = part("if", "x = 1") + part("then", '"one"') + part("else", '"other"')

    assert make(f"<conditional>{branches}</conditional>", x=x).value == value


def test_a_filter_keeps_what_matches():
    """The items of a list, by members, by `item` and by position."""
    rows = [{"n": 1}, {"n": 5}]

    assert make(
        f"<filter>{part('in', 'x')}{part('match', 'item.n > 2')}</filter>", x=rows
    ).value == [{"n": 5}]
    assert make(
        f"<filter>{part('in', 'x')}{part('match', 'item > 2')}</filter>", x=[1, 3]
    ).value == [3]


def test_a_for_gives_a_value_for_each_item():
    """`partial` holds what was given so far."""
    body = f"{part('in', 'x')}{part('return', 'i + count(partial)')}"

    assert make(f'<for iteratorVariable="i">{body}</for>', x=[10, 20]).value == [10, 21]


@pytest.mark.parametrize(("kind", "value"), [("some", True), ("every", False)])
def test_quantifiers(kind, value):
    """`some` asks for one, `every` for all."""
    body = f"{part('in', 'x')}{part('satisfies', 'i > 2')}"

    assert make(f'<{kind} iteratorVariable="i">{body}</{kind}>', x=[1, 3]).value is value


def test_an_expression_that_is_missing_is_null_with_a_warning():
    """A decision without logic, and an empty text."""
    assert make("").warnings[0].code == "no-logic"
    assert make(literal(" ")).warnings[0].code == "no-logic"


OWNER, SIGNATURE = '"x.Rates"', '"of(double, int)"'
JAVA = function(
    "a b",
    f"<context>{entry('class', literal(OWNER))}"
    f"{entry('method signature', literal(SIGNATURE))}</context>",
    kind="Java",
)
CALL = f"<context>{entry('f', JAVA)}{entry('', literal('f(1.5, 2)'))}</context>"


def test_a_java_function_is_bound_to_python():
    """A registered function gets its arguments as its signature says; a float comes back exact."""
    seen = []

    def rate(a, b):
        seen.append((a, b))
        return 0.1

    source = definitions(decision("d", CALL))

    assert dmn.load(source, functions={"x.Rates.of": rate}).evaluate("d", {}).value == Decimal(
        "0.1"
    )
    assert [(type(a), type(b)) for a, b in seen] == [(float, int)]


def test_a_java_function_that_is_not_registered_is_refused():
    """The value is null, and the warning says what was asked for."""
    result = dmn.load(definitions(decision("d", CALL))).evaluate("d", {})

    assert result.value is None
    assert result.warnings[0].code == "unknown-external"
    assert "x.Rates" in result.warnings[0].message


def test_a_function_that_raises_is_null_with_a_warning():
    """What a registered function cannot do is a warning, no exception."""
    model = dmn.load(definitions(decision("d", CALL)), functions={"x.Rates.of": lambda a, b: 1 / 0})

    assert model.evaluate("d", {}).warnings[0].code == "external-failed"


def test_an_expression_of_another_language_is_refused():
    """Only FEEL is run."""
    boxed = '<literalExpression expressionLanguage="javascript"><text>1</text></literalExpression>'

    with pytest.raises(ModelError, match="javascript"):
        make(boxed)


@pytest.mark.parametrize(
    ("signature", "arguments", "value"),
    [
        ("char", '"a"', "a"),
        ("char", '"ab"', None),
        ("java.lang.String", "5", None),
        ("int", '"5"', None),
        ("java.util.List", "[1]", [1]),
    ],
)
def test_arguments_that_do_not_fit_their_java_type_are_refused(signature, arguments, value):
    """What Java would refuse is null with a warning."""
    text = f'function(a) external {{java: {{class: "x.Y", method signature: "same({signature})"}}}}'
    boxed = f"<context>{entry('f', literal(text))}{entry('', literal(f'f({arguments})'))}</context>"
    model = dmn.load(definitions(decision("d", boxed)), functions={"x.Y.same": lambda a: a})

    result = model.evaluate("d", {})

    assert result.value == value
    assert bool(result.warnings) is (value is None)


def test_a_function_that_is_bound_to_no_method_is_refused():
    """The context after `external` names class and method."""
    boxed = f"<context>{entry('f', literal('function(a) external {java: {}}'))}"

    result = make(f"{boxed}{entry('', literal('f(1)'))}</context>")

    assert result.warnings[0].code == "unknown-external"


def test_a_condition_that_is_no_boolean_is_null():
    """Neither branch is chosen."""
    branches = part("if", "x") + part("then", "1") + part("else", "2")

    result = make(f"<conditional>{branches}</conditional>", x="a")

    assert (result.value, result.warnings[0].code) == (None, "not-a-boolean")
