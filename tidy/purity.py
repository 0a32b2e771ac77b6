"""Purity below the store: no built-in that differs between runs, no order taken from a set."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidy.sources import Source

PURE_ROOMS = frozenset(
    [
        "errors",
        "values",
        "keys",
        "schedules",
        "feel",
        "dmn",
        "graph",
        "engine",
        "bpmn",
        "workflows",
        "pipelines",
    ]
)
BANNED_BUILTINS = {
    "hash": "it differs between processes; digest the bytes",
    "id": "it differs between runs; give the thing a key",
    "open": "files are read by the callers above",
    "print": "nothing down here speaks to a screen",
    "input": "nothing down here asks a person",
}


def impurities(source: Source) -> list[str]:
    """Complain about banned built-ins and about loops over a set."""
    if source.room not in PURE_ROOMS:
        return []
    return [
        f"{source.path}:{line}: {complaint}"
        for line, complaint in sorted([*_banned_calls(source.tree), *_set_loops(source.tree)])
    ]


def _banned_calls(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.iter_child_nodes(tree):
        # A value's own __hash__ serves its dict lookups; no output depends on it.
        if isinstance(node, ast.FunctionDef) and node.name == "__hash__":
            continue
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            reason = BANNED_BUILTINS.get(node.func.id)
            if reason:
                yield node.lineno, f"calls {node.func.id}(): {reason}"
        yield from _banned_calls(node)


def _set_loops(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        loops: list[ast.expr] = []
        if isinstance(node, ast.For | ast.AsyncFor):
            loops = [node.iter]
        elif isinstance(node, ast.ListComp | ast.DictComp):
            loops = [part.iter for part in node.generators]
        for iterated in loops:
            if _is_set(iterated):
                yield iterated.lineno, "takes its order from a set: sort it, and say by what"


def _is_set(node: ast.expr) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.func.id in {"set", "frozenset"}
    return isinstance(node, ast.Set | ast.SetComp)
