"""Random FEEL trees and values, for properties."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from tenuto.feel import syntax, types
from tenuto.feel.syntax import Node

NAMES = ("a", "b", "total", "list", "order", "Full Name")
MEMBERS = ("a", "b", "x y", "year", "start")
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)
NUMBERS = st.integers(0, 10**20) | st.decimals(0, 10**9, places=3)
AT_TEXTS = st.sampled_from(
    ["2024-02-29", "2024-02-29T09:30:00Z", "09:30:00", "P1D", "P1Y2M", "nonsense"]
)
FUNCTIONS = ("count", "sum", "max", "string", "upper case", "not", "sqrt", "date", "contains")


def constants() -> st.SearchStrategy[Node]:
    """Literals, negative numbers included."""
    numbers = NUMBERS.map(_unsigned) | st.integers(-(10**6), -1)
    values = numbers | st.booleans() | st.none() | TEXTS
    return values.map(lambda value: syntax.Constant(value=value))


def _unsigned(number: int | Decimal) -> int | Decimal:
    return number if number else 0


def leaves() -> st.SearchStrategy[Node]:
    """Literals and names."""
    return (
        constants()
        | st.sampled_from(NAMES).map(lambda name: syntax.Name(name=name))
        | AT_TEXTS.map(lambda text: syntax.AtLiteral(text=text))
    )


def pairs(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[tuple[Node, ...]]:
    """Two or three operands."""
    return st.lists(inner, min_size=2, max_size=3).map(tuple)


def operations(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    """Operators over smaller trees."""
    relation = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
    operand = inner.map(lambda node: syntax.Name(name="a") if _is_positive(node) else node)
    open_range = st.builds(syntax.OpenRange, relation=relation, end=inner)
    return st.one_of(
        st.builds(syntax.Negation, operand=operand),
        st.builds(
            syntax.Arithmetic,
            operator=st.sampled_from(["+", "-", "*", "/", "**"]),
            left=inner,
            right=inner,
        ),
        st.builds(syntax.Comparison, relation=relation, left=inner, right=inner),
        st.builds(syntax.Between, value=inner, low=inner, high=inner),
        st.builds(
            syntax.In,
            value=inner,
            tests=st.lists(inner | open_range, min_size=1, max_size=3).map(tuple),
        ),
        st.builds(syntax.Conjunction, operands=pairs(inner)),
        st.builds(syntax.Disjunction, operands=pairs(inner)),
        st.builds(
            syntax.InstanceOf,
            value=inner,
            type=st.sampled_from(
                [types.NUMBER, types.DATE, types.DATE_AND_TIME, types.ListType(types.STRING)]
            ),
        ),
        open_range,
        st.builds(
            syntax.RangeLiteral,
            start=inner,
            end=inner,
            start_included=st.booleans(),
            end_included=st.booleans(),
        ),
    )


def _is_positive(node: Node) -> bool:
    """Whether the minus before it would become part of a number."""
    return (
        isinstance(node, syntax.Constant) and type(node.value) in (int, Decimal) and node.value > 0
    )


def constructs(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    """Everything else over smaller trees."""
    first, second = (
        st.builds(syntax.Binding, name=st.just(name), source=inner, end=st.none() | inner)
        for name in ("i", "j")
    )
    bindings = st.tuples(first) | st.tuples(first, second)
    entry = st.builds(syntax.Entry, key=st.sampled_from(MEMBERS) | TEXTS, value=inner)
    callee = st.sampled_from(FUNCTIONS).map(lambda name: syntax.Name(name=name))
    function = st.builds(
        syntax.FunctionLiteral,
        parameters=st.just((syntax.Parameter(name="p", type=types.NUMBER),)),
        body=inner,
    )
    return st.one_of(
        st.lists(inner, max_size=3).map(lambda items: syntax.ListLiteral(items=tuple(items))),
        st.lists(entry, max_size=3).map(lambda items: syntax.ContextLiteral(entries=tuple(items))),
        st.builds(syntax.If, condition=inner, then=inner, otherwise=inner),
        st.builds(syntax.For, bindings=bindings, body=inner),
        st.builds(
            syntax.Quantified,
            quantifier=st.sampled_from(["some", "every"]),
            bindings=bindings,
            condition=inner,
        ),
        st.builds(syntax.Path, source=inner, name=st.sampled_from(MEMBERS)),
        st.builds(syntax.Filter, source=inner, predicate=inner),
        st.builds(
            syntax.Invocation, function=callee, arguments=st.lists(inner, max_size=2).map(tuple)
        ),
        st.builds(syntax.Invocation, function=function, arguments=st.tuples(inner)),
    )


_TREES = st.recursive(leaves(), lambda inner: operations(inner) | constructs(inner), max_leaves=10)


@st.composite
def trees(draw: st.DrawFn) -> Node:
    """Random trees; a composite of its own has a readable name in reports."""
    return draw(_TREES)


TREES = trees()


def shape(part: Any) -> Any:
    """A tree without its offsets, for comparison."""
    if isinstance(part, Node):
        fields = (field for field in part.__struct_fields__ if field != "at")
        return (type(part).__name__, *(shape(getattr(part, field)) for field in fields))
    if isinstance(part, tuple):
        return tuple(map(shape, part))
    return (type(part).__name__, part)
