"""`tenuto show`: one instance, with its path, its variables and why it went that way."""

from __future__ import annotations

from typing import Any

import click

from tenuto.cli.database import Place, place_options, reading
from tenuto.cli.output import (
    JSON,
    TABLE,
    Table,
    as_text,
    emit_json,
    emit_lines,
    emit_tables,
    output_option,
    span,
)


@click.command()
@click.argument("instance", metavar="KEY_OR_BUSINESS_KEY")
@place_options
@output_option
def show(instance: str, place: Place, output: str) -> None:
    """Show an instance: where it went and when, its variables, what it waits for and for whom,
    its incidents, and each decision with its inputs and the rules that matched.

    Reads also while another process holds the database.
    """
    with reading(place) as views:
        data = views.instance(instance)
    if output == JSON:
        emit_json(data)
    elif output == TABLE:
        _print(data)
    else:
        emit_lines([data])


def _print(data: dict[str, Any]) -> None:
    key = f" ({data['business_key']})" if data["business_key"] else ""
    click.echo(f"{data['process']} {data['instance']}{key}: {data['status']}")
    ended = f", ended {data['ended_at']}" if data["ended_at"] else ""
    click.echo(f"started {data['started_at']}{ended}")
    if data["paused"]:
        reason = data["paused"]["reason"]
        click.echo(f"paused since {data['paused']['since']}{f': {reason}' if reason else ''}")
    click.echo()
    path = [
        (visit["element"], visit["status"], visit["entered_at"], _lasted(visit))
        for visit in data["path"]
    ]
    emit_tables(
        [
            Table("Path", ("element", "status", "entered", "took"), path),
            Table("Variables", ("variable", "value"), sorted(data["variables"].items())),
            Table("Waiting", ("element", "key", "for"), [*map(_row, data["waiting"])]),
            Table(
                "Incidents",
                ("incident", "element", "code", "message"),
                [(i["key"], i["element"], i["code"], i["message"]) for i in data["incidents"]],
            ),
            Table(
                "Failed attempts",
                ("element", "at", "retries left", "message"),
                [tuple(one.values()) for one in _in_order(data["failed_attempts"])],
            ),
        ]
    )
    for decision in data["decisions"]:
        print_decision(decision)


def _row(data: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(data.values())


def _in_order(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    names = ("element", "at", "retries_left", "message")
    return [{name: one[name] for name in names} for one in found]


def _lasted(visit: dict[str, Any]) -> str:
    if visit["ms"] is None:
        return "..."
    return "" if visit["status"] == "passed" else span(visit["ms"])


def print_decision(decision: dict[str, Any]) -> None:
    """Print a decision: its inputs, the rules that matched with their annotations, what it gave."""
    where = f" at {decision['element']}" if decision.get("element") else ""
    click.echo(f"Decision {decision['decision']}{where}: {as_text(decision['value'])}")
    for made in decision["made"]:
        title = made["name"]
        if made["name"] != made["decision"]:
            title += f" ({made['decision']})"
        click.echo(f"  {title} = {as_text(made['value'])}")
        for name, value in made["inputs"].items():
            click.echo(f"    {name}: {as_text(value)}")
        for rule in made["rules"]:
            said = f" ({rule['annotation']})" if rule["annotation"] else ""
            outputs = ", ".join(f"{n} = {as_text(v)}" for n, v in rule["outputs"].items())
            click.echo(f"    rule {rule['number']}{said} -> {outputs}")
        if not made["rules"]:
            click.echo("    no rule matched, or the decision is no table")
    for warning in decision["warnings"]:
        click.echo(f"  warning: {warning['message']}")
