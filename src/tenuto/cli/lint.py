"""`tenuto lint`: check models, without a database."""

from __future__ import annotations

from typing import Any

import click

from tenuto.cli import exits
from tenuto.cli.deploy import emit_reports, report_data
from tenuto.cli.output import output_option

FAILING = frozenset({"refused", "error"})


@click.command()
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option("--strict", is_flag=True, help="Exit with 1 for warnings too.")
@output_option
@click.pass_context
def lint(ctx: click.Context, models: tuple[str, ...], output: str, *, strict: bool) -> None:
    """Check BPMN and DMN models: what is refused, what has no effect, what is probably not meant.

    Decision tables are searched for gaps, overlaps, rules that never hold and outputs that never
    come; each finding has an example. Exits with 1 when a model would be refused or a table
    contradicts its hit policy.
    """
    from tenuto.deploy import read_files

    reports = [check(name, kind, source) for name, kind, source in read_files(models)]
    emit_reports(reports, output)
    failing = FAILING | {"warning"} if strict else FAILING
    severities = {finding["severity"] for report in reports for finding in report["findings"]}
    ctx.exit(exits.REFUSED if severities & failing else exits.OK)


def check(name: str, kind: str, source: bytes) -> dict[str, Any]:
    """Return what is to be said of one model, with the fields of a deployment report."""
    from tenuto import bpmn
    from tenuto.deploy import BPMN
    from tenuto.errors import ModelError

    try:
        if kind == BPMN:
            return report_data(bpmn.read(source, name=name).report)
        return _report(name, "accepted", table_findings(source))
    except ModelError as error:
        refusal = _finding("refused", error.code, error.element, error.line, error.message)
        return _report(name, "refused", [refusal])


def table_findings(source: bytes) -> list[dict[str, Any]]:
    """Return what the analysis finds in the decision tables of a file, and what it left out."""
    from tenuto import dmn
    from tenuto.dmn.analyse import analyse

    found = []
    for table in analyse(dmn.load(source)):
        place = table.decision, table.line
        found += [
            _finding(finding.severity, finding.code, *place, finding.message)
            for finding in table.findings
        ]
        found += [_finding("note", "partial-analysis", *place, note) for note in table.notes]
    return found


def _report(name: str, verdict: str, findings: list[dict[str, Any]]) -> dict[str, Any]:
    return {"source": name, "processes": [], "verdict": verdict, "findings": findings}


def _finding(
    severity: str, code: str, element: str | None, line: int | None, message: str
) -> dict[str, Any]:
    return {
        "severity": severity,
        "code": code,
        "element": element,
        "line": line,
        "message": message,
    }
