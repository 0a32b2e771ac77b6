"""`tenuto cancel`: end an instance."""

from __future__ import annotations

import asyncio

import click

from tenuto.cli.database import database_option, working


@click.command()
@click.argument("instance", metavar="KEY_OR_BUSINESS_KEY")
@click.option("--reason", default="", help="Why, for the journal.")
@database_option
def cancel(instance: str, reason: str, database: str) -> None:
    """End an instance and everything that it called. Its history stays."""
    with working(database) as running:
        found = running.client.read.find(instance)
        asyncio.run(running.client.cancel(str(found.key), reason=reason))
    click.echo(f"canceled {found.key}")
