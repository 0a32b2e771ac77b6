"""Decisions: evaluate what is deployed, with inputs, matched rules and annotations."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from tenuto import values
from tenuto.api.http import Request, Response, json_response
from tenuto.api.pages import Items, Paged, page, place_of
from tenuto.api.past import MadeDecision, Warned, made_decision
from tenuto.api.problems import Problem
from tenuto.api.rendering import encoded_json
from tenuto.api.routing import Route
from tenuto.engine import rejections as why
from tenuto.governance.permits import Permission

if TYPE_CHECKING:
    from tenuto.api.service import Service
    from tenuto.engine.world import DecisionDefinition

CURSOR: Final = "decisions"


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
    id = request.params["id"]
    definition = service.node.world.decisions.get(id)
    if definition is None:
        known = ", ".join(sorted(service.node.world.decisions)[:20]) or "none"
        raise Problem(
            why.NOT_FOUND, f"expected a deployed decision, got `{id[:100]}`; deployed are {known}"
        )
    inputs = values.from_python(given.variables)
    values.check_value(inputs, where="variables")
    now = datetime.fromtimestamp(service.node.now() / 1000, UTC)
    return json_response(await service.on_thread(lambda: _evaluated(definition, inputs, now)))


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
)
