"""Records of an input file: CSV, JSON lines or one JSON array, read as a stream.

A record that cannot be read is given with its problem and stands in the way of no other. A CSV row
whose quoting is broken costs that row: reading goes on with the line after it.
"""

from __future__ import annotations

import csv
import json
from collections import deque
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final, NamedTuple

from tenuto.cli.lines import Counted, Line, read_lines
from tenuto.errors import InputError

FORMATS: Final = ("csv", "ndjson", "json")
QUOTED_LINES_MAX: Final = 1_000
RECORD_CHARACTERS_MAX: Final = 4 << 20


class Record(NamedTuple):
    """One record: its number among all, the line where it begins, its text as it came.

    `values` are texts by column for CSV and JSON data otherwise.
    """

    number: int
    line: int
    raw: str
    values: dict[str, Any]
    problem: str = ""


def read_records(source: Counted, kind: str) -> Iterator[Record]:
    """Give the records of a source of one of `FORMATS`."""
    readers = {"csv": read_csv, "ndjson": read_ndjson, "json": read_json}
    return readers[kind](source)


# --- CSV


def read_csv(source: Counted) -> Iterator[Record]:
    """Give the rows below the header. Raises `InputError` when the header cannot be used."""
    lines = _Pushback(read_lines(source))
    header_line = next((line for line in lines if line.text.strip()), None)
    if header_line is None:
        return
    delimiter = _delimiter(header_line.text)
    header = _header(header_line, delimiter)
    number = 0
    for line in lines:
        if not line.problem and not line.text.strip("\r\n"):
            continue
        number += 1
        raw, cells, problem = _row(line, lines, delimiter)
        if not problem and len(cells) != len(header):
            problem = f"expected {len(header)} columns, got {len(cells)}"
        found = {} if problem else dict(zip(header, cells, strict=True))
        yield Record(number, line.number, raw.rstrip("\r\n"), found, problem)


class _Pushback:
    """Lines that can be put back: a row that never ends is read again without its first line."""

    def __init__(self, lines: Iterator[Line]) -> None:
        self._lines = lines
        self._again: deque[Line] = deque()

    def __iter__(self) -> Iterator[Line]:
        return self

    def __next__(self) -> Line:
        return self._again.popleft() if self._again else next(self._lines)

    def put_back(self, lines: list[Line]) -> None:
        self._again.extendleft(reversed(lines))


def _delimiter(header: str) -> str:
    """Return what parts the columns: a comma, or what spreadsheets of many countries write."""
    return max(",;\t", key=header.count)


def _header(line: Line, delimiter: str) -> list[str]:
    if line.problem:
        raise InputError(f"line {line.number}: {line.problem}")
    try:
        names = [name.strip() for name in _parse(line.text, delimiter)]
    except csv.Error as error:
        raise InputError(
            f"line {line.number}: expected a header of column names: {error}"
        ) from error
    for name in names:
        if not name or names.count(name) > 1:
            raise InputError(
                f"line {line.number}: expected each column to have a name of its own, "
                f"got `{name}` {names.count(name)} times"
            )
    return names


def _row(first: Line, lines: _Pushback, delimiter: str) -> tuple[str, list[str], str]:
    """Return a row's text, its cells, and what is wrong with it."""
    if first.problem:
        return first.text, [], first.problem
    try:
        return first.text, _parse(first.text, delimiter), ""
    except csv.Error as error:
        if not _is_open(error):
            return first.text, [], _quoting(error)
    more: list[Line] = []
    text = first.text
    for line in lines:
        more.append(line)
        text += line.text
        if line.problem or len(more) >= QUOTED_LINES_MAX or len(text) > RECORD_CHARACTERS_MAX:
            break
        if '"' not in line.text:
            continue
        try:
            return text, _parse(text, delimiter), ""
        except csv.Error as error:
            if not _is_open(error):
                break
    lines.put_back(more)
    return first.text, [], "expected the quote that opens in this row to be closed in it"


