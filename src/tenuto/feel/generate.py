"""Syntax tree to one generated Python function.

The Python tree is built node by node from our own checked tree: no text of the user ever becomes
Python text, names of the user never become Python names (`v1`, `v2`, ... stand for them), and the
only things that generated code can reach are the constants and functions put into its namespace
here. Python's own builtins are absent.

This file holds the two tables: which function emits which node, and which functions generated code
may call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from tenuto.feel import access, arithmetic, compare, emit_scopes, emit_values, syntax
from tenuto.feel.emitter import RELATION, Emit, Emitter, External
from tenuto.feel.function import Function
from tenuto.feel.meter import Meter, Site
from tenuto.feel.signature import Builtin, invoke, invoke_named
from tenuto.feel.snippets import Frame, compile_function
from tenuto.feel.syntax import Node
from tenuto.feel.types import conforms

# Takes a context and a meter; that of unary tests the input as well.
Compiled = Callable[..., Any]


class Generator:
    """Turns one tree into one Python function, whenever it is asked."""

    def __init__(
        self,
        text: str,
        builtins: Mapping[str, Builtin],
        declared: frozenset[str],
        external: External | None = None,
    ) -> None:
        """`declared` names hide built-in functions of the same name."""
        self._text = text
        self._builtins = builtins
        self._declared = declared
        self._external = external

    def generate(self, root: Node) -> tuple[Compiled, frozenset[str]]:
        """Return the Python function of a tree and the variables that it reads.

        Two threads may do so at the same time: nothing is shared between two calls.
        """
        emitter = Emitter(
            self._text, _EMITTERS, _RUNTIME, self._builtins, self._declared, self._external
        )
        frame = Frame(None)
        value = emitter.emit(root, frame)
        is_unary = isinstance(root, syntax.UnaryTests)
        parameters = ["context", "meter", *(["input"] if is_unary else [])]
        code = compile_function("expression", parameters, frame, value)
        exec(code, emitter.namespace)  # noqa: S102  # our own tree, checked node by node
        function: Compiled = emitter.namespace["expression"]
        return function, frozenset(emitter.names)


def judge(value: Any, result: Any, meter: Meter, site: Site) -> Any:
    """Return the verdict of a call in a unary test: its own, or whether the input meets it."""
    if type(result) is bool and value is not None and type(value) is not bool:
        return result
    return compare.matches(value, result, meter, site)


def make_function(parameters: tuple[Any, ...], body: Callable[..., Any]) -> Function:
    """Return a closure as a function value."""
    return Function(parameters, lambda arguments, meter: body(meter, *arguments))


def make_external(
    parameters: tuple[Any, ...], external: External | None, binding: Any, meter: Meter, site: Site
) -> Any:
    """Return an external function if something is registered for its binding."""
    found = external(binding) if external is not None and isinstance(binding, dict) else None
    if found is None:
        meter.warn("unknown-external", "expected a registered function, but nothing is bound", site)
        return None
    return Function(parameters, found)


def warn(meter: Meter, code: str, message: str, site: Site) -> None:
    """Add a warning that was known when the expression was compiled."""
    meter.warn(code, message, site)


_RUNTIME: dict[str, Any] = {
    **{name: getattr(arithmetic, name) for name in (*emit_values.ARITHMETIC.values(), "negate")},
    **{name: getattr(compare, name) for name in (*RELATION.values(), "between", "matches")},
    **{
        function.__name__: function
        for function in (
            access.look_up,
            access.look_up_function,
            access.look_up_callable,
            access.make_range,
            access.make_open_range,
            access.read_path,
            access.read_index,
            access.filter_items,
            access.count_between,
            access.run_loop,
            access.run_simple_loop,
            access.run_quantified,
            access.call,
            access.call_named,
            access.explain_unknown,
            invoke,
            invoke_named,
            conforms,
            judge,
            make_function,
            make_external,
            warn,
        )
    },
    "type": type,
    "int": int,
    "str": str,
    "dict": dict,
    "Decimal": Decimal,
}
_EMITTERS: dict[type[Node], Emit] = {
    syntax.Constant: emit_values.emit_constant,
    syntax.AtLiteral: emit_values.emit_at,
    syntax.Name: emit_values.emit_name,
    syntax.ListLiteral: emit_values.emit_list,
    syntax.ContextLiteral: emit_scopes.emit_context,
    syntax.RangeLiteral: emit_values.emit_range,
    syntax.OpenRange: emit_values.emit_open_range,
    syntax.Negation: emit_values.emit_negation,
    syntax.Arithmetic: emit_values.emit_arithmetic,
    syntax.Comparison: emit_values.emit_comparison,
    syntax.Between: emit_values.emit_between,
    syntax.In: emit_values.emit_in,
    syntax.Conjunction: emit_values.emit_conjunction,
    syntax.Disjunction: emit_values.emit_disjunction,
    syntax.InstanceOf: emit_values.emit_instance_of,
    syntax.If: emit_values.emit_if,
    syntax.For: emit_scopes.emit_for,
    syntax.Quantified: emit_scopes.emit_quantified,
    syntax.Path: emit_scopes.emit_path,
    syntax.Filter: emit_scopes.emit_filter,
    syntax.Invocation: emit_scopes.emit_invocation,
    syntax.FunctionLiteral: emit_scopes.emit_function,
    syntax.UnaryTests: emit_values.emit_unary_tests,
}
