"""Deployment: from files to compiled resources, with a report for each model.

The only module that names front ends. What is not executable is refused here, with the element's
id; a deployment is whole or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from tenuto import bpmn, dmn
from tenuto.bpmn import Finding, Report
from tenuto.errors import InputError, TenutoError
from tenuto.graph.data import Formula
from tenuto.graph.events import EventMapping, read_mappings
from tenuto.graph.nodes import CallActivity, DecisionTask, EndEvent, JobTask, ThrowEvent
from tenuto.graph.process import ProcessGraph
from tenuto.graph.triggers import JobThrow
from tenuto.notation import open_document
from tenuto.runtime.requests import Compiled

BPMN = "bpmn"
DMN = "dmn"
EVENTS = "events"
SUFFIXES = {
    ".bpmn": BPMN,
    ".xml": BPMN,
    ".bpmn2": BPMN,
    ".dmn": DMN,
    ".events.yaml": EVENTS,
    ".events.yml": EVENTS,
}

Source = tuple[str, str, bytes]


class Refused(InputError):
    """A deployment that was refused; `reports` say why, model by model."""

    def __init__(self, reports: Sequence[Report]) -> None:
        """Keep the reports and name the first refusals."""
        self.reports = tuple(reports)
        reasons = [
            f"{report.source}: {finding.element or ''} {finding.message}".strip()
            for report in reports
            for finding in report.refusals
        ]
        more = f" (and {len(reasons) - 3} more)" if len(reasons) > 3 else ""
        super().__init__("; ".join(reasons[:3]) + more)


class Prepared(NamedTuple):
    """What a deployment would bring: sources, compiled resources, and a report for each model."""

    sources: tuple[Source, ...]
    compiled: Compiled
    reports: tuple[Report, ...]

    @property
    def job_types(self) -> dict[str, list[str]]:
        """Return the job types that the models name, with the element ids that need them."""
        found: dict[str, list[str]] = {}
        for graph in self.compiled.graphs:
            for kind, element in job_types(graph):
                found.setdefault(kind, []).append(element)
        return found


def read_files(paths: Iterable[str | Path]) -> tuple[Source, ...]:
    """Return the sources of model files; a folder gives the models in it.

    Raises `InputError` for a path that is not there or no model.
    """
    found: list[Source] = []
    for path in map(Path, paths):
        files = sorted(path.iterdir()) if path.is_dir() else [path]
        for file in files:
            kind = kind_of_name(file.name)
            if kind is None:
                if path.is_dir():
                    continue
                raise InputError(f"expected a model file ({', '.join(SUFFIXES)}), got `{file}`")
            try:
                found.append((file.name, kind, file.read_bytes()))
            except OSError as error:
                raise InputError(f"expected a model at `{file}`: {error.strerror}") from error
    if not found:
        raise InputError("expected at least one model file, got none")
    return tuple(found)


def kind_of_name(name: str) -> str | None:
    """Return the kind of a resource by the end of its file name, nothing if it has none."""
    lower = name.lower()
    return next((kind for suffix, kind in SUFFIXES.items() if lower.endswith(suffix)), None)


def _mappings(name: str, source: bytes) -> tuple[EventMapping, ...]:
    root = open_document(source, name)
    if root is None:
        raise InputError(f"{name}: expected `events` with a list of mappings, got an empty file")
    return read_mappings(root, name)


def prepare(sources: Sequence[Source]) -> Prepared:
    """Read, check and compile sources.

    Raises `Refused` when a model cannot be executed, `ModelError` when a file cannot be read.
    """
    graphs: list[ProcessGraph] = []
    models: list[dmn.Model] = []
    mappings: list[EventMapping] = []
    reports: list[Report] = []
    for name, kind, source in sources:
        if kind == BPMN:
            reading = bpmn.read(source, name=name)
            graphs.extend(reading.graphs)
            reports.append(reading.report)
        elif kind == EVENTS:
            mappings.extend(_mappings(name, source))
            reports.append(_accepted(name))
        else:
            models.append(dmn.load(source))
            reports.append(_accepted(name))
    _check_ids(sources, graphs)
    if any(report.refusals for report in reports):
        raise Refused(reports)
    return Prepared(
        tuple(sources), Compiled(tuple(graphs), tuple(models), tuple(mappings)), tuple(reports)
    )


def compile_sources(sources: Sequence[Source]) -> Compiled:
    """Return what stored sources compile to; they were checked when they were deployed."""
    return prepare(sources).compiled


def _accepted(name: str) -> Report:
    return Report(source=name, processes=(), verdict="accepted")


def _check_ids(sources: Sequence[Source], graphs: Sequence[ProcessGraph]) -> None:
    seen: set[str] = set()
    for graph in graphs:
        if graph.id in seen:
            names = ", ".join(name for name, _, _ in sources)
            raise InputError(
                f"expected each process id once in a deployment, but `{graph.id}` comes twice "
                f"in {names}"
            )
        seen.add(graph.id)


def job_types(graph: ProcessGraph) -> list[tuple[str, str]]:
    """Return (job type, element id) of every job of a process whose type is known before it
    runs.
    """
    found = []
    for node in graph.nodes.values():
        policy = node.job if isinstance(node, JobTask) else None
        if isinstance(node, ThrowEvent | EndEvent) and isinstance(node.throw, JobThrow):
            policy = node.throw.job
        if policy is not None and policy.type.is_constant:
            found.append((str(policy.type.constant), node.id))
    return found


def unknown_references(
    prepared: Prepared, processes: set[str], decisions: set[str]
) -> list[Finding]:
    """Return warnings for called processes and decisions that nobody has deployed."""
    own = {graph.id for graph in prepared.compiled.graphs} | processes
    known = decisions | {
        decision.id for model in prepared.compiled.models for decision in model.decisions.values()
    }
    found = []
    for graph in prepared.compiled.graphs:
        for node in graph.nodes.values():
            if isinstance(node, CallActivity):
                found += _unknown(node.id, "process", node.process, own)
            elif isinstance(node, DecisionTask):
                found += _unknown(node.id, "decision", node.decision, known)
    return found


def _unknown(element: str, kind: str, name: Formula, known: set[str]) -> list[Finding]:
    if not name.is_constant or str(name.constant) in known:
        return []
    return [_missing(f"called-{kind}", element, f"{kind} `{name.constant}`")]


def _missing(code: str, element: str, what: str) -> Finding:
    message = f"expected {what} to be deployed, but it is not yet; instances stop here until it is"
    return Finding(code=f"unknown-{code}", message=message, element=element, line=None)


__all__ = [
    "Prepared",
    "Refused",
    "TenutoError",
    "compile_sources",
    "job_types",
    "prepare",
    "read_files",
    "unknown_references",
]
