"""Compiled code means what the tree says, keeps its budget and reaches nothing of the host."""

from __future__ import annotations

import ast
import builtins
import decimal
import re
import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenuto import feel
from tenuto.errors import BudgetExceeded
from tenuto.feel import Budget, Function, generate, snippets
from tenuto.feel.compare import is_same
from tenuto.feel.unparse import unparse

from .plain import evaluate
from .trees import NAMES, TREES

CONTEXT: dict[str, Any] = {
    "a": 3,
    "b": "text",
    "list": [1, 2, {"a": 1, "x y": None}],
    "order": {"a": Decimal("1.5"), "b": [True]},
    "total": None,
    "Full Name": "Bob",
}


def same(left: Any, right: Any) -> bool:
    """Whether two values are the same; functions only have to be functions."""
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, Function):
        return isinstance(right, Function)
    return is_same(left, right)


def outcome(run: Callable[[], Any]) -> Any:
    """The value, or that the budget was spent."""
    try:
        return run()
    except (BudgetExceeded, RecursionError):
        return BudgetExceeded


@given(TREES)
def test_compiled_code_agrees_with_a_tree_walk(tree):
    """Generated code gives the value that a plain walk over the tree gives."""
    expression = feel.compile(unparse(tree), names=(*NAMES, "x y"))

    compiled = outcome(lambda: expression.call(CONTEXT))
    walked = outcome(lambda: evaluate(expression.tree, CONTEXT))
    if BudgetExceeded not in (compiled, walked):
        assert same(compiled, walked), expression.text


@pytest.mark.parametrize(
    "text",
    [
        "for i in 1..30000 return i",
        "for i in 1..1000, j in 1..1000 return 1",
        "some i in 1..10000000 satisfies i < 0",
        "every i in 1..200, j in 1..200 satisfies i > 0",
        "count(for i in 1..100 return for j in 1..300 return j)",
        "{f: function(n) f(n + 1), r: f(1)}.r",
        "{f: function(n) if n = 0 then 0 else f(n - 1) + f(n - 1), r: f(40)}.r",
        '(for i in 1..60 return if i = 1 then "xxxxxxxxxxxxxxxxxxxxxxxx" else '
        "partial[-1] + partial[-1])[-1]",
        "count((for i in 1..60 return if i = 1 then [1] else "
        "concatenate(partial[-1], partial[-1]))[-1])",
        "string((for i in 1..60 return if i = 1 then [1] else [partial[-1], partial[-1]])[-1])",
        "flatten((for i in 1..60 return if i = 1 then [1] else [partial[-1], partial[-1]])[-1])",
        "{a: for i in 1..5000 return [partial[-1]], b: string(a[-1])}.b",
        'replace(string join(for i in 1..9000 return "aaaaaaaaaa"), "a", '
        'string join(for i in 1..9000 return "bbbbbbbbbb"))',
        'matches(string join(for i in 1..5000 return "a"), "(a+)+b")',
        'matches("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "(a|a)*(a|a)*b")',
        'matches(string join(for i in 1..3000 return "a"), "a*a*a*a*b")',
        'split(string join(for i in 1..3000 return "a"), "(a?){30}b")',
        "sort(for i in 1..5000 return modulo(i * 7919, 5003), function(x, y) x < y)",
        'for i in @"0001-01-01"..@"9999-12-31" return i',
        "for i in [-1000000000..1000000000] return i",
    ],
    ids=lambda text: text[:24],
)
def test_what_would_run_for_ever_is_stopped(text):
    """Every loop, recursion, growth and pattern is charged."""
    with pytest.raises(BudgetExceeded):
        feel.compile(text).evaluate({})


def test_a_budget_is_the_callers():
    """Steps, size and depth can be set for one evaluation."""
    loop = feel.compile("count(for i in 1..100 return i)")

    assert loop.evaluate({}, budget=Budget(steps=1_000)).value == 100
    with pytest.raises(BudgetExceeded, match="50 steps"):
        loop.evaluate({}, budget=Budget(steps=50))
    with pytest.raises(BudgetExceeded, match="at most 10"):
        feel.compile('"123456" + "123456"').evaluate({}, budget=Budget(size=10))


def test_steps_are_counted_alike_every_time():
    """The same evaluation spends the same steps, so a turn ends at the same place on replay."""
    expression = feel.compile("sum(for i in 1..50 return i ** 2)")

    assert len({expression.evaluate({}).steps for _ in range(3)}) == 1


def test_recursion_within_the_budget_is_fine():
    """An entry of a context that is a function may call itself."""
    text = "{f: function(n) if n <= 1 then 1 else n * f(n - 1), r: f(20)}.r"

    assert feel.compile(text).evaluate({}).value == 2432902008176640000


