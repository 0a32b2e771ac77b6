"""`tenuto tasks`: what people have to do."""

from __future__ import annotations

from typing import Any

import click

from tenuto.cli.database import AnyClient, Place, actor, ask, place_options, reading
from tenuto.cli.output import (
    JSON,
    TABLE,
    Table,
    emit_json,
    emit_lines,
    emit_tables,
    output_option,
)


@click.group(invoke_without_command=True)
@click.option("--assignee", metavar="NAME", help="Tasks of one person.")
@click.option("--group", metavar="NAME", help="Tasks that a group may claim.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1))
@place_options
@output_option
@click.pass_context
def tasks(
    ctx: click.Context,
    assignee: str | None,
    group: str | None,
    limit: int,
    place: Place,
    output: str,
) -> None:
    """List open user tasks, earliest due first; claim and release them.

    Reads also while another process holds the database.
    """
    if ctx.invoked_subcommand is not None:
        return
    with reading(place) as views:
        found = views.tasks(assignee=assignee, group=group, limit=limit)
    if output == JSON:
        emit_json(found)
    elif output == TABLE:
        emit_tables([tasks_table(found)])
    else:
        emit_lines(found)


@tasks.command()
@click.argument("key")
@click.option("--assignee", metavar="NAME", help="Who takes it; you, unless it is said.")
@place_options
def claim(key: str, assignee: str | None, place: Place) -> None:
    """Give the unassigned task KEY to a person."""

    async def take(client: AnyClient) -> str:
        person = assignee or await caller_of(client)
        await client.claim_task(key, person)
        return person

    click.echo(f"{ask(place, take)} has {key}")


@tasks.command()
@click.argument("key")
@click.option("--assignee", metavar="NAME", help="Who has it; you, unless it is said.")
@place_options
def release(key: str, assignee: str | None, place: Place) -> None:
    """Take the task KEY back from the person who has it."""

    async def give_back(client: AnyClient) -> None:
        await client.release_task(key, assignee or await caller_of(client))

    ask(place, give_back)
    click.echo(f"{key} is free")


async def caller_of(client: AnyClient) -> str:
    """Return who asks: whom the token of a server stands for, or the login name of this machine."""
    from tenuto.client.remote import RemoteClient

    return str((await client.who())["name"]) if isinstance(client, RemoteClient) else actor()


def tasks_table(found: list[dict[str, Any]]) -> Table:
    """Return one row per task."""
    rows = [
        (
            task["key"],
            task["process"],
            task["name"] or task["element"],
            task["assignee"],
            ", ".join([*task["candidate_groups"], *task["candidate_users"]]),
            task["due_at"],
        )
        for task in found
    ]
    columns = ("task", "process", "name", "assignee", "for", "due")
    return Table("Tasks", columns, rows, "no open tasks")
