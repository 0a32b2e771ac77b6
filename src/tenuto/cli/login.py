"""`tenuto login`: another link that lets one browser in."""

from __future__ import annotations

import click

from tenuto.cli.database import AnyClient, Place, ask, place_options, server_at


@click.command()
@place_options
def login(place: Place) -> None:
    """Print a link of the running server that lets one browser in, once, within ten minutes."""
    from tenuto.client.remote import RemoteClient

    server = server_at(place)

    async def link(client: AnyClient) -> str:
        assert isinstance(client, RemoteClient), "a place with a URL is a server"
        return await client.login_link()

    click.echo(ask(server, link))
