"""Reading a BPMN file: from bytes to process graphs and a deployment report.

BPMN 2.0.2 §8.1 and §10.2. Everything that stands in the way is collected before anything is
refused; only XML that cannot be read at all raises.
"""

from __future__ import annotations

from collections.abc import Iterator

from tenuto.bpmn.declarations import process_inputs, process_outputs
from tenuto.bpmn.events import Position
from tenuto.bpmn.formulas import feel_formula, standard_text
from tenuto.bpmn.model import Model, open_model
from tenuto.bpmn.report import Place, Reading
from tenuto.bpmn.scopes import Draft, read_scope
from tenuto.bpmn.vocabulary import review
from tenuto.bpmn.xml import Document, Markup, parse
from tenuto.graph.check import check
from tenuto.graph.data import Formula, NaturalKey
from tenuto.graph.process import ProcessGraph
from tenuto.graph.reach import with_reach


def read(source: bytes, *, name: str, lenient: bool = False) -> Reading:
    """Return the process graphs of a BPMN file and the report of the reading.

    A `lenient` reading leaves listeners out instead of refusing them. Raises `ModelError` for what
    is not readable as BPMN XML; everything else is in the report, and a refused file has no graphs.

    >>> model = b'''<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL">
    ...   <process id="hello" isExecutable="true"><startEvent id="begin"/></process>
    ... </definitions>'''
    >>> reading = read(model, name="hello.bpmn")
    >>> reading.report.verdict, [graph.id for graph in reading.graphs]
    ('accepted', ['hello'])
    """
    document = parse(source, name=name)
    model = open_model(document, lenient=lenient)
    _note_ids(model, document.root)
    _note_roots(model, document)
    graphs = [_read_process(model, process) for process in _processes(model, document)]
    for graph in graphs:
        for finding in check(graph):
            model.findings.add(finding)
    report = model.findings.report(name, tuple(graph.id for graph in graphs))
    refused = report.verdict == "refused"
    return Reading(() if refused else tuple(map(with_reach, graphs)), report)


def _walk(markup: Markup) -> Iterator[Markup]:
    for child in markup.children:
        yield child
        yield from _walk(child)


def _note_ids(model: Model, root: Markup) -> None:
    """Refuse an id that comes twice: ids are how elements are named everywhere (§8.1)."""
    seen: dict[str, int | None] = {}
    for markup in _walk(root):
        if not markup.name.startswith("bpmn:") or markup.id is None:
            continue
        if markup.id in seen:
            model.findings.refuse(
                "duplicate-id",
                f"expected each id once, but it is also on line {seen[markup.id]}",
                Place(markup, markup.id),
            )
        else:
            seen[markup.id] = markup.line


_IGNORED_ROOTS = {
    "bpmn:collaboration": "pools and message flows are drawn: messages find their receivers",
    "bpmn:choreography": "choreographies are drawn",
    "bpmn:globalChoreographyTask": "choreographies are drawn",
    "bpmn:globalConversation": "conversations are drawn",
    "bpmn:category": "categories group elements for readers",
    "bpmn:dataStore": "handlers read and write stores",
    "bpmn:partnerEntity": "partners are declared",
    "bpmn:partnerRole": "partners are declared",
    "bpmn:interface": "services are job types",
    "bpmn:endPoint": "services are job types",
    "bpmn:globalTask": "no call activity here calls it",
    "bpmn:globalUserTask": "no call activity here calls it",
    "bpmn:globalManualTask": "no call activity here calls it",
    "bpmn:globalScriptTask": "no call activity here calls it",
    "bpmn:globalBusinessRuleTask": "no call activity here calls it",
    "bpmn:correlationProperty": "correlation keys are FEEL",
    "bpmn:import": "nothing is loaded from other files",
    "bpmn:relationship": "relationships are kept in the file",
    "bpmn:extension": "extension schemas are kept in the file",
}


