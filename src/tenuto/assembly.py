"""The composition root: the only module that names an adapter."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import shutil
import signal
import socket
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import uvicorn

from tenuto import console
from tenuto.api.app import App
from tenuto.api.routes import ROUTES
from tenuto.api.server import LOOPBACK_NAMES, is_loopback, listen, make_server
from tenuto.api.service import Service
from tenuto.client.client import Client, accepted
from tenuto.client.prune import Retention, prune_steadily
from tenuto.client.queues import declare_requests
from tenuto.client.reading import Reading
from tenuto.client.requests import deploy_request
from tenuto.client.slots import ThreadSlot
from tenuto.deploy import WORKFLOW, compile_sources, latest_processes, prepare
from tenuto.engine.settings import API
from tenuto.errors import InputError
from tenuto.governance.master import ephemeral_key, load_master_key, read_key_file
from tenuto.runtime.clock import Clock, SystemClock
from tenuto.runtime.node import Node
from tenuto.runtime.requests import Reply, Request
from tenuto.runtime.witness import WitnessKeeper
from tenuto.store.crash_points import crash_point
from tenuto.store.memory import MemoryStore
from tenuto.store.port import Store
from tenuto.store.sqlite import SqliteStore, copy_database
from tenuto.store.sqlite_reader import SqliteReader
from tenuto.worker.handlers import Handler
from tenuto.worker.program import Program, program_of
from tenuto.worker.worker import SEATS_DEFAULT, Worker
from tenuto.workflows.compile import SUFFIX, read, source_of
from tenuto.workflows.define import Workflow

Workflows = Mapping[str, Workflow[Any, Any]]

MEMORY = ":memory:"
DATABASE_DEFAULT = "tenuto.db"
ENCRYPTION_KEY_FILE = "TENUTO_ENCRYPTION_KEY_FILE"
GRACE_SECONDS = 10.0


class Running(NamedTuple):
    """A node at work with its worker and a client."""

    node: Node
    worker: Worker | None
    client: Client


def open_store(database: str | Path) -> Store:
    """Return the store of a database: a file of SQLite, or `:memory:`."""
    if str(database) == MEMORY:
        return MemoryStore()
    return SqliteStore(Path(database), key=database_key(), on_phase=crash_point(os.environ))


def database_key() -> bytes | None:
    """Return the key of databases that are encrypted: TENUTO_ENCRYPTION_KEY_FILE names its file.

    Raises `InputError` for a file that holds no key.
    """
    place = os.environ.get(ENCRYPTION_KEY_FILE)
    return read_key_file(Path(place)) if place else None


def copy_store(database: str | Path, target: Path, key_file: Path | None) -> None:
    """Write a database anew with its master key, encrypted with the key of a file, or with none.

    Raises `InputError` when there is a target already, `StoreBusy` when somebody holds the source.
    """
    key = None if key_file is None else read_key_file(key_file)
    copy_database(Path(database), target, key=database_key(), target_key=key)
    master = Path(f"{database}.key")
    if master.is_file():
        shutil.copy2(master, f"{target}.key")


@contextlib.contextmanager
def running(
    database: str | Path = DATABASE_DEFAULT,
    *,
    handlers: Mapping[str, Handler] | None = None,
    clock: Clock | None = None,
    actor: str = "",
    seats: int = 1000,
    grace_seconds: float = GRACE_SECONDS,
) -> Iterator[Running]:
    """Run a node on a database, with a worker for `handlers`; end both in order.

    A `Program` brings workflows too; their new versions are deployed first.
    """
    store = open_store(database)
    node = _node(store, clock)
    worker = _worker(node, handlers, seats)
    with _at_work(node, worker, actor, grace_seconds, handlers) as at:
        yield at


def _node(store: Store, clock: Clock | None = None) -> Node:
    if not __debug__:
        raise InputError("expected Python without -O: asserts guard the journal and stay on")
    return Node(store, clock or SystemClock(), compile_sources, name=f"{os.getpid()}")


def workflows_in(handlers: Mapping[str, Handler] | None) -> Workflows:
    """Return the workflows that come with handlers."""
    return handlers.workflows if isinstance(handlers, Program) else {}


def _worker(
    node: Node, handlers: Mapping[str, Handler] | None, seats: int = SEATS_DEFAULT
) -> Worker | None:
    workflows = workflows_in(handlers)
    if not handlers and not workflows:
        return None
    read = Reading(node.store)
    return Worker(node.corridor, handlers or {}, workflows=workflows, read=read, seats=seats)


def deploy_program(node: Node, handlers: Mapping[str, Handler] | None, actor: str) -> None:
    """Deploy the workflows and queues that come with handlers, as far as they are new."""
    if not isinstance(handlers, Program):
        return
    deploy_workflows(node, handlers.workflows, actor)
    for request in declare_requests(list(handlers.queues.values()), actor):
        _ask(node, request)


def deploy_workflows(node: Node, workflows: Workflows, actor: str) -> None:
    """Deploy the workflows whose name or version is new."""
    known = latest_processes(node.world)
    sources = []
    for one in workflows.values():
        name, source = f"{one.name}{SUFFIX}", source_of(one)
        if known.get(one.name) != read(source, name):
            sources.append((name, WORKFLOW, source))
    if not sources:
        return
    _ask(node, deploy_request(prepare(sources, known), actor=actor))


def _ask(node: Node, request: Request) -> None:
    slot = ThreadSlot()
    ticket, answer = slot.expect()
    node.submit(request._replace(reply=Reply(slot, ticket)))
    accepted(answer.result())


@contextlib.contextmanager
def _at_work(
    node: Node,
    worker: Worker | None,
    actor: str,
    grace_seconds: float = GRACE_SECONDS,
    handlers: Mapping[str, Handler] | None = None,
) -> Iterator[Running]:
    node.start()
    try:
        deploy_program(node, handlers, actor)
        if worker is not None:
            worker.start()
        client = Client(node, actor=actor)
        client.traces = None if worker is None else worker.traces
        yield Running(node, worker, client)
    finally:
        if worker is not None:
            worker.stop(grace_seconds)
        node.stop()


class Address(NamedTuple):
    """Where a server listens: port 0 takes a free one; `names` are further names of the host."""

    host: str = "127.0.0.1"
    port: int = 0
    names: tuple[str, ...] = ()


LOOPBACK = Address()


def serve_until_told(server: uvicorn.Server, bound: socket.socket) -> None:
    """Answer requests until SIGINT, SIGTERM or `server.should_exit`.

    The server repeats the signal that ended it; what is at work ends in order nevertheless.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    server.run(sockets=[bound])


