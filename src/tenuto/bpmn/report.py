"""The deployment report: what of a model runs, what is left out, and what stands in the way."""

from __future__ import annotations

from typing import Literal, NamedTuple

from msgspec import Struct

from tenuto.bpmn.xml import Markup
from tenuto.graph.findings import Finding, Severity
from tenuto.graph.process import ProcessGraph

Verdict = Literal["accepted", "accepted-with-ignored", "refused"]


class Report(Struct, frozen=True):
    """What a reading found, in document order; `processes` are the ids of the file's processes."""

    source: str
    processes: tuple[str, ...]
    verdict: Verdict
    refusals: tuple[Finding, ...] = ()
    ignored: tuple[Finding, ...] = ()
    warnings: tuple[Finding, ...] = ()


class Reading(Struct, frozen=True):
    """A model that was read: its graphs, none when it is refused, and the report."""

    graphs: tuple[ProcessGraph, ...]
    report: Report


class Place(NamedTuple):
    """Where something was found: the markup, and the id of the element that it belongs to."""

    at: Markup
    element: str | None

    def within(self, markup: Markup | None) -> Place:
        """Return the place of a part of the same element."""
        return self if markup is None else Place(markup, self.element)


class Findings:
    """Collects findings while a model is read, so that one reading names everything at once."""

    def __init__(self) -> None:
        """Start with nothing found."""
        self._found: list[Finding] = []
        self._seen: set[tuple[str, str, str | None, int | None]] = set()

    def refuse(self, code: str, message: str, place: Place) -> None:
        """Note what stands in the way of a deployment."""
        self.add(Finding(code, message, place.element, place.at.line, Severity.ERROR))

    def warn(self, code: str, message: str, place: Place) -> None:
        """Note what runs, though perhaps not as meant."""
        self.add(Finding(code, message, place.element, place.at.line, Severity.WARNING))

    def ignore(self, code: str, message: str, place: Place) -> None:
        """Note what has no effect."""
        self.add(Finding(code, message, place.element, place.at.line, Severity.IGNORED))

    def add(self, finding: Finding) -> None:
        """Note a finding; the same one is noted once."""
        key = (finding.code, finding.message, finding.element, finding.line)
        if key not in self._seen:
            self._seen.add(key)
            self._found.append(finding)

    def of(self, severity: Severity) -> tuple[Finding, ...]:
        """Return what was found of one severity, by line, then in the order of finding."""
        chosen = [finding for finding in self._found if finding.severity is severity]
        return tuple(sorted(chosen, key=lambda finding: finding.line or 0))

    def report(self, source: str, processes: tuple[str, ...]) -> Report:
        """Return the report and its verdict."""
        refusals = self.of(Severity.ERROR)
        ignored = self.of(Severity.IGNORED)
        return Report(
            source=source,
            processes=processes,
            verdict=_verdict(refusals, ignored),
            refusals=refusals,
            ignored=ignored,
            warnings=self.of(Severity.WARNING),
        )


def _verdict(refusals: tuple[Finding, ...], ignored: tuple[Finding, ...]) -> Verdict:
    if refusals:
        return "refused"
    return "accepted-with-ignored" if ignored else "accepted"
