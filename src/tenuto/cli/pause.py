"""`tenuto pause` and `tenuto resume`: let instances stand still, and go on."""

from __future__ import annotations

import click

from tenuto.cli.bulk import Many, change_many, many_options, means_many
from tenuto.cli.database import AnyClient, Place, ask, place_options


@click.command()
@click.argument("instance", metavar="[KEY_OR_BUSINESS_KEY]", required=False)
@click.option("--reason", default="", help="Why, for the journal.")
@many_options
@place_options
def pause(
    instance: str | None,
    reason: str,
    many: Many,
    place: Place,
) -> None:
    """Let an instance stand still until it is resumed.

    No job of it is handed out; a job that is out may be completed, and what follows waits. Timers
    that are due and messages wait too.
    """
    if means_many(instance, many):
        change_many(place, "pause", many, reason=reason)
        return

    async def stop(client: AnyClient) -> str:
        key = await client.find(str(instance))
        await client.pause(key, reason=reason)
        return key

    click.echo(f"paused {ask(place, stop)}")


@click.command()
@click.argument("instance", metavar="[KEY_OR_BUSINESS_KEY]", required=False)
@many_options
@place_options
def resume(instance: str | None, many: Many, place: Place) -> None:
    """Let a paused instance go on, with what came meanwhile, in order."""
    if means_many(instance, many):
        change_many(place, "resume", many)
        return

    async def go(client: AnyClient) -> str:
        key = await client.find(str(instance))
        await client.resume(key)
        return key

    click.echo(f"resumed {ask(place, go)}")
