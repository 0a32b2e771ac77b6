"""Words: names that say nothing, forbidden synonyms, promises without an issue."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from tidy.sources import ROOT, Source, functions

if TYPE_CHECKING:
    pass

MODULE_WORDS = frozenset(
    ["util", "utils", "common", "misc", "base", "helper", "helpers", "manager", "managers"]
)
CLASS_WORDS = ("Manager", "Helper", "Util", "Misc")
FUNCTION_WORDS = ("handle_", "do_", "process_data")
# A method that a library calls by this name.
LIBRARY_NAMES = frozenset({"handle_async_request"})
TWIN_SUFFIXES = ("_sync", "_async", "_blocking")
# A line that must quote another product's word says so; the rule then leaves it alone.
QUOTED = "glossary: theirs"

_PROMISE = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b(?!\s*\(?#\d+)")
_WORKPLACE = re.compile(r"(?<![\w.\-])/" + r"work/[\w.]")


def empty_names(source: Source) -> list[str]:
    """Complain about modules, classes and functions named after nothing in the domain."""
    complaints = [
        f"{source.path}: the module name {part!r} says nothing; name what it holds"
        for part in source.module.split(".")
        if part in MODULE_WORDS
    ]
    complaints += [
        f"{source.path}:{node.lineno}: the class name {node.name!r} says nothing; name what it is"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ClassDef) and any(word in node.name for word in CLASS_WORDS)
    ]
    complaints += [
        f"{source.path}:{span.line}: {span.name!r} hides its verb; say what it does in the domain"
        for span in functions(source)
        if span.node.name.lstrip("_").startswith(FUNCTION_WORDS)
        and span.node.name not in LIBRARY_NAMES
    ]
    return complaints


def twins(source: Source) -> list[str]:
    """Complain about one verb written twice, once to await and once to block."""
    names = {span.name for span in functions(source)}
    return [
        f"{source.path}:{span.line}: {span.name!r} is a twin; the blocking face is generated"
        for span in functions(source)
        if span.node.name.endswith(TWIN_SUFFIXES) or _awaited_twin(span.name) in names
    ]


def _awaited_twin(name: str) -> str | None:
    owner, _, last = name.rpartition(".")
    return f"{owner}.{last[1:]}".lstrip(".") if last.startswith("a") and len(last) > 3 else None


def promises(path: str, text: str) -> list[str]:
    """Complain about a promise to come back that names no issue."""
    return [
        f"{path}:{number}: {found.group()} names no issue; write {found.group()}(#N) or do it"
        for number, line in enumerate(text.splitlines(), 1)
        if (found := _PROMISE.search(line))
    ]


def workplace_paths(path: str, text: str) -> list[str]:
    """Complain about absolute paths of one person's machine."""
    return [
        f"{path}:{number}: names a path of one machine; speak of the product alone"
        for number, line in enumerate(text.splitlines(), 1)
        if _WORKPLACE.search(line)
    ]


def forbidden_synonyms() -> dict[str, str]:
    """Return each forbidden synonym with the term to use, as the glossary's table gives them."""
    synonyms: dict[str, str] = {}
    for line in (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("|") and len(cells) == 3 and set(cells[0]) - set("- "):
            terms = [term.strip() for term in cells[2].split(",")]
            synonyms |= {term: cells[0].strip("*") for term in terms if term and cells[0] != "Term"}
    return synonyms


def synonyms_used(path: str, text: str, synonyms: dict[str, str]) -> list[str]:
    """Complain about forbidden synonyms in prose (`work item`) and in names (`WorkItem`)."""
    if not synonyms:
        return []
    # One alternation for all: a pattern for each synonym and line made this the slowest rule.
    spellings = {re.sub(r"\W", "", synonym).lower(): term for synonym, term in synonyms.items()}
    each = "|".join(r"[ _\-]?".join(map(re.escape, synonym.split())) for synonym in synonyms)
    pattern = re.compile(rf"(?<![a-z])(?:{each})s?(?![a-z])", re.IGNORECASE)
    complaints = []
    for number, line in enumerate(text.splitlines(), 1):
        found = None if QUOTED in line else pattern.search(line)
        if found:
            word = re.sub(r"\W|_", "", found.group()).lower()
            term = spellings.get(word) or spellings.get(word.removesuffix("s"), "another word")
            complaints.append(f"{path}:{number}: {found.group()!r} is not ours; say {term!r}")
    return complaints
