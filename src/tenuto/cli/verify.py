"""`tenuto verify`: fold the journal again and compare."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tenuto.cli import exits
from tenuto.cli.database import Place, blocking, place_options, reading_file
from tenuto.cli.output import TABLE, Table, emit_json, emit_tables, output_option

if TYPE_CHECKING:
    from tenuto.runtime.verify import Report

SHOWN = 50


@click.command()
@place_options
@output_option
@click.pass_context
def verify(ctx: click.Context, place: Place, output: str) -> None:
    """Fold the journal of every instance again and compare it with the rows that queries read.

    Exits with 4 when they differ. What moves meanwhile is looked at again, and counted apart if it
    never stands still. A server at --url does it beside its work.
    """
    report = verified(place)
    differences = [
        {"aggregate": str(one.aggregate), "table": one.table, "expected": one.expected}
        | {"found": one.found}
        for one in report.differences
    ]
    if output == TABLE:
        click.echo(
            f"{report.instances:,} instances, {report.aggregates:,} other aggregates, "
            f"{report.turns:,} turns folded, {report.pruned:,} pruned"
            + (f"; {report.moved:,} moved all the time: run it again" if report.moved else "")
        )
        rows = [tuple(one.values()) for one in differences[:SHOWN]]
        columns = ("aggregate", "table", "expected", "found")
        emit_tables([Table("Differences", columns, rows, "rows and journal agree")])
        if len(differences) > SHOWN:
            click.echo(f"{len(differences) - SHOWN} more differences: -o json lists all")
    else:
        emit_json(report._replace(differences=[])._asdict() | {"differences": differences})
    ctx.exit(exits.UNVERIFIED if differences else exits.OK)


def verified(place: Place) -> Report:
    """Verify a file here, or let a server do it."""
    if place.url is None:
        from tenuto.runtime.verify import verify as refold

        with reading_file(place.database) as read:
            return refold(read.reader)
    from tenuto.cli.server_checks import verify_state

    with blocking(place) as client:
        return verify_state(client)
