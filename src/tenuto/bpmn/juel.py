"""JUEL to FEEL: the part of Camunda 7's expression language that only reads variables.

`${…}` and `#{…}` with property access, literals, comparisons, arithmetic, and / or / not, the
conditional operator and `empty` are translated; text around them becomes string concatenation.
Calls are refused, because they reach Java beans, but for the few in `_VALUE_METHODS` and
`_EXECUTION_METHODS`, which only look at values.

Where the languages differ, JUEL's meaning is kept: `null` is false for `!`, and empty in text.
JUEL coerces before it compares (`'1' == 1` holds); FEEL does not, and neither does the translation.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation

from msgspec import Struct

from tenuto.errors import InputError

DEPTH_MAX = 32
# FEEL names an operand more than once where JUEL does it once: what grows by that has a bound.
REPEATED_LENGTH_MAX = 4_096

# The variables of a multi-instance body under the names that Tenuto gives them.
_RENAMED = {
    "nrOfInstances": "numberOfInstances",
    "nrOfActiveInstances": "numberOfActiveInstances",
    "nrOfCompletedInstances": "numberOfCompletedInstances",
}
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?)
      | (?P<string>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
      | (?P<name>[^\W\d][\w$]*|\$[\w$]*)
      | (?P<sign>&&|\|\||==|!=|<=|>=|[-+*/%<>!?:.,()\[\]])
    )""",
    re.VERBOSE,
)
_OPENING = re.compile(r"[$#]\{")
_CLOSING = re.compile(r"\s*\}")
_WORD_SIGNS = {
    "and": "&&",
    "or": "||",
    "not": "!",
    "eq": "==",
    "ne": "!=",
    "lt": "<",
    "gt": ">",
    "le": "<=",
    "ge": ">=",
    "div": "/",
    "mod": "%",
}
_LITERALS = {"true": "true", "false": "false", "null": "null"}
_COMPARISONS = {"==": "=", "!=": "!=", "<": "<", ">": ">", "<=": "<=", ">=": ">="}
# The letters that Java and FEEL have in common.
_LETTERS = r"A-Za-z_\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u02FF\u0370-\u037D\u037F-\u1FFF"
_FEEL_NAME = re.compile(rf"[{_LETTERS}][{_LETTERS}0-9]*\Z")


# Words of FEEL: as a variable some cannot be told from syntax, as a property none should be tried.
_SYNTAX = frozenset(["if", "for", "some", "every"])
_WORDS = _SYNTAX | frozenset(
    ["and", "or", "between", "in", "instance", "then", "else", "return", "satisfies", "function"]
)


class NotTranslatable(InputError):
    """A JUEL text outside the subset; `is_call` when it calls a method of a bean."""

    def __init__(self, message: str, *, is_call: bool = False) -> None:
        """Keep the sentence and whether a registered handler could do instead."""
        super().__init__(message)
        self.message = message
        self.is_call = is_call


class Translation(Struct, frozen=True):
    """FEEL text, and the variable names in it (a name may hide a built-in function)."""

    feel: str
    names: tuple[str, ...]


def is_juel(text: str) -> bool:
    """Tell whether a text has a JUEL expression in it."""
    return "${" in text or "#{" in text


def translate(text: str) -> Translation:
    """Return the FEEL of a text with JUEL expressions in it.

    Raises `NotTranslatable`.
    """
    names: dict[str, None] = {}
    parts: list[str] = []
    at = 0
    while at < len(text):
        start = _OPENING.search(text, at)
        before = text[at : start.start() if start else None]
        if before:
            parts.append(quote(before))
        if start is None:
            break
        reader = _Reader(text, start.end(), names)
        value = reader.read()
        # A text that is nothing but one expression keeps the expression's type.
        if not parts and not text[reader.end :].strip():
            return Translation(value, tuple(names))
        parts.append(f'(if {value} = null then "" else string({value}))')
        at = reader.end
    return Translation(" + ".join(parts) or '""', tuple(names))


