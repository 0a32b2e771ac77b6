"""The master key of a database: a file beside it that only its owner reads.

Every other secret that must be the same in the next life (a webhook's signing key, the seal of a
page cursor) is derived from it; nothing secret is in the database.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import Final

from tenuto.errors import InputError

KEY_BYTES: Final = 32


class MasterKey:
    """Derives keys by purpose and name."""

    def __init__(self, key: bytes) -> None:
        """Hold a key of 32 bytes."""
        self._key = key

    def derive(self, purpose: str, name: str = "") -> bytes:
        """Return 32 bytes that only this key gives for a purpose and a name (HMAC-SHA256)."""
        message = f"{len(purpose)}:{purpose}:{name}".encode()
        return hmac.new(self._key, message, hashlib.sha256).digest()


def ephemeral_key() -> MasterKey:
    """Return a key that ends with this process: for a database in memory."""
    return MasterKey(secrets.token_bytes(KEY_BYTES))


def load_master_key(path: Path) -> MasterKey:
    """Return the key in a file, made with its first use.

    Raises `InputError` when the file holds something else or others may read it.
    """
    with contextlib.suppress(FileExistsError):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
    if path.stat().st_mode & 0o077:
        raise InputError(f"expected `{path}` to be readable by its owner only: chmod 600 {path}")
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise InputError(
            f"expected a key of {KEY_BYTES} bytes in `{path}`, got {len(key)}: restore it from a "
            "backup, or remove it and tell the receivers of webhooks their new secrets"
        )
    return MasterKey(key)


def new_key_file(path: Path) -> None:
    """Write a new key of a database that is encrypted: 64 hexadecimal digits.

    Raises `InputError` when there is a file already: a key that is lost is lost with its data.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise InputError(f"expected a new file for a key, but `{path}` is there") from error
    except OSError as error:
        raise InputError(f"expected to write a key to `{path}`: {error.strerror}") from error
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{secrets.token_hex(KEY_BYTES)}\n")
        file.flush()
        os.fsync(file.fileno())


def read_key_file(path: Path) -> bytes:
    """Return the key in a file.

    Raises `InputError` when there is none, it holds something else, or others may read it.
    """
    try:
        mode = path.stat().st_mode
        text = path.read_bytes().strip()
    except OSError as error:
        raise InputError(
            f"expected a key in `{path}`: {error.strerror}; make one with `tenuto encryption "
            f"new-key {path}`"
        ) from error
    if mode & 0o077:
        raise InputError(f"expected `{path}` to be readable by its owner only: chmod 600 {path}")
    try:
        key = bytes.fromhex(text.decode("ascii"))
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise InputError(
            f"expected {2 * KEY_BYTES} hexadecimal digits in `{path}`, got {len(text)} bytes that "
            "are something else"
        )
    return key
