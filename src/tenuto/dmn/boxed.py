"""Boxed expressions to logic (DMN 1.5 §7.3 and §10.2): each is compiled once into a closure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tenuto import feel
from tenuto.dmn import notation
from tenuto.dmn.compiler import Compiler, Names, nothing, typed
from tenuto.dmn.running import Inner, Logic, Run
from tenuto.dmn.table import compile_table
from tenuto.feel import access


def compile_boxed(
    boxed: notation.Boxed | None, names: Names, compiler: Compiler, label: str
) -> Logic:
    """Return the logic of a boxed expression; `label` is the element that has it."""
    if boxed is None:
        return nothing(label, "an expression")
    logic = _COMPILERS[type(boxed)](boxed, names, compiler, label)
    if isinstance(boxed, notation.Function):
        return logic
    return typed(logic, compiler.kinds.find(boxed.type_ref, boxed.line), label)


def _compile_literal(
    boxed: notation.Literal, names: Names, compiler: Compiler, label: str
) -> Logic:
    if not boxed.text.strip():
        return nothing(label, "a FEEL text")
    return compiler.compile(boxed.text, names, label, boxed.line).run


def _compile_context(
    boxed: notation.Context, names: Names, compiler: Compiler, label: str
) -> Logic:
    parts: list[tuple[str, Logic]] = []
    result: Logic | None = None
    for entry in boxed.entries:
        kind = compiler.kinds.find(entry.type_ref, boxed.line)
        inner = names
        if entry.name is not None and isinstance(entry.value, notation.Function):
            # A function may call itself.
            inner = names | {entry.name}
        logic = typed(compile_boxed(entry.value, inner, compiler, label), kind, label)
        if entry.name is None:
            result = logic
        else:
            parts.append((entry.name, logic))
            names = names | {entry.name}

    def run_context(scope: Mapping[str, Any], run: Run) -> Any:
        inner = Inner(scope, {})
        for name, logic in parts:
            inner[name] = logic(inner, run)
        return dict(inner) if result is None else result(inner, run)

    return run_context


def _compile_invocation(
    boxed: notation.Invocation, names: Names, compiler: Compiler, label: str
) -> Logic:
    function = compile_boxed(boxed.function, names, compiler, label)
    arguments = [
        (binding.name, compile_boxed(binding.value, names, compiler, label))
        for binding in boxed.bindings
    ]
    site = feel.Site(_text_of(boxed.function) or label, 0)

    def run_invocation(scope: Mapping[str, Any], run: Run) -> Any:
        values = {name: logic(scope, run) for name, logic in arguments}
        return access.call_named(function(scope, run), values, run, site)

    return run_invocation


def _text_of(boxed: notation.Boxed | None) -> str:
    return boxed.text if isinstance(boxed, notation.Literal) else ""


def _compile_function(
    boxed: notation.Function, names: Names, compiler: Compiler, label: str
) -> Logic:
    parameters = tuple(
        (item.name, compiler.kinds.find(item.type_ref, boxed.line).type)
        for item in boxed.parameters
    )
    known = [name for name, _ in parameters]
    body = compile_boxed(boxed.body, names | frozenset(known), compiler, label)
    if boxed.kind.upper() != "FEEL":
        return _compile_external(boxed, parameters, body, compiler, label)

    def run_function(scope: Mapping[str, Any], run: Run) -> feel.Function:
        def call(arguments: tuple[Any, ...], meter: feel.Meter) -> Any:
            return body(Inner(scope, dict(zip(known, arguments, strict=True))), run)

        return feel.Function(parameters, call)

    return run_function


def _compile_external(
    boxed: notation.Function,
    parameters: tuple[tuple[str, feel.Type], ...],
    body: Logic,
    compiler: Compiler,
    label: str,
) -> Logic:
    site = feel.Site(label, 0)
    external = compiler.external

    def run_external(scope: Mapping[str, Any], run: Run) -> Any:
        binding = body(scope, run)
        found = external(binding) if isinstance(binding, dict) else None
        if found is None:
            run.warn(
                "unknown-external",
                f"expected a registered {boxed.kind} function, but {binding} is bound to none",
                site,
            )
            return None
        return feel.Function(parameters, found)

    return run_external


def _compile_sequence(
    boxed: notation.Sequence, names: Names, compiler: Compiler, label: str
) -> Logic:
    items = [compile_boxed(item, names, compiler, label) for item in boxed.items]
    return lambda scope, run: [item(scope, run) for item in items]


def _compile_relation(
    boxed: notation.Relation, names: Names, compiler: Compiler, label: str
) -> Logic:
    columns = [
        (column.name, compiler.kinds.find(column.type_ref, boxed.line)) for column in boxed.columns
    ]
    for row in boxed.rows:
        if len(row) != len(columns):
            raise compiler.refuse(
                f"expected {len(columns)} cells in each row, but one has {len(row)}",
                "cell-count",
                label,
                boxed.line,
            )
    rows = [
        [
            (name, typed(compile_boxed(cell, names, compiler, label), kind, label))
            for (name, kind), cell in zip(columns, row, strict=True)
        ]
        for row in boxed.rows
    ]
    return lambda scope, run: [{name: cell(scope, run) for name, cell in row} for row in rows]


def _compile_conditional(
    boxed: notation.Conditional, names: Names, compiler: Compiler, label: str
) -> Logic:
    condition = compile_boxed(boxed.condition, names, compiler, label)
    then = compile_boxed(boxed.then, names, compiler, label)
    otherwise = compile_boxed(boxed.otherwise, names, compiler, label)
    site = feel.Site(_text_of(boxed.condition) or label, 0)

    def run_conditional(scope: Mapping[str, Any], run: Run) -> Any:
        verdict = condition(scope, run)
        if verdict is True:
            return then(scope, run)
        if verdict is not False and verdict is not None:
            run.warn("not-a-boolean", "expected true or false as the condition", site)
            return None
        return otherwise(scope, run)

    return run_conditional


def _compile_filter(boxed: notation.Filter, names: Names, compiler: Compiler, label: str) -> Logic:
    source = compile_boxed(boxed.source, names, compiler, label)
    match = compile_boxed(boxed.match, names | {"item"}, compiler, label)
    site = feel.Site(_text_of(boxed.match) or label, 0)

    def run_filter(scope: Mapping[str, Any], run: Run) -> Any:
        def keeps(item: Any) -> Any:
            bound = {**item} if isinstance(item, dict) else {}
            bound.setdefault("item", item)
            return match(Inner(scope, bound), run)

        return access.filter_items(source(scope, run), keeps, run, site)

    return run_filter


def _compile_loop(boxed: notation.Loop, names: Names, compiler: Compiler, label: str) -> Logic:
    source = compile_boxed(boxed.source, names, compiler, label)
    inner = names | {boxed.variable}
    if boxed.kind == "for":
        inner |= {"partial"}
    body = compile_boxed(boxed.body, inner, compiler, label)
    site = feel.Site(_text_of(boxed.body) or label, 0)
    variable = boxed.variable

    def run_for(scope: Mapping[str, Any], run: Run) -> Any:
        def turn(item: Any, partial: Any) -> Any:
            return body(Inner(scope, {variable: item, "partial": partial}), run)

        return access.run_loop((lambda: source(scope, run),), turn, 1, run, site)

    def run_quantified(scope: Mapping[str, Any], run: Run) -> Any:
        def holds(item: Any) -> Any:
            return body(Inner(scope, {variable: item}), run)

        wanted = boxed.kind == "some"
        return access.run_quantified((lambda: source(scope, run),), holds, wanted, 1, run, site)

    return run_for if boxed.kind == "for" else run_quantified


def _compile_table(boxed: notation.Table, names: Names, compiler: Compiler, label: str) -> Logic:
    return compile_table(boxed, names, compiler, label)


_COMPILERS: dict[type[notation.Boxed], Callable[[Any, Names, Compiler, str], Logic]] = {
    notation.Literal: _compile_literal,
    notation.Context: _compile_context,
    notation.Invocation: _compile_invocation,
    notation.Function: _compile_function,
    notation.Sequence: _compile_sequence,
    notation.Relation: _compile_relation,
    notation.Conditional: _compile_conditional,
    notation.Filter: _compile_filter,
    notation.Loop: _compile_loop,
    notation.Table: _compile_table,
}
