"""The driver of SQLite: Python's own, or SQLCipher's for a database that is encrypted with a key.

Both have one interface and SQLite's codes of errors; their errors are two families, of which an
`except` names both. SQLCipher encrypts each page of the file and of its log with AES-256 and proves
it with HMAC-SHA512; SQLite sees plain pages in memory only, so that every query works as ever.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, Final

from tenuto.errors import InputError

KEY_BYTES: Final = 32
MAGIC: Final = b"SQLite format 3\0"

_families: list[Any] = [sqlite3]


class Errors:
    """The errors of the drivers that are at work; `except` looks them up when it needs them."""

    @property
    def every(self) -> tuple[type[Exception], ...]:
        """Return what any failure is."""
        return _errors("Error")

    @property
    def reading(self) -> tuple[type[Exception], ...]:
        """Return what a file is that cannot be read; its text may be no text."""
        return (UnicodeDecodeError, *_errors("DatabaseError"))

    @property
    def integrity(self) -> tuple[type[Exception], ...]:
        """Return what a row that is there already is."""
        return _errors("IntegrityError")

    @property
    def refused(self) -> tuple[type[Exception], ...]:
        """Return what a value is that the driver cannot bind."""
        return _errors("InterfaceError", "DataError", "ProgrammingError")


def _errors(*kinds: str) -> tuple[type[Exception], ...]:
    return tuple(getattr(family, kind) for family in _families for kind in kinds)


ERRORS: Final = Errors()


def open_connection(target: str | Path, key: bytes | None, **options: Any) -> sqlite3.Connection:
    """Return a connection to a file, or to a URI with `uri=True`.

    Raises `InputError` when a key is given and SQLCipher is not installed.
    """
    if key is None:
        plain: sqlite3.Connection = sqlite3.connect(target, **options)
        return plain
    cipher = _cipher()
    connection: sqlite3.Connection = cipher.connect(str(target), **options)
    # A key that does not fit is told by us, not on standard error.
    connection.execute("PRAGMA cipher_log_level = NONE")
    connection.execute(f"PRAGMA key = \"x'{key.hex()}'\"")
    return connection


def is_plain(path: Path) -> bool:
    """Tell whether a file is a database without a key; one that is not there is none."""
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def write_copy(source: Path, key: bytes | None, target: Path, target_key: bytes | None) -> None:
    """Write a database anew, under another key or none. Nobody else may write meanwhile.

    Raises an error of `ERRORS` when the source is no database of that key.
    """
    connection = _cipher().connect(str(source), isolation_level=None)
    try:
        connection.execute("PRAGMA cipher_log_level = NONE")
        if key is not None:
            connection.execute(f"PRAGMA key = \"x'{key.hex()}'\"")
        named = "''" if target_key is None else f"\"x'{target_key.hex()}'\""
        connection.execute(f"ATTACH DATABASE ? AS copied KEY {named}", (str(target),))
        connection.execute("SELECT sqlcipher_export('copied')").fetchall()
        connection.execute("DETACH DATABASE copied")
    finally:
        connection.close()


def _cipher() -> Any:
    try:
        from sqlcipher3 import dbapi2
    except ImportError as error:
        raise InputError(
            "expected SQLCipher for a database that is encrypted: pip install 'tenuto[encryption]'"
        ) from error
    if dbapi2 not in _families:
        _families.append(dbapi2)
    return dbapi2
