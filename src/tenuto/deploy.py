"""Deployment: from files to compiled resources, with a report for each model.

The only module that names front ends. What is not executable is refused here, with the element's
id; a deployment is whole or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from msgspec import structs

from tenuto import bpmn, dmn
from tenuto.bpmn import Finding, Report
from tenuto.engine.world import World
from tenuto.errors import InputError, TenutoError
from tenuto.graph.contracts import check_calls, check_handlers
from tenuto.graph.data import Formula
from tenuto.graph.events import EventMapping, read_mappings
from tenuto.graph.findings import Severity
from tenuto.graph.nodes import CallActivity, DecisionTask, EndEvent, JobTask, ThrowEvent
from tenuto.graph.process import ProcessGraph
from tenuto.graph.triggers import JobThrow
from tenuto.notation import open_document
from tenuto.runtime.requests import Compiled
from tenuto.workflows.compile import read as read_workflow

BPMN = "bpmn"
DMN = "dmn"
EVENTS = "events"
WORKFLOW = "workflow"
SUFFIXES = {
    ".bpmn": BPMN,
    ".xml": BPMN,
    ".bpmn2": BPMN,
    ".dmn": DMN,
    ".events.yaml": EVENTS,
    ".events.yml": EVENTS,
    ".workflow.json": WORKFLOW,
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


def prepare(
    sources: Sequence[Source], deployed: Mapping[str, ProcessGraph] | None = None
) -> Prepared:
    """Read, check and compile sources.

    `deployed` are the latest processes by id that are there already: calls of them are checked too,
    and their calls of what comes; the latter only warn. Raises `Refused` when a model cannot be
    executed or does not fit another one, `ModelError` when a file cannot be read.
    """
    prepared = _compile(sources)
    reports = held_together(prepared.reports, prepared.compiled.graphs, deployed or {})
    if any(report.refusals for report in reports):
        raise Refused(reports)
    return prepared._replace(reports=reports)


def compile_sources(sources: Sequence[Source]) -> Compiled:
    """Return what stored sources compile to.

    They were checked when they were deployed; what would be refused today goes on as it is.
    """
    return _compile(sources).compiled


def _compile(sources: Sequence[Source]) -> Prepared:
    graphs: list[ProcessGraph] = []
    models: list[dmn.Model] = []
    mappings: list[EventMapping] = []
    reports: list[Report] = []
    for name, kind, source in sources:
        if kind == BPMN:
            reading = bpmn.read(source, name=name)
            graphs.extend(reading.graphs)
            reports.append(reading.report)
        elif kind == WORKFLOW:
            graphs.append(read_workflow(source, name))
            reports.append(_accepted(name))
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


def latest_processes(world: World) -> dict[str, ProcessGraph]:
    """Return the latest version of each process that is deployed, by id."""
    return {id: definition.graph for id, definition in world.latest.items()}


def held_together(
    reports: Sequence[Report],
    graphs: Sequence[ProcessGraph],
    deployed: Mapping[str, ProcessGraph],
) -> tuple[Report, ...]:
    """Return the reports with what is found when processes are held against those they call.

    An error at one that is deployed already is a warning in the first report: it can only be mended
    by another deployment.
    """
    own = {graph.id: graph for graph in graphs}
    found = {graph.id: check_calls(graph, own, deployed) for graph in graphs}
    added = [_added(report, found) for report in reports]
    callers = [
        finding
        for id, graph in sorted(deployed.items())
        if id not in own and not own.keys().isdisjoint(called_processes(graph))
        for finding in check_calls(graph, {}, {**deployed, **own})
        if finding not in check_calls(graph, {}, deployed)
    ]
    if callers and added:
        warnings = (structs.replace(one, severity=Severity.WARNING) for one in callers)
        added[0] = structs.replace(added[0], warnings=(*added[0].warnings, *warnings))
    return tuple(added)


def called_processes(graph: ProcessGraph) -> list[str]:
    """Return the ids of the processes that a process calls, as far as they are known now."""
    return [
        str(node.process.constant)
        for node in graph.nodes.values()
        if isinstance(node, CallActivity) and node.process.is_constant
    ]


def _added(report: Report, found: Mapping[str, Sequence[Finding]]) -> Report:
    """Return a report with the findings of its processes."""
    new = [finding for id in report.processes for finding in found.get(id, ())]
    errors = tuple(one for one in new if one.severity is Severity.ERROR)
    warnings = tuple(one for one in new if one.severity is Severity.WARNING)
    return structs.replace(
        report,
        verdict="refused" if errors else report.verdict,
        refusals=(*report.refusals, *errors),
        warnings=(*report.warnings, *warnings),
    )


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
    "check_handlers",
    "compile_sources",
    "held_together",
    "job_types",
    "latest_processes",
    "prepare",
    "read_files",
    "unknown_references",
]
