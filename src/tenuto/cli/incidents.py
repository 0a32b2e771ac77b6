"""`tenuto incidents`: what is stuck, and trying it again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from tenuto.cli.database import database_option, reading, working
from tenuto.cli.output import (
    JSON,
    TABLE,
    Table,
    emit_json,
    emit_lines,
    emit_tables,
    moment,
    output_option,
)
from tenuto.cli.variables import read_variables, variable_options
from tenuto.errors import InputError

if TYPE_CHECKING:
    from tenuto.engine.rows import IncidentRow


@click.group(invoke_without_command=True)
@click.option("--instance", metavar="KEY_OR_BUSINESS_KEY", help="Those of one instance.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1))
@database_option
@output_option
@click.pass_context
def incidents(
    ctx: click.Context, instance: str | None, limit: int, database: str, output: str
) -> None:
    """List open incidents, and resolve them.

    Reads also while another process holds the database.
    """
    if ctx.invoked_subcommand is not None:
        return
    with reading(database) as read:
        key = None if instance is None else str(read.find(instance).key)
        found = read.incidents(key, limit)
    data = [incident_data(row) for row in found]
    if output == JSON:
        emit_json(data)
    elif output == TABLE:
        emit_tables([incidents_table(found)])
    else:
        emit_lines(data)


@incidents.command()
@click.argument("keys", nargs=-1, metavar="[KEY]...")
@click.option("--all", "everything", is_flag=True, help="Resolve every open incident.")
@click.option("--retries", default=1, show_default=True, help="New attempts that a job gets.")
@variable_options
@database_option
def resolve(
    keys: tuple[str, ...],
    retries: int,
    document: str | None,
    pairs: tuple[str, ...],
    database: str,
    *,
    everything: bool,
) -> None:
    """Try again what was stuck, by the KEY of the incident.

    Mend the cause first: deploy what was missing, or give the variables that were wrong; they
    become variables of the incident's instance.
    """
    if bool(keys) == everything:
        raise InputError("expected keys of incidents, or --all, and not both")
    corrected = read_variables(document, pairs)
    if everything and corrected:
        raise InputError("expected the key of one incident with variables, not --all")
    with working(database) as running:
        client = running.client
        if everything:
            keys = tuple(incident_key(row) for row in client.read.incidents(limit=1 << 31))

        async def try_again() -> None:
            for key in keys:
                if corrected:
                    await client.set_variables(key.partition("-")[0], corrected)
                await client.resolve_incident(key, retries=retries)

        asyncio.run(try_again())
    click.echo(f"resolved {len(keys)}; a job among them runs when its handler does")


def incident_key(row: IncidentRow) -> str:
    """Return the key of an incident as people type it."""
    return f"{row.instance}-{row.incident}"


def incident_data(row: IncidentRow) -> dict[str, Any]:
    """Return an incident with stable fields."""
    return {
        "key": incident_key(row),
        "instance": str(row.instance),
        "process": row.process,
        "element": row.element_id,
        "code": row.code,
        "message": row.message,
        "created_at": moment(row.created_at),
    }


def incidents_table(found: list[IncidentRow]) -> Table:
    """Return one row per incident."""
    rows = [
        (incident_key(row), row.process, row.element_id, row.code, row.message) for row in found
    ]
    columns = ("incident", "process", "element", "code", "message")
    return Table("Incidents", columns, rows, "no open incidents")
