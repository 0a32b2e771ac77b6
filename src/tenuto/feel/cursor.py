"""A place in the tokens of one text, and the names that are known there.

DMN 1.5 §10.3.1.2 lets names contain spaces and the signs `. / - ' + *`, and says that the longest
name in scope wins. Two words next to each other are never an operation in FEEL, so words that are
no known name are joined as well: `Full Name` needs no declaration, `Profit/Loss` does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise
from typing import NoReturn

from tenuto.errors import FeelSyntaxError
from tenuto.feel.tokens import Kind, Token, fail, scan

DEPTH_MAX = 64
NAME_TOKENS_MAX = 64
# Words that end a name which is not known; all others may be part of one ("date of birth").
_BREAKING = frozenset(
    ("and", "or", "between", "in", "instance", "then", "else", "return", "satisfies")
)
KEYWORDS = frozenset(("if", "for", "some", "every", "true", "false", "null", "function"))
_NAME_SIGNS = frozenset((".", "/", "-", "'", "+", "*", "**", ".."))
_SPACE = re.compile(r"\s+")
Words = tuple[tuple[str, bool | None], ...]
_Names = dict[str, list[Words]]


class Cursor:
    """Reads tokens once, from left to right, with a bounded look ahead."""

    def __init__(self, text: str, *names: Iterable[str], quoted_names: bool = False) -> None:
        """Start at the first token; all `names` are known everywhere."""
        self.text = text
        self.tokens = scan(text, quoted_names=quoted_names)
        self._quoted_names = quoted_names
        self.at = 0
        # How many filters surround the place: inside one, members are names too.
        self.filters = 0
        self._depth = 0
        self._names = names
        # The tables of names that are known everywhere are shared and never written to.
        self._scopes: list[_Names] = [_name_table(frozenset(group)) for group in names]
        self._members: _Names = {}

    def restart(self) -> Cursor:
        """Return a cursor at the start of the same text."""
        return Cursor(self.text, *self._names, quoted_names=self._quoted_names)

    @property
    def token(self) -> Token:
        """The token to read next."""
        return self.tokens[self.at]

    def is_sign(self, sign: str) -> bool:
        """Tell whether the next token is that sign."""
        token = self.tokens[self.at]
        return token.kind is Kind.SIGN and token.value == sign

    def is_word(self, word: str) -> bool:
        """Tell whether the next token is that word."""
        token = self.tokens[self.at]
        return token.kind is Kind.NAME and token.value == word

    def peek(self, ahead: int = 1) -> Token:
        """Return a token further on."""
        return self.tokens[min(self.at + ahead, len(self.tokens) - 1)]

    def take(self) -> Token:
        """Return the next token and go on."""
        token = self.tokens[self.at]
        if token.kind is not Kind.END:
            self.at += 1
        return token

    def take_sign(self, sign: str) -> bool:
        """Go past the sign if it comes next, and tell whether it did."""
        if self.is_sign(sign):
            self.at += 1
            return True
        return False

    def expect_sign(self, sign: str) -> Token:
        """Go past the sign, or raise."""
        if not self.is_sign(sign):
            self.fail(f"expected {sign!r}")
        return self.take()

    def expect_word(self, word: str) -> Token:
        """Go past the word, or raise."""
        if not self.is_word(word):
            self.fail(f"expected '{word}'")
        return self.take()

    def fail(self, expectation: str, token: Token | None = None) -> NoReturn:
        """Raise a syntax error at the next token, or at one given."""
        token = token or self.token
        found = "the text ends" if token.kind is Kind.END else f"here is {self._show(token)}"
        fail(f"{expectation}, but {found}", self.text, token.start)

    def enter(self) -> None:
        """Go one level deeper; raise when the text nests too deeply."""
        self._depth += 1
        if self._depth > DEPTH_MAX:
            fail(f"expected at most {DEPTH_MAX} levels of nesting", self.text, self.token.start)

    def leave(self) -> None:
        """Come back one level."""
        self._depth -= 1

    def open_scope(self) -> None:
        """Begin a scope, whose names are known until it is closed."""
        self._scopes.append({})

    def declare(self, name: str) -> None:
        """Make one more name known in the innermost scope."""
        _add_name(self._scopes[-1], name)

    def declare_member(self, name: str) -> None:
        """Make the name of a context entry known after a dot and inside filters."""
        _add_name(self._members, name)

    def close_scope(self) -> None:
        """Forget the names of the innermost scope."""
        self._scopes.pop()

    def known_length(self, *, with_members: bool) -> int:
        """Return how many tokens the longest known name takes here, 0 for none."""
        first = self.token.value
        longest = 0
        tables = [*self._scopes, self._members] if with_members else self._scopes
        for table in tables:
            for words in table.get(first, ()):
                if len(words) > longest and self._matches(words):
                    longest = len(words)
        return longest

    def take_name(self, *, is_member: bool = False) -> str:
        """Read one name: the longest known one, or words up to the next operator or keyword."""
        start = self.token
        if start.kind is not Kind.NAME:
            self.fail("expected a name")
        length = self.known_length(with_members=is_member or self.filters > 0)
        if length == 0 and start.value in _BREAKING and not is_member:
            self.fail("expected a name")
        self.at += max(length, 1)
        while self._joins():
            self.at += 1
        return self.text_between(start, self.tokens[self.at - 1])

    def take_raw_name(self, *stops: str) -> str:
        """Read everything up to a stop as one name: a key, a parameter, a loop variable."""
        start = self.token
        if start.kind is not Kind.NAME:
            self.fail("expected a name")
        count = 0
        while self.token.kind is Kind.NAME or (
            count and (self.token.kind is Kind.NUMBER or self.token.value in _NAME_SIGNS)
        ):
            if count and self.token.value in stops:
                break
            self.at += 1
            count += 1
        if self.token.value not in stops:
            self.fail(f"expected {' or '.join(map(repr, stops))}")
        return self.text_between(start, self.tokens[self.at - 1])

    def finds_named_argument(self) -> bool:
        """Tell whether a name and a colon come next."""
        if self.token.kind is not Kind.NAME:
            return False
        for ahead in range(1, NAME_TOKENS_MAX):
            token = self.peek(ahead)
            if token.kind is Kind.SIGN and token.value == ":":
                return True
            if token.kind not in (Kind.NAME, Kind.NUMBER) and token.value not in _NAME_SIGNS:
                return False
        return False

    def text_between(self, first: Token, last: Token) -> str:
        """Return the text from one token to another as a name."""
        if first is last:
            return first.value
        return normalise_name(self.text[first.start : last.end])

    def _joins(self) -> bool:
        token = self.token
        return (
            token.kind is Kind.NAME
            and token.value not in _BREAKING
            and self.tokens[self.at - 1].kind is Kind.NAME
            and self.tokens[self.at - 1].value != "?"
            and "`" not in (self.text[token.start], self.text[self.tokens[self.at - 1].start])
        )

    def _matches(self, words: Words) -> bool:
        tokens = self.tokens
        at = self.at
        if at + len(words) >= len(tokens):
            return False
        for word, is_glued in words:
            token = tokens[at]
            if token.value != word:
                return False
            if is_glued is not None and (tokens[at - 1].end == token.start) != is_glued:
                return False
            at += 1
        return True

    def _show(self, token: Token) -> str:
        shown = self.text[token.start : token.end]
        return repr(shown if len(shown) <= 30 else shown[:30] + "...")


@lru_cache(maxsize=4096)
def split_name(name: str) -> Words:
    """Return the words of a name; empty when it is not one that a FEEL text can contain.

    Around a sign it matters whether the name is written together: `a-b` is a name where one of that
    spelling is known, `a - b` is then still a subtraction.
    """
    try:
        tokens = scan(name)[:-1]
    except FeelSyntaxError:
        return ()
    if not 0 < len(tokens) <= NAME_TOKENS_MAX or tokens[0].kind is not Kind.NAME:
        return ()
    words: list[tuple[str, bool | None]] = [(tokens[0].value, None)]
    for before, token in pairwise(tokens):
        has_sign = before.value in _NAME_SIGNS or token.value in _NAME_SIGNS
        words.append((token.value, before.end == token.start if has_sign else None))
    return tuple(words)


@lru_cache(maxsize=256)
def _name_table(names: frozenset[str]) -> _Names:
    """Return names by their first word; models compile many texts with the same names."""
    table: _Names = {}
    for name in sorted(names):
        _add_name(table, name)
    return table


def normalise_name(text: str) -> str:
    """Return a name with single spaces between its words."""
    return _SPACE.sub(" ", text.strip())


def _add_name(table: _Names, name: str) -> None:
    words = split_name(name)
    if words:
        table.setdefault(words[0][0], []).append(words)
