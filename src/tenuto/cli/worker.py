"""`tenuto worker`: perform the jobs of a server in a process of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from tenuto.cli.database import Place, place_options, quiet_logs, server_at
from tenuto.cli.output import say
from tenuto.errors import InputError

if TYPE_CHECKING:
    from tenuto.worker.program import Program


class Options(NamedTuple):
    """What was asked of a worker."""

    app: str
    types: str
    seats: int
    name: str
    grace: float
    place: Place


@click.command()
@click.argument("app", metavar="APP")
@click.option(
    "--types", default="", metavar="A,B", help="Only these job types and workflows of APP."
)
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
@place_options
def worker(**options: Any) -> None:
    """Perform the jobs of a server with the handlers of APP (MODULE[:NAME]), and run its workflows.

    The server is the one at --url, with a token of the role worker; without a URL the one that
    serves the database on this machine, for as long as it lives.

    Ctrl-C or SIGTERM ends it: jobs at work are finished within the grace, the rest is given back;
    a second Ctrl-C does not wait.
    """
    perform(Options(**options))


def perform(options: Options) -> None:
    """Work until asked to end."""
    from tenuto.assembly import load_app
    from tenuto.worker.worker import new_event_loop

    quiet_logs()
    chosen = chosen_program(load_app(options.app), options.types)
    server = server_at(options.place)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        if not runner.run(work(server, chosen, options)):
            say("gave back what was not finished")
            sys.stderr.flush()
            # A handler that does not end would keep its thread, and the thread this process.
            os._exit(0)


async def work(server: Place, program: Program, options: Options) -> bool:
    """Perform jobs until asked to end; tell whether all that were at work were finished."""
    from tenuto.worker.remote import RemoteWorker

    assert server.url is not None, "a server has a URL"
    made = RemoteWorker(
        server.url,
        server.token,
        program,
        seats=options.seats,
        name=options.name,
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, made.stop)
    say(f"works {', '.join(sorted({*program, *program.workflows}))} of {server.url}")
    return await made.run(options.grace)


def chosen_program(program: Program, types: str) -> Program:
    """Return the handlers and workflows of some names, separated by commas; all when none is
    named.
    """
    from tenuto.worker.program import Program

    wanted = [name.strip() for name in types.split(",") if name.strip()]
    known = {*program, *program.workflows}
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise InputError(
            f"expected job types among {', '.join(sorted(known))}, got {', '.join(unknown)}"
        )
    if not wanted:
        return program
    chosen = Program(
        {name: one for name, one in program.items() if name in wanted},
        {name: one for name, one in program.workflows.items() if name in wanted},
    )
    for queue in program.queues.values():
        chosen.add_queue(queue)
    return chosen
