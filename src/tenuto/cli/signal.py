"""`tenuto signal`: tell everyone who listens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tenuto.cli.database import ask, database_option
from tenuto.cli.variables import read_variables, variable_options

if TYPE_CHECKING:
    from tenuto.client.client import Client


@click.command()
@click.argument("name")
@variable_options
@database_option
def signal(name: str, document: str | None, pairs: tuple[str, ...], database: str) -> None:
    """Broadcast the signal NAME to everyone who waits for it now."""
    variables = read_variables(document, pairs)

    async def broadcast(client: Client) -> None:
        await client.broadcast(name, variables)

    ask(database, broadcast)
