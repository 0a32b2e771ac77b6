"""Reading a scenario file: every name is known, every value has its type, or the file is refused
with the line and what was expected there.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tenuto.errors import InputError
from tenuto.notation import Part, open_document
from tenuto.schedules import parse_instant
from tenuto.testing.written.model import Answer, Given, Scenario
from tenuto.testing.written.read_steps import read_steps
from tenuto.testing.written.read_then import read_thens

_GIVEN = ("models", "app", "handlers", "at", "process", "variables", "business_key")
_ONE = ("name", "given", "when", "then")
_ANSWER = ("returns", "error", "fail")


def is_scenario_file(source: bytes, file: str) -> bool:
    """Tell whether YAML is a scenario file by the names at its top. Raises `InputError`."""
    root = open_document(source, file)
    if root is None or not root.is_mapping:
        return False
    names = {key.value for key, _ in root.node.value}
    return "scenarios" in names or {"given", "then"} <= names


def read_scenarios(path: Path, file: str) -> tuple[Scenario, ...]:
    """Return the scenarios of a file; paths in it are relative to its folder.

    Raises `InputError` with file, line and what was expected there.
    """
    try:
        root = open_document(path.read_bytes(), file)
    except OSError as error:
        raise InputError(f"expected a scenario file at `{file}`: {error.strerror}") from error
    if root is None:
        raise InputError(f"{file}: expected `scenarios`, but the file is empty")
    top = root.fields("a scenario file", ("given", "scenarios", "name", "when", "then"))
    shared = _read_given(top.get("given"), path.parent, Given())
    if "scenarios" not in top:
        return (_read_scenario(root, path, Given()),)
    for name in ("name", "when", "then"):
        if name in top:
            raise top[name].refuse(f"`{name}` in each of `scenarios`", f"`{name}` beside them")
    found = tuple(
        _read_scenario(part, path, shared) for part in top["scenarios"].items("`scenarios`")
    )
    if not found:
        raise top["scenarios"].refuse("at least one scenario", "none")
    _check_names(found, file)
    return found


def _check_names(found: tuple[Scenario, ...], file: str) -> None:
    seen: dict[str, int] = {}
    for one in found:
        if one.name in seen:
            raise InputError(
                f"{file}:{one.line}: expected each scenario's name once, but `{one.name}` is also "
                f"on line {seen[one.name]}"
            )
        seen[one.name] = one.line


def _read_scenario(part: Part, path: Path, shared: Given) -> Scenario:
    fields = part.fields("a scenario", _ONE)
    given = _read_given(fields.get("given"), path.parent, shared)
    if not given.models:
        raise part.refuse("`models` in `given`", "none")
    if "then" not in fields:
        raise part.refuse("`then`: what is to hold", "none")
    name = fields["name"].text("a scenario's name") if "name" in fields else path.name.split(".")[0]
    return Scenario(
        name=name,
        file=part.file,
        line=part.line,
        given=given,
        when=read_steps(fields.get("when"), part),
        then=read_thens(fields["then"]),
    )


def _read_given(part: Part | None, folder: Path, shared: Given) -> Given:
    """Return what is given, on top of what the whole file gives."""
    if part is None:
        return shared
    fields = part.fields("`given`", _GIVEN)
    text = _texts(fields)
    handlers = dict(shared.handlers)
    if "handlers" in fields:
        for kind, answers in fields["handlers"].members("`handlers`").items():
            handlers[kind] = read_answers(answers)
    return Given(
        models=_read_models(fields["models"], folder) if "models" in fields else shared.models,
        app=text("app") or shared.app,
        handlers=handlers,
        at=_read_instant(fields["at"]) if "at" in fields else shared.at,
        process=text("process") or shared.process,
        variables=shared.variables | read_variables(fields.get("variables")),
        business_key=text("business_key") or shared.business_key,
    )


def _read_instant(part: Part) -> str:
    text = part.text("`at`")
    try:
        parse_instant(text)
    except InputError as error:
        raise part.refuse("an instant such as 2026-01-05T09:00:00Z") from error
    return text


def _texts(fields: dict[str, Part]) -> Callable[[str], str | None]:
    return lambda name: fields[name].text(f"`{name}`") if name in fields else None


def _read_models(part: Part, folder: Path) -> tuple[Path, ...]:
    found = []
    for item in part.items("`models`") if part.is_list else [part]:
        path = folder / item.text("a model's path")
        if not path.exists():
            raise item.refuse("the path of a model, relative to this file")
        found.append(path)
    if not found:
        raise part.refuse("at least one model", "none")
    return tuple(found)


def read_answers(part: Part) -> tuple[Answer, ...]:
    """Return what jobs of a type come to: one answer, or one call by call."""
    if part.is_list:
        found = tuple(_read_answer(item) for item in part.items("answers"))
        if not found:
            raise part.refuse("at least one answer", "none")
        return found
    return (_read_answer(part),)


def _read_answer(part: Part) -> Answer:
    """Return variables, a BPMN error or a failure.

    A mapping with one of the names `returns`, `error` and `fail` says which; any other mapping is
    the variables themselves.
    """
    if part.is_null:
        return Answer()
    members = part.members("an answer")
    if not members.keys() & set(_ANSWER):
        return Answer(variables={name: one.value() for name, one in members.items()})
    fields = part.fields("an answer", _ANSWER)
    if "fail" in fields and len(fields) > 1:
        raise part.refuse("`fail` alone")
    text = _texts(fields)
    return Answer(
        variables=read_variables(fields.get("returns")), error=text("error"), fail=text("fail")
    )


def read_variables(part: Part | None) -> dict[str, Any]:
    """Return variables by name; none where nothing is written."""
    if part is None or part.is_null:
        return {}
    return {name: one.value() for name, one in part.members("variables").items()}
