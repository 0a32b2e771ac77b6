"""`tenuto fork`: run a workflow again from one of its steps."""

from __future__ import annotations

import click

from tenuto.cli.bulk import Many, change_many, many_options, means_many
from tenuto.cli.database import AnyClient, Place, ask, place_options
from tenuto.cli.variables import read_variables, variable_options


@click.command()
@click.argument("instance", metavar="[KEY_OR_BUSINESS_KEY]", required=False)
@click.option(
    "--from",
    "from_step",
    metavar="STEP",
    help="A step by its key (charge#3) or name; the last one that failed unless given.",
)
@variable_options
@many_options
@place_options
def fork(
    instance: str | None,
    from_step: str | None,
    document: str | None,
    pairs: tuple[str, ...],
    many: Many,
    place: Place,
) -> None:
    """Start a workflow again from a step; what it had seen before is not done again.

    Variables replace arguments of the workflow: so a dead letter is mended and retried. The
    original stays as it is; the key of the new instance is printed.
    """
    variables = read_variables(document, pairs)
    if means_many(instance, many):
        change_many(place, "fork", many, from_step=from_step, variables=variables)
        return

    async def again(client: AnyClient) -> str:
        key = await client.find(str(instance))
        return await client.fork(key, from_step=from_step, variables=variables)

    click.echo(ask(place, again))