def quote(text: str) -> str:
    """Return the FEEL string literal of a text."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t") + '"'


class _Reader:
    """Reads one expression up to its closing brace, by recursive descent over EL's grammar."""

    def __init__(self, text: str, at: int, names: dict[str, None]) -> None:
        """Scan the tokens of `text` from `at` up to the brace; behind it is `end`."""
        self.end = at
        self._names = names
        self._tokens = self._scan(text, at)
        self._at = 0
        self._depth = 0

    def read(self) -> str:
        """Return the FEEL of the whole expression."""
        value = self._choice()
        if self._at < len(self._tokens):
            raise NotTranslatable(f"expected an operator, but found {self._tokens[self._at][1]!r}")
        return value

    def _scan(self, text: str, at: int) -> list[tuple[str, str]]:
        tokens: list[tuple[str, str]] = []
        while True:
            closing = _CLOSING.match(text, at)
            if closing:
                self.end = closing.end()
                return tokens
            match = _TOKEN.match(text, at)
            if match is None:
                found = text[at : at + 24].strip()[:12] or "the end"
                raise NotTranslatable(f"expected JUEL up to a closing brace, but found {found!r}")
            kind = str(match.lastgroup)
            word = match.group(kind)
            sign = _WORD_SIGNS.get(word) if kind == "name" else None
            tokens.append(("sign", sign) if sign else (kind, word))
            at = match.end()

    def _sign(self, *signs: str) -> str | None:
        """Take the next token when it is one of the signs."""
        if self._at < len(self._tokens):
            kind, word = self._tokens[self._at]
            if kind == "sign" and word in signs:
                self._at += 1
                return word
        return None

    def _expect(self, sign: str) -> None:
        if self._sign(sign) is None:
            raise NotTranslatable(f"expected {sign!r} in the expression")

    def _choice(self) -> str:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise NotTranslatable(f"expected at most {DEPTH_MAX} expressions inside each other")
        value = self._either()
        if self._sign("?"):
            chosen = self._choice()
            self._expect(":")
            value = f"(if {value} then {chosen} else {self._choice()})"
        self._depth -= 1
        return value

    def _either(self) -> str:
        return self._chain(("||",), lambda: self._chain(("&&",), self._equality, _logic), _logic)

    def _equality(self) -> str:
        return self._chain(("==", "!="), self._relation, _comparison)

    def _relation(self) -> str:
        return self._chain(("<", ">", "<=", ">="), self._sum, _comparison)

    def _sum(self) -> str:
        return self._chain(("+", "-"), self._product, _arithmetic)

    def _product(self) -> str:
        return self._chain(("*", "/", "%"), self._unary, _arithmetic)

    def _chain(
        self,
        signs: tuple[str, ...],
        operand: Callable[[], str],
        combined: Callable[[str, str, str], str],
    ) -> str:
        value = operand()
        while sign := self._sign(*signs):
            value = combined(value, sign, operand())
        return value

    def _unary(self) -> str:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise NotTranslatable(f"expected at most {DEPTH_MAX} operators inside each other")
        if self._sign("!"):
            # Not FEEL's not(): JUEL takes null for false, so its opposite is true.
            value = f"({self._unary()} != true)"
        elif self._sign("-"):
            value = f"(-{self._unary()})"
        elif self._at < len(self._tokens) and self._tokens[self._at] == ("name", "empty"):
            self._at += 1
            value = _empty(self._unary())
        else:
            value = self._suffixes(self._value())
        self._depth -= 1
        return value

    def _value(self) -> str:
        if self._sign("("):
            value = self._choice()
            self._expect(")")
            return f"({value})"
        if self._at >= len(self._tokens):
            raise NotTranslatable("expected a value, but the expression ends")
        kind, word = self._tokens[self._at]
        self._at += 1
        if kind == "number":
            return _number(word)
        if kind == "string":
            return quote(_unescaped(word))
        if kind == "name":
            return self._name(word)
        raise NotTranslatable(f"expected a value, but found {word!r}")

    def _name(self, word: str) -> str:
        if word in _LITERALS:
            return _LITERALS[word]
        if self._sign("("):
            if word == "now" and self._sign(")"):
                return "now()"
            raise NotTranslatable(f"calls the function {word}(); use FEEL", is_call=True)
        if word in {"execution", "task"} and self._sign("."):
            return self._execution_method()
        return self._variable(word)

    def _variable(self, word: str) -> str:
        if not _FEEL_NAME.match(word) or word in _SYNTAX:
            raise NotTranslatable(f"expected a name that FEEL can read too, but found {word!r}")
        name = _RENAMED.get(word, word)
        self._names[name] = None
        return name

    def _execution_method(self) -> str:
        _, method = self._tokens[self._at] if self._at < len(self._tokens) else ("", "")
        self._at += 1
        template = _EXECUTION_METHODS.get(method)
        call = self._tokens[self._at : self._at + 3]
        if template is None or [kind for kind, _ in call] != ["sign", "string", "sign"]:
            raise NotTranslatable(
                f"uses {method!r} of the Java execution; read variables by their name",
                is_call=True,
            )
        self._at += 3
        return template.format(self._variable(call[1][1][1:-1]))

    def _suffixes(self, value: str) -> str:
        while sign := self._sign(".", "["):
            if sign == "[":
                value = self._member(value)
                continue
            if self._at >= len(self._tokens):
                raise NotTranslatable("expected a property after the dot")
            kind, word = self._tokens[self._at]
            self._at += 1
            if kind != "name":
                raise NotTranslatable(f"expected a property after the dot, but found {word!r}")
            value = self._method(value, word) if self._sign("(") else _property(value, word)
        return value

    def _member(self, value: str) -> str:
        kind, word = self._tokens[self._at] if self._at < len(self._tokens) else ("", "")
        if kind == "string":
            self._at += 1
            self._expect("]")
            return f"get value({value}, {quote(_unescaped(word))})"
        if kind == "number" and word.isdigit():
            self._at += 1
            self._expect("]")
            return f"{value}[{int(word) + 1}]"
        raise NotTranslatable("expected a number or a text in brackets; use FEEL for others")

    def _method(self, value: str, method: str) -> str:
        arguments: list[str] = []
        if not self._sign(")"):
            arguments.append(self._choice())
            while self._sign(","):
                arguments.append(self._choice())
            self._expect(")")
        template = _VALUE_METHODS.get((method, len(arguments)))
        if template is None:
            raise NotTranslatable(f"calls the method {method}() of {value}", is_call=True)
        return template.format(_repeated(value), *map(_repeated, arguments))


