"""Files of a form: multipart/form-data, read strictly.

RFC 7578 and RFC 2046 §5.1.1. A part without a file name is refused: a deployment is files alone.
"""

from __future__ import annotations

import re
from email.errors import HeaderParseError
from email.parser import HeaderParser
from email.policy import HTTP
from typing import Final, NamedTuple

from tenuto.api.problems import Problem

PARTS_MAX: Final = 200
NAME_LENGTH_MAX: Final = 255
_BOUNDARY = re.compile(r"""boundary=(?:"([^"]{1,70})"|([^;\s"]{1,70}))""", re.IGNORECASE)


class File(NamedTuple):
    """One file of a form."""

    name: str
    content: bytes


def files_of(content_type: str, body: bytes) -> list[File]:
    """Return the files of a form in order. Raises `Problem` (invalid-body)."""
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise _refused("expected a boundary in the content type")
    delimiter = b"\r\n--" + (found[1] or found[2]).encode("latin-1")
    parts = (b"\r\n" + body).split(delimiter)
    if len(parts) < 3 or not parts[-1].startswith(b"--"):
        raise _refused("expected at least one part and the closing delimiter")
    if len(parts) - 2 > PARTS_MAX:
        raise _refused(f"expected at most {PARTS_MAX} parts, got {len(parts) - 2}")
    return [_file(part) for part in parts[1:-1]]


def _file(part: bytes) -> File:
    padding, _, rest = part.partition(b"\r\n")
    head, blank, content = (b"\r\n" + rest).partition(b"\r\n\r\n")
    if padding.strip(b" \t") or not blank:
        raise _refused("expected each part to have headers and a blank line after them")
    try:
        headers = HeaderParser(policy=HTTP).parsestr(head.decode().lstrip("\r\n"))
        name = headers.get_filename() or ""
    except (UnicodeDecodeError, HeaderParseError, ValueError, LookupError) as error:
        raise _refused(f"expected headers of a part in UTF-8: {error}") from None
    name = name.replace("\\", "/").rpartition("/")[2]
    if not name or len(name) > NAME_LENGTH_MAX or not name.isprintable():
        raise _refused("expected each part to be a file with a name, such as order.bpmn")
    return File(name, content)


def _refused(detail: str) -> Problem:
    return Problem("invalid-body", f"the form cannot be used: {detail}")
