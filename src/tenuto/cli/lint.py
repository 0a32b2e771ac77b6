"""`tenuto lint`: check models, without a database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from tenuto.cli import exits
from tenuto.cli.deploy import emit_reports, report_data
from tenuto.cli.output import output_option

if TYPE_CHECKING:
    from tenuto.graph.process import ProcessGraph

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

    checked = [check(name, kind, source) for name, kind, source in read_files(models)]
    reports = [report for report, _ in checked]
    hold_together(reports, [graph for _, graphs in checked for graph in graphs])
    emit_reports(reports, output)
    failing = FAILING | {"warning"} if strict else FAILING
    severities = {finding["severity"] for report in reports for finding in report["findings"]}
    ctx.exit(exits.REFUSED if severities & failing else exits.OK)


def check(name: str, kind: str, source: bytes) -> tuple[dict[str, Any], tuple[ProcessGraph, ...]]:
    """Return what is to be said of one model, with the fields of a deployment report, and its
    processes.
    """
    from tenuto import bpmn
    from tenuto.deploy import BPMN, DMN, compile_sources
    from tenuto.errors import InputError, ModelError

    try:
        if kind == BPMN:
            reading = bpmn.read(source, name=name)
            return report_data(reading.report), reading.graphs
        if kind == DMN:
            return _report(name, "accepted", table_findings(source)), ()
        compile_sources([(name, kind, source)])
        return _report(name, "accepted", []), ()
    except ModelError as error:
        refusal = _finding("refused", error.code, error.element, error.line, error.message)
    except InputError as error:
        refusal = _finding("refused", "invalid-model", None, None, str(error))
    return _report(name, "refused", [refusal]), ()


def hold_together(reports: list[dict[str, Any]], graphs: Sequence[ProcessGraph]) -> None:
    """Add to the reports where the processes do not fit those that they call."""
    from tenuto.graph.contracts import check_calls
    from tenuto.graph.findings import Severity

    own = {graph.id: graph for graph in graphs}
    for graph in graphs:
        report = next(one for one in reports if graph.id in one["processes"])
        for found in check_calls(graph, own):
            severity = "refused" if found.severity is Severity.ERROR else "warning"
            place = found.element, found.line
            report["findings"].append(_finding(severity, found.code, *place, found.message))
            if severity == "refused":
                report["verdict"] = severity


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
