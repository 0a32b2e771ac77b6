"""Job policies: which worker a task or a throwing event is for, and how often it is tried.

`zeebe:taskDefinition`, `camunda:type="external"` with a topic, and the names of Camunda 7's Java
delegates, which become job types that Python handlers are registered for.
"""

from __future__ import annotations

import re

from tenuto import values
from tenuto.bpmn.formulas import BROKEN, camunda_text, zeebe_text
from tenuto.bpmn.juel import NotTranslatable, is_juel, translate
from tenuto.bpmn.model import Model
from tenuto.bpmn.report import Place
from tenuto.bpmn.xml import Markup
from tenuto.graph.data import Formula, constant
from tenuto.graph.policy import Backoff, JobPolicy

RETRIES = constant(3)

_CALL = re.compile(r"[$#]\{\s*([\w.]+)\s*\(.*\)\s*\}\Z", re.DOTALL)
_BEAN = re.compile(r"[$#]\{\s*([\w.]+)\s*\}\Z")
_REPEAT = re.compile(r"R(\d+)/(.+)\Z")


def job_policy(model: Model, node: Markup, holder: Markup, place: Place) -> JobPolicy | None:
    """Return the policy of an element that a worker performs; nothing when it names no worker.

    `holder` carries the `camunda:` attributes: the element itself, or its message event definition.
    """
    definition = node.extension("zeebe:taskDefinition")
    if definition is not None:
        return _zeebe_policy(model, node, definition, place)
    type_ = _camunda_type(model, holder, place)
    if type_ is None:
        return None
    retries, backoff = _camunda_retries(model, node, place)
    return JobPolicy(
        type=type_,
        retries=retries,
        headers=_camunda_headers(holder),
        backoff=_own_backoff(model, node, place) or backoff,
        result_variable=holder.get("camunda:resultVariable"),
    )


def implied_policy(node: Markup, place: Place) -> JobPolicy:
    """Return the policy of a task without a worker's name: its own id is the job type."""
    return JobPolicy(type=constant(place.element or node.name), retries=RETRIES)


def duration_ms(text: str) -> int | None:
    """Return the milliseconds of an ISO 8601 duration of days and time."""
    duration = values.parse_duration(text.strip())
    if not isinstance(duration, values.DaysTimeDuration) or duration.nanos < 0:
        return None
    return duration.nanos // 1_000_000


def _zeebe_policy(model: Model, node: Markup, definition: Markup, place: Place) -> JobPolicy:
    inside = place.within(definition)
    type_ = definition.get("type")
    if type_ is None:
        model.findings.refuse("job-type", "expected a job type in zeebe:taskDefinition", inside)
    headers = tuple(
        (header.attributes.get("key", ""), header.attributes.get("value", ""))
        for holder in node.extensions
        if holder.name == "zeebe:taskHeaders"
        for header in holder.all("zeebe:header")
    )
    return JobPolicy(
        type=zeebe_text(model, type_ or "", inside),
        retries=_zeebe_retries(model, definition.get("retries"), inside),
        headers=headers,
        backoff=_own_backoff(model, node, place) or Backoff(),
    )


def _zeebe_retries(model: Model, text: str | None, place: Place) -> Formula:
    if text is None:
        return RETRIES
    if text.startswith("="):
        return zeebe_text(model, text, place)
    if text.isdecimal():
        return constant(int(text))
    model.findings.refuse(
        "retries", f"expected a whole number of retries, but it is {text!r}", place
    )
    return BROKEN


def _camunda_type(model: Model, holder: Markup, place: Place) -> Formula | None:
    """Return the job type that a `camunda:` element means, and say which handler it waits for."""
    inside = place.within(holder)
    kind, topic = holder.get("camunda:type"), holder.get("camunda:topic")
    if kind == "external" or (kind is None and topic is not None):
        if topic is None:
            model.findings.refuse("job-type", "expected camunda:topic beside external", inside)
            return BROKEN
        return camunda_text(model, topic, inside)
    name = kind or holder.get("camunda:class") or _delegate(holder) or _method(holder)
    if name is None:
        return None
    model.findings.warn(
        "mapped-handler", f"runs as a job of the type {name!r}: register a handler for it", inside
    )
    return constant(name)


