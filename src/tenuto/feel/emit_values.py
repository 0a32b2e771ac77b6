"""Python for what gives a value where it stands: literals, names, operators, tests."""

from __future__ import annotations

import ast
from decimal import Decimal

from tenuto.feel import syntax
from tenuto.feel.emitter import Emitter
from tenuto.feel.snippets import Frame, call, is_constant, load, member_or
from tenuto.feel.syntax import Node
from tenuto.values import parse_temporal

INPUT = "?"
ARITHMETIC = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide", "**": "raise_power"}
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


def emit_constant(emitter: Emitter, node: syntax.Constant, frame: Frame) -> ast.expr:
    """A literal."""
    return emitter.constant(node.value)


def emit_at(emitter: Emitter, node: syntax.AtLiteral, frame: Frame) -> ast.expr:
    """A temporal literal, read now."""
    value = parse_temporal(node.text)
    if value is None:
        message = f"expected a date, time or duration, but {node.text!r} is none"
        return emitter.warn("invalid-temporal", message, node)
    return emitter.constant(value)


def emit_name(emitter: Emitter, node: syntax.Name, frame: Frame) -> ast.expr:
    """A bound name, or a variable; items of filters around it may hide it."""
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
        base = _emit_free(emitter, node)
    for item in reversed(items):
        base = member_or(item, node.name, base)
    return base


def _emit_free(emitter: Emitter, node: syntax.Name) -> ast.expr:
    builtin = emitter.builtins.get(node.name)
    if node.name not in emitter.names:
        emitter.names[node.name] = node.at
    name = ast.Constant(node.name)
    if builtin is not None and node.name not in emitter.declared:
        return call("look_up_function", load("context"), name, emitter.constant(builtin))
    return emitter.call_at("look_up", node, load("context"), name)


def emit_list(emitter: Emitter, node: syntax.ListLiteral, frame: Frame) -> ast.expr:
    """A list."""
    return ast.List([emitter.emit(item, frame) for item in node.items], ast.Load())


def emit_range(emitter: Emitter, node: syntax.RangeLiteral, frame: Frame) -> ast.expr:
    """A range."""
    closed = emitter.constant((node.start_included, node.end_included))
    start, end = emitter.emit(node.start, frame), emitter.emit(node.end, frame)
    return emitter.call_at("make_range", node, start, end, closed)


def emit_open_range(emitter: Emitter, node: syntax.OpenRange, frame: Frame) -> ast.expr:
    """A comparison as a range."""
    end = emitter.emit(node.end, frame)
    return emitter.call_at("make_open_range", node, ast.Constant(node.relation), end)


def emit_negation(emitter: Emitter, node: syntax.Negation, frame: Frame) -> ast.expr:
    """A sign."""
    return emitter.call_at("negate", node, emitter.emit(node.operand, frame))


def emit_arithmetic(emitter: Emitter, node: syntax.Arithmetic, frame: Frame) -> ast.expr:
    """An operator of arithmetic."""
    left, right = emitter.emit(node.left, frame), emitter.emit(node.right, frame)
    return emitter.call_at(ARITHMETIC[node.operator], node, left, right)


def emit_comparison(emitter: Emitter, node: syntax.Comparison, frame: Frame) -> ast.expr:
    """A comparison."""
    left, right = emitter.emit(node.left, frame), emitter.emit(node.right, frame)
    return emitter.compare(node, node.relation, left, right)


def emit_between(emitter: Emitter, node: syntax.Between, frame: Frame) -> ast.expr:
    """`between`."""
    parts = [emitter.emit(part, frame) for part in (node.value, node.low, node.high)]
    return emitter.call_at("between", node, *parts)


def emit_in(emitter: Emitter, node: syntax.In, frame: Frame) -> ast.expr:
    """`in`: the value is computed once, before its tests."""
    first, again = emitter.hold(emitter.emit(node.value, frame))
    tests = [_emit_test(emitter, test, again, frame) for test in node.tests]
    if isinstance(first, ast.NamedExpr):
        # The value is computed once, before its tests.
        return ast.Subscript(
            ast.Tuple([first, emitter.any_of(tests)], ast.Load()), ast.Constant(1), ast.Load()
        )
    return emitter.any_of(tests)


def _emit_test(emitter: Emitter, node: Node, value: ast.expr, frame: Frame) -> ast.expr:
    """Return whether a value meets one test, the value being cheap to read again."""
    if isinstance(node, syntax.OpenRange):
        return emitter.compare(node, node.relation, value, emitter.emit(node.end, frame))
    if isinstance(node, syntax.RangeLiteral):
        low = ">=" if node.start_included else ">"
        high = "<=" if node.end_included else "<"
        start, end = emitter.emit(node.start, frame), emitter.emit(node.end, frame)
        tests = [emitter.compare(node, low, value, start), emitter.compare(node, high, value, end)]
        return emitter.join(tests, decisive=False, node=None)
    test = emitter.emit(node, frame)
    constant = emitter.value_of(test)
    if type(constant) in (int, Decimal, str):
        return emitter.compare(node, "=", value, test)
    return emitter.call_at("matches", node, value, test)


def emit_conjunction(emitter: Emitter, node: syntax.Conjunction, frame: Frame) -> ast.expr:
    """`and`."""
    operands = [emitter.emit(operand, frame) for operand in node.operands]
    return emitter.join(operands, decisive=False, node=node)


def emit_disjunction(emitter: Emitter, node: syntax.Disjunction, frame: Frame) -> ast.expr:
    """`or`."""
    operands = [emitter.emit(operand, frame) for operand in node.operands]
    return emitter.join(operands, decisive=True, node=node)


def emit_instance_of(emitter: Emitter, node: syntax.InstanceOf, frame: Frame) -> ast.expr:
    """`instance of`."""
    return call("conforms", emitter.emit(node.value, frame), emitter.constant(node.type))


def emit_if(emitter: Emitter, node: syntax.If, frame: Frame) -> ast.expr:
    """A condition."""
    condition = is_constant(emitter.emit(node.condition, frame), True)
    return ast.IfExp(condition, emitter.emit(node.then, frame), emitter.emit(node.otherwise, frame))


def emit_unary_tests(emitter: Emitter, node: syntax.UnaryTests, frame: Frame) -> ast.expr:
    """Unary tests: the function gets the input as its third parameter."""
    if not node.tests:
        return ast.Constant(True)
    frame.bound[INPUT] = "input"
    tests = [_emit_unary_test(emitter, test, "input", frame) for test in node.tests]
    verdict = emitter.any_of(tests)
    if not node.is_negated:
        return verdict
    first, again = emitter.hold(verdict)
    return ast.IfExp(is_constant(first, None), ast.Constant(None), ast.UnaryOp(ast.Not(), again))


def _emit_unary_test(emitter: Emitter, node: Node, local: str, frame: Frame) -> ast.expr:
    reads_input = any(
        isinstance(part, syntax.Name) and part.name == INPUT for part in syntax.walk(node)
    )
    if reads_input or isinstance(node, _VERDICTS):
        return emitter.emit(node, frame)
    if isinstance(node, syntax.Invocation):
        return emitter.call_at("judge", node, load(local), emitter.emit(node, frame))
    return _emit_test(emitter, node, load(local), frame)
