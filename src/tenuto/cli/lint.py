"""`tenuto lint`: check models, without a database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tenuto.cli import exits
from tenuto.cli.deploy import emit_reports
from tenuto.cli.output import output_option

if TYPE_CHECKING:
    from tenuto.bpmn import Report


@click.command()
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option("--strict", is_flag=True, help="Exit with 1 for warnings too.")
@output_option
@click.pass_context
def lint(ctx: click.Context, models: tuple[str, ...], output: str, *, strict: bool) -> None:
    """Check BPMN and DMN models: what is refused, what has no effect, what is probably not meant.

    Exits with 1 when a model would be refused.
    """
    from tenuto.deploy import read_files

    reports = [check(name, kind, source) for name, kind, source in read_files(models)]
    emit_reports(reports, output)
    refused = any(report.refusals for report in reports)
    warned = strict and any(report.warnings for report in reports)
    ctx.exit(exits.REFUSED if refused or warned else exits.OK)


def check(name: str, kind: str, source: bytes) -> Report:
    """Return what is to be said of one model."""
    from tenuto import bpmn
    from tenuto.bpmn import Finding, Report, Severity
    from tenuto.deploy import BPMN
    from tenuto.errors import ModelError

    try:
        if kind == BPMN:
            return bpmn.read(source, name=name).report
        return check_decisions(name, source)
    except ModelError as error:
        refusal = Finding(error.code, error.message, error.element, error.line, Severity.ERROR)
        return Report(name, (), "refused", (refusal,))


def check_decisions(name: str, source: bytes) -> Report:
    """Return what is to be said of a DMN file: loading it compiles every expression."""
    from tenuto import dmn
    from tenuto.bpmn import Report

    dmn.load(source)
    return Report(name, (), "accepted")
