"""Tasks: work for a worker, a person, the engine itself, or nobody.

BPMN 2.0.2 §13.3.3 (task, service, send, script, business rule, manual) and §10.3.3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenuto import schedules
from tenuto.engine.decisions import decide
from tenuto.engine.jobs import create_job
from tenuto.engine.records import UserTaskCreated
from tenuto.engine.tokens import leave
from tenuto.engine.turn import Stuck, Turn
from tenuto.engine.variables import keep_all, propagate, set_local, text_of, texts_of
from tenuto.errors import InputError

if TYPE_CHECKING:
    from tenuto.graph.data import Formula
    from tenuto.graph.nodes import DecisionTask, JobTask, PassTask, ScriptTask, UserTask
    from tenuto.values import Value

PRIORITY_DEFAULT = 50


def enter_pass_task(turn: Turn, number: int, node: PassTask) -> None:
    """An undefined or manual task is done as soon as it is reached (§13.3.3)."""
    leave(turn, number)


def enter_job_task(turn: Turn, number: int, node: JobTask) -> None:
    """Offer the work to a worker; the element waits for the result."""
    create_job(turn, number, node.job)


def enter_script_task(turn: Turn, number: int, node: ScriptTask) -> None:
    """Evaluate the FEEL script in the turn and keep its result."""
    value = turn.evaluate(node.script, number)
    if node.result_variable:
        keep_result(turn, number, node.result_variable, value)
    leave(turn, number)


def keep_result(turn: Turn, number: int, name: str, value: Value) -> None:
    """Set a result where it is seen: in the element when it has output mappings, else outside."""
    kept = keep_all(turn, {name: value})
    if turn.node(number).outputs:
        set_local(turn, number, kept)
    else:
        propagate(turn, turn.element(number).scope, kept)


def enter_decision_task(turn: Turn, number: int, node: DecisionTask) -> None:
    """Evaluate a decision in the turn; inputs and matched rules go into the record."""
    id = text_of(turn.evaluate(node.decision, number), what="the decision id")
    value = shape_result(decide(turn, number, id, node.binding), node.result_shape)
    keep_result(turn, number, node.result_variable, value)
    leave(turn, number)


def shape_result(value: Value, shape: str) -> Value:
    """Return a decision's value in the shape that the camunda dialect names."""
    if shape == "singleEntry":
        single: Value = value[0] if isinstance(value, list) and value else value
        if isinstance(single, dict) and len(single) == 1:
            single = next(iter(single.values()))
        return single
    if shape == "singleResult":
        return (value[0] if value else None) if isinstance(value, list) else value
    if shape == "resultList":
        return value if isinstance(value, list) else [value]
    if shape == "collectEntries":
        entries = value if isinstance(value, list) else [value]
        return [
            next(iter(entry.values())) if isinstance(entry, dict) and len(entry) == 1 else entry
            for entry in entries
        ]
    return value


def enter_user_task(turn: Turn, number: int, node: UserTask) -> None:
    """Put the task before the people who may do it (§10.3.4)."""
    policy = node.assignment

    def value(source: Formula | None) -> Value:
        return None if source is None else turn.evaluate(source, number)

    assignee = value(policy.assignee)
    turn.emit(
        UserTaskCreated(
            number,
            node.name or node.id,
            None if assignee in (None, "") else text_of(assignee, what="the assignee"),
            texts_of(value(policy.candidate_groups), what="the candidate groups"),
            texts_of(value(policy.candidate_users), what="the candidate users"),
            _instant_or_none(turn, value(policy.due), "the due date"),
            _instant_or_none(turn, value(policy.follow_up), "the follow-up date"),
            _priority(value(policy.priority)),
            policy.form,
        )
    )


def _instant_or_none(turn: Turn, value: Value, what: str) -> int | None:
    """Return the instant of a date, or of a duration from now."""
    if value is None or value == "":
        return None
    for kind in ("date", "duration"):
        try:
            return schedules.first_due(kind, value, turn.now).at
        except InputError:
            continue
    raise Stuck("bad-value", f"expected {what} to be a date and time or a duration, got {value!r}")


def _priority(value: Value) -> int:
    if value is None:
        return PRIORITY_DEFAULT
    try:
        return int(str(value))
    except ValueError:
        raise Stuck("bad-value", f"expected the priority to be a number, got {value!r}") from None
