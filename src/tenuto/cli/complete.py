"""`tenuto complete`: say that work was done."""

from __future__ import annotations

import click

from tenuto.cli.database import AnyClient, Place, ask, place_options
from tenuto.cli.variables import read_variables, variable_options


@click.command()
@click.argument("key")
@click.option("--job", is_flag=True, help="KEY is that of a job: complete it in place of a worker.")
@variable_options
@place_options
def complete(
    key: str, document: str | None, pairs: tuple[str, ...], place: Place, *, job: bool
) -> None:
    """Complete the user task KEY, as `tenuto tasks` shows it, with its results as variables."""
    variables = read_variables(document, pairs)

    async def finish(client: AnyClient) -> None:
        if job:
            await client.complete_job(key, variables)
        else:
            await client.complete_task(key, variables)

    ask(place, finish)
    click.echo(f"completed {key}")
