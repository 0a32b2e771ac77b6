"""`tenuto tenants`: who has a database of their own behind one server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tenuto.cli.output import (
    JSON,
    TABLE,
    Table,
    emit_json,
    emit_lines,
    emit_tables,
    output_option,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenuto.tenants import Folder


def folder_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--tenants`."""
    return click.option(
        "--tenants",
        "folder",
        envvar="TENUTO_TENANTS",
        show_envvar=True,
        default="tenants",
        show_default=True,
        metavar="FOLDER",
        help="Where the tenants are: a folder for each.",
    )(command)


def _folder(path: str) -> Folder:
    from tenuto.tenants import Folder

    return Folder(path)


@click.group()
def tenants() -> None:
    """Keep apart who shares a server: a database, an engine and tokens each.

    `tenuto serve --tenants FOLDER` serves them, and notices within a second who was created,
    suspended or resumed.
    """


@tenants.command()
@click.argument("name")
@folder_option
def create(name: str, folder: str) -> None:
    """Make a tenant with an empty database."""
    database = _folder(folder).create(name)
    click.echo(f"created {name}: {database}")
    click.echo(f"Let somebody in: tenuto token create NAME --role ROLE --db {database}", err=True)


@tenants.command("list")
@folder_option
@output_option
def list_(folder: str, output: str) -> None:
    """List the tenants, and which of them are suspended."""
    found = _folder(folder)
    rows = [
        {
            "tenant": name,
            "status": "suspended" if found.is_suspended(name) else "served",
            "database": str(found.database(name)),
        }
        for name in found.names()
    ]
    if output == JSON:
        emit_json(rows)
    elif output == TABLE:
        columns = ("tenant", "status", "database")
        cells = [tuple(row[one] for one in columns) for row in rows]
        emit_tables([Table("tenants", columns, cells, empty="no tenants")])
    else:
        emit_lines(rows)


@tenants.command()
@click.argument("name")
@folder_option
def suspend(name: str, folder: str) -> None:
    """Let nobody reach a tenant; its engine ends, and nothing is lost."""
    _folder(folder).suspend(name)
    click.echo(f"suspended {name}")


@tenants.command()
@click.argument("name")
@folder_option
def resume(name: str, folder: str) -> None:
    """Let a tenant go on where it was."""
    _folder(folder).resume(name)
    click.echo(f"resumed {name}")
