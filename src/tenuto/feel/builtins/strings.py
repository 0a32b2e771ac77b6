"""String functions. DMN 1.5 §10.3.4.3, table 76; positions count Unicode characters from 1."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tenuto.feel.builtins.regex import Regex, Spans, compile_regex
from tenuto.feel.meter import Fault, Meter
from tenuto.values import Number


def substring(meter: Meter, text: str, start: Number, length: Number | None) -> str:
    """Return part of a text from a position, counted from its end when negative."""
    first = int(start)
    if first == 0 or abs(first) > len(text):
        raise Fault(
            "invalid-argument",
            f"expected a start position within {len(text)} characters, but it is {start}",
        )
    begin = first - 1 if first > 0 else len(text) + first
    if length is None:
        return text[begin:]
    if length < 1:
        raise Fault("invalid-argument", f"expected a length of at least 1, but it is {length}")
    return text[begin : begin + int(length)]


def substring_before(meter: Meter, text: str, match: str) -> str:
    """Return what comes before the first occurrence of a match."""
    before, found, _ = text.partition(match) if match else ("", "", "")
    return before if found else ""


def substring_after(meter: Meter, text: str, match: str) -> str:
    """Return what comes after the first occurrence of a match."""
    return text.partition(match)[2] if match else text


def replace(meter: Meter, text: str, pattern: str, replacement: str, flags: str | None) -> str:
    """Return a text with each match replaced; `$1` stands for the first group."""
    regex = _compile_consuming(pattern, flags, meter)
    if flags and "q" in flags:
        parts: list[str | int] = [replacement]
    else:
        parts = _split_replacement(replacement, regex)
    pieces: list[str] = []
    at = size = 0
    for spans in regex.find(text, meter):
        pieces.append(text[at : spans[0]])
        new = "".join(
            part if isinstance(part, str) else _group(text, spans, part) for part in parts
        )
        pieces.append(new)
        size += len(new)
        meter.check_size(size)
        at = spans[1]
    pieces.append(text[at:])
    return "".join(pieces)


def matches(meter: Meter, text: str, pattern: str, flags: str | None) -> bool:
    """Tell whether a pattern is found in a text."""
    return any(True for _ in compile_regex(pattern, flags).find(text, meter))


def split(meter: Meter, text: str, delimiter: str) -> list[str]:
    """Return the parts of a text between matches of a pattern."""
    pieces = []
    at = 0
    for spans in _compile_consuming(delimiter, None, meter).find(text, meter):
        pieces.append(text[at : spans[0]])
        at = spans[1]
    pieces.append(text[at:])
    return pieces


def string_join(meter: Meter, items: list[Any], delimiter: str | None) -> str:
    """Return the texts of a list as one; nulls are left out."""
    parts = [item for item in items if item is not None]
    if not all(isinstance(part, str) for part in parts):
        raise Fault("invalid-argument", "expected a list of strings")
    joint = delimiter or ""
    meter.check_size(sum(map(len, parts)) + len(joint) * len(parts))
    return joint.join(parts)


def _compile_consuming(pattern: str, flags: str | None, meter: Meter) -> Regex:
    """Return the pattern; XPath 2.0 §7.6.3 and §7.6.4 refuse one that matches the empty text."""
    regex = compile_regex(pattern, flags)
    if any(True for _ in regex.find("", meter)):
        raise Fault("invalid-pattern", f"expected a pattern that takes something: {pattern!r}")
    return regex


def _split_replacement(text: str, regex: Regex) -> list[str | int]:
    """Return literal parts and group numbers; XPath 2.0 §7.6.3."""
    parts: list[str | int] = []
    at = 0
    while at < len(text):
        char = text[at]
        after = text[at + 1 : at + 2]
        if char == "\\":
            if after not in ("\\", "$") or not after:
                raise Fault("invalid-argument", "expected \\\\ or \\$ in the replacement")
            parts.append(after)
            at += 2
        elif char == "$":
            if not (after.isascii() and after.isdigit()):
                raise Fault("invalid-argument", "expected a digit after $ in the replacement")
            number = int(after)
            at += 2
            while at < len(text) and text[at].isascii() and text[at].isdigit():
                if number * 10 + int(text[at]) > regex.groups:
                    break
                number = number * 10 + int(text[at])
                at += 1
            parts.append(number if number <= regex.groups else "")
        else:
            parts.append(char)
            at += 1
    return parts


def _group(text: str, spans: Spans, number: int) -> str:
    start, end = spans[2 * number], spans[2 * number + 1]
    return text[start:end] if start >= 0 and end >= 0 else ""


ROWS: list[tuple[str, Callable[..., Any]]] = [
    ("substring(string: string, start position: number, length: number?)", substring),
    ("string length(string: string)", lambda meter, text: len(text)),
    ("upper case(string: string)", lambda meter, text: text.upper()),
    ("lower case(string: string)", lambda meter, text: text.lower()),
    ("substring before(string: string, match: string)", substring_before),
    ("substring after(string: string, match: string)", substring_after),
    ("replace(input: string, pattern: string, replacement: string, flags: string?~)", replace),
    ("contains(string: string, match: string)", lambda meter, text, match: match in text),
    (
        "starts with(string: string, match: string)",
        lambda meter, text, match: text.startswith(match),
    ),
    ("ends with(string: string, match: string)", lambda meter, text, match: text.endswith(match)),
    ("matches(input: string, pattern: string, flags: string?~)", matches),
    ("split(string: string, delimiter: string)", split),
    ("string join(list: list, delimiter: string?~)", string_join),
]
