"""Reading `then`: what is to hold, of one instance or of several."""

from __future__ import annotations

from typing import Any

from tenuto.notation import Part
from tenuto.testing.written.model import DecisionThen, Expected, IncidentThen, TaskThen, Then

_STATUSES = ("active", "paused", "completed", "terminated", "failed")
_THEN = (
    "of",
    "process",
    "status",
    "variables",
    "holds",
    "path",
    "passed",
    "not_passed",
    "waiting",
    "tasks",
    "decisions",
    "incidents",
    "calls",
)


def read_thens(part: Part) -> tuple[Then, ...]:
    """Return what is to hold: one mapping, or a list of them for several instances."""
    if part.is_list:
        found = tuple(_read_then(item) for item in part.items("`then`"))
        if not found:
            raise part.refuse("something that is to hold", "nothing")
        return found
    return (_read_then(part),)


def _read_then(part: Part) -> Then:
    fields = part.fields("`then`", _THEN)
    if not fields.keys() - {"of", "process"}:
        raise part.refuse("something that is to hold", "nothing")
    known = {
        name: Expected(fields[name].texts(f"`{name}`"), fields[name].line)
        for name in ("path", "passed", "not_passed", "waiting")
        if name in fields
    }
    return Then(
        line=part.line,
        of=fields["of"].text("`of`") if "of" in fields else None,
        process=fields["process"].text("`process`") if "process" in fields else None,
        status=_read_status(fields.get("status")),
        variables=_read_variables(fields.get("variables")),
        holds=tuple(one.formula("a condition") for one in _several(fields.get("holds"), "`holds`")),
        path=known.get("path"),
        passed=known.get("passed"),
        not_passed=known.get("not_passed"),
        waiting=known.get("waiting"),
        tasks=_read_list(fields.get("tasks"), "`tasks`", _read_task),
        decisions=tuple(
            _read_decision(one) for one in _several(fields.get("decisions"), "`decisions`")
        ),
        incidents=_read_list(fields.get("incidents"), "`incidents`", _read_incident),
        calls=_read_calls(fields.get("calls")),
    )


def _several(part: Part | None, what: str) -> list[Part]:
    """Return the items of a list; one item may stand alone."""
    if part is None:
        return []
    return part.items(what) if part.is_list else [part]


def _read_list(part: Part | None, what: str, read: Any) -> Expected | None:
    if part is None:
        return None
    return Expected(tuple(read(one) for one in part.items(what)), part.line)


def _read_status(part: Part | None) -> Expected | None:
    if part is None:
        return None
    if part.text("a status") not in _STATUSES:
        raise part.refuse(f"one of {', '.join(_STATUSES)}")
    return Expected(part.text("a status"), part.line)


def _read_variables(part: Part | None) -> dict[str, Expected]:
    if part is None:
        return {}
    members = part.members("variables")
    return {name: Expected(one.value(), one.line) for name, one in members.items()}


def _read_task(part: Part) -> TaskThen:
    if not part.is_mapping:
        return TaskThen(element=part.text("the element of a user task"))
    fields = part.fields("an open user task", ("element", "groups", "users", "assignee"))
    if "element" not in fields:
        raise part.refuse("`element`", "none")
    assignee = None
    if "assignee" in fields:
        one = fields["assignee"]
        assignee = "" if one.is_null else one.text("`assignee`")
    return TaskThen(
        element=fields["element"].text("`element`"),
        groups=_names(fields.get("groups")),
        users=_names(fields.get("users")),
        assignee=assignee,
    )


def _names(part: Part | None) -> tuple[str, ...] | None:
    return None if part is None else part.texts("names")


def _read_decision(part: Part) -> DecisionThen:
    if not part.is_mapping:
        return DecisionThen(decision=part.text("the id of a decision"), line=part.line)
    fields = part.fields("a decision", ("decision", "rules", "annotations", "value"))
    if "decision" not in fields:
        raise part.refuse("`decision`: its id", "none")
    annotations = fields["annotations"].members("annotations") if "annotations" in fields else {}
    return DecisionThen(
        decision=fields["decision"].text("the id of a decision"),
        line=part.line,
        rules=_names(fields.get("rules")),
        annotations={name: one.text("an annotation") for name, one in annotations.items()},
        value=fields["value"].value() if "value" in fields else None,
        has_value="value" in fields,
    )


def _read_incident(part: Part) -> IncidentThen:
    if not part.is_mapping:
        return IncidentThen(code=part.text("the code of an incident"))
    fields = part.fields("an incident", ("code", "element", "message"))
    if "code" not in fields:
        raise part.refuse("`code`", "none")
    text = {name: one.text(f"`{name}`") for name, one in fields.items()}
    return IncidentThen(code=text["code"], element=text.get("element"), message=text.get("message"))


def _read_calls(part: Part | None) -> dict[str, Expected]:
    if part is None:
        return {}
    members = part.members("`calls`")
    return {
        name: Expected(one.whole_number("a count of jobs"), one.line)
        for name, one in members.items()
    }
