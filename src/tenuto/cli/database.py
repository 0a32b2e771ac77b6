"""The database that a verb works on, and the node or reader that it opens for that."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable, Coroutine, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from tenuto.assembly import Running
    from tenuto.client.client import Client
    from tenuto.client.reading import Reading

F = TypeVar("F", bound=Callable[..., Any])
R = TypeVar("R")

DATABASE_DEFAULT = "tenuto.db"


def database_option(command: F) -> F:
    """Give a command `--db`."""
    return click.option(
        "--db",
        "database",
        envvar="TENUTO_DB",
        show_envvar=True,
        default=DATABASE_DEFAULT,
        show_default=True,
        metavar="FILE",
        help="The database; it is created by what writes to it.",
    )(command)


@contextlib.contextmanager
def reading(database: str) -> Iterator[Reading]:
    """Read a database, also while another process holds it."""
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


def ask(database: str, question: Callable[[Client], Coroutine[Any, Any, R]]) -> R:
    """Ask one thing of a node on a database and return the answer."""
    with working(database) as running:
        return asyncio.run(question(running.client))


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
