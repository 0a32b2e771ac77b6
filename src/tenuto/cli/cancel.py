"""`tenuto cancel`: end an instance, or all that match."""

from __future__ import annotations

import click

from tenuto.cli.bulk import Many, change_many, many_options, means_many
from tenuto.cli.database import AnyClient, Place, ask, place_options


@click.command()
@click.argument("instance", metavar="[KEY_OR_BUSINESS_KEY]", required=False)
@click.option("--reason", default="", help="Why, for the journal.")
@click.option("--at-once", is_flag=True, help="Let a workflow not clean up.")
@many_options
@place_options
def cancel(
    instance: str | None,
    reason: str,
    many: Many,
    place: Place,
    *,
    at_once: bool,
) -> None:
    """End an instance and everything that it called. Its history stays."""
    if means_many(instance, many):
        change_many(place, "cancel", many, reason=reason, at_once=at_once)
        return

    async def end(client: AnyClient) -> str:
        key = await client.find(str(instance))
        await (client.terminate if at_once else client.cancel)(key, reason=reason)
        return key

    click.echo(f"canceled {ask(place, end)}")
