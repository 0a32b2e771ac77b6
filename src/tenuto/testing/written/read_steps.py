"""Reading `when`: each step is a mapping with one verb, its options beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tenuto.errors import InputError
from tenuto.notation import Part
from tenuto.schedules import parse_duration
from tenuto.testing.written.model import (
    Action,
    Advance,
    Cancel,
    Check,
    Claim,
    Complete,
    Message,
    OpenTask,
    Receive,
    Resolve,
    SetVariables,
    Signal,
    Start,
    Step,
)
from tenuto.testing.written.read_then import read_thens

Options = dict[str, Part]


def read_steps(part: Part | None, scenario: Part) -> tuple[Step, ...]:
    """Return the steps; without `when` there is one, the start."""
    if part is None:
        return (Step(action=Start(), line=scenario.line),)
    return tuple(_read_step(item) for item in part.items("`when`"))


def _read_step(part: Part) -> Step:
    if part.is_text:
        verb = part.text("a step")
        if verb not in _ALONE:
            raise part.refuse(f"{', '.join(_ALONE)}, or a step with what it needs")
        return Step(action=_ALONE[verb](), line=part.line)
    members = part.members("a step")
    verbs = [name for name in members if name in _VERBS]
    if len(verbs) != 1:
        raise part.refuse(f"a step with one of {', '.join(_VERBS)}", ", ".join(members) or "none")
    (verb,) = verbs
    read, known = _VERBS[verb]
    of = ["of"] if verb in _OF_AN_INSTANCE else []
    refused = [] if verb == "then" else ["refused"]
    options = part.fields(f"the step `{verb}`", (verb, *known, *of, *refused))
    return Step(
        action=read(options.pop(verb), options),
        line=part.line,
        of=_text(options, "of"),
        refused=_text(options, "refused"),
    )


def _read_start(part: Part, options: Options) -> Action:
    return Start(
        process=None if part.is_null else part.text("the id of a process"),
        variables=_variables(options),
        business_key=_text(options, "business_key"),
        alias=_text(options, "as"),
    )


def _read_advance(part: Part, _: Options) -> Action:
    return Advance(duration=_duration(part))


def _read_complete(part: Part, options: Options) -> Action:
    return Complete(task=_open_task(part), variables=_variables(options))


def _read_claim(part: Part, options: Options) -> Action:
    if "by" not in options:
        raise part.refuse("`by`: who claims the task", "none")
    return Claim(task=_open_task(part), by=options["by"].text("`by`"))


def _read_message(part: Part, options: Options) -> Action:
    lives = _duration(options["ttl"]) if "ttl" in options else "PT0S"
    return Message(
        name=part.text("the name of a message"),
        key=options["key"].value() if "key" in options else "",
        variables=_variables(options),
        time_to_live=lives,
    )


def _read_signal(part: Part, options: Options) -> Action:
    return Signal(name=part.text("the name of a signal"), variables=_variables(options))


def _read_event(part: Part, options: Options) -> Action:
    attributes = options["attributes"].members("attributes") if "attributes" in options else {}
    return Receive(
        type=part.text("the type of an event"),
        source=_text(options, "source") or "/scenario",
        id=_text(options, "id"),
        subject=_text(options, "subject"),
        time=_text(options, "time"),
        data=options["data"].value() if "data" in options else None,
        attributes={name: one.value() for name, one in attributes.items()},
    )


def _read_resolve(part: Part, options: Options) -> Action:
    retries = options["retries"].whole_number("`retries`") if "retries" in options else 1
    return Resolve(element=None if part.is_null else part.text("an element"), retries=retries)


def _read_set(part: Part, _: Options) -> Action:
    return SetVariables(
        variables={name: one.value() for name, one in part.members("`set`").items()}
    )


def _read_cancel(part: Part, _: Options) -> Action:
    if not part.is_null:
        raise part.refuse("nothing after `cancel`: `of` beside it names an instance")
    return Cancel()


def _read_check(part: Part, _: Options) -> Action:
    return Check(then=read_thens(part))


_ALONE: dict[str, Callable[[], Action]] = {"start": Start, "resolve": Resolve, "cancel": Cancel}
_VERBS: dict[str, tuple[Callable[[Part, Options], Action], tuple[str, ...]]] = {
    "start": (_read_start, ("variables", "business_key", "as")),
    "advance": (_read_advance, ()),
    "complete": (_read_complete, ("variables",)),
    "claim": (_read_claim, ("by",)),
    "message": (_read_message, ("key", "variables", "ttl")),
    "signal": (_read_signal, ("variables",)),
    "event": (_read_event, ("source", "id", "subject", "time", "data", "attributes")),
    "resolve": (_read_resolve, ("retries",)),
    "set": (_read_set, ()),
    "cancel": (_read_cancel, ()),
    "then": (_read_check, ()),
}
_OF_AN_INSTANCE = frozenset({"complete", "claim", "resolve", "set", "cancel"})


def _open_task(part: Part) -> OpenTask:
    if not part.is_mapping:
        return OpenTask(element=part.text("the element of a user task"))
    fields = part.fields("a user task", ("element", "group"))
    if not fields:
        raise part.refuse("`element` or `group`", "none")
    return OpenTask(element=_text(fields, "element"), group=_text(fields, "group"))


def _duration(part: Part) -> str:
    text = part.text("a duration")
    try:
        parse_duration(text)
    except InputError as error:
        raise part.refuse("an ISO 8601 duration such as P2D or PT30M") from error
    return text


def _text(options: Options, name: str) -> str | None:
    return options[name].text(f"`{name}`") if name in options else None


def _variables(options: Options) -> dict[str, Any]:
    part = options.get("variables")
    if part is None or part.is_null:
        return {}
    return {name: one.value() for name, one in part.members("variables").items()}
