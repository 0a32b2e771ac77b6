"""`tenuto ps`: what runs, what waits, and for whom."""

from __future__ import annotations

from typing import Any, NamedTuple

import click

from tenuto.cli.database import Place, place_options, reading
from tenuto.cli.output import (
    JSON,
    NDJSON,
    Table,
    emit_json,
    emit_lines,
    emit_tables,
    output_option,
)

STATUSES = ("active", "paused", "completed", "terminated", "failed")


class Options(NamedTuple):
    """What was asked of `ps`."""

    process: str | None
    status: str | None
    business_key: str | None
    limit: int
    place: Place
    output: str


@click.command()
@click.option("--process", metavar="ID", help="Instances of one process.")
@click.option("--status", type=click.Choice(STATUSES), help="Instances in one status.")
@click.option("--business-key", metavar="KEY", help="Instances with a business key.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000))
@place_options
@output_option
def ps(**options: Any) -> None:
    """Count instances, list what waits and for whom, and show the newest instances.

    With `-o ndjson` it is the instances alone. Reads also while another process holds the database.
    """
    list_instances(Options(**options))


def list_instances(options: Options) -> None:
    """Print counts, what waits, and instances."""
    from tenuto.cli.people import waiting_table

    with reading(options.place) as views:
        found = views.instances(
            process=options.process,
            status=options.status,
            business_key=options.business_key,
            limit=options.limit,
        )
        if options.output == NDJSON:
            emit_lines(found)
            return
        counts = counted(views.counts())
        waiting = views.waiting()
    if options.output == JSON:
        emit_json({"counts": counts, "waiting": waiting, "instances": found})
        return
    emit_tables([counts_table(counts), waiting_table(waiting), instances_table(found)])


def counted(counts: dict[tuple[str, str], int]) -> list[dict[str, Any]]:
    """Return how many instances each process has by status."""
    return [
        {"process": process, "status": status, "count": count}
        for (process, status), count in sorted(counts.items())
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


def instances_table(found: list[dict[str, Any]]) -> Table:
    """Return one row per instance, the newest first."""
    fields = ("instance", "business_key", "process", "status", "started_at")
    rows = [tuple(one[field] for field in fields) for one in found]
    columns = ("instance", "business key", "process", "status", "started")
    return Table("Newest instances", columns, rows)
