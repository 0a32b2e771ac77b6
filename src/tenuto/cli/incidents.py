"""`tenuto incidents`: what is stuck, and trying it again."""

from __future__ import annotations

from typing import Any

import click

from tenuto.cli.database import AnyClient, Place, ask, place_options, reading
from tenuto.cli.output import (
    JSON,
    TABLE,
    Table,
    emit_json,
    emit_lines,
    emit_tables,
    output_option,
)
from tenuto.cli.variables import read_variables, variable_options
from tenuto.errors import InputError


@click.group(invoke_without_command=True)
@click.option("--instance", metavar="KEY_OR_BUSINESS_KEY", help="Those of one instance.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1))
@place_options
@output_option
@click.pass_context
def incidents(
    ctx: click.Context, instance: str | None, limit: int, place: Place, output: str
) -> None:
    """List open incidents, and resolve them.

    Reads also while another process holds the database.
    """
    if ctx.invoked_subcommand is not None:
        return
    with reading(place) as views:
        found = views.incidents(instance, limit=limit)
    if output == JSON:
        emit_json(found)
    elif output == TABLE:
        emit_tables([incidents_table(found)])
    else:
        emit_lines(found)


@incidents.command("causes")
@click.option("--process", metavar="ID", help="Those of one process.")
@place_options
@output_option
def list_causes(process: str | None, place: Place, output: str) -> None:
    """Group what is stuck, and workflows that have failed, by the cause.

    What is stuck is tried again with `tenuto retry --where cause=...`, failed workflows with
    `tenuto fork --where state=failed --where cause=...`, both with changed variables if need be.
    """
    with reading(place) as views:
        found = views.causes(process)
    if output == JSON:
        emit_json(found)
    elif output == TABLE:
        emit_tables([causes_table(found)])
    else:
        emit_lines(found)


@incidents.command()
@click.argument("key", metavar="KEY")
@place_options
@output_option
def show(key: str, place: Place, output: str) -> None:
    """Show an incident with the variables and the failed attempts of its instance."""
    with reading(place) as views:
        instance = views.instance(key.partition("-")[0])
    found = next((one for one in instance["incidents"] if one["key"] == key), None)
    if found is None:
        raise InputError(f"expected the key of an open incident, got `{key[:60]}`: see `incidents`")
    tried = [one for one in instance["failed_attempts"] if one["element"] == found["element"]]
    data = {**found, "variables": instance["variables"], "failed_attempts": tried}
    if output == TABLE:
        attempts = [(one["at"], one["message"]) for one in tried]
        tables = [
            incidents_table([found]),
            Table("Variables", ("variable", "value"), sorted(instance["variables"].items())),
            Table("Failed attempts", ("at", "message"), attempts),
        ]
        emit_tables(tables)
    elif output == JSON:
        emit_json(data)
    else:
        emit_lines([data])


@incidents.command()
@click.argument("keys", nargs=-1, metavar="[KEY]...")
@click.option("--all", "everything", is_flag=True, help="Resolve every open incident.")
@click.option("--retries", default=1, show_default=True, help="New attempts that a job gets.")
@variable_options
@place_options
def resolve(
    keys: tuple[str, ...],
    retries: int,
    document: str | None,
    pairs: tuple[str, ...],
    place: Place,
    *,
    everything: bool,
) -> None:
    """Try again what was stuck, by the KEY of the incident.

    Mend the cause first: deploy what was missing, or give the variables that were wrong; each is
    changed where the stuck element finds it, else in the process.
    """
    if bool(keys) == everything:
        raise InputError("expected keys of incidents, or --all, and not both")
    corrected = read_variables(document, pairs)
    if everything and corrected:
        raise InputError(
            "expected the key of one incident with variables, not --all; for many: "
            "`tenuto retry --where cause=... -v ...`"
        )
    if everything:
        with reading(place) as views:
            keys = tuple(one["key"] for one in views.incidents(limit=1 << 31))

    async def try_again(client: AnyClient) -> None:
        for key in keys:
            await client.resolve_incident(key, retries=retries, variables=corrected)

    ask(place, try_again)
    click.echo(f"resolved {len(keys)}; a job among them runs when its handler does")


def incidents_table(found: list[dict[str, Any]]) -> Table:
    """Return one row per incident."""
    fields = ("key", "process", "element", "code", "message")
    rows = [tuple(one[field] for field in fields) for one in found]
    columns = ("incident", "process", "element", "code", "message")
    return Table("Incidents", columns, rows, "no open incidents")


def causes_table(found: list[dict[str, Any]]) -> Table:
    """Return one row per cause."""
    fields = ("count", "process", "what", "element", "cause", "message")
    rows = [tuple(one[field] for field in fields) for one in found]
    columns = ("count", "process", "", "element", "cause", "message")
    return Table("Causes", columns, rows, "nothing is stuck and nothing has failed")
