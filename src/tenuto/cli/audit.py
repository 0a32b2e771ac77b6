"""`tenuto audit`: the chain of hashes and its witnesses."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tenuto.cli import exits
from tenuto.cli.database import Place, blocking, place_options, reading_file
from tenuto.cli.output import TABLE, emit_json, output_option

if TYPE_CHECKING:
    from tenuto.store.audit import AuditReport, Witness

UNPROVEN = (
    "none, so the tail is unproven: nobody can tell a shortened, rewritten or older "
    "database from this one. Keep one elsewhere (`tenuto audit checkpoint --to FILE`) and compare "
    "(`tenuto audit verify --against FILE`)"
)


@click.group()
def audit() -> None:
    """Check that the journal was not altered.

    Every commit carries the hash of the one before it. That proves the inside of the database; its
    end is proven by a witness alone, a file with the hashes of an earlier moment, kept where
    whoever writes the database does not write.
    """


@audit.command(name="verify")
@click.option("--against", metavar="FILE", help="A witness that `audit checkpoint` wrote.")
@place_options
@output_option
@click.pass_context
def verify_chain(ctx: click.Context, against: str | None, place: Place, output: str) -> None:
    """Check every hash of the chain, and with --against that nothing was cut off or rewritten.

    Without a witness the tail is unproven. Exits with 4 when something does not hold. Reads also
    while another process holds the database; a server at --url does it beside its work.
    """
    report = audited(place, against)
    if output == TABLE:
        click.echo(
            f"{report.commits:,} commits, {report.turns:,} turns and {report.payloads:,} payloads; "
            f"{report.erased:,} erased, their hashes intact"
        )
        for finding in report.findings:
            click.echo(f"NOT AS WRITTEN: {finding}")
        if report.is_sound:
            click.echo("the chain is whole")
        click.echo(f"witness: {'compared' if against else UNPROVEN}")
    else:
        emit_json(report)
    ctx.exit(exits.OK if report.is_sound else exits.UNVERIFIED)


@audit.command()
@click.option("--to", "target", required=True, metavar="FILE", help="Where the witness goes.")
@click.option(
    "--key",
    "key_file",
    metavar="FILE",
    default=lambda: str(key_default()),
    show_default="witness.key in your configuration folder",
    help="The key that signs it; it is made on first use.",
)
@place_options
def checkpoint(target: str, key_file: str, place: Place) -> None:
    """Write a witness: the present heads of all logs, of a file or of a server, signed here.

    Keep it where whoever can write the database cannot write.
    """
    from tenuto.store import audit as chain

    witness = witness_of(place, Path(key_file))
    chain.write_witness(witness, Path(target))
    click.echo(f"wrote a witness of {len(witness.heads)} logs to {target}; keep it elsewhere")


def audited(place: Place, against: str | None) -> AuditReport:
    """Audit a file here, or let a server do it; `against` is the file of a witness."""
    from tenuto.store import audit as chain

    witness = None if against is None else chain.read_witness(Path(against))
    if place.url is not None:
        from tenuto.cli.server_checks import verify_chain as ask_for

        with blocking(place) as client:
            return ask_for(client, witness)
    with reading_file(place.database) as read:
        if witness is None:
            return chain.verify_chain(read.reader)
        return chain.verify_against(read.reader, witness)


def witness_of(place: Place, key_file: Path) -> Witness:
    """Return the heads of a file or of a server, signed with a key of this machine."""
    from tenuto.store import audit as chain

    if place.url is None:
        with reading_file(place.database) as read:
            return chain.checkpoint(read.reader, key_file)
    from tenuto.cli.server_checks import heads_of

    with blocking(place) as client:
        return chain.sign(*heads_of(client), key_file)


def key_default() -> Path:
    """Return where the key of witnesses is kept for this user, away from the database."""
    return witness_folder() / "witness.key"


def witness_folder() -> Path:
    """Return where witnesses are kept for this user."""
    home = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(home) / "tenuto"
