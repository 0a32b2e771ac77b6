"""Reading inputs: lines, CSV, NDJSON and JSON, whatever came in."""

import io
import tracemalloc
from decimal import Decimal

import pytest

from tenuto.cli import lines, records
from tenuto.cli.lines import Counted, read_lines
from tenuto.cli.records import read_records
from tenuto.errors import InputError


class Trickle(io.BytesIO):
    """A file that gives few bytes at a time."""

    def read(self, size=-1):
        return super().read(min(size, 7))


def rows_of(content, kind="csv", file=io.BytesIO):
    """Return the records of a content."""
    data = content if isinstance(content, bytes) else content.encode()
    return list(read_records(Counted(file(data)), kind))


def good(content, kind="csv", **options):
    """Return the values of the records that can be read."""
    return [row.values for row in rows_of(content, kind, **options) if not row.problem]


def bad(content, kind="csv"):
    """Return (line, problem) of the records that cannot be read."""
    return [(row.line, row.problem) for row in rows_of(content, kind) if row.problem]


@pytest.mark.parametrize("file", [io.BytesIO, Trickle])
def test_newlines_may_be_mixed(file):
    """Each of the three newlines ends a line, also where a chunk of the file ends."""
    found = [line.text for line in read_lines(Counted(file(b"one\ntwo\r\nthree\rfour")))]

    assert [text.strip() for text in found] == ["one", "two", "three", "four"]


def test_lines_are_counted_from_one():
    """Line numbers are those of an editor, blank lines counted."""
    assert [row.line for row in rows_of("a\n1\n\n2\n")] == [2, 4]


def test_a_byte_order_mark_is_no_part_of_the_header():
    """The mark that spreadsheets write does not change the first column's name."""
    assert good(b"\xef\xbb\xbfa,b\n1,2\n") == [{"a": "1", "b": "2"}]


def test_utf_16_is_refused_with_the_remedy():
    """A file in UTF-16 is refused as a whole."""
    with pytest.raises(InputError, match="iconv"):
        rows_of("a,b\n".encode("utf-16"))


def test_bytes_that_are_no_utf_8_cost_their_row():
    """A row that cannot be decoded is bad, its neighbours are not."""
    content = b"a\ncaf\xc3\xa9\ncaf\xe9\nok\n"

    assert good(content) == [{"a": "café"}, {"a": "ok"}]
    assert bad(content) == [(3, "expected UTF-8, but byte 4 of the line is not")]


def test_a_line_without_end_costs_its_row(monkeypatch):
    """A line beyond the limit is bad and is not held in memory; reading goes on after it."""
    monkeypatch.setattr(lines, "LINE_BYTES_MAX", 20)
    content = b"a\n" + b"x" * 100 + b"\nok\n"

    found = rows_of(content, file=Trickle)

    assert [row.values for row in found if not row.problem] == [{"a": "ok"}]
    assert "at most 20 bytes" in found[0].problem


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_the_header_says_what_parts_the_columns(mark):
    """Comma, semicolon and tab are understood."""
    assert good(f"a{mark}b\n1{mark}2,5\n".replace("2,5", '"2,5"')) == [{"a": "1", "b": "2,5"}]


def test_cells_may_be_quoted_over_lines():
    """A quoted cell holds commas, doubled quotes and newlines; the record begins at its line."""
    found = rows_of('a,b\n"x, ""y""","two\nlines"\n1,2\n')

    assert found[0].values == {"a": 'x, "y"', "b": "two\nlines"}
    assert [row.line for row in found] == [2, 4]


def test_unusual_separators_are_text():
    """Characters that Unicode calls line separators do not end a row."""
    assert good("a,b\n1,x\u2028y\x0bz\n") == [{"a": "1", "b": "x\u2028y\x0bz"}]


def test_broken_quoting_costs_one_row():
    """A quote that is never closed costs the row in which it opens and no other."""
    content = 'a,b\n1,"open\n2,ok\n3,"fine"\n4,"x"y\n5,ok\n'

    assert [values["a"] for values in good(content)] == ["2", "3", "5"]
    assert [line for line, _ in bad(content)] == [2, 5]


