"""Event definitions: what an event waits for, and what it throws.

BPMN 2.0.2 §10.5.5, with table 10.93 for which definition may stand where.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from tenuto.bpmn.formulas import BROKEN, standard_text
from tenuto.bpmn.jobs import job_policy
from tenuto.bpmn.mappings import mappings
from tenuto.bpmn.model import Model
from tenuto.bpmn.report import Place
from tenuto.bpmn.timers import timer_trigger
from tenuto.bpmn.xml import Markup
from tenuto.graph.data import Formula, constant
from tenuto.graph.triggers import (
    ErrorThrow,
    ErrorTrigger,
    JobThrow,
    MessageThrow,
    MessageTrigger,
    SignalThrow,
    SignalTrigger,
    TerminateThrow,
    Throw,
    Trigger,
)


class Position(Enum):
    """Where an event stands; the value is how messages say it."""

    START = "start event of a process"
    INNER_START = "start event of a subprocess"
    EVENT_START = "start event of an event subprocess"
    CATCH = "intermediate catch event"
    BOUNDARY = "boundary event"
    THROW = "intermediate throw event"
    END = "end event"


_TIMED = frozenset(["message", "timer", "signal"])
ALLOWED = {
    Position.START: _TIMED,
    Position.INNER_START: frozenset[str](),
    Position.EVENT_START: _TIMED | {"error"},
    Position.CATCH: _TIMED,
    Position.BOUNDARY: _TIMED | {"error"},
    Position.THROW: frozenset(["message", "signal"]),
    Position.END: frozenset(["message", "signal", "error", "terminate"]),
}
# Positions in which the standard allows an event without definition.
NONE_ALLOWED = frozenset([Position.START, Position.INNER_START, Position.THROW, Position.END])
EXECUTABLE = frozenset().union(*ALLOWED.values())
# Definitions of the standard that are not executable yet; `link` joins two sequence flows.
NOT_YET = frozenset(["escalation", "conditional", "compensate", "cancel", "link"])

_SUFFIX = "EventDefinition"
_ANY_DEFINITION = (_SUFFIX, "bpmn:eventDefinitionRef")
_BROKEN_TRIGGER = SignalTrigger(BROKEN)


def definition_of(model: Model, node: Markup, position: Position) -> Markup | None:
    """Return the one event definition of an event; nothing for a none event or a refused one."""
    place = Place(node, node.id)
    found = [child for child in node.children if child.name.endswith(_SUFFIX)]
    for reference in node.all("bpmn:eventDefinitionRef"):
        target = model.resolve(reference.text.strip(), *_ROOT_DEFINITIONS)
        if target is None:
            model.findings.refuse(
                "reference-missing",
                f"expected an event definition {reference.text.strip()!r} at the root",
                place.within(reference),
            )
        else:
            found.append(target)
    if len(found) > 1:
        model.findings.refuse(
            "unsupported-event", "an event with several definitions is not executable yet", place
        )
    if not found:
        if position not in NONE_ALLOWED and not node.all("bpmn:eventDefinitionRef"):
            model.findings.refuse(
                "event-position", f"expected an event definition in the {position.value}", place
            )
        return None
    return found[0] if _stands_well(model, found[0], position, place) else None


_ROOT_DEFINITIONS = tuple(f"bpmn:{kind}{_SUFFIX}" for kind in sorted(EXECUTABLE | NOT_YET))


def kind_of(definition: Markup) -> str:
    """Return the kind of an event definition: `timer` for a timerEventDefinition."""
    return definition.name.removeprefix("bpmn:").removesuffix(_SUFFIX)


def _stands_well(model: Model, definition: Markup, position: Position, place: Place) -> bool:
    kind = kind_of(definition)
    inside = place.within(definition)
    if kind in NOT_YET or kind not in EXECUTABLE:
        model.findings.refuse("unsupported-event", f"a {kind} event is not executable yet", inside)
        return False
    if kind not in ALLOWED[position]:
        allowed = ", ".join(sorted(ALLOWED[position])) or "none"
        model.findings.refuse(
            "event-position",
            f"expected one of {allowed} in the {position.value}, but it is {kind}",
            inside,
        )
        return False
    return True


def trigger_of(model: Model, node: Markup, position: Position) -> Trigger | None:
    """Return what a catching event waits for; nothing for a none start event."""
    definition = definition_of(model, node, position)
    if definition is None:
        # What was refused keeps a stand-in, so that the scope still has its event.
        drawn_none = not any(child.name.endswith(_ANY_DEFINITION) for child in node.children)
        return None if drawn_none and position in NONE_ALLOWED else _BROKEN_TRIGGER
    place = Place(definition, node.id)
    return _TRIGGERS[kind_of(definition)](model, definition, place, position)


def throw_of(model: Model, node: Markup, position: Position) -> Throw | None:
    """Return what a throwing event throws; nothing for a none event."""
    definition = definition_of(model, node, position)
    if definition is None:
        # A worker may stand behind an event that the standard draws without definition.
        policy = job_policy(model, node, node, Place(node, node.id))
        return JobThrow(policy) if policy else None
    return _THROWS[kind_of(definition)](model, node, definition)


def _message_trigger(model: Model, definition: Markup, place: Place, position: Position) -> Trigger:
    return message_trigger(model, definition, place, starts_process=position is Position.START)


def message_trigger(
    model: Model, holder: Markup, place: Place, *, starts_process: bool = False
) -> MessageTrigger:
    """Return the subscription of an event definition or a receive task."""
    message = _message(model, holder, place)
    if message is None:
        return MessageTrigger(BROKEN, BROKEN)
    key = correlation_key(model, holder, message, place)
    if key is None and not starts_process:
        model.findings.warn(
            "correlation-key",
            "has no correlation key: all waiting instances share one mailbox",
            place,
        )
    return MessageTrigger(
        name=message_name(model, message, place),
        correlation_key=None if starts_process else key or constant(""),
    )


def _message(model: Model, holder: Markup, place: Place) -> Markup | None:
    reference = holder.get("messageRef")
    message = model.resolve(reference, "bpmn:message")
    if message is None:
        fact = f"{reference!r} is not one" if reference else "there is no messageRef"
        model.findings.refuse(
            "reference-missing", f"expected a message of the file, but {fact}", place
        )
    return message


def message_name(model: Model, message: Markup, place: Place) -> Formula:
    """Return the name of a message; a message without name goes by its id."""
    name = message.get("name") or message.id or ""
    return standard_text(model, name, Place(message, place.element))


def correlation_key(model: Model, holder: Markup, message: Markup, place: Place) -> Formula | None:
    """Return the key: `tenuto:correlationKey` where the message is used or defined, or zeebe's."""
    subscription = message.extension("zeebe:subscription")
    for markup, key in (
        (holder, "tenuto:correlationKey"),
        (message, "tenuto:correlationKey"),
        (subscription, "correlationKey"),
    ):
        text = markup.get(key) if markup is not None else None
        if text is not None:
            return standard_text(model, text, place.within(markup))
    return None


