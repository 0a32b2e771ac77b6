"""Where the values of assets are kept: outside of the journal, which has their references only."""

from __future__ import annotations

import hashlib
import math
import os
import pickle
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import quote, unquote

import msgspec
from msgspec import Struct

from tenuto.errors import InputError

HEAD: Final = ".head.json"
BYTES: Final = ".bytes"


class Materialization(Struct, frozen=True):
    """A value of an asset in a partition, as it was made. `cache_key` says of what; `checks` are
    the warnings of its checks. `at` is Unix milliseconds.
    """

    asset: str
    partition: str
    digest: str
    size: int
    cache_key: str
    at: int
    checks: tuple[str, ...] = ()


class ValueStore(Protocol):
    """Keeps values by asset and partition; the last one counts."""

    def head(self, asset: str, partition: str) -> Materialization | None:
        """Return the last materialization, if there is one."""

    def heads(self, asset: str) -> Iterator[Materialization]:
        """Yield the last materialization of each partition, in order of their keys."""

    def save(self, value: Any) -> tuple[str, int]:
        """Keep a value; return its digest and size in bytes."""

    def commit(self, made: Materialization) -> None:
        """Let a kept value be the last one of its asset and partition."""

    def load(self, made: Materialization) -> Any:
        """Return a value."""


class Files:
    """Values as files of a folder: plain data as JSON, bytes as they are, anything else pickled.

    A value is written beside its place and moved, so that a crash leaves the old one or the new
    one. Read only folders that you trust: what was pickled runs code when it is read.
    """

    def __init__(self, folder: str | Path) -> None:
        """Keep them below a folder, which is made."""
        self._folder = Path(folder)
        (self._folder / "values").mkdir(parents=True, exist_ok=True)

    def head(self, asset: str, partition: str) -> Materialization | None:
        """Return the last materialization, if there is one."""
        path = self._place(asset, partition)
        try:
            return msgspec.json.decode(path.read_bytes(), type=Materialization)
        except FileNotFoundError:
            return None

    def heads(self, asset: str) -> Iterator[Materialization]:
        """Yield the last materialization of each partition."""
        folder = self._folder / _name(asset)
        names = sorted(unquote(path.name.removesuffix(HEAD)) for path in folder.glob(f"*{HEAD}"))
        for name in names:
            found = self.head(asset, name)
            if found is not None:
                yield found

    def save(self, value: Any) -> tuple[str, int]:
        """Keep a value by the digest of its bytes."""
        data = _encoded(value)
        digest = hashlib.sha256(data).hexdigest()
        path = self._value(digest)
        if not path.exists():
            _write(path, data)
        return digest, len(data)

    def commit(self, made: Materialization) -> None:
        """Let a kept value be the last one of its asset and partition."""
        path = self._place(made.asset, made.partition)
        path.parent.mkdir(exist_ok=True)
        _write(path, msgspec.json.encode(made))

    def load(self, made: Materialization) -> Any:
        """Return a value. Raises `InputError` when its file is gone or was changed."""
        try:
            data = self._value(made.digest).read_bytes()
        except FileNotFoundError as error:
            raise InputError(
                f"asset `{made.asset}`: expected the value of partition {made.partition} in "
                f"`{self._folder}`, but it is gone; materialize it again"
            ) from error
        if hashlib.sha256(data).hexdigest() != made.digest:
            raise InputError(
                f"asset `{made.asset}`: expected the value of partition {made.partition} as it was "
                "made, but its file was changed; materialize it again"
            )
        return _decoded(data)

    def _place(self, asset: str, partition: str) -> Path:
        return self._folder / _name(asset) / f"{_name(partition)}{HEAD}"

    def _value(self, digest: str) -> Path:
        return self._folder / "values" / f"{digest}{BYTES}"


class Memory:
    """Values in memory, for tests and simulations."""

    def __init__(self) -> None:
        """Begin with none."""
        self._heads: dict[str, dict[str, Materialization]] = {}
        self._values: dict[str, bytes] = {}

    def head(self, asset: str, partition: str) -> Materialization | None:
        """Return the last materialization, if there is one."""
        return self._heads.get(asset, {}).get(partition)

    def heads(self, asset: str) -> Iterator[Materialization]:
        """Yield the last materialization of each partition."""
        found = self._heads.get(asset, {})
        yield from (found[key] for key in sorted(found))

    def save(self, value: Any) -> tuple[str, int]:
        """Keep a value by the digest of its bytes."""
        data = _encoded(value)
        digest = hashlib.sha256(data).hexdigest()
        self._values[digest] = data
        return digest, len(data)

    def commit(self, made: Materialization) -> None:
        """Let a kept value be the last one of its asset and partition."""
        self._heads.setdefault(made.asset, {})[made.partition] = made

    def load(self, made: Materialization) -> Any:
        """Return a value."""
        return _decoded(self._values[made.digest])


def _encoded(value: Any) -> bytes:
    if isinstance(value, bytes):
        return b"b" + value
    if _is_plain(value):
        return b"j" + msgspec.json.encode(value)
    return b"p" + pickle.dumps(value, protocol=5)


def _decoded(data: bytes) -> Any:
    kind, body = data[:1], data[1:]
    if kind == b"b":
        return body
    if kind == b"j":
        return msgspec.json.decode(body)
    return pickle.loads(body)  # noqa: S301  (a folder of the user's own, checked by its digest)


def _is_plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(type(key) is str and _is_plain(one) for key, one in value.items())
    if type(value) is list:
        return all(_is_plain(one) for one in value)
    if type(value) is float:
        return math.isfinite(value)  # JSON has no NaN
    if type(value) is str:
        return value.isascii() or not any("\ud800" <= one <= "\udfff" for one in value)
    return value is None or type(value) in {bool, int}


def _write(path: Path, data: bytes) -> None:
    beside = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}.new")
    with beside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _name(text: str) -> str:
    return quote(text, safe="")
