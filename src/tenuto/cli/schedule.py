"""`tenuto schedule`: what starts again and again, on a database or at a server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from tenuto.cli.database import AnyClient, Place, ask, place_options
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

if TYPE_CHECKING:
    from tenuto.client.schedules import Backfilled, ScheduleView, Triggered


@click.group()
def schedule() -> None:
    """Start a process again and again, by a plan. Ticks come while `tenuto serve` runs."""


@schedule.command()
@click.argument("name")
@click.option("--process", required=True, metavar="P", help="The process or workflow to start.")
@click.option("--cron", multiple=True, metavar="TEXT", help="A cron text; may be repeated.")
@click.option("--every", multiple=True, metavar="DURATION", help="An interval such as PT15M.")
@click.option("--form", metavar="JSON", help="The whole schedule as JSON, in place of the others.")
@click.option("--tz", default="UTC", show_default=True, metavar="ZONE", help="Its time zone.")
@click.option("--overlap", default="skip", show_default=True, metavar="POLICY", help="If one runs.")
@click.option(
    "--catch-up", default="last", show_default=True, metavar="POLICY", help="none, last or all."
)
@click.option("--pause-after", default=0, metavar="N", help="Pause after N failures in a row.")
@variable_options
@place_options
def put(**options: Any) -> None:
    """Create the schedule NAME or change it, at once."""
    from tenuto.client.schedules import PlanRequest

    variables = read_variables(options["document"], options["pairs"])
    name = options["name"]
    policies = (options["overlap"], options["catch_up"], options["pause_after"])
    plan = PlanRequest(options["process"], _form(options), variables, *policies)

    async def send(client: AnyClient) -> bool:
        return await client.put_schedule(name, plan)

    is_changed = ask(options["place"], send)
    click.echo(f"{'put' if is_changed else 'unchanged'} {name}")


def _form(options: dict[str, Any]) -> dict[str, Any]:
    if options["form"] is None:
        return {
            "cron": list(options["cron"]),
            "intervals": list(options["every"]),
            "tz": options["tz"],
        }
    try:
        form = json.loads(options["form"])
    except ValueError as error:
        raise InputError(f"--form: expected JSON, got {options['form'][:80]!r}") from error
    if not isinstance(form, dict):
        raise InputError(f"--form: expected a JSON object, got {options['form'][:80]!r}")
    return form


@schedule.command(name="list")
@place_options
@output_option
def list_all(place: Place, output: str) -> None:
    """List all schedules."""

    async def look(client: AnyClient) -> list[ScheduleView]:
        return await client.schedules()

    found = ask(place, look)
    if output == JSON:
        emit_json(found)
    elif output == TABLE:
        emit_tables([schedules_table(found)])
    else:
        emit_lines(found)


@schedule.command()
@click.argument("name")
@place_options
def show(name: str, place: Place) -> None:
    """Show all of the schedule NAME as JSON."""

    async def look(client: AnyClient) -> ScheduleView:
        return await client.schedule(name)

    emit_json(ask(place, look))


@schedule.command()
@click.argument("name")
@click.option("--reason", default="", metavar="TEXT", help="Why; it is shown with the schedule.")
@place_options
def pause(name: str, reason: str, place: Place) -> None:
    """Let NAME start nothing more by itself."""

    async def send(client: AnyClient) -> None:
        await client.pause_schedule(name, reason=reason)

    ask(place, send)
    click.echo(f"paused {name}")


@schedule.command()
@click.argument("name")
@place_options
def resume(name: str, place: Place) -> None:
    """Let NAME go on from now; what was due in the pause is gone."""

    async def send(client: AnyClient) -> None:
        await client.resume_schedule(name)

    ask(place, send)
    click.echo(f"resumed {name}")


@schedule.command()
@click.argument("name")
@place_options
def trigger(name: str, place: Place) -> None:
    """Act as if NAME were due now."""

    async def send(client: AnyClient) -> Triggered:
        return await client.trigger_schedule(name)

    emit_json(ask(place, send))


@schedule.command()
@click.argument("name")
@click.option("--from", "start", required=True, metavar="INSTANT", help="The first instant.")
@click.option("--to", "end", required=True, metavar="INSTANT", help="The last instant.")
@click.option("--what", default="all", show_default=True, help="all, missing or failed.")
@click.option("--reverse", is_flag=True, help="The newest first.")
@click.option("--count", default=0, metavar="N", help="How many start together, with --every.")
@click.option("--every", default="PT0S", metavar="DURATION", help="How long between so many.")
@click.option("--dry-run", is_flag=True, help="Only tell the ticks.")
@place_options
def backfill(**options: Any) -> None:
    """Start the ticks of NAME in a past range that were not started, both ends included."""
    from tenuto.client.schedules import BackfillRequest

    span = (options["start"], options["end"], options["what"])
    wanted = BackfillRequest(*span, options["reverse"], options["count"], options["every"])

    async def send(client: AnyClient) -> Backfilled:
        return await client.backfill_schedule(options["name"], wanted, dry_run=options["dry_run"])

    emit_json(ask(options["place"], send))


@schedule.command()
@click.argument("name")
@place_options
def delete(name: str, place: Place) -> None:
    """Forget NAME; what it started goes on."""

    async def send(client: AnyClient) -> None:
        await client.delete_schedule(name)

    ask(place, send)
    click.echo(f"deleted {name}")


def schedules_table(found: list[ScheduleView]) -> Table:
    """Return one row per schedule."""
    rows = [
        (
            one.name,
            one.process,
            "paused" if one.is_paused else "active",
            one.next_at,
            len(one.running),
            one.counts["started"],
            one.counts["failed"],
        )
        for one in found
    ]
    columns = ("name", "process", "state", "next", "running", "started", "failed")
    return Table("Schedules", columns, rows, "no schedules")
