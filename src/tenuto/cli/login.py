"""`tenuto login`: another link that lets one browser in."""

from __future__ import annotations

import click

from tenuto.cli.database import AnyClient, Place, ask, place_options, server_of
from tenuto.errors import InputError


@click.command()
@place_options
def login(place: Place) -> None:
    """Print a link of the running server that lets one browser in, once, within ten minutes."""
    from tenuto.client.remote import RemoteClient

    server = server_of(place)
    if server is None:
        raise InputError(
            f"expected a running server of `{place.database}`, but there is none: start it with "
            "`tenuto serve`, or name one with --url"
        )

    async def link(client: AnyClient) -> str:
        assert isinstance(client, RemoteClient), "a place with a URL is a server"
        return await client.login_link()

    click.echo(ask(server, link))