def _note_roots(model: Model, document: Document) -> None:
    """List what lies beside the processes and does nothing, and what other tools wrote."""
    for child in document.root.children:
        if child.name in _IGNORED_ROOTS:
            local = child.name.partition(":")[2]
            model.findings.ignore(
                "decoration", f"{local}: {_IGNORED_ROOTS[child.name]}", Place(child, child.id)
            )
        elif child.name in {"bpmn:message", "bpmn:error", "bpmn:signal"}:
            review(model, child, Place(child, child.id))
    strangers: dict[str, Markup] = {}
    for markup in _walk(document.root):
        for name in (markup.name, *markup.attributes):
            if name.startswith("{"):
                strangers.setdefault(name[1:].partition("}")[0], markup)
    for namespace, markup in sorted(strangers.items()):
        model.findings.ignore(
            "foreign-extension", f"what is in {namespace} is kept in the file", Place(markup, None)
        )


def _processes(model: Model, document: Document) -> list[Markup]:
    """Return the processes that run.

    `isExecutable="false"` (§10.2) marks what is drawn for context beside a process that runs. Where
    a file marks nothing as executable, all its processes are read, with a warning.
    """
    processes = [child for child in document.root.children if child.name == "bpmn:process"]
    marked = [process for process in processes if _is_executable(process)]
    if not processes:
        place = Place(document.root, document.root.id)
        model.findings.refuse("no-process", "expected a process, but the file has none", place)
    for process in processes:
        place = Place(process, process.id)
        if _is_executable(process):
            continue
        if marked:
            model.findings.ignore("not-executable", "the process is not marked executable", place)
        else:
            model.findings.warn(
                "not-executable", "the process is not marked executable: it runs anyway", place
            )
    return marked or processes


def _is_executable(process: Markup) -> bool:
    return process.flag("isExecutable", default=False)


def _read_process(model: Model, process: Markup) -> ProcessGraph:
    place = Place(process, process.id)
    if process.id is None:
        model.findings.refuse("id-missing", "expected an id of the process", place)
    review(model, process, place)
    draft = Draft({}, {}, {})
    inside = read_scope(model, draft, process, process.id or "", Position.START)
    starts = tuple(start.id for start in inside.starts)
    return ProcessGraph(
        id=process.id or "",
        name=process.attributes.get("name", ""),
        version_tag=_version_tag(process),
        nodes=draft.nodes,
        flows=draft.flows,
        starts=starts,
        implicit_starts=inside.implicit_starts,
        event_subprocesses=draft.event_subprocesses,
        business_key=_business_key(model, process, place),
        natural_key=_natural_key(model, process, place),
        inputs=process_inputs(model, process),
        outputs=process_outputs(model, process),
    )


def _version_tag(process: Markup) -> str | None:
    tag = process.extension("zeebe:versionTag")
    return (tag.get("value") if tag else None) or process.get("camunda:versionTag")


def _business_key(model: Model, process: Markup, place: Place) -> Formula | None:
    key = process.extension("tenuto:businessKey")
    if key is None:
        return None
    return feel_formula(model, key.get("expression") or "", place.within(key))


def _natural_key(model: Model, process: Markup, place: Place) -> NaturalKey | None:
    """Return the rule that finds one fact reported twice."""
    rule = process.extension("tenuto:naturalKey")
    if rule is None:
        return None
    inside = place.within(rule)
    key, result = rule.get("key"), rule.get("result")
    tolerance = rule.get("tolerance") or "0"
    if key is None or result is None:
        model.findings.refuse("natural-key", "expected key and result", inside)
    if not tolerance.replace(".", "", 1).isdecimal():
        model.findings.refuse(
            "natural-key", f"expected a tolerance like 0.05, but it is {tolerance!r}", inside
        )
    return NaturalKey(
        key=standard_text(model, key or "", inside),
        result=result or "",
        near=rule.get("near"),
        tolerance=tolerance,
    )
