"""Linting: everything that there is to say about a model, whether it deploys or not."""

from __future__ import annotations

from tenuto.bpmn.read import read
from tenuto.errors import ModelError
from tenuto.graph.findings import Finding


def lint(source: bytes, *, name: str, lenient: bool = False) -> tuple[Finding, ...]:
    """Return all findings of a BPMN file by line: errors, warnings and what is ignored.

    A file that is not readable as BPMN has one finding.

    >>> [finding.code for finding in lint(b"<html/>", name="page.html")]
    ['xml-not-bpmn']
    """
    try:
        report = read(source, name=name, lenient=lenient).report
    except ModelError as error:
        return (Finding(error.code, error.message, error.element, error.line),)
    found = (*report.refusals, *report.warnings, *report.ignored)
    return tuple(sorted(found, key=lambda finding: finding.line or 0))