@pytest.mark.parametrize(
    "text",
    [
        "x.__class__",
        "x.real",
        "(function(a) a).call",
        "abs.signatures",
        "__builtins__",
        "meter",
        "context",
        "type(x)",
        '"a".upper',
        '@"2024-01-01".number',
        "{a: 1}.keys",
        "v1",
    ],
)
def test_nothing_of_the_host_is_reachable(text):
    """Names and attributes of Python are unknown names and members."""
    evaluation = feel.compile(text).evaluate({"x": 1})

    assert evaluation.value is None or isinstance(evaluation.value, Function)
    assert evaluation.warnings or text == "context"


FORBIDDEN = (ast.Attribute, ast.Import, ast.ImportFrom, ast.Global, ast.Starred, ast.JoinedStr)
KNOWN = frozenset((*generate._RUNTIME, "meter", "context"))


def watch(built: list[ast.AST]) -> Callable[..., Any]:
    """Python's compile, keeping what it is given."""

    def keep(tree: ast.AST, *rest: Any) -> Any:
        built.append(tree)
        return builtins.compile(tree, *rest)

    return keep


@given(TREES)
def test_generated_code_names_only_what_it_was_given(tree):
    """No text of the user becomes a Python name or attribute."""
    built: list[ast.AST] = []
    expression = feel.compile(unparse(tree), names=NAMES)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(snippets, "compile", watch(built), raising=False)
        outcome(lambda: expression.call(CONTEXT))

    names = {node.id for module in built for node in ast.walk(module) if isinstance(node, ast.Name)}
    assert not any(isinstance(node, FORBIDDEN) for module in built for node in ast.walk(module))
    assert all(re.fullmatch(r"[vkstf][0-9]+", name) or name in KNOWN for name in names)


@pytest.mark.parametrize("precision", [2, 5, 60])
def test_the_threads_own_decimal_context_changes_nothing(precision):
    """Arithmetic passes its context; what the calling thread has set does not matter."""
    texts = [
        "1/3",
        "-0.123456789012345678901234567890123",
        "2.5*1.123456789",
        "sqrt(2)",
        "mean([1,2,2])",
        "decimal(1.23456789, 5)",
        '@"PT1.123456789S".seconds',
        "1e30 + 0.001",
        "modulo(10.5, 3)",
    ]
    expected = [feel.compile(text).call({}) for text in texts]
    found: list[Any] = []

    def work() -> None:
        decimal.getcontext().prec = precision
        found.extend(feel.compile(text).call({}) for text in texts)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert list(map(str, found)) == list(map(str, expected))


FINITE = st.decimals(-(10**20), 10**20, places=6) | st.integers(-(10**33), 10**33)
STANDARD = decimal.Context(prec=34, rounding=decimal.ROUND_HALF_EVEN, Emin=-6143, Emax=6144)


@given(FINITE, FINITE, st.sampled_from("+-*/"))
def test_arithmetic_is_that_of_the_standards_context(left, right, operator):
    """Results equal those of Python's decimal with 34 digits, half even."""
    operation = {
        "+": STANDARD.add,
        "-": STANDARD.subtract,
        "*": STANDARD.multiply,
        "/": STANDARD.divide,
    }[operator]
    value = feel.compile(f"left {operator} right").call({"left": left, "right": right})

    if operator == "/" and right == 0:
        assert value is None
    else:
        assert value == operation(STANDARD.plus(Decimal(left)), STANDARD.plus(Decimal(right)))


def test_closures_keep_the_round_that_made_them():
    """Functions made in a loop see the variables of their own round."""
    text = "for f in (for i in 1..3 return {k: i * 10, g: function(x) x + k}.g) return f(1)"

    assert feel.compile(text).call({}) == [11, 21, 31]


def test_a_closure_spends_the_budget_of_its_caller():
    """A function value that outlives its evaluation runs on the meter of whoever calls it."""
    function = feel.compile("function(n) for i in 1..n return i").call({})

    with pytest.raises(BudgetExceeded):
        feel.compile("f(100)").evaluate({"f": function}, budget=Budget(steps=20))
    assert feel.compile("count(f(100))").call({"f": function}) == 100


def test_one_meter_serves_several_expressions():
    """Expressions that share a meter share budget and warnings."""
    meter = feel.Meter(budget=Budget(steps=150))
    loop = feel.compile("for i in 1..100 return i")

    loop.run({}, meter)
    with pytest.raises(BudgetExceeded):
        loop.run({}, meter)


def test_expressions_are_shared_between_threads():
    """Threads that meet at the first evaluation all get the right value."""
    texts = [
        f'if a > {number} then [a, {number}.5, "x"] else sum([a, {number}])' for number in range(40)
    ]
    expressions = [feel.compile(text) for text in texts]
    expected = [feel.compile(text).call({"a": 20}) for text in texts]
    found: list[list[Any]] = []

    def work() -> None:
        found.append([expression.call({"a": 20}) for expression in expressions])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [expected] * 4
