"""The composition root: the only module that names an adapter."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from tenuto.client.client import Client
from tenuto.client.reading import Reading
from tenuto.deploy import compile_sources
from tenuto.errors import InputError
from tenuto.runtime.clock import Clock, SystemClock
from tenuto.runtime.node import Node
from tenuto.store.crash_points import crash_point
from tenuto.store.memory import MemoryStore
from tenuto.store.port import Store
from tenuto.store.sqlite import SqliteStore
from tenuto.store.sqlite_reader import SqliteReader
from tenuto.worker.handlers import Handler, handlers_of
from tenuto.worker.worker import Worker

MEMORY = ":memory:"
DATABASE_DEFAULT = "tenuto.db"


class Running(NamedTuple):
    """A node at work with its worker and a client."""

    node: Node
    worker: Worker | None
    client: Client


def open_store(database: str | Path) -> Store:
    """Return the store of a database: a file of SQLite, or `:memory:`."""
    if str(database) == MEMORY:
        return MemoryStore()
    return SqliteStore(Path(database), on_phase=crash_point(os.environ))


@contextlib.contextmanager
def running(
    database: str | Path = DATABASE_DEFAULT,
    *,
    handlers: Mapping[str, Handler] | None = None,
    clock: Clock | None = None,
    actor: str = "",
    seats: int = 1000,
    grace_seconds: float = 10.0,
) -> Iterator[Running]:
    """Run a node on a database, with a worker for `handlers`; end both in order."""
    if not __debug__:
        raise InputError("expected Python without -O: asserts guard the journal and stay on")
    store = open_store(database)
    node = Node(store, clock or SystemClock(), compile_sources, name=f"{os.getpid()}")
    node.start()
    worker = Worker(node.corridor, handlers, seats=seats) if handlers else None
    try:
        if worker is not None:
            worker.start()
        yield Running(node, worker, Client(node, actor=actor))
    finally:
        if worker is not None:
            worker.stop(grace_seconds)
        node.stop()


class _Shelf:
    """A database that is only read: it gives readers and frees them at its end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._readers: list[SqliteReader] = []

    def reader(self) -> SqliteReader:
        self._readers.append(SqliteReader(self._path))
        return self._readers[-1]

    def close(self) -> None:
        for reader in self._readers:
            reader.close()


@contextlib.contextmanager
def reading(database: str | Path = DATABASE_DEFAULT) -> Iterator[Reading]:
    """Read a database, also beside the process that holds it.

    Raises `InputError` when there is none.
    """
    path = Path(database)
    if not path.is_file():
        raise InputError(f"expected a database at `{path}`, but there is none; name one with --db")
    shelf = _Shelf(path)
    try:
        yield Reading(shelf)
    finally:
        shelf.close()


def load_app(spec: str) -> dict[str, Handler]:
    """Return the handlers of `module:name` or of every function in `module` that declares one.

    The current folder is on the path. Raises `InputError` that says what was looked for.
    """
    module_name, _, attribute = spec.partition(":")
    path = str(Path.cwd())
    if path not in sys.path:
        sys.path.insert(0, path)
    if module_name.endswith(".py"):
        module_name = module_name[:-3].replace("/", ".")
    try:
        module: object = importlib.import_module(module_name)
    except ImportError as error:
        raise InputError(f"expected a Python module `{module_name}` in {path}: {error}") from error
    if attribute:
        found = getattr(module, attribute, None)
        if found is None:
            raise InputError(
                f"expected `{attribute}` in module `{module_name}`, but it is not there"
            )
        if isinstance(found, Mapping):
            return dict(found)
        module = found
    handlers = handlers_of(module)
    if not handlers and isinstance(module, ModuleType):
        raise InputError(f"expected functions with @handler in `{module_name}`, but there are none")
    return handlers
