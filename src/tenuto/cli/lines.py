"""Lines of a file of any size: mixed newlines, a byte order mark, a bound on each line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple

from tenuto.errors import InputError

CHUNK_BYTES: Final = 1 << 20
LINE_BYTES_MAX: Final = 4 << 20
_UTF8_MARK: Final = b"\xef\xbb\xbf"
_OTHER_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")


class Line(NamedTuple):
    """A line with its ending; `number` counts from 1. `problem` says why it cannot be read."""

    number: int
    text: str
    problem: str = ""


class Counted:
    """A binary file that knows how many of its bytes were read."""

    def __init__(self, file: BinaryIO) -> None:
        """Read from the start of `file`."""
        self._file = file
        self.position = 0

    def read(self, size: int = CHUNK_BYTES) -> bytes:
        """Return the next bytes, none at the end."""
        data = self._file.read(size)
        if self.position == 0:
            if data.startswith(_OTHER_MARKS):
                raise InputError(
                    "expected UTF-8, but the input is UTF-16; "
                    "convert it first (iconv -f UTF-16 -t UTF-8)"
                )
            self.position = len(data)
            return data.removeprefix(_UTF8_MARK)
        self.position += len(data)
        return data


def read_lines(source: Counted) -> Iterator[Line]:
    """Give the lines of a source; `\\n`, `\\r\\n` and `\\r` end one, also mixed in one file."""
    number = 0
    rest = b""
    while True:
        chunk = source.read()
        pieces = (rest + chunk).splitlines(keepends=True)
        rest = b""
        # The last piece may go on in the next chunk, and so may a newline of two bytes.
        if chunk and pieces and not pieces[-1].endswith(b"\n"):
            rest = pieces.pop()
        for piece in pieces:
            number += 1
            yield _decoded(number, piece)
        if len(rest) > LINE_BYTES_MAX:
            number += 1
            yield _too_long(number, rest)
            rest = _skip_line(source)
        if not chunk:
            return


def _decoded(number: int, piece: bytes) -> Line:
    if len(piece) > LINE_BYTES_MAX:
        return _too_long(number, piece)
    try:
        return Line(number, piece.decode())
    except UnicodeDecodeError as error:
        text = piece.decode(errors="replace")
        return Line(number, text, f"expected UTF-8, but byte {error.start + 1} of the line is not")


def _too_long(number: int, piece: bytes) -> Line:
    text = piece[:1000].decode(errors="replace")
    return Line(number, text, f"expected at most {LINE_BYTES_MAX} bytes in a line, but it has more")


def _skip_line(source: Counted) -> bytes:
    """Read to the end of the present line; return what comes after it."""
    while chunk := source.read():
        first, *others = chunk.splitlines(keepends=True)
        if first.endswith((b"\n", b"\r")):
            return b"".join(others)
    return b""