class Serving(NamedTuple):
    """A server at work: `run` answers requests until it is told to stop."""

    running: Running
    service: Service
    server: uvicorn.Server
    socket: socket.socket
    url: str

    def run(self) -> None:
        """Answer requests until SIGINT, SIGTERM or `server.should_exit`."""
        serve_until_told(self.server, self.socket)

    def keep_for(self, retention: Retention) -> None:
        """Delete what ended longer ago than that, steadily while it runs."""
        node, look, app = self.running.node, self.service.reading, self.server.config.app
        assert isinstance(app, App), "the server was made for this application"
        app.background.append(lambda: prune_steadily(node, look, retention))

    def login_link(self) -> str:
        """Return a link that lets one browser in, once, within ten minutes."""
        code = self.service.links.issue(self.running.node.now())
        return f"{self.url}/login?code={code}"


@contextlib.contextmanager
def serving(  # noqa: PLR0913  (one parameter for each thing that a server may be given)
    database: str | Path = DATABASE_DEFAULT,
    *,
    handlers: Mapping[str, Handler] | None = None,
    clock: Clock | None = None,
    address: Address = LOOPBACK,
    operator: str = "",
    witnesses: Path | None = None,
    is_restored: bool = False,
) -> Iterator[Serving]:
    """Run a node with its worker behind HTTP; its clock is that of the wall if none is given.

    The heads of the journal are witnessed in the folder `witnesses` while it runs.

    Raises `InputError` for an address that others reach while no token is issued, and
    `StoreCorrupt` for a database that lacks what its witness saw, unless it `is_restored` on
    purpose.
    """
    open_ = Opening(handlers, operator, witnesses, is_restored)
    with contextlib.ExitStack() as stack:
        at, service = stack.enter_context(opened(database, open_, clock))
        check_guarded(address, at.node)
        bound = stack.enter_context(contextlib.closing(listen(address.host, address.port)))
        app = application(service, host_names(address))
        yield Serving(at, service, make_server(app), bound, url_of(address, bound))