def test_a_quote_that_stays_open_is_not_searched_for_ever(monkeypatch):
    """After so many lines an open quote is given up, and reading resumes after its line."""
    monkeypatch.setattr(records, "QUOTED_LINES_MAX", 3)
    content = 'a\n"open\n' + "x\n" * 10

    assert len(good(content)) == 10


@pytest.mark.parametrize("row", ["1", "1,2,3", '1,"2",3,'])
def test_too_few_and_too_many_cells_are_bad(row):
    """A row has as many cells as the header."""
    assert "expected 2 columns" in bad(f"a,b\n{row}\n")[0][1]


@pytest.mark.parametrize("header", ["a,a", "a,", '"a'])
def test_a_header_that_names_nothing_is_refused(header):
    """Each column has a name of its own, or nothing of the file is read."""
    with pytest.raises(InputError, match="line 1"):
        rows_of(f"{header}\n1,2\n")


class Endless(io.RawIOBase):
    """A file that is made while it is read."""

    def __init__(self, head, row, size):
        self.rest = size
        self.head = head
        self.row = row * (lines.CHUNK_BYTES // len(row))

    def read(self, size=-1):
        if self.head:
            head, self.head = self.head, b""
            return head
        self.rest -= len(self.row)
        return self.row if self.rest > 0 else b""


@pytest.mark.parametrize(
    ("kind", "head", "row"),
    [
        ("csv", b"a,b\n", b'1,"' + b"x" * 2000 + b'"\n'),
        ("csv", b"a,b\n", b'1,"never closed' + b"x" * 2000 + b"\n"),
        ("ndjson", b"", b'{"a": "' + b"x" * 2000 + b'"}\n'),
        ("json", b"[", b'{"a": "' + b"x" * 2000 + b'"},\n'),
    ],
)
def test_a_large_input_is_a_stream(kind, head, row):
    """However long the input is, only a little of it is in memory."""
    source = Counted(Endless(head, row, 24 << 20))
    tracemalloc.start()

    read = sum(1 for _ in read_records(source, kind))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert read > 10_000
    assert peak < 16 << 20


def test_an_empty_file_has_no_records():
    """Nothing in, nothing out."""
    assert rows_of("") == []
    assert rows_of("", "ndjson") == []
    assert rows_of("", "json") == []


def test_numbers_of_json_stay_exact():
    """A fraction is a decimal, never a float."""
    assert good('{"a": 0.1}\n', "ndjson") == [{"a": Decimal("0.1")}]


def test_lines_that_are_no_objects_are_bad():
    """Broken JSON, other JSON and words for no number cost their line."""
    content = '{"a": 1}\n{"a": \n[1]\n{"a": NaN}\n\n{"a": 2}\n'

    assert good(content, "ndjson") == [{"a": 1}, {"a": 2}]
    assert [line for line, _ in bad(content, "ndjson")] == [2, 3, 4]


@pytest.mark.parametrize("file", [io.BytesIO, Trickle])
def test_an_array_is_read_member_by_member(file):
    """A JSON array gives its members, wherever a chunk of the file ends."""
    content = '[\n {"a": 1.25},\n {"b": "x\\u00e9, [}"} , {"c": {"d": [1, 2]}}\n]\n'

    assert good(content, "json", file=file) == [
        {"a": Decimal("1.25")},
        {"b": "xé, [}"},
        {"c": {"d": [1, 2]}},
    ]


def test_members_know_their_line():
    """A member of an array is found again by its line."""
    assert [row.line for row in rows_of('[\n{"a": 1},\n\n{"a": 2}]', "json")] == [2, 4]


def test_one_object_is_one_record():
    """A file that is one object is one record."""
    assert good('{"a": 1}', "json") == [{"a": 1}]


def test_broken_json_ends_the_array():
    """What comes before the break is read, and the break is reported."""
    content = '[{"a": 1}, {"a": }, {"a": 3}]'

    assert good(content, "json") == [{"a": 1}]
    assert "nothing after this place can be read" in bad(content, "json")[0][1]
