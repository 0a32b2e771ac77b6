"""The words of a FEEL text: numbers, strings, name parts, signs.

DMN 1.5 §10.3.1.2, grammar rules 27 to 37 and 62 to 66. Names with spaces and signs are put together
later, by the parser, because only the scope tells them from an operation.
"""

from __future__ import annotations

import re
from enum import IntEnum
from typing import NamedTuple, NoReturn

from tenuto.errors import FeelSyntaxError

TEXT_LENGTH_MAX = 200_000


class Kind(IntEnum):
    """What a token is."""

    NUMBER = 1
    STRING = 2
    AT = 3
    NAME = 4
    SIGN = 5
    END = 6


class Token(NamedTuple):
    """One word; `value` is the text for a name or sign and the content for a string."""

    kind: Kind
    value: str
    start: int
    end: int


NAME_START = (
    r"?A-Z_a-z\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u02FF\u0370-\u037D\u037F-\u1FFF\u200C-\u200D"
    r"\u2070-\u218F\u2C00-\u2FEF\u3001-\uD7FF\uF900-\uFDCF\uFDF0-\uFFFD\U00010000-\U000EFFFF"
)
NAME_PART = NAME_START + r"0-9\u00B7\u0300-\u036F\u203F-\u2040"
_SPACE = r"[ \t\n\v\f\r\u0085\u00A0\u1680\u180E\u2000-\u200B\u2028\u2029\u202F\u205F\u3000\uFEFF]"
_SCANNER = re.compile(
    rf"(?P<space>{_SPACE}+|//[^\n\v\f\r\u0085\u2028\u2029]*|/\*(?:[^*]|\*(?!/))*\*/)"
    r"|(?P<number>(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r'|(?P<at>@")?(?(at)|")(?P<string>(?:[^"\\]|\\.)*)"'
    r"|(?P<quoted>`[^`\n]+`)"
    rf"|(?P<name>[{NAME_START}][{NAME_PART}]*)"
    r"|(?P<sign>\.\.|\*\*|<=|>=|!=|->|/(?!\*)|[-+*=<>()\[\]{},:.'])",
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{6})|(.))", re.DOTALL)
_ESCAPED = {'"': '"', "'": "'", "\\": "\\", "n": "\n", "r": "\r", "t": "\t"}
_SURROGATES = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_KINDS = {"number": Kind.NUMBER, "name": Kind.NAME, "sign": Kind.SIGN}


def scan(text: str, *, quoted_names: bool = False) -> list[Token]:
    """Return the tokens of a text, the last of them its end; time grows with its length only.

    Names in backquotes are Camunda's way to write any name at all.
    """
    if len(text) > TEXT_LENGTH_MAX:
        fail(f"expected at most {TEXT_LENGTH_MAX} characters, but there are {len(text)}", "", 0)
    tokens = []
    at = 0
    match_at = _SCANNER.match
    while at < len(text):
        match = match_at(text, at)
        if match is None:
            fail(_explain(text, at), text, at)
        kind = match.lastgroup
        end = match.end()
        if kind == "string":
            is_at = match["at"] is not None
            content = _unescape(match["string"])
            tokens.append(Token(Kind.AT if is_at else Kind.STRING, content, at, end))
        elif kind == "quoted":
            if not quoted_names:
                fail("expected FEEL, but '`' is no part of it", text, at)
            tokens.append(Token(Kind.NAME, match[0][1:-1], at, end))
        elif kind != "space":
            assert kind is not None
            tokens.append(Token(_KINDS[kind], match[0], at, end))
        at = end
    tokens.append(Token(Kind.END, "", len(text), len(text)))
    return tokens


def fail(message: str, text: str, offset: int) -> NoReturn:
    """Raise a syntax error at an offset."""
    before = text[:offset]
    line = before.count("\n") + 1
    column = offset - (before.rfind("\n") + 1) + 1
    raise FeelSyntaxError(message, text=text, line=line, column=column)


def _explain(text: str, at: int) -> str:
    if text[at] == '"' or text.startswith('@"', at):
        return "expected the string to end with a quotation mark"
    if text.startswith("/*", at):
        return "expected the comment to end with */"
    return f"expected FEEL, but {text[at]!r} is no part of it"


def _unescape(content: str) -> str:
    if "\\" not in content:
        return content
    joined = _ESCAPE.sub(_escape_of, content)
    return _SURROGATES.sub(_join_surrogates, joined)


def _escape_of(match: re.Match[str]) -> str:
    """Keep an unknown escape as written: patterns such as `\\d` rely on it (TCK 1109)."""
    code = match[1] or match[2]
    if code:
        return chr(int(code, 16)) if int(code, 16) <= 0x10FFFF else match[0]
    return _ESCAPED.get(match[3], match[0])


def _join_surrogates(match: re.Match[str]) -> str:
    return match[0].encode("utf-16", "surrogatepass").decode("utf-16")
