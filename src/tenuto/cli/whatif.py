"""`tenuto whatif`: what a changed decision would have decided about the past."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import click

from tenuto.cli.database import database_option, reading
from tenuto.cli.decide import read_model
from tenuto.cli.output import TABLE, emit_json, output_option

MS_PER_SECOND = 1000


@click.command()
@click.argument("model", metavar="NEW")
@click.option("--decision", required=True, metavar="ID", help="The decision to make again.")
@click.option("--since", default="P36500D", metavar="DURATION", help="How far back: P30D, PT8H.")
@click.option("--value", metavar="FEEL", help="What an outcome is worth; `outcome` is the value.")
@click.option("--old", metavar="OLD", help="The model that decided; else the newest deployed.")
@click.option("--csv", "table", metavar="FILE", help="Inputs from a CSV instead of the journal.")
@database_option
@output_option
def whatif(  # noqa: PLR0913  (one parameter for each option of the verb)
    model: str,
    decision: str,
    since: str,
    value: str | None,
    old: str | None,
    table: str | None,
    database: str,
    output: str,
) -> None:
    """Decide every recorded input again with the DMN file NEW, and compare with what was decided.

    Changed outcomes are counted by rule, some are listed, and their difference in value is summed.
    A record that lacks an input which NEW asks for is counted, not guessed.
    """
    from tenuto import dmn
    from tenuto.client.recorded import deployed_model, recorded_inputs
    from tenuto.dmn.whatif import compare
    from tenuto.schedules import parse_duration

    new = dmn.load(read_model(model))
    now = datetime.now(tz=UTC)
    if table is not None:
        before = new if old is None else dmn.load(read_model(old))
        result = compare(before, new, decision, csv_records(table), value=value, now=now)
    else:
        with reading(database) as read:
            before = deployed_model(read, decision) if old is None else dmn.load(read_model(old))
            began = int(now.timestamp() * MS_PER_SECOND) - parse_duration(since).milliseconds
            records = recorded_inputs(read, decision, since=began)
            result = compare(before, new, decision, records, value=value, now=now)
    if output == TABLE:
        click.echo(str(result))
    else:
        emit_json(result.to_value())


def csv_records(path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (line, inputs) of a CSV; a cell that is a FEEL number is one, an empty one is
    absent.
    """
    import csv
    from decimal import Decimal, InvalidOperation

    from tenuto.errors import InputError

    def read(cell: str) -> Any:
        try:
            number = Decimal(cell)
        except InvalidOperation:
            return cell
        return number if number.is_finite() else cell

    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            for row in rows:
                cells = {name: read(cell) for name, cell in row.items() if name and cell}
                yield f"line {rows.line_num}", cells
    except OSError as error:
        raise InputError(f"expected a CSV at `{path}`: {error.strerror}") from error
