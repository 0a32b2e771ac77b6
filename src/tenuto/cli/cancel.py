"""`tenuto cancel`: end an instance."""

from __future__ import annotations

import click

from tenuto.cli.database import AnyClient, Place, ask, place_options


@click.command()
@click.argument("instance", metavar="KEY_OR_BUSINESS_KEY")
@click.option("--reason", default="", help="Why, for the journal.")
@click.option("--at-once", is_flag=True, help="Let a workflow not clean up.")
@place_options
def cancel(instance: str, reason: str, at_once: bool, place: Place) -> None:  # noqa: FBT001  (click gives it by name)
    """End an instance and everything that it called. Its history stays."""

    async def end(client: AnyClient) -> str:
        key = await client.find(instance)
        await (client.terminate if at_once else client.cancel)(key, reason=reason)
        return key

    click.echo(f"canceled {ask(place, end)}")
