"""Where a verb works: a database file, opened by the verb itself, or a server that holds it.

A server is named by `--url`, or found beside the database: `tenuto serve` says there where it is.
Verbs that change something ask the server when there is one; verbs that only read read the file,
unless a URL is given.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import sys
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, TypeVar

import click
from click.core import ParameterSource

from tenuto.errors import InputError

if TYPE_CHECKING:
    from tenuto.assembly import Running
    from tenuto.cli.people import Waiting
    from tenuto.client.blocking import BlockingClient
    from tenuto.client.client import Client
    from tenuto.client.reading import Reading
    from tenuto.client.remote import RemoteClient

    AnyClient = Client | RemoteClient
else:
    AnyClient = object

F = TypeVar("F", bound=Callable[..., Any])
R = TypeVar("R")

DATABASE_DEFAULT = "tenuto.db"
ENCRYPTION_KEY_FILE: Final = "TENUTO_ENCRYPTION_KEY_FILE"
# A person who waits in front of a screen gives up sooner than a program.
PATIENCE_SECONDS: Final = 10.0
ALIVE_SECONDS_MAX: Final = 5.0


class Place(NamedTuple):
    """Where a verb works: on a database file, or at a server if a URL is given."""

    database: str
    url: str | None = None
    token: str | None = None


class Views(Protocol):
    """What verbs show, of a file or of a server."""

    def instances(
        self,
        *,
        process: str | None = None,
        status: str | None = None,
        business_key: str | None = None,
        limit: int,
    ) -> list[dict[str, Any]]:
        """Return instances, the newest first."""

    def counts(self) -> dict[tuple[str, str], int]:
        """Return instance counts by (process, status)."""

    def waiting(self) -> list[Waiting]:
        """Return everything that waits, by process, element and by whom it is waited for."""

    def tasks(
        self, *, assignee: str | None = None, group: str | None = None, limit: int
    ) -> list[dict[str, Any]]:
        """Return open user tasks, the earliest due first."""

    def incidents(self, instance: str | None = None, *, limit: int) -> list[dict[str, Any]]:
        """Return open incidents; of an instance by its key or business key."""

    def causes(self, process: str | None = None) -> list[dict[str, Any]]:
        """Return why instances are stuck or have failed, what happens most first."""

    def instance(self, name: str) -> dict[str, Any]:
        """Return all of an instance, by its key or business key."""


def database_option(command: F) -> F:
    """Give a command `--db`, and `--encrypt-with` for a database that has a key."""
    named = click.option(
        "--encrypt-with",
        envvar=ENCRYPTION_KEY_FILE,
        show_envvar=True,
        metavar="FILE",
        help="The key of the database; one that is created is encrypted with it.",
        expose_value=False,
        callback=_note_key,
    )(command)
    return click.option(
        "--db",
        "database",
        envvar="TENUTO_DB",
        show_envvar=True,
        default=DATABASE_DEFAULT,
        show_default=True,
        metavar="FILE",
        help="The database; it is created by what writes to it.",
    )(named)


def _note_key(_context: click.Context, _option: click.Parameter, path: str | None) -> None:
    """Let this process, and those that it starts, find the key."""
    if path is not None:
        os.environ[ENCRYPTION_KEY_FILE] = path


def place_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--db`, `--url` and `--token`, which come as one `place`."""

    @functools.wraps(command)
    def placed(
        *positional: Any, database: str, url: str | None, token: str | None, **named: Any
    ) -> Any:
        place = _chosen(Place(database, url, token))
        return command(*positional, place=place, **named)

    options = (
        click.option(
            "--token",
            envvar="TENUTO_TOKEN",
            show_envvar=True,
            metavar="TOKEN",
            help="Who you are to the server at --url.",
        ),
        click.option(
            "--url",
            envvar="TENUTO_URL",
            show_envvar=True,
            metavar="URL",
            help="A server to ask instead of a database file.",
        ),
    )
    for option in options:
        placed = option(placed)
    return database_option(placed)


