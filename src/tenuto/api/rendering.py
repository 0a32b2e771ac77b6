"""Values and times as JSON writes them.

A value that is kept encoded goes to JSON without being built as one of ours: numbers are copied as
the text that they are kept as, and only temporals and ranges are read to be written as text.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.msgpack import Ext

from tenuto import values
from tenuto.client.reading import ERASED
from tenuto.errors import InputError
from tenuto.store.codec import unpack_blob
from tenuto.values.codec import EXT_NUMBER

if TYPE_CHECKING:
    from tenuto.client.reading import Reading
    from tenuto.engine.stored import Stored


def moment(milliseconds: int | None) -> str | None:
    """Return Unix milliseconds as ISO 8601 text in UTC; nothing for an instant beyond the year
    9999.

    >>> moment(1_700_000_000_250)
    '2023-11-14T22:13:20.250Z'
    """
    if milliseconds is None:
        return None
    second = _second(milliseconds // 1000)
    return None if second is None else f"{second}.{milliseconds % 1000:03d}Z"


@lru_cache(1_024)
def _second(seconds: int) -> str | None:
    """Return a second as text; the jobs of one commit have few."""
    try:
        return f"{datetime.fromtimestamp(seconds, tz=UTC):%Y-%m-%dT%H:%M:%S}"
    except (ValueError, OverflowError, OSError):
        return None


def instant(text: str) -> int:
    """Return the Unix milliseconds of ISO 8601 text; without an offset it is in UTC.

    Raises `InputError`.

    >>> instant("2023-11-14T22:13:20.250Z")
    1700000000250
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(
            f"expected an instant such as 2026-11-23T03:00:00Z, got `{text[:40]}`"
        ) from None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    return int((at - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000)


def encoded_json(data: bytes) -> Any:
    """Return what JSON writes for an encoded value."""
    return _READ(data)


def variables_json(variables: Mapping[str, bytes]) -> dict[str, Any]:
    """Return what JSON writes for encoded variables."""
    return {name: _READ(data) for name, data in variables.items()}


def stored_json(read: Reading, instance: int, stored: Stored) -> Any:
    """Return what JSON writes for a value of an instance; of an erased one, a text that says so."""
    if isinstance(stored, bytes):
        return _READ(stored)
    data = read.reader.payload(instance, stored.digest)
    return ERASED if data is None else _READ(unpack_blob(data))


def python_json(value: object) -> msgspec.Raw:
    """Return what JSON writes for plain Python data."""
    return msgspec.Raw(values.dumps(values.from_python(value)).encode())


def _text_of(code: int, data: memoryview) -> Any:
    """Return a number as the text that it is kept as, and a temporal or range as text."""
    if code == EXT_NUMBER:
        return msgspec.Raw(bytes(data))
    return values.to_json(values.decode(_PACK(Ext(code, bytes(data)))))


_PACK = msgspec.msgpack.Encoder().encode
_READ = msgspec.msgpack.Decoder(ext_hook=_text_of).decode
