"""What was found in a model, as callers see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from tenuto.bpmn import Report


class FoundInModel(Struct):
    """One finding: `severity` is refused, warning or ignored; `line` counts from 1."""

    severity: str
    code: str
    message: str
    element: str | None
    line: int | None


class ModelReport(Struct):
    """What was found in one source.

    `verdict` is accepted, accepted-with-ignored or refused.
    """

    source: str
    verdict: str
    findings: list[FoundInModel]


def report_of(report: Report) -> ModelReport:
    """Return a report, what stands in the way first."""
    groups = (
        ("refused", report.refusals),
        ("warning", report.warnings),
        ("ignored", report.ignored),
    )
    return ModelReport(
        report.source,
        report.verdict,
        [
            FoundInModel(severity, one.code, one.message, one.element, one.line)
            for severity, found in groups
            for one in found
        ],
    )
