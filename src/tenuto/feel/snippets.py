"""Small pieces of Python's own syntax tree that generated code is put together from."""

from __future__ import annotations

import ast
from types import CodeType


class Frame:
    """One Python function under construction: its leading statements and what names mean in it."""

    __slots__ = ("bound", "is_item", "outer", "statements")

    def __init__(self, outer: Frame | None, *, is_item: str = "") -> None:
        self.outer = outer
        self.bound: dict[str, str] = {}
        self.statements: list[ast.stmt] = []
        # In a filter: the Python name of the item, whose entries may hide every outer name.
        self.is_item = is_item


def load(name: str) -> ast.Name:
    """Return a reading of a Python name."""
    return ast.Name(name, ast.Load())


def call(name: str, *arguments: ast.expr) -> ast.expr:
    """Return a call of a function in the namespace."""
    return ast.Call(load(name), list(arguments), [])


def is_constant(value: ast.expr, constant: bool | None) -> ast.expr:  # noqa: FBT001  # FEEL's constant
    """Return whether a value is one of true, false and null."""
    if isinstance(value, ast.Constant):
        return ast.Constant(value.value is constant)
    return ast.Compare(value, [ast.Is()], [ast.Constant(constant)])


def is_type(value: ast.expr, name: str) -> ast.expr:
    """Return whether a value is of exactly one Python type."""
    return ast.Compare(call("type", value), [ast.Is()], [load(name)])


def member_or(item: str, name: str, otherwise: ast.expr) -> ast.expr:
    """Return the item's entry of that name where the item is a context that has one."""
    key = ast.Constant(name)
    has_entry = ast.BoolOp(
        ast.And(), [is_type(load(item), "dict"), ast.Compare(key, [ast.In()], [load(item)])]
    )
    return ast.IfExp(has_entry, ast.Subscript(load(item), key, ast.Load()), otherwise)


def function_def(
    name: str, parameters: list[str], frame: Frame, value: ast.expr
) -> ast.FunctionDef:
    """Return the definition of a function: the statements of its frame and a value."""
    arguments = ast.arguments(
        posonlyargs=[],
        args=[ast.arg(parameter) for parameter in parameters],
        kwonlyargs=[],
        kw_defaults=[],
        defaults=[],
    )
    return ast.FunctionDef(name, arguments, [*frame.statements, ast.Return(value)], [])


def compile_function(name: str, parameters: list[str], frame: Frame, value: ast.expr) -> CodeType:
    """Return the code that defines one function."""
    module = ast.Module([function_def(name, parameters, frame, value)], [])
    return compile(ast.fix_missing_locations(module), "<feel>", "exec")
