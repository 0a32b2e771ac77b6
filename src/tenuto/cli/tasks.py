"""`tenuto tasks`: what people have to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tenuto.cli.database import actor, ask, database_option, reading
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

if TYPE_CHECKING:
    from tenuto.client.client import Client
    from tenuto.client.reading import Task


@click.group(invoke_without_command=True)
@click.option("--assignee", metavar="NAME", help="Tasks of one person.")
@click.option("--group", metavar="NAME", help="Tasks that a group may claim.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1))
@database_option
@output_option
@click.pass_context
def tasks(
    ctx: click.Context,
    assignee: str | None,
    group: str | None,
    limit: int,
    database: str,
    output: str,
) -> None:
    """List open user tasks, earliest due first; claim and release them.

    Reads also while another process holds the database.
    """
    ctx.obj = database
    if ctx.invoked_subcommand is not None:
        return
    with reading(database) as read:
        found = read.tasks(assignee=assignee, group=group, limit=limit)
    data = [task_data(task) for task in found]
    if output == JSON:
        emit_json(data)
    elif output == TABLE:
        emit_tables([tasks_table(found)])
    else:
        emit_lines(data)


@tasks.command()
@click.argument("key")
@click.option("--assignee", metavar="NAME", help="Who takes it; you, unless it is said.")
@database_option
def claim(key: str, assignee: str | None, database: str) -> None:
    """Give the unassigned task KEY to a person."""
    person = assignee or actor()

    async def take(client: Client) -> None:
        await client.claim_task(key, person)

    ask(database, take)
    click.echo(f"{person} has {key}")


@tasks.command()
@click.argument("key")
@click.option("--assignee", metavar="NAME", help="Who has it; you, unless it is said.")
@database_option
def release(key: str, assignee: str | None, database: str) -> None:
    """Take the task KEY back from the person who has it."""
    person = assignee or actor()

    async def give_back(client: Client) -> None:
        await client.release_task(key, person)

    ask(database, give_back)
    click.echo(f"{key} is free")


def task_data(task: Task) -> dict[str, Any]:
    """Return a task with stable fields."""
    return {
        **task._asdict(),
        "due_at": moment(task.due_at),
        "created_at": moment(task.created_at),
    }


def tasks_table(found: list[Task]) -> Table:
    """Return one row per task."""
    rows = [
        (
            task.key,
            task.process,
            task.name or task.element,
            task.assignee,
            ", ".join([*task.candidate_groups, *task.candidate_users]),
            moment(task.due_at),
        )
        for task in found
    ]
    columns = ("task", "process", "name", "assignee", "for", "due")
    return Table("Tasks", columns, rows, "no open tasks")
