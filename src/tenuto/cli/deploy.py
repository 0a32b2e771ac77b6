"""`tenuto deploy`: bring models into a database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from tenuto.cli.database import ask, database_option
from tenuto.cli.output import JSON, TABLE, Table, emit_json, emit_lines, emit_tables, output_option

if TYPE_CHECKING:
    from tenuto.bpmn import Report
    from tenuto.client.client import Client
    from tenuto.deploy import Prepared


@click.command()
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@database_option
@output_option
def deploy(models: tuple[str, ...], database: str, output: str) -> None:
    """Deploy BPMN and DMN models, all of them or none.

    A folder stands for the models in it. What cannot be executed is refused with the element's id;
    what has no effect is named. Deploying the same again changes nothing.
    """

    async def bring(client: Client) -> Prepared:
        return await client.deploy(*models)

    prepared = ask(database, bring)
    emit_reports([report_data(report) for report in prepared.reports], output)
    if output == TABLE:
        for kind, elements in sorted(prepared.job_types.items()):
            click.echo(f"needs a handler for job type `{kind}` (at {', '.join(elements)})")


def emit_reports(reports: Sequence[dict[str, Any]], output: str) -> None:
    """Print what was found in models."""
    if output == JSON:
        emit_json(list(reports))
    elif output == TABLE:
        emit_tables([reports_table(reports), findings_table(reports)])
    else:
        emit_lines(reports)


def report_data(report: Report) -> dict[str, Any]:
    """Return a report with stable fields."""
    groups = (
        ("refused", report.refusals),
        ("warning", report.warnings),
        ("ignored", report.ignored),
    )
    findings = [
        {
            "severity": severity,
            "code": finding.code,
            "element": finding.element,
            "line": finding.line,
            "message": finding.message,
        }
        for severity, found in groups
        for finding in found
    ]
    return {
        "source": report.source,
        "processes": list(report.processes),
        "verdict": report.verdict,
        "findings": findings,
    }


def reports_table(reports: Sequence[dict[str, Any]]) -> Table:
    """Return one row per model."""
    rows = [(one["source"], ", ".join(one["processes"]), one["verdict"]) for one in reports]
    return Table("Models", ("model", "processes", "verdict"), rows)


def findings_table(reports: Sequence[dict[str, Any]]) -> Table:
    """Return one row per finding, what is refused first."""
    rows = [
        (
            report["source"],
            finding["line"],
            finding["severity"],
            finding["element"],
            finding["message"],
        )
        for report in reports
        for finding in report["findings"]
    ]
    return Table("Findings", ("model", "line", "severity", "element", "finding"), rows)
