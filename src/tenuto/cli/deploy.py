"""`tenuto deploy`: bring models into a database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
    emit_reports(prepared.reports, output)
    if output == TABLE:
        for kind, elements in sorted(prepared.job_types.items()):
            click.echo(f"needs a handler for job type `{kind}` (at {', '.join(elements)})")


def emit_reports(reports: Sequence[Report], output: str) -> None:
    """Print what was found in models."""
    if output == JSON:
        emit_json([report_data(report) for report in reports])
    elif output == TABLE:
        emit_tables([reports_table(reports), findings_table(reports)])
    else:
        emit_lines(report_data(report) for report in reports)


def report_data(report: Report) -> dict[str, Any]:
    """Return a report with stable fields."""
    return {
        "source": report.source,
        "processes": list(report.processes),
        "verdict": report.verdict,
        "findings": [finding for _, finding in _findings(report)],
    }


def reports_table(reports: Iterable[Report]) -> Table:
    """Return one row per model."""
    rows = [(report.source, ", ".join(report.processes), report.verdict) for report in reports]
    return Table("Models", ("model", "processes", "verdict"), rows)


def findings_table(reports: Iterable[Report]) -> Table:
    """Return one row per finding, what is refused first."""
    rows = [
        (name, finding["line"], finding["severity"], finding["element"], finding["message"])
        for report in reports
        for name, finding in _findings(report)
    ]
    return Table("Findings", ("model", "line", "severity", "element", "finding"), rows)


def _findings(report: Report) -> list[tuple[str, dict[str, Any]]]:
    groups = (
        ("refused", report.refusals),
        ("warning", report.warnings),
        ("ignored", report.ignored),
    )
    return [
        (
            report.source,
            {
                "severity": severity,
                "code": finding.code,
                "element": finding.element,
                "line": finding.line,
                "message": finding.message,
            },
        )
        for severity, findings in groups
        for finding in findings
    ]
