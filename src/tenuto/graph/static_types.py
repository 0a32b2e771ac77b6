"""What is known of a formula's type before anything runs: literals, dates by their functions, and
variables whose type is declared. Everything else is unknown, and nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Callable

from tenuto import feel
from tenuto.errors import FeelSyntaxError
from tenuto.feel import syntax
from tenuto.graph.data import Formula
from tenuto.values import parse_temporal

# Built-in functions that give one type, or null, whatever they are called with.
_FUNCTIONS = {
    "date": feel.DATE,
    "time": feel.TIME,
    "date and time": feel.DATE_AND_TIME,
    "now": feel.DATE_AND_TIME,
    "today": feel.DATE,
    "string": feel.STRING,
    "number": feel.NUMBER,
    "count": feel.NUMBER,
    "sum": feel.NUMBER,
    "upper case": feel.STRING,
    "lower case": feel.STRING,
    "string length": feel.NUMBER,
}
_YES_NO = (
    syntax.Comparison,
    syntax.Between,
    syntax.In,
    syntax.Conjunction,
    syntax.Disjunction,
    syntax.InstanceOf,
    syntax.Quantified,
)


def declared_type(text: str) -> feel.Type:
    """Return the type that a declaration names; what does not parse is `Any`."""
    try:
        return feel.parse_type(text)
    except FeelSyntaxError:
        return feel.ANY


def static_type(formula: Formula, variable: Callable[[str], feel.Type | None]) -> feel.Type | None:
    """Return the type of what a formula gives (or null), None when it is not known.

    `variable` says what is known of a variable's type.
    """
    if formula.expression is None:
        return feel.type_of(formula.constant)
    return _type_of(formula.expression.tree, variable)


def _type_of(node: syntax.Node, variable: Callable[[str], feel.Type | None]) -> feel.Type | None:
    if isinstance(node, syntax.Name):
        return variable(node.name)
    if isinstance(node, syntax.Constant):
        return feel.type_of(node.value)
    if isinstance(node, syntax.AtLiteral):
        value = parse_temporal(node.text)
        return None if value is None else feel.type_of(value)
    if isinstance(node, _YES_NO):
        return feel.BOOLEAN
    if isinstance(node, syntax.Invocation) and isinstance(node.function, syntax.Name):
        hidden = variable(node.function.name) is not None
        return None if hidden else _FUNCTIONS.get(node.function.name)
    if isinstance(node, syntax.ListLiteral):
        kinds = {_type_of(item, variable) for item in node.items}
        only = kinds.pop() if len(kinds) == 1 else None
        return feel.ListType(feel.ANY if only is None else only)
    if isinstance(node, syntax.ContextLiteral):
        members = {entry.key: _type_of(entry.value, variable) for entry in node.entries}
        return feel.ContextType({name: kind or feel.ANY for name, kind in members.items()})
    if isinstance(node, syntax.Path):
        source = _type_of(node.source, variable)
        return source.members.get(node.name) if isinstance(source, feel.ContextType) else None
    return None


def are_disjoint(one: feel.Type, other: feel.Type) -> bool:
    """Tell whether no value but null (or an empty list) is of both types."""
    if feel.ANY in (one, other) or feel.NULL in (one, other):
        return False
    if isinstance(one, feel.ListType) and isinstance(other, feel.ListType):
        return are_disjoint(one.item, other.item)
    if isinstance(one, feel.RangeType) and isinstance(other, feel.RangeType):
        return are_disjoint(one.item, other.item)
    if isinstance(one, feel.ContextType) and isinstance(other, feel.ContextType):
        return any(
            are_disjoint(kind, other.members[name])
            for name, kind in one.members.items()
            if name in other.members
        )
    if isinstance(one, feel.FunctionType) and isinstance(other, feel.FunctionType):
        return False
    return one != other
