"""`tenuto audit`: the chain of hashes and its witnesses."""

from __future__ import annotations

from pathlib import Path

import click

from tenuto.cli import exits
from tenuto.cli.database import database_option, reading
from tenuto.cli.output import TABLE, emit_json, output_option

UNPROVEN = (
    "the tail is unproven: without a witness nobody can tell a shortened, rewritten or older "
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
@database_option
@output_option
@click.pass_context
def verify_chain(ctx: click.Context, against: str | None, database: str, output: str) -> None:
    """Check every hash of the chain, and with --against that nothing was cut off or rewritten.

    Without a witness the tail is unproven. Exits with 4 when something does not hold. Reads also
    while another process holds the database.
    """
    from tenuto.store import audit as chain

    with reading(database) as read:
        report = chain.verify_chain(read.reader)
        problems = list(report.problems)
        if against is not None:
            problems += chain.verify_against(read.reader, chain.read_witness(Path(against)))
    if output == TABLE:
        click.echo(f"{report.logs:,} logs, {report.commits:,} commits, {report.turns:,} turns")
        for problem in problems:
            click.echo(f"NOT AS WRITTEN: {problem}")
        if not problems:
            click.echo("the chain is whole")
        if against is None:
            click.echo(UNPROVEN)
    else:
        emit_json(
            {
                "logs": report.logs,
                "commits": report.commits,
                "turns": report.turns,
                "problems": [str(problem) for problem in problems],
                "tail": "unproven" if against is None else "compared",
            }
        )
    ctx.exit(exits.UNVERIFIED if problems else exits.OK)


@audit.command()
@click.option("--to", "target", required=True, metavar="FILE", help="Where the witness goes.")
@database_option
def checkpoint(target: str, database: str) -> None:
    """Write a witness: the present heads of the chain.

    Keep it where whoever can write the database cannot.
    """
    from tenuto.store import audit as chain

    with reading(database) as read:
        witness = chain.checkpoint(read.reader)
    chain.write_witness(witness, Path(target))
    click.echo(f"wrote a witness to {target}; keep it on another machine")
