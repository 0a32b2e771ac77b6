"""`tenuto ps`: what runs, what waits, and for whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import click

from tenuto.cli.database import database_option, reading
from tenuto.cli.output import (
    JSON,
    NDJSON,
    Table,
    emit_json,
    emit_lines,
    emit_tables,
    moment,
    output_option,
)

if TYPE_CHECKING:
    from tenuto.client.reading import Reading
    from tenuto.engine.rows import InstanceRow

STATUSES = ("active", "completed", "terminated", "failed")


class Options(NamedTuple):
    """What was asked of `ps`."""

    process: str | None
    status: str | None
    business_key: str | None
    limit: int
    database: str
    output: str


@click.command()
@click.option("--process", metavar="ID", help="Instances of one process.")
@click.option("--status", type=click.Choice(STATUSES), help="Instances in one status.")
@click.option("--business-key", metavar="KEY", help="Instances with a business key.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000))
@database_option
@output_option
def ps(**options: Any) -> None:
    """Count instances, list what waits and for whom, and show the newest instances.

    With `-o ndjson` it is the instances alone. Reads also while another process holds the database.
    """
    list_instances(Options(**options))


def list_instances(options: Options) -> None:
    """Print counts, what waits, and instances."""
    from tenuto.cli.people import waiting_for, waiting_table
    from tenuto.store.port import InstanceQuery

    query = InstanceQuery(
        options.process, options.status, options.business_key, limit=options.limit
    )
    with reading(options.database) as read:
        rows = read.instances(query)
        if options.output == NDJSON:
            emit_lines(instance_data(row) for row in rows)
            return
        counts = counted(read)
        waiting = waiting_for(read)
    if options.output == JSON:
        instances = [instance_data(row) for row in rows]
        emit_json({"counts": counts, "waiting": waiting, "instances": instances})
        return
    emit_tables([counts_table(counts), waiting_table(waiting), instances_table(rows)])


def counted(read: Reading) -> list[dict[str, Any]]:
    """Return how many instances each process has by status."""
    return [
        {"process": process, "status": status, "count": count}
        for (process, status), count in sorted(read.counts().items())
    ]


def counts_table(counts: list[dict[str, Any]]) -> Table:
    """Return one row per process, one column per status."""
    processes = dict.fromkeys(entry["process"] for entry in counts)
    found = {(entry["process"], entry["status"]): entry["count"] for entry in counts}
    rows = [
        (process, *(found.get((process, status), 0) for status in STATUSES))
        for process in processes
    ]
    return Table("Processes", ("process", *STATUSES), rows, "no instances")


def instance_data(row: InstanceRow) -> dict[str, Any]:
    """Return an instance with stable fields."""
    return {
        "instance": str(row.key),
        "process": row.process,
        "business_key": row.business_key,
        "status": row.status,
        "started_at": moment(row.started_at),
        "ended_at": moment(row.ended_at),
        "parent": None if row.parent is None else str(row.parent),
    }


def instances_table(rows: list[InstanceRow]) -> Table:
    """Return one row per instance, the newest first."""
    shown = [
        (str(row.key), row.business_key, row.process, row.status, moment(row.started_at))
        for row in rows
    ]
    columns = ("instance", "business key", "process", "status", "started")
    return Table("Newest instances", columns, shown)