def _delegate(holder: Markup) -> str | None:
    text = holder.get("camunda:delegateExpression")
    if text is None:
        return None
    bean = _BEAN.match(text)
    return bean.group(1) if bean else text


def _method(holder: Markup) -> str | None:
    text = holder.get("camunda:expression")
    if text is None:
        return None
    call = _CALL.match(text)
    return call.group(1) if call else text


def _camunda_headers(holder: Markup) -> tuple[tuple[str, str], ...]:
    """Return injected fields as headers; those that JUEL computes become input mappings instead."""
    headers = [
        (name, text) for name, text, _ in camunda_fields(holder) if name and not is_evaluated(text)
    ]
    expression = holder.get("camunda:expression")
    return tuple(headers + ([("expression", expression)] if expression else []))


def is_evaluated(text: str) -> bool:
    """Tell whether a field is evaluated before the handler gets it: JUEL that only reads."""
    try:
        return is_juel(text) and bool(translate(text))
    except NotTranslatable:
        return False


def camunda_fields(holder: Markup) -> list[tuple[str, str, Markup]]:
    """Return name, text and place of the fields that Camunda 7 injects into a delegate."""
    fields = []
    for field in holder.extensions:
        if field.name == "camunda:field":
            inner = field.first("camunda:string", "camunda:expression")
            text = field.get("stringValue") or field.get("expression")
            text = text or (inner.text.strip() if inner else "")
            fields.append((field.get("name") or "", text, field))
    return fields


def _camunda_retries(model: Model, node: Markup, place: Place) -> tuple[Formula, Backoff]:
    """Return attempts and delays of `failedJobRetryTimeCycle`: `R3/PT10M` or `PT1M,PT5M`."""
    cycle = node.extension("camunda:failedJobRetryTimeCycle")
    text = cycle.text.strip() if cycle else node.get("camunda:failedJobRetryTimeCycle")
    if not text:
        return RETRIES, Backoff()
    repeat = _REPEAT.match(text)
    delays = [duration_ms(part) for part in (repeat.group(2) if repeat else text).split(",")]
    known = tuple(delay for delay in delays if delay is not None)
    if len(known) < len(delays):
        model.findings.refuse(
            "retries",
            f"expected retries like R3/PT10M or PT1M,PT5M, but they are {text!r}",
            place.within(cycle),
        )
    attempts = int(repeat.group(1)) if repeat else len(delays) + 1
    return constant(attempts), Backoff(delays_ms=known)


def _own_backoff(model: Model, node: Markup, place: Place) -> Backoff | None:
    """Return the delays of `tenuto:retry`."""
    retry = node.extension("tenuto:retry")
    if retry is None:
        return None
    defaults = Backoff()
    found: dict[str, float] = {}
    for key in ("first", "max", "factor", "jitter"):
        text = retry.get(key)
        if text is None:
            continue
        number = _retry_number(key, text)
        if number is None:
            model.findings.refuse(
                "retries",
                f"expected {_RETRY_HINTS[key]}, but {key} is {text!r}",
                place.within(retry),
            )
        else:
            found[key] = number
    return Backoff(
        first_ms=int(found.get("first", defaults.first_ms)),
        factor=found.get("factor", defaults.factor),
        max_ms=int(found.get("max", defaults.max_ms)),
        jitter=found.get("jitter", defaults.jitter),
    )


_RETRY_HINTS = {
    "first": "an ISO 8601 duration like PT1S",
    "max": "an ISO 8601 duration like PT5M",
    "factor": "a number from 1 to 100",
    "jitter": "a number from 0 to 1",
}


def _retry_number(key: str, text: str) -> float | None:
    if key in {"first", "max"}:
        return duration_ms(text)
    if not re.fullmatch(r"\d+(\.\d+)?", text):
        return None
    number = float(text)
    low, high = (1.0, 100.0) if key == "factor" else (0.0, 1.0)
    return number if low <= number <= high else None
