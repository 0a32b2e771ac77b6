"""`tenuto encryption`: keys of databases, and copies under another one."""

from __future__ import annotations

from pathlib import Path

import click

from tenuto.cli.database import database_option


@click.group()
def encryption() -> None:
    """Encrypt databases: make a key, copy a database under it, or under another one.

    A database that is created with --encrypt-with FILE (or TENUTO_ENCRYPTION_KEY_FILE) is encrypted
    from its first byte. Needs SQLCipher: pip install 'tenuto[encryption]'.
    """


@encryption.command("new-key")
@click.argument("file", type=click.Path(path_type=Path))
def new_key(file: Path) -> None:
    """Write a new key to FILE, which only you may read. Who loses it loses the data."""
    from tenuto.governance.master import new_key_file

    new_key_file(file)
    click.echo(f"wrote a key to {file}; keep a copy of it away from the database")


@encryption.command()
@database_option
@click.option(
    "--to", "target", required=True, type=click.Path(path_type=Path), help="The file of the copy."
)
@click.option(
    "--with",
    "key_file",
    type=click.Path(path_type=Path),
    help="The key of the copy; without it the copy is not encrypted.",
)
def copy(database: str, target: Path, key_file: Path | None) -> None:
    """Copy a database that nobody holds: encrypt it, change its key, or decrypt it.

    The copy has the same journal and identity: verify it, let it take the place of the database,
    and destroy that.
    """
    from tenuto.assembly import copy_store

    copy_store(database, target, key_file)
    click.echo(f"copied {database} to {target}, {'encrypted' if key_file else 'not encrypted'}")
