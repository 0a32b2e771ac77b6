"""Python for what binds names or calls: contexts, loops, filters, functions.

Every construct that binds names becomes a nested `def`, so that closures capture the right round.
"""

from __future__ import annotations

import ast
from decimal import Decimal
from typing import Any

from tenuto.feel import syntax
from tenuto.feel.emitter import Emitter
from tenuto.feel.meter import Meter, Site
from tenuto.feel.signature import Builtin, invoke
from tenuto.feel.snippets import Frame, call, load, member_or
from tenuto.feel.syntax import Node
from tenuto.feel.types import ANY

_ROUND_NODES = 16


def emit_context(emitter: Emitter, node: syntax.ContextLiteral, frame: Frame) -> ast.expr:
    """A context: later entries see earlier ones."""
    keys = [entry.key for entry in node.entries]
    if len(set(keys)) < len(keys):
        return emitter.warn("duplicate-key", "expected each key of a context once", node)
    inner = Frame(frame)
    members = []
    for entry in node.entries:
        if isinstance(entry.value, syntax.FunctionLiteral):
            # A function may call itself: its own entry is known inside its body.
            local = emitter.bind(inner, entry.key)
            value = emitter.emit(entry.value, inner)
        else:
            value = emitter.emit(entry.value, inner)
            local = emitter.bind(inner, entry.key)
        inner.statements.append(ast.Assign([ast.Name(local, ast.Store())], value))
        members.append(load(local))
    display = ast.Dict([ast.Constant(key) for key in keys], list(members))
    return ast.Call(emitter.define(inner, frame, [], display), [], [])


def emit_for(emitter: Emitter, node: syntax.For, frame: Frame) -> ast.expr:
    """A loop; one source without `partial` takes the short way."""
    reads_partial = any(
        isinstance(part, syntax.Name) and part.name == "partial" for part in syntax.walk(node.body)
    )
    cost = ast.Constant(_cost(node.body))
    if len(node.bindings) == 1 and not reads_partial:
        binding = node.bindings[0]
        source = _emit_source(emitter, binding, frame)
        inner = Frame(frame)
        local = emitter.bind(inner, binding.name)
        body = emitter.define(inner, frame, [local], emitter.emit(node.body, inner))
        return emitter.call_at("run_simple_loop", node, source, body, cost)
    sources, inner, parameters = _emit_bindings(emitter, node.bindings, frame)
    parameters.append(emitter.bind(inner, "partial"))
    body = emitter.define(inner, frame, parameters, emitter.emit(node.body, inner))
    return emitter.call_at("run_loop", node, sources, body, cost)


def emit_quantified(emitter: Emitter, node: syntax.Quantified, frame: Frame) -> ast.expr:
    """`some` and `every`."""
    sources, inner, parameters = _emit_bindings(emitter, node.bindings, frame)
    condition = emitter.define(inner, frame, parameters, emitter.emit(node.condition, inner))
    wanted = ast.Constant(node.quantifier == "some")
    cost = ast.Constant(_cost(node.condition))
    return emitter.call_at("run_quantified", node, sources, condition, wanted, cost)


def _emit_bindings(
    emitter: Emitter, bindings: tuple[syntax.Binding, ...], frame: Frame
) -> tuple[ast.expr, Frame, list[str]]:
    """Return a tuple of functions, each from the variables bound so far to its source."""
    sources: list[ast.expr] = []
    parameters: list[str] = []
    bound: dict[str, str] = {}
    for binding in bindings:
        inner = Frame(frame)
        inner.bound.update(bound)
        value = _emit_source(emitter, binding, inner)
        sources.append(emitter.define(inner, frame, list(parameters), value))
        local = emitter.fresh("v")
        bound[binding.name] = local
        parameters.append(local)
    body = Frame(frame)
    body.bound.update(bound)
    return ast.Tuple(sources, ast.Load()), body, parameters


def _emit_source(emitter: Emitter, binding: syntax.Binding, frame: Frame) -> ast.expr:
    source = emitter.emit(binding.source, frame)
    if binding.end is None:
        return source
    return emitter.call_at("count_between", binding, source, emitter.emit(binding.end, frame))


def emit_path(emitter: Emitter, node: syntax.Path, frame: Frame) -> ast.expr:
    """A member or property."""
    source = emitter.emit(node.source, frame)
    return emitter.call_at("read_path", node, source, ast.Constant(node.name))


def emit_filter(emitter: Emitter, node: syntax.Filter, frame: Frame) -> ast.expr:
    """A filter, or an index where the predicate is a number."""
    source = emitter.emit(node.source, frame)
    predicate = node.predicate
    if isinstance(predicate, syntax.Constant) and type(predicate.value) in (int, Decimal):
        return emitter.call_at("read_index", node, source, emitter.constant(predicate.value))
    item = emitter.fresh("v")
    inner = Frame(frame, is_item=item)
    inner.bound["item"] = item
    value = _emit_predicate(emitter, predicate, inner, item)
    keep = emitter.define(inner, frame, [item], value)
    return emitter.call_at("filter_items", node, source, keep)


