"""`tenuto serve`: engine, worker, API and page in one process, on one port."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from tenuto.cli.audit import witness_folder
from tenuto.cli.database import actor, database_option, quiet_logs

if TYPE_CHECKING:
    from tenuto.assembly import Serving

PORT_DEFAULT = 8080


class Options(NamedTuple):
    """What was asked of a server."""

    app: str | None
    models: tuple[str, ...]
    database: str
    host: str
    port: int
    host_names: tuple[str, ...]
    restored: bool
    retain: tuple[str, ...]
    tenants: str | None


@click.command()
@click.argument("app", required=False, metavar="[APP]")
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="PATH",
    help="Deploy a model file, or the models in a folder, before serving; may be repeated.",
)
@database_option
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port",
    default=PORT_DEFAULT,
    show_default=True,
    type=click.IntRange(0, 65_535),
    help="The port; 0 takes a free one.",
)
@click.option(
    "--host-name",
    "host_names",
    multiple=True,
    metavar="NAME",
    help="A name under which others reach this server; may be repeated.",
)
@click.option(
    "--restored",
    is_flag=True,
    help="The database was restored from an older copy on purpose: do not refuse it.",
)
@click.option(
    "--retain",
    multiple=True,
    envvar="TENUTO_RETAIN",
    show_envvar=True,
    metavar="[PROCESS=]DURATION",
    help="Delete instances that ended longer ago (90d, order=30d), steadily; may be repeated.",
)
@click.option(
    "--tenants",
    envvar="TENUTO_TENANTS",
    show_envvar=True,
    metavar="FOLDER",
    help="Serve every tenant in the folder, each on a database of its own, instead of --db.",
)
def serve(**options: Any) -> None:
    """Serve the API and the page, and work the jobs of APP (MODULE[:NAME]) in this process.

    Prints a link that lets one browser in, once. While it runs, every other verb of this machine
    finds it through the database (--db) and asks it. Ctrl-C ends it: what is at work is finished or
    given back.

    Every minute the heads of the journal go, signed, to your configuration folder; a database that
    lacks what was witnessed there is refused.

    With --tenants the page of a tenant is at http://NAME.localhost:PORT, and its API also at
    http://127.0.0.1:PORT/t/NAME/api/v1; who was created or suspended meanwhile is noticed.
    """
    asked = Options(**options)
    if asked.tenants is None:
        run_server(asked)
    else:
        run_tenants(asked, asked.tenants)


def run_server(options: Options) -> None:
    """Serve until told to stop."""
    from tenuto import assembly
    from tenuto.cli.contracts import hold_handlers
    from tenuto.client.prune import retention_of
    from tenuto.deploy import latest_processes

    quiet_logs()
    retention = retention_of(options.retain)
    app = assembly.load_app(options.app) if options.app else None
    with assembly.serving(
        options.database,
        handlers=app,
        address=assembly.Address(options.host, options.port, options.host_names),
        operator=actor(),
        witnesses=None if options.database == assembly.MEMORY else witness_folder(),
        is_restored=options.restored,
    ) as at:
        own: set[str] = set()
        if options.models:
            prepared = asyncio.run(at.running.client.deploy(*options.models))
            own = {graph.id for graph in prepared.compiled.graphs}
        hold_handlers(latest_processes(at.running.node.world).values(), app or {}, own)
        with announced(at, options.database):
            if options.retain:
                at.keep_for(retention)
            at.run()


@contextlib.contextmanager
def announced(at: Serving, database: str) -> Iterator[None]:
    """Say where the server is, to people on the screen and to commands in a file."""
    from tenuto.assembly import told

    with told(database, at.url, at.service.local_token()):
        click.echo(f"Tenuto listens on {at.url}")
        click.echo(f"Log in, once, within ten minutes: {at.login_link()}")
        yield


def run_tenants(options: Options, folder: str) -> None:
    """Serve the tenants of a folder until told to stop."""
    from tenuto import assembly, tenants
    from tenuto.client.prune import retention_of
    from tenuto.deploy import prepare, read_files

    quiet_logs()
    app = assembly.load_app(options.app) if options.app else None
    prepare(read_files(options.models), {})  # a model that cannot be read stops everybody's server
    opening = assembly.Opening(app, actor(), witness_folder(), options.restored)
    address = assembly.Address(options.host, options.port, options.host_names)
    plan = tenants.Plan(options.models, retention_of(options.retain) if options.retain else None)
    with tenants.housing(tenants.Folder(folder), address, opening, plan) as house:
        house.look()
        click.echo(f"Tenuto listens on {house.url} for {len(house.served)} tenants")
        for name, one in house.served.items():
            click.echo(f"Log in to {name}, once, within ten minutes: {one.login_link}")
        house.run()
