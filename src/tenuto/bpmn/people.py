"""User tasks: who may do them, by when, with which form.

BPMN 2.0.2 §10.3.2 (resource roles) and §10.3.4 (human interactions), `zeebe:` and `camunda:`.
"""

from __future__ import annotations

import re

from msgspec.structs import replace

from tenuto import values
from tenuto.bpmn.formulas import camunda_text, feel_formula, standard_text, zeebe_text
from tenuto.bpmn.juel import is_juel, quote
from tenuto.bpmn.model import Model
from tenuto.bpmn.report import Place
from tenuto.bpmn.xml import Markup
from tenuto.graph.data import Formula, constant
from tenuto.graph.policy import Assignment

_CANDIDATE = re.compile(r"(user|group)\(([^()]*)\)\Z")


def assignment(model: Model, node: Markup, place: Place) -> Assignment:
    """Return the assignment of a user task; a vendor's attribute wins over the standard's roles."""
    chosen = _by_roles(model, node, place)
    chosen = _by_camunda(model, node, chosen, place)
    return _by_zeebe(model, node, chosen, place)


def _by_zeebe(model: Model, node: Markup, chosen: Assignment, place: Place) -> Assignment:
    def text(extension: str, key: str) -> Formula | None:
        holder = node.extension(extension)
        found = holder.get(key) if holder else None
        return None if found is None else zeebe_text(model, found, place.within(holder))

    who, when = "zeebe:assignmentDefinition", "zeebe:taskSchedule"
    form = node.extension("zeebe:formDefinition")
    keys = ("formId", "formKey", "externalReference")
    form_key = next((form.get(key) for key in keys if form.get(key)), None) if form else None
    return replace(
        chosen,
        assignee=text(who, "assignee") or chosen.assignee,
        candidate_groups=_listed(text(who, "candidateGroups")) or chosen.candidate_groups,
        candidate_users=_listed(text(who, "candidateUsers")) or chosen.candidate_users,
        due=text(when, "dueDate") or chosen.due,
        follow_up=text(when, "followUpDate") or chosen.follow_up,
        priority=_number(text("zeebe:priorityDefinition", "priority")) or chosen.priority,
        form=form_key or chosen.form,
    )


def _by_camunda(model: Model, node: Markup, chosen: Assignment, place: Place) -> Assignment:
    def text(key: str) -> Formula | None:
        found = node.get(f"camunda:{key}")
        return None if found is None else camunda_text(model, found, place)

    return replace(
        chosen,
        assignee=text("assignee") or chosen.assignee,
        candidate_groups=_listed(text("candidateGroups")) or chosen.candidate_groups,
        candidate_users=_listed(text("candidateUsers")) or chosen.candidate_users,
        due=_date(model, node, "dueDate", place) or chosen.due,
        follow_up=_date(model, node, "followUpDate", place) or chosen.follow_up,
        priority=_number(text("priority")) or chosen.priority,
        form=node.get("camunda:formKey") or node.get("camunda:formRef") or chosen.form,
    )


def _date(model: Model, node: Markup, key: str, place: Place) -> Formula | None:
    """Return a date; Camunda 7 reads a plain duration as the span from the task's creation."""
    found = node.get(f"camunda:{key}")
    if found is None:
        return None
    if not is_juel(found) and values.parse_duration(found) is not None:
        return feel_formula(model, f"now() + duration({quote(found)})", place)
    return camunda_text(model, found, place)


def _listed(found: Formula | None) -> Formula | None:
    """Return a constant like `a, b` as a list of texts."""
    if found is None or not isinstance(found.constant, str):
        return found
    parts = [part.strip() for part in found.constant.split(",")]
    return constant([part for part in parts if part], found.source)


def _number(found: Formula | None) -> Formula | None:
    """Return a constant like `50` as a number."""
    if found is not None and isinstance(found.constant, str) and found.constant.isdecimal():
        return constant(int(found.constant), found.source)
    return found


def _by_roles(model: Model, node: Markup, place: Place) -> Assignment:
    """Return what humanPerformer and potentialOwner say."""
    performer = _role_text(node, "bpmn:humanPerformer")
    owner = _role_text(node, "bpmn:potentialOwner")
    chosen = Assignment() if owner is None else _candidates(model, owner, place)
    if performer is not None:
        chosen = replace(chosen, assignee=standard_text(model, performer, place))
    return chosen


def _role_text(node: Markup, name: str) -> str | None:
    role = node.first(name)
    holder = role.first("bpmn:resourceAssignmentExpression") if role else None
    inner = holder.children[0] if holder and holder.children else holder
    return (inner.text.strip() or None) if inner else None


def _candidates(model: Model, owner: str, place: Place) -> Assignment:
    """Return the users and groups of `user(ann), group(ops), ops`: a bare name is a group."""
    if owner.startswith("=") or is_juel(owner):
        return Assignment(candidate_groups=standard_text(model, owner, place))
    users: list[str] = []
    groups: list[str] = []
    for part in filter(None, map(str.strip, owner.split(","))):
        match = _CANDIDATE.match(part)
        kind, name = match.groups() if match else ("group", part)
        (users if kind == "user" else groups).append(name.strip())
    return Assignment(
        candidate_users=constant([*users], owner) if users else None,
        candidate_groups=constant([*groups], owner) if groups else None,
    )
