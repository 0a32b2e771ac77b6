"""`tenuto show`: one instance, with its path, its variables and why it went that way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tenuto.cli.database import database_option, reading
from tenuto.cli.output import (
    JSON,
    TABLE,
    Table,
    as_text,
    emit_json,
    emit_lines,
    emit_tables,
    moment,
    output_option,
    span,
)

if TYPE_CHECKING:
    from tenuto.client.reading import Decision, Reading
    from tenuto.engine.state import InstanceState


@click.command()
@click.argument("instance", metavar="KEY_OR_BUSINESS_KEY")
@database_option
@output_option
def show(instance: str, database: str, output: str) -> None:
    """Show an instance: where it went and when, its variables, what it waits for and for whom,
    its incidents, and each decision with its inputs and the rules that matched.

    Reads also while another process holds the database.
    """
    with reading(database) as read:
        data = instance_data(read, instance)
    if output == JSON:
        emit_json(data)
    elif output == TABLE:
        _print(data)
    else:
        emit_lines([data])


def instance_data(read: Reading, name: str) -> dict[str, Any]:
    """Return all of an instance with stable fields."""
    from tenuto.cli.history import attempts, element_ids, path
    from tenuto.cli.incidents import incident_data
    from tenuto.cli.ps import instance_data as row_data

    row = read.find(name)
    state = read.state(row.key)
    turns = read.history(row.key)
    ids = element_ids(turns)
    return {
        **row_data(row),
        "variables": read.variables(row.key),
        "waiting": waiting(read, state),
        "incidents": [incident_data(one) for one in read.incidents(str(row.key))],
        "decisions": [decision_data(one, ids) for one in read.decisions(row.key)],
        "failed_attempts": [one | {"at": moment(one["at"])} for one in attempts(turns)],
        "path": [
            {
                "element": visit.element,
                "status": visit.what,
                "entered_at": moment(visit.entered_at),
                "left_at": moment(visit.left_at),
                "ms": None if visit.left_at is None else visit.left_at - visit.entered_at,
            }
            for visit in path(turns)
        ],
    }


def waiting(read: Reading, state: InstanceState) -> list[dict[str, Any]]:
    """Return what an instance waits for, and whom."""
    from tenuto.engine.state import MessageWait, TimerWait

    found = []
    for job in read.jobs(str(state.key)):
        since = f"job of type `{job.type}`, {job.status}, {job.retries} retries left"
        found.append(_waits(job.element_id, f"{job.instance}-{job.element}", since))
    for number, task in state.user_tasks.items():
        people = task.assignee or ", ".join([*task.candidate_groups, *task.candidate_users])
        due = f", due {moment(task.due_at)}" if task.due_at is not None else ""
        element = state.elements[number].id
        found.append(_waits(element, f"{state.key}-{number}", f"{people or 'anyone'}{due}"))
    for wait in state.waits.values():
        if isinstance(wait, TimerWait):
            said = f"timer, due {moment(wait.due_at)}"
        elif isinstance(wait, MessageWait):
            said = f"message `{wait.name}` with key `{wait.correlation_key}`"
        else:
            said = f"signal `{wait.name}`"
        found.append(_waits(wait.node, None, said))
    for number, called in state.calls.items():
        found.append(_waits(state.elements[number].id, None, f"instance {called}"))
    return found


def _waits(element: str, key: str | None, what: str) -> dict[str, Any]:
    return {"element": element, "key": key, "for": what}


def decision_data(one: Decision, ids: dict[int, str]) -> dict[str, Any]:
    """Return a decision with the rules that matched, and the decisions that it required."""
    from tenuto.cli.explained import explained

    return {
        "element": ids.get(one.element, ""),
        "decision": one.decision,
        "at": moment(one.at),
        "value": one.result.get("value"),
        "made": [
            {
                "decision": made.decision,
                "name": made.name,
                "inputs": made.inputs,
                "rules": [rule._asdict() for rule in made.rules],
                "value": made.value,
            }
            for made in explained(one.result)
        ],
        "warnings": one.result.get("warnings") or [],
    }


def _print(data: dict[str, Any]) -> None:
    key = f" ({data['business_key']})" if data["business_key"] else ""
    click.echo(f"{data['process']} {data['instance']}{key}: {data['status']}")
    ended = f", ended {data['ended_at']}" if data["ended_at"] else ""
    click.echo(f"started {data['started_at']}{ended}\n")
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
