"""Timer definitions: dates, durations and cycles, checked as far as they are constant.

BPMN 2.0.2 §10.5.5.5 with ISO 8601 texts; both Camunda dialects also write cron. Camunda 7 reads
Quartz, where Sunday is 1, Camunda 8 reads Spring, where it is 0; both know `?` for "any day".
"""

from __future__ import annotations

import re

from tenuto.bpmn.formulas import standard_text
from tenuto.bpmn.model import Dialect, Model
from tenuto.bpmn.report import Place
from tenuto.bpmn.xml import Markup
from tenuto.errors import InputError
from tenuto.graph.data import Formula, constant
from tenuto.graph.triggers import TimerKind, TimerTrigger
from tenuto.schedules import first_due, parse_duration, parse_instant

_KINDS = {
    "bpmn:timeDate": TimerKind.DATE,
    "bpmn:timeDuration": TimerKind.DURATION,
    "bpmn:timeCycle": TimerKind.CYCLE,
}
_REPEAT = re.compile(r"R(\d*)/(.+)\Z")
_DAY_NUMBER = re.compile(r"(?<![#/\w])[1-7](?![\w])")


def timer_trigger(
    model: Model, definition: Markup, place: Place, *, starts_process: bool
) -> TimerTrigger | None:
    """Return the timer of an event definition; nothing when it has none that can be read."""
    times = definition.all(*_KINDS)
    if len(times) != 1 or not times[0].text.strip():
        model.findings.refuse(
            "timer", "expected one of timeDate, timeDuration and timeCycle, with content", place
        )
        return None
    kind = _KINDS[times[0].name]
    inside = place.within(times[0])
    value = standard_text(model, times[0].text, inside)
    if value.expression is None:
        value = _checked(model, kind, value, inside)
    elif starts_process and value.expression.names:
        model.findings.refuse(
            "timer",
            f"expected no variables before a process starts, but {sorted(value.expression.names)}",
            inside,
        )
    return TimerTrigger(kind, value)


def _checked(model: Model, kind: TimerKind, value: Formula, place: Place) -> Formula:
    """Return the constant in the form that the engine reads."""
    text = value.source
    if kind is TimerKind.CYCLE and not text.startswith("R"):
        text = _plain_cron(text, quartz=model.dialect is Dialect.CAMUNDA)
    try:
        if text.startswith("R"):
            _check_repetition(text)
        else:
            first_due(kind.value, text, 0)
    except InputError as error:
        model.findings.refuse("timer", str(error), place)
    return constant(text, value.source)


def _check_repetition(text: str) -> None:
    repeat = _REPEAT.match(text)
    if repeat is None or repeat.group(1) == "0":
        raise InputError(f"expected a repetition such as R3/PT1H, got `{text}`")
    start, separator, interval = repeat.group(2).partition("/")
    if separator:
        parse_instant(start)
    span = parse_duration(interval if separator else start)
    if span.months <= 0 and span.milliseconds <= 0:
        raise InputError(f"expected an interval above zero, got `{text}`")


def _plain_cron(text: str, *, quartz: bool) -> str:
    """Return a cron text of Quartz or Spring with `*` for `?` and Sunday as 0."""
    fields = text.split()
    if len(fields) == 7 and fields[6] == "*":
        fields = fields[:6]
    if len(fields) != 6:
        return text
    if quartz:
        fields[5] = _DAY_NUMBER.sub(lambda day: str(int(day.group()) - 1), fields[5])
    return " ".join("*" if field == "?" else field for field in fields)