class Opening(NamedTuple):
    """How a database is opened behind HTTP: see `serving`."""

    handlers: Mapping[str, Handler] | None = None
    operator: str = ""
    witnesses: Path | None = None
    is_restored: bool = False


@contextlib.contextmanager
def opened(
    database: str | Path, open_: Opening, clock: Clock | None = None
) -> Iterator[tuple[Running, Service]]:
    """Run a node with its worker, and what the routes work with; end all in order."""
    store = open_store(database)
    with contextlib.ExitStack() as stack:
        try:
            keeper = None if open_.witnesses is None else WitnessKeeper(store, open_.witnesses)
            if keeper is not None and not open_.is_restored:
                keeper.check()
            node = _node(store, clock)
        except BaseException:
            store.close()
            raise
        handlers, operator = open_.handlers, open_.operator
        worker = _worker(node, handlers)
        at = stack.enter_context(_at_work(node, worker, operator, handlers=handlers))
        if keeper is not None:
            keeper.start()
            stack.enter_context(contextlib.closing(keeper))
        service = stack.enter_context(contextlib.closing(_service(node, database, operator)))
        service.client.traces = at.client.traces
        yield at, service


@contextlib.contextmanager
def told(database: str | Path, url: str, token: str) -> Iterator[None]:
    """Tell the commands of this machine where a database is served, in a file beside it that only
    its owner reads.
    """
    path = Path(f"{database}.serve.json")
    data = {"url": url, "token": token, "pid": os.getpid()}
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(data, file)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def application(service: Service, hosts: frozenset[str]) -> App:
    """Return the API and the page of a database, under these names of a host."""
    routes = (*ROUTES, *console.ROUTES)
    return App(service, routes, hosts=hosts, page_problem=console.render_problem)


def url_of(address: Address, bound: socket.socket) -> str:
    """Return the URL of what listens."""
    shown = f"[{address.host}]" if ":" in address.host else address.host
    return f"http://{shown}:{bound.getsockname()[1]}"


def check_guarded(address: Address, node: Node) -> None:
    """Refuse to let others in unasked. Raises `InputError`."""
    is_guarded = any(one.kind == API for one in node.world.tokens.values())
    if not is_loopback(address.host) and not is_guarded:
        raise InputError(
            f"expected a token to exist before `{address.host}` is listened on, where others reach "
            "it: make one with `tenuto token create`, or listen on 127.0.0.1"
        )


def host_names(address: Address) -> frozenset[str]:
    """Return under which names a server may be asked for."""
    local = LOOPBACK_NAMES if is_loopback(address.host) else frozenset()
    return frozenset({address.host, *address.names}) | local


def _service(node: Node, database: str | Path, operator: str) -> Service:
    if str(database) == MEMORY:
        return Service(node, ephemeral_key(), name=operator)
    master = load_master_key(Path(f"{database}.key"))
    return Service(node, master, name=operator, database=Path(database))


class _Shelf:
    """A database that is only read: it gives readers and frees them at its end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._readers: list[SqliteReader] = []

    def reader(self) -> SqliteReader:
        self._readers.append(SqliteReader(self._path, database_key()))
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


def load_app(spec: str) -> Program:
    """Return the handlers, steps and workflows of `module:name`, or of all of `module`.

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
        if isinstance(found, Program):
            return found
        if isinstance(found, Mapping):
            return Program(found)
        module = found
    app = program_of(module)
    if not app and not app.workflows and isinstance(module, ModuleType):
        raise InputError(
            f"expected functions with @handler, @step or @workflow in `{module_name}`, but there "
            "are none"
        )
    return app
