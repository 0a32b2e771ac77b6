"""Processes: what is deployed, its versions and models, and where its instances are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from msgspec import Meta, Struct

from tenuto.api.deployed import source_of_definition, versions_of
from tenuto.api.elements import type_of
from tenuto.api.http import Request, Response, json_response
from tenuto.api.pages import Items, Paged, page, place_of
from tenuto.api.problems import Problem
from tenuto.api.routing import Route
from tenuto.deploy import job_types
from tenuto.engine import rejections as why
from tenuto.engine.world import ProcessDefinition, deployment_of
from tenuto.governance.permits import Permission
from tenuto.graph.nodes import BoundaryEvent, StartEvent

if TYPE_CHECKING:
    from tenuto.api.service import Service
    from tenuto.graph.process import ProcessGraph

XML: Final = "application/xml"
CURSOR: Final = "processes"
INCIDENT: Final = "incident"


class ProcessVersion(Struct):
    """One version of a process and the deployment that it came with."""

    version: int
    deployment: int
    version_tag: str | None


class DeclaredInput(Struct):
    """A variable that a process expects at its start, with its FEEL type."""

    name: str
    type: str
    required: bool


class ProcessElement(Struct):
    """An element of the newest version; `type` is the name of BPMN."""

    id: str
    name: str
    type: str


class ListedProcess(Struct):
    """A process in its newest version, with its instances counted by status."""

    id: str
    name: str
    version: int
    version_tag: str | None
    deployment: int
    job_types: dict[str, list[str]]
    instances: dict[str, int]


class ShownProcess(ListedProcess):
    """A process with its versions, what it expects and its elements in model order."""

    versions: list[ProcessVersion]
    inputs: list[DeclaredInput]
    elements: list[ProcessElement]


class AtElement(Struct):
    """How many element instances wait at an element, and how many are stuck there."""

    active: int = 0
    incidents: int = 0


class ProcessMap(Struct):
    """Where the instances of a process are. Elements where nothing is are left out."""

    elements: dict[str, AtElement]
    instances: dict[str, int]


class OfVersion(Struct, forbid_unknown_fields=True):
    """Which version; the newest unless it is given."""

    version: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None


async def list_processes(service: Service, request: Request) -> Response:
    """List processes in order of their ids."""
    paged = request.query(Paged)
    after = place_of(service.cursors, CURSOR, paged, str)
    latest = service.node.world.latest
    ids = sorted(id for id in latest if after is None or id > after)
    shown = ids[: paged.limit]
    counts = _by_process(await service.reading(lambda read: read.counts()))
    items = [_listed(latest[id], counts.get(id, {})) for id in shown]
    following = shown[-1] if len(ids) > len(shown) else None
    return json_response(page(service.cursors, CURSOR, items, following))


async def show_process(service: Service, request: Request) -> Response:
    """Show a process."""
    versions = versions_of(service.node.world, request.params["id"])
    newest = versions[-1]
    graph = newest.graph
    counts = _by_process(await service.reading(lambda read: read.counts())).get(graph.id, {})
    listed = _listed(newest, counts)
    shown = ShownProcess(
        listed.id,
        listed.name,
        listed.version,
        listed.version_tag,
        listed.deployment,
        listed.job_types,
        listed.instances,
        [
            ProcessVersion(one.version, deployment_of(one.number), one.graph.version_tag)
            for one in versions
        ],
        [DeclaredInput(one.name, one.type, one.required) for one in graph.inputs],
        [ProcessElement(node.id, node.name, type_of(node)) for node in graph.nodes.values()],
    )
    return json_response(shown)


async def show_xml(service: Service, request: Request) -> Response:
    """Give the BPMN file that a version was deployed with."""
    version = request.query(OfVersion).version
    versions = versions_of(service.node.world, request.params["id"])
    found = [one for one in versions if version is None or one.version == version]
    if not found:
        raise Problem(
            why.NOT_FOUND,
            f"expected a version up to {versions[-1].version} of `{versions[-1].graph.id}`, got "
            f"{version}",
        )
    source = await service.reading(lambda read: source_of_definition(read, found[-1]))
    return Response(200, source, XML)


async def show_map(service: Service, request: Request) -> Response:
    """Show where the instances of a process are."""
    graph = versions_of(service.node.world, request.params["id"])[-1].graph
    waiting, counts = await service.reading(lambda read: (read.waiting(), read.counts()))
    elements: dict[str, AtElement] = {}
    for process, element, what, count in waiting:
        if process != graph.id or _is_beside(graph, element):
            continue
        at = elements.setdefault(element, AtElement())
        # An element that is stuck stands there too: its job, if it had one, waits no more.
        at.active += count
        at.incidents += count if what == INCIDENT else 0
    return json_response(ProcessMap(elements, _by_process(counts).get(graph.id, {})))


def _is_beside(graph: ProcessGraph, element: str) -> bool:
    """Tell whether a waiting event stands beside a token: attached, or to start a subprocess."""
    node = graph.nodes.get(element)
    return isinstance(node, BoundaryEvent | StartEvent)


def _listed(definition: ProcessDefinition, counts: dict[str, int]) -> ListedProcess:
    graph = definition.graph
    kinds: dict[str, list[str]] = {}
    for kind, element in job_types(graph):
        kinds.setdefault(kind, []).append(element)
    number = deployment_of(definition.number)
    return ListedProcess(
        graph.id, graph.name, definition.version, graph.version_tag, number, kinds, counts
    )


def _by_process(counts: dict[tuple[str, str], int]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for (process, status), count in counts.items():
        found.setdefault(process, {})[status] = count
    return found


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/processes",
        endpoint=list_processes,
        name="listProcesses",
        summary="List processes",
        tag="processes",
        permission=Permission.PROCESSES_READ,
        query=Paged,
        answer=Items[ListedProcess],
        problems=("invalid-cursor",),
    ),
    Route(
        method="GET",
        path="/api/v1/processes/{id}",
        endpoint=show_process,
        name="getProcess",
        summary="Show a process with its versions, inputs and elements",
        tag="processes",
        permission=Permission.PROCESSES_READ,
        answer=ShownProcess,
        problems=(why.UNKNOWN_PROCESS,),
    ),
    Route(
        method="GET",
        path="/api/v1/processes/{id}/xml",
        endpoint=show_xml,
        name="getProcessXml",
        summary="Give the BPMN file of a version",
        tag="processes",
        permission=Permission.PROCESSES_READ,
        query=OfVersion,
        answer_type=XML,
        problems=(why.UNKNOWN_PROCESS, why.NOT_FOUND),
    ),
    Route(
        method="GET",
        path="/api/v1/processes/{id}/map",
        endpoint=show_map,
        name="getProcessMap",
        summary="Show where the instances of a process are",
        tag="processes",
        permission=Permission.PROCESSES_READ,
        answer=ProcessMap,
        problems=(why.UNKNOWN_PROCESS,),
    ),
)
