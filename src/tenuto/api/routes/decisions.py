"""Decisions: evaluate what is deployed, with inputs, matched rules and annotations."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

from msgspec import Meta, Struct

from tenuto import values
from tenuto.api.deployed import source_of_decision
from tenuto.api.evaluations import Bounds, Place, Wanted, evaluations
from tenuto.api.http import Request, Response, json_response
from tenuto.api.pages import SCAN_MAX, Items, Paged, page, place_of
from tenuto.api.past import MadeDecision, Warned, made_decision
from tenuto.api.problems import Problem
from tenuto.api.rendering import encoded_json, instant, moment
from tenuto.api.routing import Route
from tenuto.client.typed import pointers_of
from tenuto.engine import rejections as why
from tenuto.errors import InputError
from tenuto.governance.permits import Permission

if TYPE_CHECKING:
    from tenuto.api.service import Service
    from tenuto.engine.world import DecisionDefinition

CURSOR: Final = "decisions"
EVALUATIONS: Final = "evaluations"
XML: Final = "application/xml"


class ListedDecision(Struct):
    """A deployed decision in its newest version; `inputs` are the data that its model names."""

    id: str
    name: str
    version: int
    inputs: list[str]


class Evaluate(Struct, forbid_unknown_fields=True):
    """The input data of a decision, by name."""

    variables: dict[str, Any] = {}


class Evaluation(Struct):
    """What a decision gave. `decisions` are those made on the way, the one asked for last.

    `error` says that the decision broke its own hit policy; its result is then null.
    """

    result: Any
    decisions: list[MadeDecision]
    warnings: list[Warned]
    error: str | None


class FindEvaluations(Paged, kw_only=True):
    """Which evaluations: at or after `since`, ISO 8601. At most 2,000 turns are read for a page, so
    that it may hold few and still have a next one.
    """

    since: Annotated[str, Meta(max_length=40)] | None = None


class PastEvaluation(Struct):
    """What a decision, and those that it requires, read for an instance.

    JSON knows no dates: `typed` are JSON pointers of the texts in `inputs` that stand for a date, a
    time, a duration or a range.
    """

    instance: str
    at: str | None
    inputs: dict[str, Any]
    typed: list[str]


async def list_decisions(service: Service, request: Request) -> Response:
    """List decisions in order of their ids."""
    paged = request.query(Paged)
    after = place_of(service.cursors, CURSOR, paged, str)
    known = service.node.world.decisions
    ids = sorted(id for id in known if after is None or id > after)
    shown = ids[: paged.limit]
    following = shown[-1] if len(ids) > len(shown) else None
    items = [_listed(known[id]) for id in shown]
    return json_response(page(service.cursors, CURSOR, items, following))


async def evaluate(service: Service, request: Request) -> Response:
    """Evaluate a decision; nothing is kept."""
    given = await request.json(Evaluate)
    definition = _deployed(service, request.params["id"])
    inputs = values.from_python(given.variables)
    values.check_value(inputs, where="variables")
    now = datetime.fromtimestamp(service.node.now() / 1000, UTC)
    return json_response(await service.on_thread(lambda: _evaluated(definition, inputs, now)))


async def show_xml(service: Service, request: Request) -> Response:
    """Give the DMN file that the newest version was deployed with."""
    definition = _deployed(service, request.params["id"])
    source = await service.reading(lambda read: source_of_decision(read, definition))
    return Response(200, source, XML)


async def list_evaluations(service: Service, request: Request) -> Response:
    """Give past evaluations of a decision, also of one that is deployed no more."""
    given = request.query(FindEvaluations)
    place = place_of(service.cursors, EVALUATIONS, given, list)
    after = None if place is None else Place(*place)
    wanted = Wanted(request.params["id"], 0 if given.since is None else since_of(given.since))
    bounds = Bounds(given.limit, SCAN_MAX)
    found, following = await service.reading(lambda read: evaluations(read, wanted, after, bounds))
    items = [
        PastEvaluation(
            str(one.instance),
            moment(one.at),
            encoded_json(values.encode(one.inputs)),
            pointers_of(one.inputs),
        )
        for one in found
    ]
    return json_response(page(service.cursors, EVALUATIONS, items, following))


def since_of(text: str) -> int:
    """Return the Unix milliseconds of ISO 8601 text. Raises `Problem` (invalid-query)."""
    try:
        return instant(text)
    except InputError as error:
        raise Problem("invalid-query", str(error)) from None


def _deployed(service: Service, id: str) -> DecisionDefinition:
    definition = service.node.world.decisions.get(id)
    if definition is None:
        known = ", ".join(sorted(service.node.world.decisions)[:20]) or "none"
        raise Problem(
            why.NOT_FOUND, f"expected a deployed decision, got `{id[:100]}`; deployed are {known}"
        )
    return definition


def _evaluated(definition: DecisionDefinition, inputs: Any, now: datetime) -> Evaluation:
    result = definition.model.evaluate(definition.id, inputs, now=now)
    told = encoded_json(values.encode(result.to_value()))
    return Evaluation(
        told["value"],
        [made_decision(one) for one in told["decisions"]],
        [Warned(**warning) for warning in told["warnings"]],
        told["error"],
    )


def _listed(definition: DecisionDefinition) -> ListedDecision:
    decisions = definition.model.decisions
    inputs = sorted({one.name for one in definition.model.inputs.values()})
    return ListedDecision(definition.id, decisions[definition.id].name, definition.version, inputs)


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/decisions",
        endpoint=list_decisions,
        name="listDecisions",
        summary="List decisions",
        tag="decisions",
        permission=Permission.PROCESSES_READ,
        query=Paged,
        answer=Items[ListedDecision],
        problems=("invalid-cursor",),
    ),
    Route(
        method="POST",
        path="/api/v1/decisions/{id}/evaluate",
        endpoint=evaluate,
        name="evaluateDecision",
        summary="Evaluate a decision; nothing is kept",
        tag="decisions",
        permission=Permission.DECISIONS_EVALUATE,
        body=Evaluate,
        answer=Evaluation,
        problems=(why.NOT_FOUND, why.INVALID_VALUE, "budget-exceeded"),
    ),
    Route(
        method="GET",
        path="/api/v1/decisions/{id}/xml",
        endpoint=show_xml,
        name="getDecisionXml",
        summary="Give the DMN file of a decision",
        tag="decisions",
        permission=Permission.PROCESSES_READ,
        answer_type=XML,
        problems=(why.NOT_FOUND,),
    ),
    Route(
        method="GET",
        path="/api/v1/decisions/{id}/evaluations",
        endpoint=list_evaluations,
        name="listEvaluations",
        summary="Give past evaluations of a decision, in the order of the journal",
        tag="decisions",
        permission=Permission.INSTANCES_READ,
        query=FindEvaluations,
        answer=Items[PastEvaluation],
        problems=("invalid-cursor",),
    ),
)
