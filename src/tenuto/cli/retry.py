"""`tenuto retry`: try again what is stuck, of one instance or of all that match."""

from __future__ import annotations

import click

from tenuto.cli.bulk import Many, change_many, many_options, means_many
from tenuto.cli.database import AnyClient, Place, ask, place_options, reading
from tenuto.cli.variables import read_variables, variable_options


@click.command()
@click.argument("instance", metavar="[KEY_OR_BUSINESS_KEY]", required=False)
@click.option("--retries", default=1, show_default=True, help="New attempts that a job gets.")
@variable_options
@many_options
@place_options
def retry(
    instance: str | None,
    retries: int,
    document: str | None,
    pairs: tuple[str, ...],
    many: Many,
    place: Place,
) -> None:
    """Resolve the open incidents of an instance, with changed variables if any are given.

    Each variable is changed where the stuck element finds it, else in the process. A workflow that
    has failed is tried again with `tenuto fork`.
    """
    corrected = read_variables(document, pairs)
    if means_many(instance, many):
        change_many(place, "retry", many, retries=retries, variables=corrected)
        return

    with reading(place) as views:
        stuck = [one["key"] for one in views.incidents(instance, limit=1 << 31)]

    async def again(client: AnyClient) -> None:
        for incident in stuck:
            await client.resolve_incident(incident, retries=retries, variables=corrected)

    ask(place, again)
    click.echo(f"resolved {len(stuck)}")
