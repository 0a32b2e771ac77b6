"""Deployments: models that are brought together, whole or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from msgspec import Meta, Struct

from tenuto.api.deployed import registry_state
from tenuto.api.http import IDEMPOTENCY_KEY, JSON, Request, Response, json_response
from tenuto.api.multipart import File, files_of
from tenuto.api.pages import Items, Paged, page, place_of
from tenuto.api.problems import Problem
from tenuto.api.rendering import moment
from tenuto.api.repeats import once
from tenuto.api.reports import FoundInModel, ModelReport, report_of
from tenuto.api.routing import Route
from tenuto.client.requests import deploy_request
from tenuto.deploy import (
    SUFFIXES,
    Prepared,
    Source,
    job_types,
    kind_of_name,
    latest_processes,
    prepare,
    unknown_references,
)
from tenuto.engine.world import World, deployment_of
from tenuto.governance.permits import Permission

if TYPE_CHECKING:
    from tenuto.api.service import Service

FORM: Final = "multipart/form-data"
BODY_LIMIT: Final = 32 * 1024 * 1024
CURSOR: Final = "deployments"
KINDS: Final = tuple(dict.fromkeys(SUFFIXES.values()))


class Resource(Struct, forbid_unknown_fields=True):
    """A model as text; its kind follows from the end of its name unless it is given."""

    name: Annotated[str, Meta(min_length=1, max_length=255)]
    source: str
    kind: str | None = None


class Resources(Struct, forbid_unknown_fields=True):
    """Models that are deployed together."""

    resources: Annotated[list[Resource], Meta(min_length=1, max_length=200)]


class DeployedProcess(Struct):
    """A process that the deployment has; `job_types` names the elements that need each type."""

    id: str
    name: str
    version: int
    job_types: dict[str, list[str]]


class DeployedDecision(Struct):
    """A decision that the deployment has."""

    id: str
    name: str
    version: int


class Deployed(Struct):
    """What a deployment brought. `changed` is false when the newest was the same already."""

    deployment: int
    changed: bool
    processes: list[DeployedProcess]
    decisions: list[DeployedDecision]
    mappings: int
    reports: list[ModelReport]


class KeptResource(Struct):
    """One source of a deployment."""

    name: str
    kind: str


class KeptDeployment(Struct):
    """A deployment that was made."""

    deployment: int
    at: str | None
    resources: list[KeptResource]


async def deploy(service: Service, request: Request) -> Response:
    """Deploy models, all of them or none."""
    sources = await _sources(request)
    world = service.node.world
    prepared = await service.on_thread(lambda: prepare(sources, latest_processes(world)))
    asked = once(deploy_request(prepared), request, sources)
    answer = await service.ask(asked, request.caller)
    number = answer.facts["deployment"]
    assert isinstance(number, int), "a deployment is answered with its number"
    reports = [report_of(report) for report in prepared.reports]
    _warn_of_unknown(prepared, world, reports)
    made = Deployed(
        number,
        bool(answer.facts["changed"]),
        _processes(service.node.world, number),
        _decisions(service.node.world, number),
        len(prepared.compiled.mappings),
        reports,
    )
    return json_response(made, 201)


async def list_deployments(service: Service, request: Request) -> Response:
    """List deployments, the newest first."""
    paged = request.query(Paged)
    before = place_of(service.cursors, CURSOR, paged, int)
    state = await service.reading(registry_state)
    kept = [one for one in reversed(state.deployments) if before is None or one.number < before]
    shown = [
        KeptDeployment(
            one.number,
            moment(one.at),
            [KeptResource(name, kind) for name, kind, _ in one.resources],
        )
        for one in kept[: paged.limit]
    ]
    following = shown[-1].deployment if len(kept) > len(shown) else None
    return json_response(page(service.cursors, CURSOR, shown, following))


async def _sources(request: Request) -> list[Source]:
    if request.expect_type(JSON, FORM) == JSON:
        given = await request.json(Resources)
        return [
            (one.name, one.kind or _kind(one.name), one.source.encode())
            for one in given.resources
            if _is_known(one.kind)
        ]
    body = await request.body()
    files: list[File] = files_of(request.headers["content-type"], body)
    return [(file.name, _kind(file.name), file.content) for file in files]


def _is_known(kind: str | None) -> bool:
    if kind is not None and kind not in KINDS:
        raise Problem("invalid-body", f"expected a kind among {', '.join(KINDS)}, got `{kind}`")
    return True


def _kind(name: str) -> str:
    kind = kind_of_name(name)
    if kind is None:
        raise Problem(
            "invalid-body",
            f"expected the name of a model to end in {', '.join(SUFFIXES)}, got `{name}`",
        )
    return kind


def _processes(world: World, number: int) -> list[DeployedProcess]:
    found = []
    for definition in world.definitions.values():
        if deployment_of(definition.number) == number:
            kinds: dict[str, list[str]] = {}
            for kind, element in job_types(definition.graph):
                kinds.setdefault(kind, []).append(element)
            graph = definition.graph
            found.append(DeployedProcess(graph.id, graph.name, definition.version, kinds))
    return found


def _decisions(world: World, number: int) -> list[DeployedDecision]:
    return [
        DeployedDecision(one.id, one.model.decisions[one.id].name, one.version)
        for one in world.decisions_by_number.values()
        if deployment_of(one.number) == number
    ]


def _warn_of_unknown(prepared: Prepared, world: World, reports: list[ModelReport]) -> None:
    """Add to the report of each element's source what it calls that nobody has deployed."""
    sources = {
        node: place
        for place, report in enumerate(prepared.reports)
        for graph in prepared.compiled.graphs
        if graph.id in report.processes
        for node in graph.nodes
    }
    for finding in unknown_references(prepared, set(world.latest), set(world.decisions)):
        assert finding.element is not None, "what is called is called by an element"
        warning = FoundInModel(
            "warning", finding.code, finding.message, finding.element, finding.line
        )
        reports[sources[finding.element]].findings.append(warning)


ROUTES = (
    Route(
        method="POST",
        path="/api/v1/deployments",
        endpoint=deploy,
        name="deploy",
        summary="Deploy models, all of them or none",
        tag="deployments",
        permission=Permission.DEPLOY,
        body=Resources,
        body_types=(JSON, FORM),
        body_limit=BODY_LIMIT,
        answer=Deployed,
        status=201,
        headers=(IDEMPOTENCY_KEY,),
        problems=("model-refused", "invalid-input", "key-reused"),
    ),
    Route(
        method="GET",
        path="/api/v1/deployments",
        endpoint=list_deployments,
        name="listDeployments",
        summary="List deployments, the newest first",
        tag="deployments",
        permission=Permission.PROCESSES_READ,
        query=Paged,
        answer=Items[KeptDeployment],
        problems=("invalid-cursor",),
    ),
)
