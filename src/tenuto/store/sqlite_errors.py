"""The driver's errors, said in the store's words."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path
from typing import Final

from tenuto.errors import (
    OutcomeUnknown,
    StoreBusy,
    StoreCorrupt,
    StoreError,
    StoreFull,
    StoreRefused,
)
from tenuto.store.driver import ERRORS, is_plain

_NO_DATABASE: Final = (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)


class translated:  # noqa: N801  (reads as a sentence: with translated())
    """Turn the driver's errors into the store's; with a path, those of opening that file."""

    def __init__(self, path: Path | None = None, *, has_key: bool = False) -> None:
        """Watch for errors of the database, or of opening the file at `path` with a key."""
        self._path = path
        self._has_key = has_key

    def __enter__(self) -> None:
        """Watch the block."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Raise the store's error for the driver's."""
        if isinstance(error, UnicodeDecodeError):
            # Even the words of the driver are those of the damaged file.
            raise StoreCorrupt(
                f"expected a sound Tenuto database, but its text is not UTF-8: {error}"
            ) from error
        if isinstance(error, ERRORS.every):
            if self._path is not None and _primary(error) in _NO_DATABASE:
                raise StoreCorrupt(
                    f"expected a Tenuto database at `{self._path}`, but {error}; "
                    f"{_mended(self._path, has_key=self._has_key)}"
                ) from error
            raise translate(error, committing=False) from error


def _mended(path: Path, *, has_key: bool) -> str:
    """Return how to mend that a file is no database that we can read."""
    if not has_key and is_plain(path):
        return "name another file or restore a copy"
    if not has_key:
        return "name another file, restore a copy, or name its key if it is encrypted"
    if is_plain(path):
        return "it is not encrypted: name no key, or make a copy with `tenuto encryption copy`"
    return "its key is another one: name that, or another file"


def translate(error: Exception, *, committing: bool) -> StoreError:
    """Return the store's error for the driver's; `committing` while its outcome is unknown."""
    primary = _primary(error)
    text = str(error)
    if primary == sqlite3.SQLITE_FULL or any(
        os.strerror(number) in text for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    ):
        return StoreFull(f"expected space for the database, but {text}; free some and go on")
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreBusy(f"expected the database to be free, but {text}")
    if primary == sqlite3.SQLITE_IOERR:
        if committing:
            return OutcomeUnknown(f"the commit may or may not have happened: {text}")
        return StoreFull(f"expected the disk to take the write, but {text}")
    if primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return StoreCorrupt(f"expected a sound Tenuto database, but {text}; restore a copy of it")
    if primary in (
        sqlite3.SQLITE_CONSTRAINT,
        sqlite3.SQLITE_TOOBIG,
        sqlite3.SQLITE_MISMATCH,
        sqlite3.SQLITE_RANGE,
    ) or isinstance(error, ERRORS.refused):
        return StoreRefused(f"the database refuses a row: {text}")
    return StoreError(f"the database failed: {text}")


def is_refused_write(error: Exception) -> bool:
    """Tell whether the system refused a write, so that the commit did not reach the disk whole."""
    return getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_IOERR_WRITE


def _primary(error: Exception) -> int:
    return (getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF
