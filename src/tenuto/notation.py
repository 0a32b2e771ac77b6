"""YAML, read strictly: every part knows its file and line, and nothing is guessed.

Scalars are those of the YAML 1.2 core schema with dates and times beside them: `no` and `on` are
texts, `0x1F` and `12:30` too. A text that begins with `=` is FEEL where a value is asked for.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

import yaml

from tenuto import feel, values
from tenuto.errors import FeelSyntaxError, InputError, ValueRefused
from tenuto.values import DateAndTime

FILE_BYTES_MAX = 16 << 20
# Counted with aliases written out, so that a file of few lines cannot grow without end.
PARTS_MAX = 1_000_000
DEPTH_MAX = 64

_TAG = "tag:yaml.org,2002:"
_TEXT, _DATE, _DATE_AND_TIME = f"{_TAG}str", "!date", "!date-and-time"
_SCALARS = (
    (f"{_TAG}null", r"~|null|Null|NULL|", "~nN"),
    (f"{_TAG}bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    (f"{_TAG}int", r"[-+]?[0-9]+", "-+0123456789"),
    (f"{_TAG}float", r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]{1,4})?", "-+.0123456789"),
    (f"{_TAG}float", r"[-+]?[0-9]+[eE][-+]?[0-9]{1,4}", "-+0123456789"),
    (_DATE, r"[0-9]{4}-[0-9]{2}-[0-9]{2}", "0123456789"),
    (
        _DATE_AND_TIME,
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?"
        r"(?:Z|[-+][0-9]{2}:[0-9]{2})?",
        "0123456789",
    ),
)


class _Loader(yaml.SafeLoader):
    """Resolves scalars by the table above and nothing else."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012


for _tag, _pattern, _first in _SCALARS:
    _beginnings = [*_first, ""] if _tag.endswith("null") else list(_first)
    _Loader.add_implicit_resolver(_tag, re.compile(f"(?:{_pattern})$"), _beginnings)


class Computed(NamedTuple):
    """A value that FEEL gives when the scenario comes to it."""

    expression: feel.Expression
    place: str

    def evaluate(self, context: Mapping[str, Any], now: DateAndTime) -> Any:
        """Return the value.

        Raises `InputError` when FEEL found none and had something to say about it.
        """
        found = self.expression.evaluate(context, now=now)
        if found.value is None and found.warnings:
            why = "; ".join(warning.message for warning in found.warnings[:3])
            raise InputError(
                f"{self.place}: expected a value of `{self.expression.text}`, but {why}"
            )
        return found.value