def _parse(text: str, delimiter: str) -> list[str]:
    # One item, whatever newlines its quoted cells hold: `csv` ends a row where an item ends.
    return next(csv.reader([text], delimiter=delimiter, strict=True), [])


def _is_open(error: csv.Error) -> bool:
    return "unexpected end of data" in str(error)


def _quoting(error: csv.Error) -> str:
    return f"expected quotes around a whole cell and doubled inside it: {error}"


# --- JSON


def read_ndjson(source: Counted) -> Iterator[Record]:
    """Give one record for each line that is not blank."""
    number = 0
    for line in read_lines(source):
        text = line.text.strip()
        if not text:
            continue
        number += 1
        if line.problem:
            yield Record(number, line.number, text, {}, line.problem)
            continue
        try:
            data = _DECODER.decode(text)
        except (ValueError, RecursionError, ArithmeticError) as error:
            yield Record(number, line.number, text, {}, f"expected JSON: {error}")
        else:
            yield _object(number, line.number, text, data)


def read_json(source: Counted) -> Iterator[Record]:
    """Give the members of one JSON array, or the one object that the file is.

    What comes after broken JSON cannot be read: it is given as one last record with a problem.
    """
    text = _Window(source)
    text.skip_blank()
    if not text.starts_with("["):
        if text.rest:
            yield _next_object(text, 1)
        return
    text.advance(1)
    number = 0
    while True:
        text.skip_blank(",")
        if text.starts_with("]"):
            return
        number += 1
        record = _next_object(text, number)
        yield record
        if text.broken:
            return


def _next_object(text: _Window, number: int) -> Record:
    line = text.line
    try:
        data, raw = text.take_value()
    except (ValueError, RecursionError, ArithmeticError) as error:
        text.broken = True
        problem = f"expected JSON, and nothing after this place can be read: {error}"
        return Record(number, line, text.rest[:1000], {}, problem)
    return _object(number, line, raw, data)


def _object(number: int, line: int, raw: str, data: Any) -> Record:
    if isinstance(data, dict):
        return Record(number, line, raw, data)
    return Record(number, line, raw, {}, f"expected a JSON object, got {raw[:40]}")


class _Window:
    """The part of a JSON text that is being read; it grows only as far as one value reaches."""

    def __init__(self, source: Counted) -> None:
        import codecs

        self._source = source
        self._decode = codecs.getincrementaldecoder("utf-8")().decode
        self._at = 0
        self._text = ""
        self._ended = False
        self.line = 1
        self.broken = False

    @property
    def rest(self) -> str:
        return self._text[self._at :]

    def _grow(self) -> bool:
        if self._ended:
            return False
        data = self._source.read()
        self._ended = not data
        try:
            self._text = self._text[self._at :] + self._decode(data, final=not data)
        except UnicodeDecodeError as error:
            raise InputError(f"expected UTF-8 in the input: {error}") from error
        self._at = 0
        return bool(data)

    def skip_blank(self, also: str = "") -> None:
        while True:
            while self._at < len(self._text):
                character = self._text[self._at]
                if not character.isspace() and character not in also:
                    return
                self.advance(1)
            if not self._grow():
                return

    def starts_with(self, character: str) -> bool:
        return self._text.startswith(character, self._at)

    def advance(self, count: int) -> None:
        self.line += self._text.count("\n", self._at, self._at + count)
        self._at += count

    def take_value(self) -> tuple[Any, str]:
        while True:
            try:
                data, end = _DECODER.raw_decode(self._text, self._at)
            except ValueError:
                if len(self.rest) > RECORD_CHARACTERS_MAX or not self._grow():
                    raise
                continue
            # A number at the end of what was read may go on.
            if end == len(self._text) and self._grow():
                continue
            raw = self._text[self._at : end]
            self.advance(end - self._at)
            return data, raw


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


_DECODER = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse)
