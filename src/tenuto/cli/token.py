"""`tenuto token`: who is let in, on a database at rest or at a running server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

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

if TYPE_CHECKING:
    from tenuto.client.views import MintedToken, TokenView


class Options(NamedTuple):
    """What was asked of a new token."""

    name: str
    roles: tuple[str, ...]
    groups: tuple[str, ...]
    job_types: tuple[str, ...]
    expires_in: str | None
    place: Place
    output: str


@click.group()
def token() -> None:
    """Let people, programs and workers in over HTTP, and out again."""


@token.command()
@click.argument("name")
@click.option(
    "--role",
    "roles",
    multiple=True,
    required=True,
    metavar="ROLE",
    help="admin, developer, operator, person, worker, publisher or metrics; may be repeated.",
)
@click.option(
    "--group",
    "groups",
    multiple=True,
    metavar="NAME",
    help="A group whose tasks the holder may claim; may be repeated.",
)
@click.option(
    "--job-type",
    "job_types",
    multiple=True,
    metavar="TYPE",
    help="Limit a worker to this type of jobs; may be repeated.",
)
@click.option(
    "--expires-in", metavar="DURATION", help="How long it lets in: P30D, PT8H; else until revoked."
)
@place_options
@output_option
def create(**options: Any) -> None:
    """Make a token for NAME, who is the actor in histories and the assignee of tasks.

    Its text is shown here, once: the database keeps a hash of it.
    """
    issue(Options(**options))


def issue(options: Options) -> None:
    """Make the token that was asked for and show it."""

    async def issue_one(client: AnyClient) -> MintedToken:
        return await client.let_in(
            options.name,
            options.roles,
            groups=options.groups,
            job_types=options.job_types,
            expires_in=options.expires_in,
        )

    minted = ask(options.place, issue_one)
    if options.output == TABLE:
        click.echo(minted.token)
        until = f"until {minted.expires_at}" if minted.expires_at else "until it is revoked"
        click.echo(f"lets {options.name} in {until}; its id is {minted.id}", err=True)
    else:
        emit_lines([minted])


@token.command(name="list")
@place_options
@output_option
def list_all(place: Place, output: str) -> None:
    """List tokens and the sessions of browsers. Their secrets are kept nowhere."""

    async def look(client: AnyClient) -> list[TokenView]:
        return await client.tokens()

    found = ask(place, look)
    if output == JSON:
        emit_json(found)
    elif output == TABLE:
        emit_tables([tokens_table(found)])
    else:
        emit_lines(found)


@token.command()
@click.argument("id")
@place_options
def revoke(id: str, place: Place) -> None:
    """Let the holder of the token ID in no more, at once."""

    async def end(client: AnyClient) -> None:
        await client.revoke_token(id)

    ask(place, end)
    click.echo(f"revoked {id}")


def tokens_table(found: list[TokenView]) -> Table:
    """Return one row per token."""
    rows = [
        (
            one.id,
            one.name,
            one.kind,
            ", ".join(one.roles),
            ", ".join(one.groups),
            ", ".join(one.job_types),
            one.issued_at,
            one.expires_at,
        )
        for one in found
    ]
    columns = ("id", "name", "kind", "roles", "groups", "job types", "issued", "expires")
    return Table("Tokens", columns, rows, "no tokens: nobody is let in but you, on this machine")
