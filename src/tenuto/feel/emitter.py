"""One expression on its way to Python: fresh names, constants, and pieces that many nodes need.

Comparisons of a number or text with a constant are written out; everything else calls a function of
`arithmetic`, `compare` or `access` by its name in the namespace.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from tenuto.feel.meter import Site
from tenuto.feel.signature import Builtin
from tenuto.feel.snippets import Frame, call, function_def, is_constant, is_type, load
from tenuto.feel.syntax import Node

External = Callable[[dict[str, Any]], Callable[..., Any] | None]
Emit = Callable[["Emitter", Any, Frame], ast.expr]

RELATION = {
    "=": "equal",
    "!=": "not_equal",
    "<": "less",
    "<=": "less_equal",
    ">": "greater",
    ">=": "greater_equal",
}
_OPERATORS: dict[str, type[ast.cmpop]] = {
    "=": ast.Eq,
    "!=": ast.NotEq,
    "<": ast.Lt,
    "<=": ast.LtE,
    ">": ast.Gt,
    ">=": ast.GtE,
}


class Emitter:
    """The names, constants and namespace of one expression under construction."""

    def __init__(
        self,
        text: str,
        emitters: Mapping[type[Node], Emit],
        runtime: Mapping[str, Any],
        builtins: Mapping[str, Builtin],
        declared: frozenset[str],
        external: External | None,
    ) -> None:
        """`declared` names hide built-in functions of the same name."""
        self._text = text
        self.builtins = builtins
        self.declared = declared
        self.external = external
        self._emitters = emitters
        self._count = 0
        self._constants: dict[tuple[type, Any], str] = {}
        self.names: dict[str, int] = {}
        self.namespace: dict[str, Any] = {"__builtins__": {}, **runtime}

    def fresh(self, prefix: str) -> str:
        """Return a Python name that no other part uses."""
        self._count += 1
        return f"{prefix}{self._count}"

    def constant(self, value: Any) -> ast.expr:
        """Return a value that is known now."""
        if value is None or type(value) in (bool, str) or type(value) is int:
            return ast.Constant(value)
        name = self.fresh("k")
        self.namespace[name] = value
        return load(name)

    def site(self, at: int) -> ast.expr:
        """Return the place of an offset."""
        key = (Site, at)
        if key not in self._constants:
            name = self.fresh("s")
            self.namespace[name] = Site(self._text, at)
            self._constants[key] = name
        return load(self._constants[key])

    def call_at(self, name: str, node: Node, *arguments: ast.expr) -> ast.expr:
        """Call a runtime function that may warn: it gets the meter and the site last."""
        return call(name, *arguments, load("meter"), self.site(node.at))

    def bind(self, frame: Frame, name: str) -> str:
        """Return the Python name for a FEEL name in a frame, made known there."""
        local = self.fresh("v")
        frame.bound[name] = local
        return local

    def hold(self, value: ast.expr) -> tuple[ast.expr, ast.expr]:
        """Return the expression to evaluate first and the one that reads its value again."""
        if isinstance(value, ast.Constant | ast.Name):
            return value, value
        name = self.fresh("t")
        return ast.NamedExpr(ast.Name(name, ast.Store()), value), load(name)

    def define(
        self, inner: Frame, outer: Frame, parameters: list[str], value: ast.expr
    ) -> ast.expr:
        """Put a nested function at the start of the outer one and return its name."""
        name = self.fresh("f")
        outer.statements.append(function_def(name, parameters, inner, value))
        return load(name)

    def emit(self, node: Node, frame: Frame) -> ast.expr:
        """Return the Python expression for a node."""
        return self._emitters[type(node)](self, node, frame)

    def warn(self, code: str, message: str, node: Node) -> ast.expr:
        """Return null with a warning that is known now."""
        return call(
            "warn", load("meter"), ast.Constant(code), ast.Constant(message), self.site(node.at)
        )

    def compare(self, node: Node, relation: str, left: ast.expr, right: ast.expr) -> ast.expr:
        """Return a comparison, written out where one side is a number or text that is known."""
        constant = self.value_of(right)
        is_number = type(constant) in (int, Decimal)
        if not is_number and type(constant) is not str:
            return self.call_at(RELATION[relation], node, left, right)
        first, again = self.hold(left)
        if is_number:
            test: ast.expr = ast.BoolOp(
                ast.Or(), [is_type(first, "int"), is_type(again, "Decimal")]
            )
        else:
            test = is_type(first, "str")
        quick = ast.Compare(again, [_OPERATORS[relation]()], [right])
        slow = self.call_at(RELATION[relation], node, again, right)
        return ast.IfExp(test, quick, slow)

    def value_of(self, value: ast.expr) -> Any:
        """Return the value of an expression where it is known now, else None."""
        if isinstance(value, ast.Constant):
            return value.value
        if isinstance(value, ast.Name) and value.id.startswith("k"):
            return self.namespace.get(value.id)
        return None

    def any_of(self, tests: list[ast.expr]) -> ast.expr:
        """Return three-valued `or` of tests."""
        if len(tests) == 1:
            return tests[0]
        return self.join(tests, decisive=True, node=None)

    def join(self, operands: list[ast.expr], *, decisive: bool, node: Node | None) -> ast.expr:
        """Return three-valued `and` (decisive false) or `or` (decisive true)."""
        held = [self.hold(operand) for operand in operands]
        decided = ast.BoolOp(ast.Or(), [is_constant(first, decisive) for first, _ in held])
        settled = ast.BoolOp(ast.And(), [is_constant(again, not decisive) for _, again in held])
        unknown: ast.expr = ast.Constant(None)
        if node is not None:
            again = [reread for _, reread in held]
            site = self.site(node.at)
            unknown = call("explain_unknown", load("meter"), site, *again)
        return ast.IfExp(
            decided,
            ast.Constant(decisive),
            ast.IfExp(settled, ast.Constant(not decisive), unknown),
        )
