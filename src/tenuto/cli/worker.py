"""`tenuto worker`: perform the jobs of a server in a process of its own."""

from __future__ import annotations

import asyncio
import signal
from typing import Any, NamedTuple

import click

from tenuto.cli.database import quiet_logs
from tenuto.cli.output import say
from tenuto.errors import InputError


class Options(NamedTuple):
    """What was asked of a worker."""

    app: str
    url: str
    token: str
    types: str
    seats: int
    name: str
    grace: float


@click.command()
@click.argument("app", metavar="APP")
@click.option("--url", envvar="TENUTO_URL", show_envvar=True, required=True, metavar="URL")
@click.option(
    "--token",
    envvar="TENUTO_TOKEN",
    show_envvar=True,
    required=True,
    metavar="TOKEN",
    help="A token with the role worker; it may be limited to job types.",
)
@click.option("--types", default="", metavar="A,B", help="Perform these job types of APP only.")
@click.option(
    "--seats", default=1_000, show_default=True, type=click.IntRange(1), help="Jobs held at once."
)
@click.option("--name", default="", metavar="NAME", help="What people call this worker.")
@click.option(
    "--grace",
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="How long jobs at work may take when the worker is asked to end.",
)
def worker(**options: Any) -> None:
    """Perform the jobs of the server at URL with the handlers of APP (MODULE[:NAME]).

    Ctrl-C or SIGTERM ends it: jobs at work are finished within the grace, the rest is given back.
    """
    perform(Options(**options))


def perform(options: Options) -> None:
    """Work until asked to end."""
    from tenuto.assembly import load_app
    from tenuto.worker.remote import RemoteWorker

    quiet_logs()
    handlers = load_app(options.app)
    wanted = [name.strip() for name in options.types.split(",") if name.strip()]
    unknown = [name for name in wanted if name not in handlers]
    if unknown:
        raise InputError(
            f"expected job types among {', '.join(sorted(handlers))}, got {', '.join(unknown)}"
        )
    chosen = {name: one for name, one in handlers.items() if not wanted or name in wanted}

    async def work() -> None:
        made = RemoteWorker(
            options.url, options.token, chosen, seats=options.seats, name=options.name
        )
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, made.stop)
        say(f"works {', '.join(sorted(chosen))} of {options.url}")
        await made.run(options.grace)

    from tenuto.worker.worker import new_event_loop

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(work())
