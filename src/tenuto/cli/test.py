"""`tenuto test`: run test files of decisions, without a database."""

from __future__ import annotations

from pathlib import Path

import click

from tenuto.cli import exits
from tenuto.cli.output import TABLE, emit_json, output_option
from tenuto.errors import InputError


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@output_option
@click.pass_context
def test(ctx: click.Context, paths: tuple[str, ...], output: str) -> None:
    """Run the decision tests in files and folders, and show what differs.

    Test files are those of the DMN Technology Compatibility Kit, or YAML with the same content,
    beside their models. A case that expects null because of an error passes only when the
    evaluation said why. The last line counts; exits with 1 when a case failed.
    """
    from tenuto.dmn.tck import run_paths

    for path in paths:
        if not Path(path).exists():
            raise InputError(f"expected a test file or folder at `{path}`, but there is none")
    report = run_paths(paths)
    if not report.outcomes:
        raise InputError(f"expected test cases in {', '.join(paths)}, but found none")
    if output == TABLE:
        click.echo(str(report))
    else:
        emit_json(report.to_value())
    ctx.exit(exits.REFUSED if report.failed else exits.OK)