_VALUE_METHODS = {
    ("equals", 1): "({0} = {1})",
    ("size", 0): "count({0})",
    ("length", 0): "string length({0})",
    ("startsWith", 1): "starts with({0}, {1})",
    ("endsWith", 1): "ends with({0}, {1})",
    ("toUpperCase", 0): "upper case({0})",
    ("toLowerCase", 0): "lower case({0})",
    ("contains", 1): (
        "(if {0} instance of string then contains({0}, {1}) else list contains({0}, {1}))"
    ),
}
_EXECUTION_METHODS = {
    "getVariable": "{0}",
    "getVariableLocal": "{0}",
    "hasVariable": "({0} != null)",
}


def _logic(left: str, sign: str, right: str) -> str:
    return f"({left} {'and' if sign == '&&' else 'or'} {right})"


def _comparison(left: str, sign: str, right: str) -> str:
    return f"({left} {_COMPARISONS[sign]} {right})"


def _arithmetic(left: str, sign: str, right: str) -> str:
    return f"modulo({left}, {right})" if sign == "%" else f"({left} {sign} {right})"


def _empty(value: str) -> str:
    """Return `empty x`: true for null, and for text, list and map without content."""
    value = _repeated(value)
    return f'({value} = null or ({value} in ("", [], {{}})) = true)'


def _repeated(value: str) -> str:
    """Return an operand that is written out more than once, if it is short enough for that."""
    if len(value) > REPEATED_LENGTH_MAX:
        raise NotTranslatable(f"expected a shorter operand than {value[:24]!r}…")
    return value


def _property(value: str, word: str) -> str:
    plain = _FEEL_NAME.match(word) and word not in _WORDS
    return f"{value}.{word}" if plain else f"get value({value}, {quote(word)})"


def _unescaped(literal: str) -> str:
    return re.sub(r"\\(.)", r"\1", literal[1:-1])


def _number(word: str) -> str:
    try:
        return format(Decimal(word), "f")
    except InvalidOperation as error:  # pragma: no cover - the token pattern admits no such text
        raise NotTranslatable(f"expected a number, but found {word!r}") from error
