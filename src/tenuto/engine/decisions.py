"""Decisions: evaluated in the turn; inputs and matched rules go into the record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenuto.engine.records import DecisionEvaluated
from tenuto.engine.turn import FEEL_STEPS_MAX, Stuck, Turn, instant_value
from tenuto.engine.world import deployment_of
from tenuto.errors import BudgetExceeded, TenutoError
from tenuto.feel import Budget

if TYPE_CHECKING:
    from tenuto.engine.world import DecisionDefinition
    from tenuto.values import Value


def decide(turn: Turn, number: int, id: str, binding: str) -> Value:
    """Return the value of a decision for the variables that an element sees.

    Raises `Stuck` when there is no such decision, or when it fails.
    """
    definition = _find_decision(turn, id, binding)
    budget = Budget(steps=max(1, FEEL_STEPS_MAX - turn.steps))
    try:
        result = definition.model.evaluate(
            id, turn.view(number), now=instant_value(turn.now), budget=budget
        )
    except BudgetExceeded as exceeded:
        raise Stuck("feel-budget", f"decision {id} did not end: {exceeded}") from exceeded
    except TenutoError as error:
        raise Stuck("decision-failed", f"decision {id}: {error}") from error
    turn.emit(
        DecisionEvaluated(number, id, definition.number, turn.keep_explained(result.to_value()))
    )
    if result.error:
        raise Stuck("decision-failed", f"decision {id}: {result.error}")
    value: Value = result.value
    return value


def _find_decision(turn: Turn, id: str, binding: str) -> DecisionDefinition:
    if binding == "deployment":
        deployment = deployment_of(turn.state.definition)
        for entry in turn.world.decisions_by_number.values():
            if entry.id == id and deployment_of(entry.number) == deployment:
                return entry
    found = turn.world.decisions.get(id)
    if found is None:
        raise Stuck(
            "unknown-decision",
            f"expected a deployed decision `{id}`, but there is none; deploy the DMN file that "
            "has it, then retry",
        )
    return found
