"""`tenuto doctor`: look at this machine and at a database, or at those of a server."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tenuto.cli import exits
from tenuto.cli.database import Place, blocking, place_options
from tenuto.cli.output import TABLE, Table, emit_json, emit_tables, output_option

if TYPE_CHECKING:
    from tenuto.runtime.doctor import Check


@click.command()
@place_options
@output_option
@click.pass_context
def doctor(ctx: click.Context, place: Place, output: str) -> None:
    """Look at Python, SQLite, the disk and the database, and say what to mend.

    With --url, of the server's machine. Exits with 1 when something fails. Changes nothing; reads
    also while another process holds the database.
    """
    from tenuto.runtime.doctor import FAIL

    checks = of_file(Path(place.database)) if place.url is None else of_server(place)
    if output == TABLE:
        rows = [(check.status, check.name, check.found, check.remedy) for check in checks]
        emit_tables([Table("", ("", "what", "found", "remedy"), rows)])
    else:
        emit_json(checks)
    failed = any(check.status == FAIL for check in checks)
    ctx.exit(exits.REFUSED if failed else exits.OK)


def of_file(database: Path) -> list[Check]:
    """Look at this machine and at a database on it."""
    from tenuto.runtime.doctor import contents, disk, machine

    return [*machine(), *disk(database), *contents(database)]


def of_server(place: Place) -> list[Check]:
    """Let a server look at its machine and its database; say how far away it is."""
    from tenuto.runtime.doctor import OK, Check

    with blocking(place) as client:
        client.who()
        begun = time.perf_counter()
        client.who()
        seconds = time.perf_counter() - begun
        found = client.ask("GET", "/doctor")
    return [Check("answer", OK, f"after {seconds * 1000:.1f} ms"), *(Check(**one) for one in found)]
