"""`tenuto send`: send a message to one instance of a workflow."""

from __future__ import annotations

import json
from typing import Any

import click

from tenuto.cli.database import AnyClient, Place, ask, place_options


@click.command()
@click.argument("instance", metavar="KEY_OR_BUSINESS_KEY")
@click.argument("name")
@click.argument("value", required=False)
@place_options
def send(instance: str, name: str, value: str | None, place: Place) -> None:
    """Send the message NAME with VALUE (JSON, or else text) to one instance of a workflow."""

    async def tell(client: AnyClient) -> str:
        key = await client.find(instance)
        await client.tell(key, name, read_value(value))
        return key

    click.echo(f"sent to {ask(place, tell)}")


def read_value(value: str | None) -> Any:
    """Return a word as JSON, or else as the text that it is."""
    try:
        return None if value is None else json.loads(value)
    except ValueError:
        return value
