"""`tenuto message`: publish a message."""

from __future__ import annotations

from typing import Any, NamedTuple

import click

from tenuto.cli.database import AnyClient, Place, ask, place_options
from tenuto.cli.output import TABLE, emit_lines, output_option
from tenuto.cli.variables import read_variables, variable_options


class Options(NamedTuple):
    """What was asked of a message."""

    name: str
    key: str
    message_id: str | None
    keep: str
    document: str | None
    pairs: tuple[str, ...]
    place: Place
    output: str


@click.command()
@click.argument("name")
@click.option("-k", "--key", default="", help="The correlation key of the one who waits.")
@click.option("--message-id", metavar="ID", help="A second message with this id is a duplicate.")
@click.option(
    "--keep",
    default="PT0S",
    show_default=True,
    metavar="DURATION",
    help="How long the message is kept for one who does not wait yet (ISO 8601).",
)
@variable_options
@place_options
@output_option
def message(**options: Any) -> None:
    """Publish the message NAME and print what became of it.

    It is `correlated` with one who waits, `buffered` until somebody does, `expired` when nobody
    waited and it was not to be kept, or `duplicate`.
    """
    publish(Options(**options))


def publish(options: Options) -> None:
    """Publish the message that was asked for."""
    variables = read_variables(options.document, options.pairs)

    async def send(client: AnyClient) -> str:
        return await client.publish(
            options.name,
            options.key,
            variables,
            message_id=options.message_id,
            time_to_live=options.keep,
        )

    status = ask(options.place, send)
    if options.output == TABLE:
        click.echo(status)
    else:
        emit_lines([{"message": options.name, "correlation_key": options.key, "status": status}])
