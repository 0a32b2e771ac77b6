"""`tenuto signal`: tell everyone who listens."""

from __future__ import annotations

import click

from tenuto.cli.database import AnyClient, Place, ask, place_options
from tenuto.cli.variables import read_variables, variable_options


@click.command()
@click.argument("name")
@variable_options
@place_options
def signal(name: str, document: str | None, pairs: tuple[str, ...], place: Place) -> None:
    """Broadcast the signal NAME to everyone who waits for it now."""
    variables = read_variables(document, pairs)

    async def broadcast(client: AnyClient) -> None:
        await client.broadcast(name, variables)

    ask(place, broadcast)
