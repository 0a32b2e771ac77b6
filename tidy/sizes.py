"""Sizes: functions and files stay short; what is listed in the ratchet may only shrink."""

from __future__ import annotations

import ast
import tomllib
from typing import TYPE_CHECKING

from tidy.sources import ROOT, Source, functions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FUNCTION_LINES_MAX = 60
FILE_LINES_MAX = 600


def ratchet(kind: str) -> dict[str, int]:
    """Return the listed exceptions of a kind: functions, files or broad_excepts."""
    listed = tomllib.loads((ROOT / "tidy" / "ratchet.toml").read_text(encoding="utf-8"))
    return dict(listed.get(kind, {}))


def long_functions(sources: Iterable[Source], listed: Mapping[str, int]) -> list[str]:
    """Complain about functions over the limit, unless listed with exactly their length."""
    lengths = {
        f"{source.path}::{span.name}": span.lines
        for source in sources
        for span in functions(source)
    }
    return against_ratchet(lengths, listed, FUNCTION_LINES_MAX, "lines")


def long_files(sources: Iterable[Source], listed: Mapping[str, int]) -> list[str]:
    """Complain about files over the limit, unless listed with exactly their length."""
    lengths = {source.path: source.lines for source in sources}
    return against_ratchet(lengths, listed, FILE_LINES_MAX, "lines")


def broad_excepts(sources: Iterable[Source], listed: Mapping[str, int]) -> list[str]:
    """Complain about files that catch everything and go on, unless listed with their count."""
    counts = {source.path: sum(map(_swallows, ast.walk(source.tree))) for source in sources}
    return against_ratchet(counts, listed, 0, "broad excepts")


def against_ratchet(
    measured: Mapping[str, int], listed: Mapping[str, int], limit: int, unit: str
) -> list[str]:
    """Return where a measure is over its limit and not listed, or is listed and not as listed."""
    complaints = []
    for name in sorted(set(measured) | set(listed)):
        found, allowed = measured.get(name, 0), listed.get(name, limit)
        if found > allowed:
            complaints.append(f"{name}: expected at most {allowed} {unit}, but it has {found}")
        elif name in listed and found <= limit:
            complaints.append(f"{name}: has {found} {unit} now; take it off tidy/ratchet.toml")
        elif name in listed and found < allowed:
            complaints.append(f"{name}: has {found} {unit} now; lower it in tidy/ratchet.toml")
    return complaints


def _swallows(node: ast.AST) -> bool:
    if not isinstance(node, ast.ExceptHandler) or not _is_broad(node.type):
        return False
    return not any(isinstance(part, ast.Raise) for part in ast.walk(node))


def _is_broad(kind: ast.expr | None) -> bool:
    if isinstance(kind, ast.Tuple):
        return any(_is_broad(part) for part in kind.elts)
    return kind is None or (
        isinstance(kind, ast.Name) and kind.id in {"Exception", "BaseException"}
    )
