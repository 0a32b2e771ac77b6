"""Syntax tree to FEEL text, with the fewest parentheses that keep its meaning.

Parsing the text gives the same tree, offsets apart, where the same names are known.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tenuto.feel import syntax
from tenuto.feel.builtins.text import quote
from tenuto.feel.syntax import Node

# How tightly a text binds; an operand below what its place needs gets parentheses.
_OPEN = 0
_OR = 1
_AND = 2
_COMPARISON = 3
_SUM = 4
_NEGATION = 7
_VALUE = 9
_ARITHMETIC = {"+": _SUM, "-": _SUM, "*": 5, "/": 5, "**": 6}
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?: [A-Za-z_][A-Za-z0-9_]*)*")


def unparse(node: Node) -> str:
    """Return the text of a tree.

    >>> from tenuto import feel
    >>> unparse(feel.compile("(1+(2*x))").tree)
    '1 + 2 * x'
    """
    return _at(node, _OPEN)


def _at(node: Node, lowest: int) -> str:
    text, level = _WRITERS[type(node)](node)
    return text if level >= lowest else f"({text})"


def _constant(node: syntax.Constant) -> tuple[str, int]:
    value = node.value
    if value is None or isinstance(value, bool):
        return ("null" if value is None else str(value).lower()), _VALUE
    if isinstance(value, str):
        return quote(value), _VALUE
    return str(value), _NEGATION if value < 0 or _is_negative_zero(value) else _VALUE


def _is_negative_zero(value: Any) -> bool:
    return isinstance(value, Decimal) and value.is_signed()


def _list(node: syntax.ListLiteral) -> tuple[str, int]:
    return f"[{_joined(node.items)}]", _VALUE


def _context(node: syntax.ContextLiteral) -> tuple[str, int]:
    entries = (f"{_key(entry.key)}: {_at(entry.value, _OPEN)}" for entry in node.entries)
    return f"{{{', '.join(entries)}}}", _VALUE


def _key(key: str) -> str:
    return key if _PLAIN_KEY.fullmatch(key) else quote(key)


def _range(node: syntax.RangeLiteral) -> tuple[str, int]:
    opening = "[" if node.start_included else "("
    closing = "]" if node.end_included else ")"
    return f"{opening}{_at(node.start, _OPEN)}..{_at(node.end, _SUM)}{closing}", _VALUE


def _open_range(node: syntax.OpenRange) -> tuple[str, int]:
    return f"({_test(node)})", _VALUE


def _test(node: Node) -> str:
    if isinstance(node, syntax.OpenRange):
        return f"{node.relation} {_at(node.end, _SUM)}"
    return _at(node, _OPEN)


def _negation(node: syntax.Negation) -> tuple[str, int]:
    return f"-{_at(node.operand, _NEGATION)}", _NEGATION


def _arithmetic(node: syntax.Arithmetic) -> tuple[str, int]:
    level = _ARITHMETIC[node.operator]
    left, right = _at(node.left, level), _at(node.right, level + 1)
    return f"{left} {node.operator} {right}", level


def _comparison(node: syntax.Comparison) -> tuple[str, int]:
    left, right = _at(node.left, _COMPARISON), _at(node.right, _SUM)
    return f"{left} {node.relation} {right}", _COMPARISON


def _between(node: syntax.Between) -> tuple[str, int]:
    value = _at(node.value, _COMPARISON)
    return f"{value} between {_at(node.low, _SUM)} and {_at(node.high, _SUM)}", _COMPARISON


def _in(node: syntax.In) -> tuple[str, int]:
    tests = ", ".join(map(_test, node.tests))
    return f"{_at(node.value, _COMPARISON)} in ({tests})", _COMPARISON


def _conjunction(node: syntax.Conjunction) -> tuple[str, int]:
    return " and ".join(_at(operand, _COMPARISON) for operand in node.operands), _AND


def _disjunction(node: syntax.Disjunction) -> tuple[str, int]:
    return " or ".join(_at(operand, _AND) for operand in node.operands), _OR


def _instance_of(node: syntax.InstanceOf) -> tuple[str, int]:
    # In parentheses wherever more could follow: "date" and "and time" would run together.
    return f"{_at(node.value, _VALUE)} instance of {node.type}", _OPEN


def _if(node: syntax.If) -> tuple[str, int]:
    parts = [_at(part, _OPEN) for part in (node.condition, node.then, node.otherwise)]
    return f"if {parts[0]} then {parts[1]} else {parts[2]}", _OPEN


def _for(node: syntax.For) -> tuple[str, int]:
    return f"for {_bindings(node.bindings)} return {_at(node.body, _OPEN)}", _OPEN


def _quantified(node: syntax.Quantified) -> tuple[str, int]:
    bindings = _bindings(node.bindings)
    return f"{node.quantifier} {bindings} satisfies {_at(node.condition, _OPEN)}", _OPEN


def _bindings(bindings: tuple[syntax.Binding, ...]) -> str:
    return ", ".join(
        f"{binding.name} in {_at(binding.source, _OPEN)}"
        + (f"..{_at(binding.end, _OPEN)}" if binding.end is not None else "")
        for binding in bindings
    )


def _path(node: syntax.Path) -> tuple[str, int]:
    return f"{_at(node.source, _VALUE)}.{node.name}", _VALUE


def _filter(node: syntax.Filter) -> tuple[str, int]:
    return f"{_at(node.source, _VALUE)}[{_at(node.predicate, _OPEN)}]", _VALUE


def _invocation(node: syntax.Invocation) -> tuple[str, int]:
    named = ", ".join(f"{item.name}: {_at(item.value, _OPEN)}" for item in node.named)
    return f"{_at(node.function, _VALUE)}({named or _joined(node.arguments)})", _VALUE


def _function(node: syntax.FunctionLiteral) -> tuple[str, int]:
    parameters = ", ".join(
        f"{item.name}: {item.type}" if item.type else item.name for item in node.parameters
    )
    external = "external " if node.is_external else ""
    return f"function({parameters}) {external}{_at(node.body, _OPEN)}", _OPEN


def _unary_tests(node: syntax.UnaryTests) -> tuple[str, int]:
    if not node.tests:
        return "-", _OPEN
    text = ", ".join(map(_test, node.tests))
    if node.is_negated:
        return f"not({text})", _OPEN
    return (f"({text})" if len(node.tests) == 1 and text.startswith("not(") else text), _OPEN


def _joined(nodes: tuple[Node, ...]) -> str:
    return ", ".join(_at(node, _OPEN) for node in nodes)


_WRITERS: dict[type[Node], Callable[[Any], tuple[str, int]]] = {
    syntax.Constant: _constant,
    syntax.AtLiteral: lambda node: (f"@{quote(node.text)}", _VALUE),
    syntax.Name: lambda node: (node.name, _VALUE),
    syntax.ListLiteral: _list,
    syntax.ContextLiteral: _context,
    syntax.RangeLiteral: _range,
    syntax.OpenRange: _open_range,
    syntax.Negation: _negation,
    syntax.Arithmetic: _arithmetic,
    syntax.Comparison: _comparison,
    syntax.Between: _between,
    syntax.In: _in,
    syntax.Conjunction: _conjunction,
    syntax.Disjunction: _disjunction,
    syntax.InstanceOf: _instance_of,
    syntax.If: _if,
    syntax.For: _for,
    syntax.Quantified: _quantified,
    syntax.Path: _path,
    syntax.Filter: _filter,
    syntax.Invocation: _invocation,
    syntax.FunctionLiteral: _function,
    syntax.UnaryTests: _unary_tests,
}