def _emit_predicate(emitter: Emitter, predicate: Node, inner: Frame, item: str) -> ast.expr:
    if not any(
        isinstance(part, syntax.Name) and part.name == "item" for part in syntax.walk(predicate)
    ):
        return emitter.emit(predicate, inner)
    # An entry named "item" hides the item itself (TCK 0069).
    alias = emitter.fresh("v")
    member = member_or(item, "item", load(item))
    inner.bound["item"] = alias
    inner.statements.append(ast.Assign([ast.Name(alias, ast.Store())], member))
    return emitter.emit(predicate, inner)


def emit_invocation(emitter: Emitter, node: syntax.Invocation, frame: Frame) -> ast.expr:
    """A call: of a built-in that is known now, or of whatever the name means then."""
    builtin = _find_builtin(emitter, node.function, frame)
    if builtin is None:
        function = emitter.emit(node.function, frame)
    elif builtin.name not in emitter.declared:
        return _emit_builtin(emitter, builtin, node, frame)
    else:
        emitter.names.setdefault(builtin.name, node.function.at)
        name = ast.Constant(builtin.name)
        function = call("look_up_callable", load("context"), name, emitter.constant(builtin))
    if node.named:
        named = ast.Dict(
            [ast.Constant(argument.name) for argument in node.named],
            [emitter.emit(argument.value, frame) for argument in node.named],
        )
        return emitter.call_at("call_named", node, function, named)
    arguments = [emitter.emit(argument, frame) for argument in node.arguments]
    return emitter.call_at("call", node, function, ast.Tuple(arguments, ast.Load()))


def _find_builtin(emitter: Emitter, function: Node, frame: Frame) -> Builtin | None:
    """Return the built-in that a name may mean here, if nothing bound in the text hides it."""
    if not isinstance(function, syntax.Name):
        return None
    level: Frame | None = frame
    while level is not None:
        if function.name in level.bound:
            return None
        level = level.outer
    return emitter.builtins.get(function.name)


def _emit_builtin(
    emitter: Emitter, builtin: Builtin, node: syntax.Invocation, frame: Frame
) -> ast.expr:
    names = tuple(argument.name for argument in node.named)
    count = len(node.arguments)
    signatures = builtin.choose_named(names) if names else builtin.choose(count)
    if not signatures:
        return emitter.warn("wrong-arguments", f"expected {builtin.explain()}", node)
    if names:
        values = [emitter.emit(argument.value, frame) for argument in node.named]
        named = ast.Dict([ast.Constant(name) for name in names], list(values))
        return emitter.call_at("invoke_named", node, emitter.constant(signatures), named)
    arguments = [emitter.emit(argument, frame) for argument in node.arguments]
    if builtin.is_pure:
        folded = _fold(emitter, signatures, arguments)
        if folded is not None:
            return folded
    values_tuple = ast.Tuple(list(arguments), ast.Load())
    return emitter.call_at("invoke", node, emitter.constant(signatures), values_tuple)


def _fold(emitter: Emitter, signatures: Any, arguments: list[ast.expr]) -> ast.expr | None:
    """Return the value of a pure call with constant arguments, unless it warns."""
    values = [emitter.value_of(argument) for argument in arguments]
    if any(value is None for value in values):
        return None
    meter = Meter()
    value = invoke(signatures, tuple(values), meter, Site("", 0))
    return None if value is None or meter.warnings else emitter.constant(value)


def emit_function(emitter: Emitter, node: syntax.FunctionLiteral, frame: Frame) -> ast.expr:
    """A closure."""
    parameters = tuple((item.name, item.type or ANY) for item in node.parameters)
    if node.is_external:
        return _emit_external(emitter, node, parameters, frame)
    inner = Frame(frame)
    locals_ = [emitter.bind(inner, name) for name, _ in parameters]
    body = emitter.define(inner, frame, ["meter", *locals_], emitter.emit(node.body, inner))
    return call("make_function", emitter.constant(parameters), body)


def _emit_external(
    emitter: Emitter, node: syntax.FunctionLiteral, parameters: Any, frame: Frame
) -> ast.expr:
    binding = emitter.emit(node.body, frame)
    return emitter.call_at(
        "make_external",
        node,
        emitter.constant(parameters),
        emitter.constant(emitter.external),
        binding,
    )


def _cost(node: Node) -> int:
    """Return the steps that one round of a loop over this body is charged."""
    return 1 + len(syntax.walk(node)) // _ROUND_NODES