def _chosen(place: Place) -> Place:
    """Return what was meant: what is typed goes before what the environment says."""
    source = click.get_current_context().get_parameter_source
    has_typed_file = source("database") is ParameterSource.COMMANDLINE
    if place.url is None or not has_typed_file:
        return place
    if source("url") is ParameterSource.COMMANDLINE:
        raise click.UsageError("expected --db or --url, got both: which of them is meant?")
    return Place(place.database)


@contextlib.contextmanager
def reading(place: Place) -> Iterator[Views]:
    """Read the server at the URL, if there is one, else the file, also while it is held."""
    if place.url is None:
        from tenuto.cli.file_views import FileViews

        with reading_file(place.database) as read:
            yield FileViews(read)
        return
    from tenuto.cli.server_views import ServerViews

    with blocking(place) as client:
        yield ServerViews(client)


def blocking(place: Place) -> BlockingClient:
    """Return a client of the server at a URL; use it as a context manager."""
    from tenuto.client.blocking import BlockingClient

    assert place.url is not None, "a server has a URL"
    return BlockingClient(place.url, place.token, patience_seconds=PATIENCE_SECONDS)


@contextlib.contextmanager
def reading_file(database: str) -> Iterator[Reading]:
    """Read a database file, also while another process holds it."""
    from tenuto import assembly

    with assembly.reading(database) as read:
        yield read


@contextlib.contextmanager
def working(database: str, **options: Any) -> Iterator[Running]:
    """Run a node on a database. Raises `StoreBusy` while another process holds it."""
    from tenuto import assembly

    quiet_logs()
    with assembly.running(database, actor=actor(), **options) as running:
        yield running


def ask(place: Place, question: Callable[[AnyClient], Coroutine[Any, Any, R]]) -> R:
    """Ask one thing, of the server that there is or of a node on the file; return the answer."""
    server = server_of(place)
    if server is not None:
        return asyncio.run(_ask_server(server, question))
    with working(place.database) as running:
        return asyncio.run(question(running.client))


def server_of(place: Place) -> Place | None:
    """Return where the server of a place is: at its URL, or where a file beside the database says,
    if it answers there.
    """
    if place.url is not None:
        return place
    path = Path(f"{place.database}.serve.json")
    if not path.is_file():
        return None
    import msgspec

    try:
        said = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        found = place._replace(url=str(said["url"]), token=str(said["token"]))
    except (OSError, KeyError, msgspec.DecodeError):
        return None
    return found if asyncio.run(_is_alive(found)) else None


def server_at(place: Place) -> Place:
    """Return where the server of a place is. Raises `InputError` when there is none."""
    server = server_of(place)
    if server is None:
        raise InputError(
            f"expected a running server of `{place.database}`, but there is none: start it with "
            "`tenuto serve`, or name one with --url"
        )
    return server


async def _is_alive(place: Place) -> bool:
    """Tell whether a server answers that lets us in: what a crash left names none."""
    from tenuto.client.remote import RemoteClient
    from tenuto.errors import TenutoError

    assert place.url is not None, "a server has a URL"
    try:
        async with (
            asyncio.timeout(ALIVE_SECONDS_MAX),
            RemoteClient(place.url, place.token, patience_seconds=0) as client,
        ):
            await client.who()
    except (TenutoError, TimeoutError):
        return False
    return True


async def _ask_server(place: Place, question: Callable[[AnyClient], Coroutine[Any, Any, R]]) -> R:
    from tenuto.client.remote import RemoteClient

    assert place.url is not None, "a server has a URL"
    patience = PATIENCE_SECONDS
    async with RemoteClient(place.url, place.token, patience_seconds=patience) as client:
        return await question(client)


def actor() -> str:
    """Return who is asking: the login name on this machine."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def quiet_logs() -> None:
    """Let what the node logs go to standard error, warnings and worse only."""
    import logging

    import structlog

    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        # Standard error as it is when something is said, not as it was when this was set up.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
