"""Syntax tree to one generated Python function.

The Python tree is built node by node from our own checked tree: no text of the user ever becomes
Python text, names of the user never become Python names (`v1`, `v2`, ... stand for them), and the
only things that generated code can reach are the constants and functions put into its namespace
here. Python's own builtins are absent.

Every construct that binds names (context, loop, filter, function) becomes a nested `def`, so that
closures capture the right round of a loop. Comparisons of a number or text with a constant are
written out; everything else calls a function of `arithmetic`, `compare` or `access`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from tenuto.feel import access, arithmetic, compare, syntax
from tenuto.feel.builtins.signature import Builtin, invoke, invoke_named
from tenuto.feel.function import Function
from tenuto.feel.meter import Meter, Site
from tenuto.feel.snippets import (
    Frame,
    call,
    compile_function,
    function_def,
    is_constant,
    is_type,
    load,
    member_or,
)
from tenuto.feel.syntax import Node
from tenuto.feel.types import ANY, conforms
from tenuto.values import parse_temporal

# Takes a context and a meter; that of unary tests the input as well.
Compiled = Callable[..., Any]
External = Callable[[dict[str, Any]], Callable[..., Any] | None]

INPUT = "?"
_ARITHMETIC = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide", "**": "raise_power"}
_RELATION = {
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
_ROUND_NODES = 16
# Nodes whose value is a verdict on the input by themselves, without being compared with it.
_VERDICTS = (
    syntax.Comparison,
    syntax.Between,
    syntax.In,
    syntax.Conjunction,
    syntax.Disjunction,
    syntax.InstanceOf,
    syntax.Quantified,
)


class Generator:
    """Turns one tree into one code object and its namespace."""

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
        self._count = 0
        self._constants: dict[tuple[type, Any], str] = {}
        self.names: dict[str, int] = {}
        self.namespace: dict[str, Any] = {"__builtins__": {}, **_RUNTIME}

    def generate(self, root: Node) -> Compiled:
        """Return the Python function of a tree."""
        frame = Frame(None)
        value = self._emit(root, frame)
        is_unary = isinstance(root, syntax.UnaryTests)
        parameters = ["context", "meter", *(["input"] if is_unary else [])]
        code = compile_function("expression", parameters, frame, value)
        exec(code, self.namespace)  # noqa: S102  # our own tree, checked node by node
        function: Compiled = self.namespace["expression"]
        return function

    # -- names and constants

    def _fresh(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}{self._count}"

    def _constant(self, value: Any) -> ast.expr:
        if value is None or type(value) in (bool, str) or type(value) is int:
            return ast.Constant(value)
        name = self._fresh("k")
        self.namespace[name] = value
        return load(name)

    def _site(self, at: int) -> ast.expr:
        key = (Site, at)
        if key not in self._constants:
            name = self._fresh("s")
            self.namespace[name] = Site(self._text, at)
            self._constants[key] = name
        return load(self._constants[key])

    def _call_at(self, name: str, node: Node, *arguments: ast.expr) -> ast.expr:
        """Call a runtime function that may warn: it gets the meter and the site last."""
        return call(name, *arguments, load("meter"), self._site(node.at))

    def _bind(self, frame: Frame, name: str) -> str:
        local = self._fresh("v")
        frame.bound[name] = local
        return local

    def _hold(self, value: ast.expr) -> tuple[ast.expr, ast.expr]:
        """Return the expression to evaluate first and the one that reads its value again."""
        if isinstance(value, ast.Constant | ast.Name):
            return value, value
        name = self._fresh("t")
        return ast.NamedExpr(ast.Name(name, ast.Store()), value), load(name)

    def _define(
        self, inner: Frame, outer: Frame, parameters: list[str], value: ast.expr
    ) -> ast.expr:
        """Put a nested function at the start of the outer one and return its name."""
        name = self._fresh("f")
        outer.statements.append(function_def(name, parameters, inner, value))
        return load(name)

    # -- dispatch

    def _emit(self, node: Node, frame: Frame) -> ast.expr:
        return _EMITTERS[type(node)](self, node, frame)

    def emit_constant(self, node: syntax.Constant, frame: Frame) -> ast.expr:
        return self._constant(node.value)

    def emit_at(self, node: syntax.AtLiteral, frame: Frame) -> ast.expr:
        value = parse_temporal(node.text)
        if value is None:
            message = f"expected a date, time or duration, but {node.text!r} is none"
            return self._warn("invalid-temporal", message, node)
        return self._constant(value)

    def _warn(self, code: str, message: str, node: Node) -> ast.expr:
        return call(
            "warn", load("meter"), ast.Constant(code), ast.Constant(message), self._site(node.at)
        )

    def emit_name(self, node: syntax.Name, frame: Frame) -> ast.expr:
        items: list[str] = []
        level: Frame | None = frame
        base: ast.expr | None = None
        while level is not None and base is None:
            if node.name in level.bound:
                base = load(level.bound[node.name])
            elif level.is_item:
                items.append(level.is_item)
            level = level.outer
        if base is None:
            base = self._emit_free(node)
        for item in reversed(items):
            base = member_or(item, node.name, base)
        return base

    def _emit_free(self, node: syntax.Name) -> ast.expr:
        builtin = self._builtins.get(node.name)
        if node.name not in self.names:
            self.names[node.name] = node.at
        name = ast.Constant(node.name)
        if builtin is not None and node.name not in self._declared:
            return call("look_up_function", load("context"), name, self._constant(builtin))
        return self._call_at("look_up", node, load("context"), name)

    def emit_list(self, node: syntax.ListLiteral, frame: Frame) -> ast.expr:
        return ast.List([self._emit(item, frame) for item in node.items], ast.Load())

    def emit_context(self, node: syntax.ContextLiteral, frame: Frame) -> ast.expr:
        keys = [entry.key for entry in node.entries]
        if len(set(keys)) < len(keys):
            return self._warn("duplicate-key", "expected each key of a context once", node)
        inner = Frame(frame)
        members = []
        for entry in node.entries:
            if isinstance(entry.value, syntax.FunctionLiteral):
                # A function may call itself: its own entry is known inside its body.
                local = self._bind(inner, entry.key)
                value = self._emit(entry.value, inner)
            else:
                value = self._emit(entry.value, inner)
                local = self._bind(inner, entry.key)
            inner.statements.append(ast.Assign([ast.Name(local, ast.Store())], value))
            members.append(load(local))
        display = ast.Dict([ast.Constant(key) for key in keys], list(members))
        return ast.Call(self._define(inner, frame, [], display), [], [])

    def emit_range(self, node: syntax.RangeLiteral, frame: Frame) -> ast.expr:
        closed = self._constant((node.start_included, node.end_included))
        start, end = self._emit(node.start, frame), self._emit(node.end, frame)
        return self._call_at("make_range", node, start, end, closed)

    def emit_open_range(self, node: syntax.OpenRange, frame: Frame) -> ast.expr:
        end = self._emit(node.end, frame)
        return self._call_at("make_open_range", node, ast.Constant(node.relation), end)

    def emit_negation(self, node: syntax.Negation, frame: Frame) -> ast.expr:
        return self._call_at("negate", node, self._emit(node.operand, frame))

    def emit_arithmetic(self, node: syntax.Arithmetic, frame: Frame) -> ast.expr:
        left, right = self._emit(node.left, frame), self._emit(node.right, frame)
        return self._call_at(_ARITHMETIC[node.operator], node, left, right)

    def emit_comparison(self, node: syntax.Comparison, frame: Frame) -> ast.expr:
        left, right = self._emit(node.left, frame), self._emit(node.right, frame)
        return self._compare(node, node.relation, left, right)

    def _compare(self, node: Node, relation: str, left: ast.expr, right: ast.expr) -> ast.expr:
        constant = self._value_of(right)
        is_number = type(constant) in (int, Decimal)
        if not is_number and type(constant) is not str:
            return self._call_at(_RELATION[relation], node, left, right)
        first, again = self._hold(left)
        if is_number:
            test: ast.expr = ast.BoolOp(
                ast.Or(), [is_type(first, "int"), is_type(again, "Decimal")]
            )
        else:
            test = is_type(first, "str")
        quick = ast.Compare(again, [_OPERATORS[relation]()], [right])
        slow = self._call_at(_RELATION[relation], node, again, right)
        return ast.IfExp(test, quick, slow)

    def _value_of(self, value: ast.expr) -> Any:
        if isinstance(value, ast.Constant):
            return value.value
        if isinstance(value, ast.Name) and value.id.startswith("k"):
            return self.namespace.get(value.id)
        return None

    def emit_between(self, node: syntax.Between, frame: Frame) -> ast.expr:
        parts = [self._emit(part, frame) for part in (node.value, node.low, node.high)]
        return self._call_at("between", node, *parts)

    def emit_in(self, node: syntax.In, frame: Frame) -> ast.expr:
        first, again = self._hold(self._emit(node.value, frame))
        tests = [self._emit_test(test, again, frame) for test in node.tests]
        if isinstance(first, ast.NamedExpr):
            # The value is computed once, before its tests.
            return ast.Subscript(
                ast.Tuple([first, self._any_of(tests)], ast.Load()), ast.Constant(1), ast.Load()
            )
        return self._any_of(tests)

    def _any_of(self, tests: list[ast.expr]) -> ast.expr:
        if len(tests) == 1:
            return tests[0]
        return self._join(tests, decisive=True, node=None)

    def _emit_test(self, node: Node, value: ast.expr, frame: Frame) -> ast.expr:
        """Return whether a value meets one test, the value being cheap to read again."""
        if isinstance(node, syntax.OpenRange):
            return self._compare(node, node.relation, value, self._emit(node.end, frame))
        if isinstance(node, syntax.RangeLiteral):
            low = ">=" if node.start_included else ">"
            high = "<=" if node.end_included else "<"
            start, end = self._emit(node.start, frame), self._emit(node.end, frame)
            tests = [self._compare(node, low, value, start), self._compare(node, high, value, end)]
            return self._join(tests, decisive=False, node=None)
        test = self._emit(node, frame)
        constant = self._value_of(test)
        if type(constant) in (int, Decimal, str):
            return self._compare(node, "=", value, test)
        return self._call_at("matches", node, value, test)

    def emit_conjunction(self, node: syntax.Conjunction, frame: Frame) -> ast.expr:
        operands = [self._emit(operand, frame) for operand in node.operands]
        return self._join(operands, decisive=False, node=node)

    def emit_disjunction(self, node: syntax.Disjunction, frame: Frame) -> ast.expr:
        operands = [self._emit(operand, frame) for operand in node.operands]
        return self._join(operands, decisive=True, node=node)

    def _join(self, operands: list[ast.expr], *, decisive: bool, node: Node | None) -> ast.expr:
        """Return three-valued `and` (decisive false) or `or` (decisive true)."""
        held = [self._hold(operand) for operand in operands]
        decided = ast.BoolOp(ast.Or(), [is_constant(first, decisive) for first, _ in held])
        settled = ast.BoolOp(ast.And(), [is_constant(again, not decisive) for _, again in held])
        unknown: ast.expr = ast.Constant(None)
        if node is not None:
            again = [reread for _, reread in held]
            site = self._site(node.at)
            unknown = call("explain_unknown", load("meter"), site, *again)
        return ast.IfExp(
            decided,
            ast.Constant(decisive),
            ast.IfExp(settled, ast.Constant(not decisive), unknown),
        )

    def emit_instance_of(self, node: syntax.InstanceOf, frame: Frame) -> ast.expr:
        return call("conforms", self._emit(node.value, frame), self._constant(node.type))

    def emit_if(self, node: syntax.If, frame: Frame) -> ast.expr:
        condition = is_constant(self._emit(node.condition, frame), True)
        return ast.IfExp(condition, self._emit(node.then, frame), self._emit(node.otherwise, frame))

    # -- loops

    def emit_for(self, node: syntax.For, frame: Frame) -> ast.expr:
        reads_partial = any(
            isinstance(part, syntax.Name) and part.name == "partial"
            for part in syntax.walk(node.body)
        )
        cost = ast.Constant(_cost(node.body))
        if len(node.bindings) == 1 and not reads_partial:
            binding = node.bindings[0]
            source = self._emit_source(binding, frame)
            inner = Frame(frame)
            local = self._bind(inner, binding.name)
            body = self._define(inner, frame, [local], self._emit(node.body, inner))
            return self._call_at("run_simple_loop", node, source, body, cost)
        sources, inner, parameters = self._emit_bindings(node.bindings, frame)
        parameters.append(self._bind(inner, "partial"))
        body = self._define(inner, frame, parameters, self._emit(node.body, inner))
        return self._call_at("run_loop", node, sources, body, cost)

    def emit_quantified(self, node: syntax.Quantified, frame: Frame) -> ast.expr:
        sources, inner, parameters = self._emit_bindings(node.bindings, frame)
        condition = self._define(inner, frame, parameters, self._emit(node.condition, inner))
        wanted = ast.Constant(node.quantifier == "some")
        cost = ast.Constant(_cost(node.condition))
        return self._call_at("run_quantified", node, sources, condition, wanted, cost)

    def _emit_bindings(
        self, bindings: tuple[syntax.Binding, ...], frame: Frame
    ) -> tuple[ast.expr, Frame, list[str]]:
        """Return a tuple of functions, each from the variables bound so far to its source."""
        sources: list[ast.expr] = []
        parameters: list[str] = []
        bound: dict[str, str] = {}
        for binding in bindings:
            inner = Frame(frame)
            inner.bound.update(bound)
            value = self._emit_source(binding, inner)
            sources.append(self._define(inner, frame, list(parameters), value))
            local = self._fresh("v")
            bound[binding.name] = local
            parameters.append(local)
        body = Frame(frame)
        body.bound.update(bound)
        return ast.Tuple(sources, ast.Load()), body, parameters

    def _emit_source(self, binding: syntax.Binding, frame: Frame) -> ast.expr:
        source = self._emit(binding.source, frame)
        if binding.end is None:
            return source
        return self._call_at("count_between", binding, source, self._emit(binding.end, frame))

    # -- paths, filters, calls

    def emit_path(self, node: syntax.Path, frame: Frame) -> ast.expr:
        source = self._emit(node.source, frame)
        return self._call_at("read_path", node, source, ast.Constant(node.name))

    def emit_filter(self, node: syntax.Filter, frame: Frame) -> ast.expr:
        source = self._emit(node.source, frame)
        predicate = node.predicate
        if isinstance(predicate, syntax.Constant) and type(predicate.value) in (int, Decimal):
            return self._call_at("read_index", node, source, self._constant(predicate.value))
        item = self._fresh("v")
        inner = Frame(frame, is_item=item)
        inner.bound["item"] = item
        value = self._emit_predicate(predicate, inner, item)
        keep = self._define(inner, frame, [item], value)
        return self._call_at("filter_items", node, source, keep)

    def _emit_predicate(self, predicate: Node, inner: Frame, item: str) -> ast.expr:
        if not any(
            isinstance(part, syntax.Name) and part.name == "item" for part in syntax.walk(predicate)
        ):
            return self._emit(predicate, inner)
        # An entry named "item" hides the item itself (TCK 0069).
        alias = self._fresh("v")
        member = member_or(item, "item", load(item))
        inner.bound["item"] = alias
        inner.statements.append(ast.Assign([ast.Name(alias, ast.Store())], member))
        return self._emit(predicate, inner)

    def emit_invocation(self, node: syntax.Invocation, frame: Frame) -> ast.expr:
        builtin = self._static_builtin(node.function, frame)
        if builtin is not None:
            return self._emit_builtin(builtin, node, frame)
        function = self._emit(node.function, frame)
        if node.named:
            named = ast.Dict(
                [ast.Constant(argument.name) for argument in node.named],
                [self._emit(argument.value, frame) for argument in node.named],
            )
            return self._call_at("call_named", node, function, named)
        arguments = [self._emit(argument, frame) for argument in node.arguments]
        return self._call_at("call", node, function, ast.Tuple(arguments, ast.Load()))

    def _static_builtin(self, function: Node, frame: Frame) -> Builtin | None:
        if not isinstance(function, syntax.Name) or function.name in self._declared:
            return None
        level: Frame | None = frame
        while level is not None:
            if function.name in level.bound:
                return None
            level = level.outer
        return self._builtins.get(function.name)

    def _emit_builtin(self, builtin: Builtin, node: syntax.Invocation, frame: Frame) -> ast.expr:
        names = tuple(argument.name for argument in node.named)
        count = len(node.arguments)
        signatures = builtin.choose_named(names) if names else builtin.choose(count)
        if not signatures:
            return self._warn("wrong-arguments", f"expected {builtin.explain()}", node)
        if names:
            values = [self._emit(argument.value, frame) for argument in node.named]
            named = ast.Dict([ast.Constant(name) for name in names], list(values))
            return self._call_at("invoke_named", node, self._constant(signatures), named)
        arguments = [self._emit(argument, frame) for argument in node.arguments]
        if builtin.is_pure:
            folded = self._fold(signatures, arguments)
            if folded is not None:
                return folded
        values_tuple = ast.Tuple(list(arguments), ast.Load())
        return self._call_at("invoke", node, self._constant(signatures), values_tuple)

    def _fold(self, signatures: Any, arguments: list[ast.expr]) -> ast.expr | None:
        """Return the value of a pure call with constant arguments, unless it warns."""
        values = [self._value_of(argument) for argument in arguments]
        if any(value is None for value in values):
            return None
        meter = Meter()
        value = invoke(signatures, tuple(values), meter, Site("", 0))
        return None if value is None or meter.warnings else self._constant(value)

    # -- functions and tests

    def emit_function(self, node: syntax.FunctionLiteral, frame: Frame) -> ast.expr:
        parameters = tuple((item.name, item.type or ANY) for item in node.parameters)
        if node.is_external:
            return self._emit_external(node, parameters, frame)
        inner = Frame(frame)
        locals_ = [self._bind(inner, name) for name, _ in parameters]
        body = self._define(inner, frame, ["meter", *locals_], self._emit(node.body, inner))
        return call("make_function", self._constant(parameters), body)

    def _emit_external(
        self, node: syntax.FunctionLiteral, parameters: Any, frame: Frame
    ) -> ast.expr:
        binding = self._emit(node.body, frame)
        return self._call_at(
            "make_external",
            node,
            self._constant(parameters),
            self._constant(self._external),
            binding,
        )

    def emit_unary_tests(self, node: syntax.UnaryTests, frame: Frame) -> ast.expr:
        if not node.tests:
            return ast.Constant(True)
        # The function of unary tests has the input as its third parameter.
        frame.bound[INPUT] = "input"
        tests = [self._emit_unary_test(test, "input", frame) for test in node.tests]
        verdict = self._any_of(tests)
        if not node.is_negated:
            return verdict
        first, again = self._hold(verdict)
        return ast.IfExp(
            is_constant(first, None), ast.Constant(None), ast.UnaryOp(ast.Not(), again)
        )

    def _emit_unary_test(self, node: Node, local: str, frame: Frame) -> ast.expr:
        reads_input = any(
            isinstance(part, syntax.Name) and part.name == INPUT for part in syntax.walk(node)
        )
        if reads_input or isinstance(node, _VERDICTS):
            return self._emit(node, frame)
        if isinstance(node, syntax.Invocation):
            return self._call_at("judge", node, load(local), self._emit(node, frame))
        return self._emit_test(node, load(local), frame)


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
    **{name: getattr(arithmetic, name) for name in (*_ARITHMETIC.values(), "negate")},
    **{name: getattr(compare, name) for name in (*_RELATION.values(), "between", "matches")},
    **{
        function.__name__: function
        for function in (
            access.look_up,
            access.look_up_function,
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
_Emitter = Callable[[Generator, Any, Frame], ast.expr]
_EMITTERS: dict[type[Node], _Emitter] = {
    syntax.Constant: Generator.emit_constant,
    syntax.AtLiteral: Generator.emit_at,
    syntax.Name: Generator.emit_name,
    syntax.ListLiteral: Generator.emit_list,
    syntax.ContextLiteral: Generator.emit_context,
    syntax.RangeLiteral: Generator.emit_range,
    syntax.OpenRange: Generator.emit_open_range,
    syntax.Negation: Generator.emit_negation,
    syntax.Arithmetic: Generator.emit_arithmetic,
    syntax.Comparison: Generator.emit_comparison,
    syntax.Between: Generator.emit_between,
    syntax.In: Generator.emit_in,
    syntax.Conjunction: Generator.emit_conjunction,
    syntax.Disjunction: Generator.emit_disjunction,
    syntax.InstanceOf: Generator.emit_instance_of,
    syntax.If: Generator.emit_if,
    syntax.For: Generator.emit_for,
    syntax.Quantified: Generator.emit_quantified,
    syntax.Path: Generator.emit_path,
    syntax.Filter: Generator.emit_filter,
    syntax.Invocation: Generator.emit_invocation,
    syntax.FunctionLiteral: Generator.emit_function,
    syntax.UnaryTests: Generator.emit_unary_tests,
}


def _cost(node: Node) -> int:
    """Return the steps that one round of a loop over this body is charged."""
    return 1 + len(syntax.walk(node)) // _ROUND_NODES
