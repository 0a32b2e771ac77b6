"""`tenuto prune`: delete instances that ended long ago, with their history."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tenuto.cli.database import AnyClient, Place, ask, place_options
from tenuto.cli.output import say

if TYPE_CHECKING:
    from tenuto.client.prune import Pruned

PAGE = 500


@click.command()
@click.option(
    "--older-than",
    required=True,
    metavar="DURATION",
    help="How long ago they ended, at least: 90d, 12h, P90D.",
)
@click.option("--process", metavar="ID", help="Instances of one process.")
@click.option("--dry-run", is_flag=True, help="Count them, delete nothing.")
@place_options
def prune(older_than: str, process: str | None, place: Place, *, dry_run: bool) -> None:
    """Delete instances that ended long ago: rows, values and history.

    The hashes of what they did stay, so that `tenuto verify` and `tenuto audit verify` pass. What
    runs or is paused stays. `tenuto serve --retain` does the same steadily.
    """
    from tenuto.client.prune import Prune

    pages: list[Pruned] = []

    async def delete(client: AnyClient) -> None:
        after: str | None = None
        while True:
            order = Prune(
                older_than=older_than, process=process, limit=PAGE, after=after, dry_run=dry_run
            )
            pages.append(await client.prune(order))
            after = pages[-1].next
            if after is None:
                return
            say(f"{sum(one.instances for one in pages):,} so far")

    ask(place, delete)
    count = sum(one.instances for one in pages)
    what = "would be deleted" if dry_run else "deleted"
    click.echo(f"{count:,} that ended before {pages[0].before} {what}")
