"""Imports: every module is reached from a door, and nothing below imports the package's front."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tidy.sources import Source

# Where a reader or a user comes in; a name with a dot at its end means everything below it.
DOORS = (
    "tenuto",
    "tenuto.__main__",
    "tenuto.extend",
    "tenuto.cli.",
    "tenuto.elsewhere.",  # workflows import it
    "tenuto.pipelines.",  # programs of users import it
    "tenuto.testing.",
)

# What few may name: an adapter is chosen where the system is put together, a front end where a
# model is deployed. Everybody else meets the port or the process graph.
RESERVED = {
    "tenuto.store.memory": frozenset({"store", "assembly", "testing"}),
    "tenuto.store.sqlite": frozenset({"store", "assembly", "testing"}),
    "tenuto.store.postgres": frozenset({"store", "assembly", "testing"}),
    "tenuto.bpmn": frozenset({"bpmn", "deploy", "assembly", "testing", "cli"}),
    "tenuto.pipelines": frozenset({"pipelines", "deploy", "assembly", "testing", "cli"}),
}


def imported(source: Source, modules: frozenset[str]) -> frozenset[str]:
    """Return the modules that a file imports anywhere in it, or names in a string to load late."""
    found: set[str] = set()
    package = source.module if source.path.endswith("__init__.py") else _parent(source.module)
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            origin = _origin(node, package)
            found |= {origin, *(f"{origin}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value.partition(":")[0])
    return frozenset(found & modules)


def unreached(sources: Iterable[Source]) -> list[str]:
    """Complain about modules that no door leads to."""
    by_module = {source.module: source for source in sources}
    modules = frozenset(by_module)
    open_ways = [name for name in modules if _is_door(name)]
    reached: set[str] = set()
    while open_ways:
        name = open_ways.pop()
        if name in reached:
            continue
        reached.add(name)
        # Importing a module runs the packages above it.
        open_ways += [parent for parent in [_parent(name)] if parent in modules]
        open_ways += imported(by_module[name], modules)
    return [f"{by_module[name].path}: nothing leads here" for name in sorted(modules - reached)]


def front_imports(source: Source, front: Source) -> list[str]:
    """Complain about a room that takes a public name from the front: it would point up."""
    if source.room in {None, "cli", "testing", "__main__"}:
        return []
    shown = {
        alias.asname or alias.name
        for node in front.tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    return [
        f"{source.path}:{node.lineno}: takes {alias.name!r} from the front; name its room"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ImportFrom) and node.module == "tenuto" and not node.level
        for alias in node.names
        if alias.name in shown
    ]


def reserved_imports(source: Source) -> list[str]:
    """Complain about a room that names an adapter or a front end and is not among the few."""
    if source.room is None:
        return []
    named = imported(source, frozenset(RESERVED) | frozenset(_below(source)))
    return [
        f"{source.path}: imports {name}, which only {', '.join(sorted(few))} may name"
        for name, few in RESERVED.items()
        if source.room not in few and any(f"{one}.".startswith(f"{name}.") for one in named)
    ]


def _below(source: Source) -> Iterable[str]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def _is_door(name: str) -> bool:
    return any(
        name == door.rstrip(".") or (door[-1] == "." and name.startswith(door)) for door in DOORS
    )


def _origin(node: ast.ImportFrom, package: str) -> str:
    for _ in range(node.level - 1):
        package = _parent(package)
    return ".".join(part for part in (package if node.level else "", node.module) if part)


def _parent(module: str) -> str:
    return module.rpartition(".")[0]
