"""The repository as the rules see it: parsed Python files and the functions in them."""

from __future__ import annotations

import ast
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
OURS = ("src", "tests", "bench", "tidy", "examples", "scripts")
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """One Python file: its path from the root with forward slashes, its text and its tree."""

    path: str
    text: str
    tree: ast.Module

    @property
    def lines(self) -> int:
        """Return how many lines the file has."""
        return len(self.text.splitlines())

    @property
    def module(self) -> str:
        """Return the dotted name that an import uses."""
        parts = self.path.removeprefix("src/").removesuffix(".py").split("/")
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @property
    def room(self) -> str | None:
        """Return the room of `tenuto` that holds the file, nothing outside the package."""
        parts = self.module.split(".")
        return parts[1] if parts[0] == "tenuto" and len(parts) > 1 else None


@dataclass(frozen=True)
class Span:
    """A function with its length: lines from `def` to the end, less the docstring's."""

    name: str
    line: int
    lines: int
    node: FunctionNode


def parse(path: str, text: str) -> Source:
    """Return the source; the path is what complaints name."""
    return Source(path, text, ast.parse(text, filename=path))


@cache
def python_files(*folders: str) -> tuple[Source, ...]:
    """Return the Python files below these folders of the repository, by path."""
    paths = sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return tuple(
        parse(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
        for path in paths
        if "node_modules" not in path.parts
    )


@cache
def kept_files() -> tuple[str, ...]:
    """Return the paths that are committed or would be, nothing where there is no repository."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return ()
    return tuple(sorted(path for path in listed.stdout.splitlines() if (ROOT / path).is_file()))


def functions(source: Source) -> Iterator[Span]:
    """Yield every function and method, outer before inner, named `Class.method`."""
    yield from _functions(source.tree, "")


def _functions(parent: ast.AST, prefix: str) -> Iterator[Span]:
    for node in ast.iter_child_nodes(parent):
        if isinstance(node, ast.ClassDef):
            yield from _functions(node, f"{prefix}{node.name}.")
        elif isinstance(node, FunctionNode):
            yield Span(prefix + node.name, node.lineno, _length(node), node)
            yield from _functions(node, f"{prefix}{node.name}.")
        else:
            yield from _functions(node, prefix)


def _length(node: FunctionNode) -> int:
    whole = (node.end_lineno or node.lineno) - node.lineno + 1
    first = node.body[0]
    if ast.get_docstring(node, clean=False) is None:
        return whole
    return whole - ((first.end_lineno or first.lineno) - first.lineno + 1)
