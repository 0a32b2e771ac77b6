"""Wrap docstrings and comments that run over the line, which the formatter leaves alone.

`python -m tidy.wrap FILE...` or `make format`. Only paragraphs that hold a line over the limit are
laid out anew; lists keep their items, and a summary that does not fit is parted from what follows.
"""

from __future__ import annotations

import ast
import re
import sys
import textwrap
from pathlib import Path

LINE_MAX = 100
_ITEM = re.compile(r"^\s*(?:[-*]|\d+\.) ")
_QUOTES = '"""'


def wrap(text: str) -> str:
    """Return the file's text with long docstrings and comments wrapped."""
    if all(len(line) <= LINE_MAX for line in text.splitlines()):
        return text
    lines = text.split("\n")
    for first, last in reversed(_docstrings(text)):
        if any(len(line) > LINE_MAX for line in lines[first:last]):
            lines[first:last] = _docstring(lines[first:last])
    return "\n".join(_comments(lines))


def main(paths: list[str]) -> None:
    """Wrap these files in place."""
    for path in map(Path, paths):
        text = path.read_text(encoding="utf-8")
        wrapped = wrap(text)
        if wrapped != text:
            path.write_text(wrapped, encoding="utf-8")


def _docstrings(text: str) -> list[tuple[int, int]]:
    owners = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    found = [
        node.body[0]
        for node in ast.walk(ast.parse(text))
        if isinstance(node, owners) and ast.get_docstring(node) is not None
    ]
    spans = [(said.lineno - 1, said.end_lineno or said.lineno) for said in found]
    return sorted(spans)


def _docstring(lines: list[str]) -> list[str]:
    indent = lines[0][: len(lines[0]) - len(lines[0].lstrip())]
    text = "\n".join(lines).strip()
    if not text.startswith(_QUOTES):
        return lines
    body = text[3:-3]
    summary, parted, rest = body.partition(". ")
    if "\n" not in body and parted and len(indent) + 3 + len(summary) < LINE_MAX:
        body = f"{summary}.\n\n{indent}{rest}"
    # The formatter pulls closing quotes up to a single line, whether or not they fit there.
    width = LINE_MAX if "\n\n" in body else LINE_MAX - len(_QUOTES)
    wrapped: list[str] = []
    for paragraph in re.split(r"\n[ \t]*\n", body.rstrip()):
        room = 0 if wrapped else len(_QUOTES)
        wrapped += [*([""] if wrapped else []), *_paragraph(paragraph, indent, room, width)]
    wrapped[0] = indent + _QUOTES + wrapped[0].lstrip()
    return [*wrapped, indent + _QUOTES]


def _paragraph(paragraph: str, indent: str, room: int, width: int) -> list[str]:
    lines = paragraph.strip("\n").split("\n")
    first = len(indent) + room + len(lines[0].strip())
    if first <= width and all(len(line) <= width for line in lines[1:]):
        return lines
    parts: list[list[str]] = []
    for line in lines:
        if not parts or _ITEM.match(line):
            parts.append([])
        parts[-1].append(line.strip())
    wrapped: list[str] = []
    for part in parts:
        wrapped += textwrap.wrap(
            " ".join(part),
            width,
            initial_indent=indent + " " * (0 if wrapped else room),
            subsequent_indent=indent + ("  " if _ITEM.match(part[0]) else ""),
            break_long_words=False,
            break_on_hyphens=False,
        )
    return wrapped


def _comments(lines: list[str]) -> list[str]:
    wrapped: list[str] = []
    block: list[str] = []
    for line in [*lines, ""]:
        if line.lstrip().startswith("# "):
            block.append(line)
            continue
        wrapped += _comment(block)
        block = []
        wrapped.append(line)
    return wrapped[:-1]


def _comment(block: list[str]) -> list[str]:
    if all(len(line) <= LINE_MAX for line in block):
        return block
    lead = block[0][: block[0].index("#")] + "# "
    text = " ".join(line.strip()[2:].strip() for line in block)
    return textwrap.wrap(
        text,
        LINE_MAX,
        initial_indent=lead,
        subsequent_indent=lead,
        break_long_words=False,
        break_on_hyphens=False,
    )


if __name__ == "__main__":
    main(sys.argv[1:])
