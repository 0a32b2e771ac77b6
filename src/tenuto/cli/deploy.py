"""`tenuto deploy`: bring models into a database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from tenuto.cli.database import AnyClient, Place, ask, place_options
from tenuto.cli.output import JSON, TABLE, Table, emit_json, emit_lines, emit_tables, output_option

if TYPE_CHECKING:
    from tenuto.bpmn import Finding, Report
    from tenuto.client.views import FindingView, ReportView


@click.command()
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@place_options
@output_option
def deploy(models: tuple[str, ...], place: Place, output: str) -> None:
    """Deploy BPMN and DMN models, all of them or none.

    A folder stands for the models in it. What cannot be executed is refused with the element's id;
    what has no effect is named. Deploying the same again changes nothing.
    """
    from tenuto.deploy import read_files

    async def bring(client: AnyClient) -> tuple[list[dict[str, Any]], dict[str, list[str]]]:
        sources = read_files(models)
        brought = await client.deploy_sources(sources)
        return [report_data(one, sources) for one in brought.reports], brought.job_types

    reports, job_types = ask(place, bring)
    emit_reports(reports, output)
    if output == TABLE:
        for kind, elements in sorted(job_types.items()):
            click.echo(f"needs a handler for job type `{kind}` (at {', '.join(elements)})")


def emit_reports(reports: Sequence[dict[str, Any]], output: str) -> None:
    """Print what was found in models."""
    if output == JSON:
        emit_json(list(reports))
    elif output == TABLE:
        emit_tables([reports_table(reports), findings_table(reports)])
    else:
        emit_lines(reports)


def report_data(
    report: Report | ReportView, sources: Sequence[tuple[str, str, bytes]] = ()
) -> dict[str, Any]:
    """Return a report with stable fields; the processes of a server's are read in `sources`."""
    return {
        "source": report.source,
        "processes": _processes(report, sources),
        "verdict": report.verdict,
        "findings": [
            {
                "severity": severity,
                "code": finding.code,
                "element": finding.element,
                "line": finding.line,
                "message": finding.message,
            }
            for severity, finding in _findings(report)
        ],
    }


def _processes(report: Report | ReportView, sources: Sequence[tuple[str, str, bytes]]) -> list[str]:
    from tenuto import bpmn

    if isinstance(report, bpmn.Report):
        return list(report.processes)
    return [
        process
        for name, kind, source in sources
        if name == report.source and kind == "bpmn"
        for process in bpmn.read(source, name=name).report.processes
    ]


def _findings(report: Report | ReportView) -> list[tuple[str, Finding | FindingView]]:
    """Return what was found with its severity, what is refused first."""
    from tenuto.client.views import ReportView

    if isinstance(report, ReportView):
        return [(finding.severity, finding) for finding in report.findings]
    groups = (
        ("refused", report.refusals),
        ("warning", report.warnings),
        ("ignored", report.ignored),
    )
    return [(severity, finding) for severity, found in groups for finding in found]


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
