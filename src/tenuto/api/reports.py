"""What was found in a model, as callers see it."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from tenuto.graph.findings import Finding


class Report(Protocol):
    """What a reading of a model found; front ends make it."""

    @property
    def source(self) -> str:
        """Return the name of what was read."""

    @property
    def verdict(self) -> str:
        """Return whether it was accepted."""

    @property
    def refusals(self) -> tuple[Finding, ...]:
        """Return what stands in the way."""

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """Return what runs, though perhaps not as meant."""

    @property
    def ignored(self) -> tuple[Finding, ...]:
        """Return what has no effect."""


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
