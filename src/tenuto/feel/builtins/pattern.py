"""XPath regular expressions: text to tree.

DMN 1.5 §10.3.4.3 takes `matches`, `replace` and `split` from XPath 2.0 §7.6 and XML Schema part 2
appendix F, whose patterns differ from Python's: classes can be subtracted, `\\w` is what is no
punctuation, separator or control, `$` is the very end, look-around does not exist. So patterns are
read here, and a pattern that is none of that grammar is refused.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from typing import NoReturn

import msgspec

PATTERN_LENGTH_MAX = 2_000
REPEAT_MAX = 1_000
_NESTING_MAX = 50
_META = frozenset(".\\?*+{}()[]|^$")
_SINGLE_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}
_SELF_ESCAPES = frozenset("\\|.?*+(){}-[]^$")
_CLASS_LETTERS = frozenset("sSiIcCdDwW")
# Blocks of Unicode by the names of XML Schema; the ones that forms and addresses need.
_BLOCKS: dict[str, tuple[int, int]] = {
    "BasicLatin": (0x0000, 0x007F),
    "Latin-1Supplement": (0x0080, 0x00FF),
    "LatinExtended-A": (0x0100, 0x017F),
    "LatinExtended-B": (0x0180, 0x024F),
    "IPAExtensions": (0x0250, 0x02AF),
    "SpacingModifierLetters": (0x02B0, 0x02FF),
    "CombiningDiacriticalMarks": (0x0300, 0x036F),
    "Greek": (0x0370, 0x03FF),
    "GreekandCoptic": (0x0370, 0x03FF),
    "Cyrillic": (0x0400, 0x04FF),
    "Armenian": (0x0530, 0x058F),
    "Hebrew": (0x0590, 0x05FF),
    "Arabic": (0x0600, 0x06FF),
    "Devanagari": (0x0900, 0x097F),
    "Bengali": (0x0980, 0x09FF),
    "Tamil": (0x0B80, 0x0BFF),
    "Thai": (0x0E00, 0x0E7F),
    "Georgian": (0x10A0, 0x10FF),
    "HangulJamo": (0x1100, 0x11FF),
    "LatinExtendedAdditional": (0x1E00, 0x1EFF),
    "GreekExtended": (0x1F00, 0x1FFF),
    "GeneralPunctuation": (0x2000, 0x206F),
    "CurrencySymbols": (0x20A0, 0x20CF),
    "LetterlikeSymbols": (0x2100, 0x214F),
    "NumberForms": (0x2150, 0x218F),
    "Arrows": (0x2190, 0x21FF),
    "MathematicalOperators": (0x2200, 0x22FF),
    "BoxDrawing": (0x2500, 0x257F),
    "Hiragana": (0x3040, 0x309F),
    "Katakana": (0x30A0, 0x30FF),
    "CJKUnifiedIdeographs": (0x4E00, 0x9FFF),
    "HangulSyllables": (0xAC00, 0xD7AF),
    "PrivateUse": (0xE000, 0xF8FF),
}


class PatternError(Exception):
    """The text is no pattern of XPath."""


class Char(msgspec.Struct, frozen=True):
    """One character."""

    char: str


class AnyChar(msgspec.Struct, frozen=True):
    """`.`"""


class Span(msgspec.Struct, frozen=True):
    """A range of code points inside a class."""

    low: int
    high: int


class Property(msgspec.Struct, frozen=True):
    """A class by name: `\\d`, `\\p{Lu}`, `\\p{IsGreek}`."""

    name: str
    is_negated: bool


class CharClass(msgspec.Struct, frozen=True):
    """`[...]`, or a class escape standing alone."""

    members: tuple[Span | Property, ...]
    is_negated: bool = False
    less: CharClass | None = None


class Anchor(msgspec.Struct, frozen=True):
    """`^` or `$`."""

    is_start: bool


class BackReference(msgspec.Struct, frozen=True):
    """`\\1`"""

    number: int


class Sequence(msgspec.Struct, frozen=True):
    """One after the other."""

    parts: tuple[Tree, ...]


class Choice(msgspec.Struct, frozen=True):
    """`a|b`"""

    options: tuple[Tree, ...]


class Group(msgspec.Struct, frozen=True):
    """`(a)` with its number, `(?:a)` with 0."""

    number: int
    body: Tree


class Repeat(msgspec.Struct, frozen=True):
    """`a*`, `a+?`, `a{2,5}`; no upper bound is -1."""

    body: Tree
    least: int
    most: int
    is_greedy: bool


Tree = Char | AnyChar | CharClass | Anchor | BackReference | Sequence | Choice | Group | Repeat


def parse_pattern(text: str, *, ignores_space: bool) -> tuple[Tree, int]:
    """Return the tree of a pattern and the number of its groups; raise `PatternError`."""
    if len(text) > PATTERN_LENGTH_MAX:
        raise PatternError(f"expected a pattern of at most {PATTERN_LENGTH_MAX} characters")
    parser = _Parser(_strip_space(text) if ignores_space else text)
    tree = parser.choice(0)
    if parser.at < len(parser.text):
        parser.fail("an opening parenthesis for this one")
    return tree, parser.groups


def class_test(members: Iterable[Span | Property]) -> Callable[[str], bool]:
    """Return whether a character is one of the members."""
    spans = [(item.low, item.high) for item in members if isinstance(item, Span)]
    properties = [item for item in members if isinstance(item, Property)]

    def test(char: str) -> bool:
        code = ord(char)
        return any(low <= code <= high for low, high in spans) or any(
            has_property(char, item) for item in properties
        )

    return test


def has_property(char: str, wanted: Property) -> bool:
    """Tell whether a character has a property of Unicode or XML."""
    return _has(char, wanted.name) is not wanted.is_negated


def _has(char: str, name: str) -> bool:
    category = unicodedata.category(char)
    if name == "d":
        return category == "Nd"
    if name == "w":
        return category[0] not in "PZC"
    if name == "s":
        return char in " \t\n\r"
    if name in ("i", "c"):
        is_start = char in "_:" or category in ("Lu", "Ll", "Lo", "Lt", "Nl")
        return is_start or (name == "c" and (char in "-.·" or category in _NAME_CATEGORIES))
    if name.startswith("Is"):
        low, high = _BLOCKS[name[2:]]
        return low <= ord(char) <= high
    return category.startswith(name)


_NAME_CATEGORIES = frozenset(("Mc", "Me", "Mn", "Lm", "Nd"))
_CATEGORIES = frozenset(
    name
    for major, minors in (
        ("L", "ultmo"),
        ("M", "enc"),
        ("N", "dlo"),
        ("P", "cdseifo"),
        ("Z", "slp"),
        ("S", "mcko"),
        ("C", "cfon"),
    )
    for name in (major, *(major + minor for minor in minors))
)


def _strip_space(text: str) -> str:
    """Remove the white space that flag x ignores: all but that inside classes."""
    kept: list[str] = []
    depth = 0
    is_escaped = False
    for char in text:
        if not is_escaped:
            depth += (char == "[") - (char == "]" and depth > 0)
        if depth or char not in " \t\n\r":
            kept.append(char)
        is_escaped = char == "\\" and not is_escaped
    return "".join(kept)


class _Parser:
    """One pass over a pattern."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.groups = 0
        self._closed: set[int] = set()

    def fail(self, expectation: str) -> NoReturn:
        raise PatternError(f"expected {expectation} at character {self.at + 1} of {self.text!r}")

    def peek(self) -> str:
        return self.text[self.at] if self.at < len(self.text) else ""

    def take(self) -> str:
        char = self.peek()
        if not char:
            self.fail("more of the pattern")
        self.at += 1
        return char

    def choice(self, depth: int) -> Tree:
        if depth > _NESTING_MAX:
            self.fail("less nesting")
        options = [self.sequence(depth)]
        while self.peek() == "|":
            self.at += 1
            options.append(self.sequence(depth))
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def sequence(self, depth: int) -> Tree:
        parts: list[Tree] = []
        while self.peek() not in ("", "|", ")"):
            parts.append(self.quantified(self.atom(depth)))
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def atom(self, depth: int) -> Tree:
        char = self.take()
        if char == "(":
            return self.group(depth)
        if char == "[":
            return self.char_class(depth)
        if char == ".":
            return AnyChar()
        if char in "^$":
            return Anchor(is_start=char == "^")
        if char == "\\":
            return self.escape()
        if char in _META:
            self.at -= 1
            self.fail("a character or group")
        return Char(char)

    def group(self, depth: int) -> Tree:
        number = 0
        if self.peek() == "?":
            self.at += 1
            if self.take() != ":":
                self.fail("a group that XPath knows")
        else:
            self.groups += 1
            number = self.groups
        body = self.choice(depth + 1)
        self.take()  # A choice ends at a closing parenthesis or at the end, which take() refuses.
        self._closed.add(number)
        return Group(number, body)

    def quantified(self, atom: Tree) -> Tree:
        char = self.peek()
        if char == "" or char not in "?*+{":
            return atom
        self.at += 1
        least, most = {"?": (0, 1), "*": (0, -1), "+": (1, -1)}.get(char) or self.counts()
        is_greedy = self.peek() != "?"
        if not is_greedy:
            self.at += 1
        if self.peek() != "" and self.peek() in "?*+{":
            self.fail("one quantifier")
        return Repeat(atom, least, most, is_greedy)

    def counts(self) -> tuple[int, int]:
        end = self.text.find("}", self.at)
        low, comma, high = self.text[self.at : max(end, self.at)].partition(",")
        if not _is_digits(low) or not (high == "" or _is_digits(high)):
            self.fail("a quantifier as in {2,5}")
        self.at = end + 1
        least = int(low)
        most = int(high) if high else -1 if comma else least
        if max(least, most) > REPEAT_MAX or (most != -1 and most < least):
            self.fail(f"ascending counts up to {REPEAT_MAX}")
        return least, most

    def escape(self) -> Tree:
        char = self.take()
        if char.isascii() and char.isdigit():
            return self.back_reference(char)
        if char in _CLASS_LETTERS or char in "pP":
            return CharClass((self.property(char),))
        return Char(self.single_escape(char))

    def back_reference(self, first: str) -> Tree:
        number = int(first)
        while _is_digits(self.peek()) and number * 10 + int(self.peek()) <= self.groups:
            number = number * 10 + int(self.take())
        if number == 0 or number not in self._closed:
            self.fail("a reference to a group that is closed")
        return BackReference(number)

    def single_escape(self, char: str) -> str:
        if char in _SINGLE_ESCAPES:
            return _SINGLE_ESCAPES[char]
        if char not in _SELF_ESCAPES:
            self.fail("an escape that XPath knows")
        return char

    def property(self, letter: str) -> Property:
        if letter not in "pP":
            return Property(letter.lower(), letter.isupper())
        end = self.text.find("}", self.at)
        if self.peek() != "{" or end < 0:
            self.fail("a property as in \\p{Lu}")
        name = self.text[self.at + 1 : end]
        if name not in _CATEGORIES and not (name.startswith("Is") and name[2:] in _BLOCKS):
            self.fail("a property of Unicode")
        self.at = end + 1
        return Property(name, letter == "P")

    def char_class(self, depth: int) -> CharClass:
        if depth > _NESTING_MAX:
            self.fail("less nesting")
        is_negated = self.peek() == "^"
        self.at += is_negated
        members: list[Span | Property] = []
        less = None
        while self.peek() != "]":
            if self.text.startswith("-[", self.at) and members:
                self.at += 2
                less = self.char_class(depth + 1)
                break
            members.append(self.class_member())
        if self.take() != "]" or not members:
            self.fail("the end of the character class")
        return CharClass(tuple(members), is_negated, less)

    def class_member(self) -> Span | Property:
        low = self.class_char()
        if isinstance(low, Property):
            return low
        is_range = self.peek() == "-" and self.text[self.at + 1 : self.at + 2] not in ("]", "[", "")
        if not is_range:
            return Span(low, low)
        self.at += 1
        high = self.class_char()
        if isinstance(high, Property) or high < low:
            self.fail("an ascending range of characters")
        return Span(low, high)

    def class_char(self) -> int | Property:
        char = self.take()
        if char == "\\":
            letter = self.take()
            if letter in _CLASS_LETTERS or letter in "pP":
                return self.property(letter)
            return ord(self.single_escape(letter))
        if char == "[":
            self.at -= 1
            self.fail("an escaped bracket")
        return ord(char)


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()
