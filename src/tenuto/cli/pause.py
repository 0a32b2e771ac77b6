"""`tenuto pause` and `tenuto resume`: let an instance stand still, and go on."""

from __future__ import annotations

import click

from tenuto.cli.database import AnyClient, Place, ask, place_options


@click.command()
@click.argument("instance", metavar="KEY_OR_BUSINESS_KEY")
@click.option("--reason", default="", help="Why, for the journal.")
@place_options
def pause(instance: str, reason: str, place: Place) -> None:
    """Let an instance stand still until it is resumed.

    No job of it is handed out; a job that is out may be completed, and what follows waits. Timers
    that are due and messages wait too.
    """

    async def stop(client: AnyClient) -> str:
        key = await client.find(instance)
        await client.pause(key, reason=reason)
        return key

    click.echo(f"paused {ask(place, stop)}")


@click.command()
@click.argument("instance", metavar="KEY_OR_BUSINESS_KEY")
@place_options
def resume(instance: str, place: Place) -> None:
    """Let a paused instance go on, with what came meanwhile, in order."""

    async def go(client: AnyClient) -> str:
        key = await client.find(instance)
        await client.resume(key)
        return key

    click.echo(f"resumed {ask(place, go)}")
