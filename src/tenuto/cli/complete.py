"""`tenuto complete`: say that work was done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tenuto.cli.database import ask, database_option
from tenuto.cli.variables import read_variables, variable_options

if TYPE_CHECKING:
    from tenuto.client.client import Client


@click.command()
@click.argument("key")
@click.option("--job", is_flag=True, help="KEY is that of a job: complete it in place of a worker.")
@variable_options
@database_option
def complete(
    key: str, document: str | None, pairs: tuple[str, ...], database: str, *, job: bool
) -> None:
    """Complete the user task KEY, as `tenuto tasks` shows it, with its results as variables."""
    variables = read_variables(document, pairs)

    async def finish(client: Client) -> None:
        if job:
            await client.complete_job(key, variables)
        else:
            await client.complete_task(key, variables)

    ask(database, finish)
    click.echo(f"completed {key}")