class Part(NamedTuple):
    """One node of a file."""

    node: Any
    file: str

    @property
    def line(self) -> int:
        """Return the line, counted from 1."""
        return int(self.node.start_mark.line) + 1

    @property
    def place(self) -> str:
        """Return file and line."""
        return f"{self.file}:{self.line}"

    @property
    def is_null(self) -> bool:
        """Tell whether nothing is written here."""
        return bool(self.node.tag == f"{_TAG}null")

    @property
    def is_text(self) -> bool:
        """Tell whether a text is written here."""
        return isinstance(self.node, yaml.ScalarNode) and self.node.tag == _TEXT

    @property
    def is_mapping(self) -> bool:
        """Tell whether a mapping is written here."""
        return isinstance(self.node, yaml.MappingNode)

    @property
    def is_list(self) -> bool:
        """Tell whether a list is written here."""
        return isinstance(self.node, yaml.SequenceNode)

    def refuse(self, expected: str, got: str | None = None) -> InputError:
        """Return the error that says what was expected here, and what came."""
        return InputError(f"{self.place}: expected {expected}, got {got or self._said()}")

    def members(self, what: str) -> dict[str, Part]:
        """Return the members of a mapping with any names."""
        if not self.is_mapping:
            raise self.refuse(f"{what} to be a mapping")
        found: dict[str, Part] = {}
        for key, value in self.node.value:
            name = Part(key, self.file)
            text = name.text(f"a name in {what}")
            if text in found:
                raise name.refuse(f"each name once in {what}", f"`{text}` again")
            found[text] = Part(value, self.file)
        return found

    def fields(self, what: str, known: Collection[str]) -> dict[str, Part]:
        """Return the members of a mapping whose names are known."""
        found = self.members(what)
        for key, _ in self.node.value if self.is_mapping else ():
            if key.value not in known:
                close = difflib.get_close_matches(key.value, known, 1)
                meant = f"; did you mean `{close[0]}`?" if close else ""
                names = ", ".join(known)
                raise Part(key, self.file).refuse(f"{names} in {what}", f"`{key.value}`{meant}")
        return found

    def items(self, what: str) -> list[Part]:
        """Return the items of a list."""
        if not self.is_list:
            raise self.refuse(f"{what} to be a list")
        return [Part(node, self.file) for node in self.node.value]

    def text(self, what: str) -> str:
        """Return a text that is not empty; a number or a date counts as it is written."""
        if not isinstance(self.node, yaml.ScalarNode) or not self.node.value or self.is_null:
            raise self.refuse(f"{what} to be a text")
        return str(self.node.value)

    def texts(self, what: str) -> tuple[str, ...]:
        """Return a list of texts; one text alone is a list of one."""
        if self.is_list:
            return tuple(item.text(what) for item in self.items(what))
        return (self.text(what),)

    def whole_number(self, what: str) -> int:
        """Return a whole number from 0 on."""
        if self.node.tag != f"{_TAG}int" or int(self.node.value) < 0:
            raise self.refuse(f"{what} to be a whole number")
        return int(self.node.value)

    def formula(self, what: str, names: Iterable[str] = ()) -> Computed:
        """Return the FEEL expression of a text, with or without `=` in front.

        `names` are known variables, which may hide built-in functions.
        """
        return self._compile(self.text(what).strip().removeprefix("="), names)

    def value(self) -> Any:
        """Return a value: plain, with `Computed` wherever a text begins with `=`."""
        if self.is_mapping:
            return {name: part.value() for name, part in self.members("a value").items()}
        if self.is_list:
            return [part.value() for part in self.items("a value")]
        tag, text = self.node.tag, self.node.value
        if tag == _TEXT and text.startswith("="):
            return self._compile(text[1:])
        try:
            value = _SCALAR_VALUES[tag](text)
        except KeyError:
            raise self.refuse("a plain value", f"the tag {tag}") from None
        if value is None and tag != f"{_TAG}null":
            raise self.refuse("a date or time that exists")
        try:
            values.check_value(value, where=self.place)
        except ValueRefused as error:
            raise InputError(str(error)) from error
        return value

    def _compile(self, text: str, names: Iterable[str] = ()) -> Computed:
        try:
            return Computed(feel.compile(text, names=names, camunda=True), self.place)
        except FeelSyntaxError as error:
            raise InputError(f"{self.place}: {error}") from error

    def _said(self) -> str:
        if self.is_null:
            return "nothing"
        if isinstance(self.node, yaml.ScalarNode):
            text = self.node.value
            return f"`{text if len(text) <= 60 else text[:57] + '...'}`"
        return "a mapping" if self.is_mapping else "a list"


_SCALAR_VALUES: dict[str, Any] = {
    _TEXT: str,
    f"{_TAG}null": lambda _: None,
    f"{_TAG}bool": lambda text: text.lower() == "true",
    f"{_TAG}int": int,
    f"{_TAG}float": lambda text: values.simplify_number(Decimal(text)),
    _DATE: values.parse_date,
    _DATE_AND_TIME: values.parse_date_and_time,
}


def open_document(source: bytes, file: str) -> Part | None:
    """Return the root of a YAML file, nothing when it is empty.

    Raises `InputError` with file and line for what is no YAML, or too much of it.
    """
    if len(source) > FILE_BYTES_MAX:
        raise InputError(f"{file}: expected at most {FILE_BYTES_MAX:,} bytes, got {len(source):,}")
    try:
        root = yaml.compose(source, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = file if mark is None else f"{file}:{mark.line + 1}"
        raise InputError(f"{place}: expected YAML, but {error.problem}") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise InputError(f"{file}: expected YAML, but {error}") from error
    if root is None:
        return None
    _check_size(Part(root, file))
    return Part(root, file)


def settle(
    value: Any,
    context: Mapping[str, Any],
    now: DateAndTime,
    found: Callable[[Any], Any] = lambda value: value,
) -> Any:
    """Return a value with every `Computed` in it evaluated, and given to `found`.

    Raises `InputError`.
    """
    if isinstance(value, Computed):
        return found(value.evaluate(context, now))
    if isinstance(value, dict):
        return {name: settle(member, context, now, found) for name, member in value.items()}
    if isinstance(value, list):
        return [settle(item, context, now, found) for item in value]
    return value


def _check_size(root: Part) -> None:
    """Refuse more than `PARTS_MAX` parts or `DEPTH_MAX` levels, an alias to itself included."""
    count = 0
    ways: list[tuple[Any, int]] = [(root.node, 1)]
    while ways:
        node, depth = ways.pop()
        count += 1
        if depth > DEPTH_MAX or count > PARTS_MAX:
            expected = f"at most {PARTS_MAX:,} parts and {DEPTH_MAX} levels"
            raise Part(node, root.file).refuse(expected, "more")
        ways.extend((child, depth + 1) for child in _children(node))


def _children(node: Any) -> Iterator[Any]:
    if isinstance(node, yaml.SequenceNode):
        yield from node.value
    elif isinstance(node, yaml.MappingNode):
        for pair in node.value:
            yield from pair
