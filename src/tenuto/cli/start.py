"""`tenuto start`: begin one instance."""

from __future__ import annotations

from typing import Any, NamedTuple

import click

from tenuto.cli.database import AnyClient, Place, ask, place_options
from tenuto.cli.output import TABLE, emit_lines, output_option
from tenuto.cli.variables import read_variables, variable_options
from tenuto.errors import InputError


class Options(NamedTuple):
    """What was asked of a start."""

    process: str
    document: str | None
    pairs: tuple[str, ...]
    business_key: str | None
    unique: bool
    id: str | None
    idempotency_key: str | None
    place: Place
    output: str


@click.command()
@click.argument("process")
@variable_options
@click.option("--business-key", metavar="KEY", help="Your own name of the instance.")
@click.option(
    "--unique",
    is_flag=True,
    help="Refuse when an instance of the process has the business key or id.",
)
@click.option(
    "--id", metavar="KEY", help="A business key that is started once: again it gives the same."
)
@click.option(
    "--idempotency-key",
    metavar="KEY",
    help="Starting again with the same key and variables gives the first instance again.",
)
@place_options
@output_option
def start(**options: Any) -> None:
    """Start one instance of PROCESS and print its key.

    Variables that the process declares are read as the declared type. No job is worked here: give
    the handlers to `tenuto run`.
    """
    begin(Options(**options))


def begin(options: Options) -> None:
    """Start the instance that was asked for."""
    from tenuto.cli.inputs import Declared

    variables = read_variables(options.document, options.pairs)

    async def start_one(client: AnyClient) -> str:
        declared = Declared(await client.inputs(options.process))
        converted, problem = declared.convert(variables)
        if problem:
            raise InputError(problem)
        return await client.start(
            options.process,
            converted,
            business_key=options.business_key,
            idempotency_key=options.idempotency_key,
            unique=options.unique,
            id=options.id,
        )

    key = ask(options.place, start_one)
    if options.output == TABLE:
        click.echo(key)
    else:
        business_key = options.business_key or options.id
        emit_lines([{"instance": key, "process": options.process, "business_key": business_key}])
