"""`tenuto whatif`: what a changed decision would have decided about the past."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from tenuto.cli.database import Place, place_options
from tenuto.cli.decide import known, read_model
from tenuto.cli.output import TABLE, emit_json, output_option
from tenuto.cli.past import past_of

if TYPE_CHECKING:
    from tenuto.dmn import Model

MS_PER_SECOND = 1000


@click.command()
@click.argument("model", metavar="NEW")
@click.option("--decision", required=True, metavar="NAME", help="The decision, by id or name.")
@click.option("--since", default="P100Y", metavar="DURATION", help="How far back: P30D, PT8H.")
@click.option("--value", metavar="FEEL", help="What an outcome is worth; `outcome` is the value.")
@click.option("--old", metavar="OLD", help="The model that decided; else the newest deployed.")
@click.option("--csv", "table", metavar="FILE", help="Inputs from a CSV instead of the journal.")
@place_options
@output_option
def whatif(  # noqa: PLR0913  (one parameter for each option of the verb)
    model: str,
    decision: str,
    since: str,
    value: str | None,
    old: str | None,
    table: str | None,
    place: Place,
    output: str,
) -> None:
    """Decide every recorded input again with the DMN file NEW, and compare with what was decided.

    Changed outcomes are counted by rule, some are listed, and their difference in value is summed.
    A record that lacks an input which NEW asks for is counted, not guessed. Records and the old
    model come from the database, or from the server at --url.
    """
    from tenuto import dmn
    from tenuto.dmn.whatif import compare

    new = dmn.load(read_model(model))
    now = datetime.now(tz=UTC)
    began = time_before(now, since)
    with past_of(place) as past:
        before = past.model(decision) if old is None else dmn.load(read_model(old))
        id = decision_id(before, decision)
        records = past.inputs(id, began) if table is None else csv_records(table)
        result = compare(before, new, id, records, value=value, now=now)
    if output == TABLE:
        click.echo(str(result))
    else:
        emit_json(result.to_value())


def time_before(now: datetime, duration: str) -> int:
    """Return the Unix milliseconds of a duration such as P30D or P1M before now."""
    from tenuto.schedules import Span, add, parse_duration

    span = parse_duration(duration)
    at = int(now.timestamp() * MS_PER_SECOND)
    return add(at, Span(-span.months, -span.milliseconds))


def decision_id(model: Model, given: str) -> str:
    """Return the id of a decision given by id or name."""
    from tenuto.errors import InputError

    found = model.decisions.get(given)
    if found is None:
        raise InputError(f"expected one of {', '.join(known(model))}, got `{given}`")
    return str(found.id)


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
