"""BPMN 2.0 models: secure reading, the vendors' dialects, and compilation to process graphs."""

from tenuto.bpmn.lint import lint
from tenuto.bpmn.read import read
from tenuto.bpmn.report import Reading, Report, Verdict
from tenuto.graph.findings import Finding, Severity

__all__ = ["Finding", "Reading", "Report", "Severity", "Verdict", "lint", "read"]