def _timer_trigger(model: Model, definition: Markup, place: Place, position: Position) -> Trigger:
    starts_process = position is Position.START
    return timer_trigger(model, definition, place, starts_process=starts_process) or _BROKEN_TRIGGER


def _signal_trigger(model: Model, definition: Markup, place: Place, _: Position) -> Trigger:
    return SignalTrigger(_signal_name(model, definition, place))


def _signal_name(model: Model, definition: Markup, place: Place) -> Formula:
    reference = definition.get("signalRef")
    signal = model.resolve(reference, "bpmn:signal")
    if signal is None:
        fact = f"{reference!r} is not one" if reference else "there is no signalRef"
        model.findings.refuse(
            "reference-missing", f"expected a signal of the file, but {fact}", place
        )
        return BROKEN
    return standard_text(model, signal.get("name") or signal.id or "", Place(signal, place.element))


def _error_trigger(model: Model, definition: Markup, place: Place, _: Position) -> Trigger:
    code = None
    if definition.get("errorRef") is not None:
        code = _error_code(model, definition, place)
        if code is not None and code.startswith("="):
            model.findings.refuse("error-code", "expected a constant error code to catch", place)
    return ErrorTrigger(
        code=code,
        code_variable=definition.get("camunda:errorCodeVariable"),
        message_variable=definition.get("camunda:errorMessageVariable"),
    )


def _error_code(model: Model, definition: Markup, place: Place) -> str | None:
    """Return the code of an error: its errorCode, else its name, else its id."""
    reference = definition.get("errorRef")
    error = model.resolve(reference, "bpmn:error")
    if error is None:
        model.findings.refuse(
            "reference-missing",
            f"expected an error of the file, but {reference!r} is not one",
            place,
        )
        return None
    return error.get("errorCode") or error.get("name") or error.id


def _message_throw(model: Model, node: Markup, definition: Markup) -> Throw:
    place = Place(definition, node.id)
    policy = job_policy(model, node, definition, place)
    if policy is not None:
        return JobThrow(policy)
    return message_throw(model, node, definition, place)


def message_throw(model: Model, node: Markup, holder: Markup, place: Place) -> MessageThrow:
    """Return what the engine publishes itself; the input mappings are the message's variables."""
    message = _message(model, holder, place)
    if message is None:
        return MessageThrow(BROKEN, BROKEN)
    inputs, _ = mappings(model, node, holder, place)
    return MessageThrow(
        name=message_name(model, message, place),
        correlation_key=correlation_key(model, holder, message, place) or constant(""),
        variables=inputs,
    )


def _signal_throw(model: Model, node: Markup, definition: Markup) -> Throw:
    return SignalThrow(_signal_name(model, definition, Place(definition, node.id)))


def _error_throw(model: Model, node: Markup, definition: Markup) -> Throw:
    place = Place(definition, node.id)
    if definition.get("errorRef") is None:
        model.findings.refuse("reference-missing", "expected an error to throw: errorRef", place)
        return ErrorThrow(BROKEN)
    code = _error_code(model, definition, place)
    return ErrorThrow(BROKEN if code is None else standard_text(model, code, place))


def _terminate_throw(_: Model, __: Markup, ___: Markup) -> Throw:
    return TerminateThrow()


_TRIGGERS: dict[str, Callable[[Model, Markup, Place, Position], Trigger]] = {
    "message": _message_trigger,
    "timer": _timer_trigger,
    "signal": _signal_trigger,
    "error": _error_trigger,
}
_THROWS: dict[str, Callable[[Model, Markup, Markup], Throw]] = {
    "message": _message_throw,
    "signal": _signal_throw,
    "error": _error_throw,
    "terminate": _terminate_throw,
}
