"""The next instant of a duration, a date, a repetition or a cron expression.

Instants are Unix milliseconds in UTC. Months are calendar months: one month after 31 January is the
last day of February. Texts are ISO 8601 (BPMN 2.0.2 §10.5.5.5: timeDate, timeDuration, timeCycle)
or cron.
"""

from __future__ import annotations

import calendar
import re
from datetime import UTC, datetime
from typing import NamedTuple

from cronsim import CronSim, CronSimError

from tenuto import values
from tenuto.errors import InputError

NANOS_PER_MS = 1_000_000
MS_MAX = 253_402_300_799_000
_DURATION = re.compile(
    r"^(?P<sign>-)?P(?:(?P<years>\d+)Y)?(?:(?P<months>\d+)M)?(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?$"
)
_REPEAT = re.compile(r"^R(?P<count>\d*)/(?P<rest>.+)$")


class Due(NamedTuple):
    """A firing: when, how many follow (-1 without end), and the repetition as text ('' for
    none).
    """

    at: int
    repeats: int = 0
    cycle: str = ""


class Span(NamedTuple):
    """A duration: calendar months and milliseconds."""

    months: int
    milliseconds: int


def parse_duration(text: str) -> Span:
    """Return the span of an ISO 8601 duration.

    Raises `InputError` that shows the text and an example.
    """
    match = _DURATION.match(text.strip())
    parts = match.groupdict() if match else {}
    if not match or not any(value for name, value in parts.items() if name != "sign"):
        raise InputError(f"expected an ISO 8601 duration such as PT15M or P2D, got `{text}`")
    sign = -1 if parts["sign"] else 1
    months = int(parts["years"] or 0) * 12 + int(parts["months"] or 0)
    days = int(parts["weeks"] or 0) * 7 + int(parts["days"] or 0)
    minutes = (days * 24 + int(parts["hours"] or 0)) * 60 + int(parts["minutes"] or 0)
    seconds, _, fraction = (parts["seconds"] or "0").partition(".")
    milliseconds = (minutes * 60 + int(seconds)) * 1000 + int((fraction + "000")[:3])
    return Span(sign * months, sign * milliseconds)


def parse_fixed(text: str) -> int:
    """Return the milliseconds of an ISO 8601 duration that lasts the same whenever it begins.

    Raises `InputError` for one with years or months, which do not.
    """
    span = parse_duration(text)
    if span.months:
        raise InputError(
            f"expected a duration without years and months such as P30D, got `{text}`: how long "
            "they are depends on when they begin"
        )
    return span.milliseconds


def write_duration(milliseconds: int) -> str:
    """Return the ISO 8601 duration of milliseconds, which are not below zero."""
    seconds, rest = divmod(milliseconds, 1000)
    hours, seconds = divmod(seconds, 3600)
    minutes, seconds = divmod(seconds, 60)
    fraction = f".{rest:03d}" if rest else ""
    parts = [f"{hours}H"] if hours else []
    parts += [f"{minutes}M"] if minutes else []
    parts += [f"{seconds}{fraction}S"] if seconds or rest else []
    return "PT" + ("".join(parts) or "0S")


def add(at: int, span: Span) -> int:
    """Return the instant a span after `at`; a day that the month lacks becomes its last day."""
    if span.months:
        moment = datetime.fromtimestamp(at / 1000, UTC)
        count = moment.year * 12 + moment.month - 1 + span.months
        year, month = divmod(count, 12)
        if not 1 <= year <= 9999:
            raise InputError(f"expected a time before the year 10000, got {year}")
        day = min(moment.day, calendar.monthrange(year, month + 1)[1])
        moment = moment.replace(year=year, month=month + 1, day=day)
        at = int(moment.timestamp()) * 1000 + at % 1000
    result = at + span.milliseconds
    if result > MS_MAX:
        raise InputError("expected a time before the year 10000")
    return result


def parse_instant(text: str) -> int:
    """Return the instant of an ISO 8601 date or date and time; without offset it is UTC."""
    shown = text.strip()
    try:
        moment = datetime.fromisoformat(re.sub(r"\[.*\]$", "", shown))
    except ValueError as error:
        raise InputError(
            f"expected a date and time such as 2026-01-31T12:00:00Z, got `{text}`"
        ) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1000)


def first_due(kind: str, value: values.Value, now: int) -> Due:
    """Return the first firing of a timer of `kind` (date, duration, cycle) from `now`.

    `value` is ISO 8601 or cron text, or a FEEL date, date and time or duration. A time in the past
    is due now. Raises `InputError`.
    """
    if kind == "date":
        return Due(_instant_of(value))
    if kind == "duration":
        return Due(max(now, add(now, _span_of(value))))
    return _first_of_cycle(_text_of(value, "a repetition such as R3/PT1H or a cron text"), now)


def next_due(cycle: str, last: int, repeats: int, now: int) -> Due | None:
    """Return the firing after `last`, or nothing when none is left. Missed firings are not made
    up for cron; an interval keeps its rhythm.
    """
    if repeats == 0 or not cycle:
        return None
    left = repeats - 1 if repeats > 0 else -1
    match = _REPEAT.match(cycle)
    if match is None:
        return Due(_next_cron(cycle, max(last, now)), left, cycle)
    span = parse_duration(match["rest"].split("/")[-1])
    return Due(add(last, span), left, cycle)


def _first_of_cycle(text: str, now: int) -> Due:
    match = _REPEAT.match(text)
    if match is None:
        return Due(_next_cron(text, now), -1, text)
    count = int(match["count"]) if match["count"] else -1
    if count == 0:
        raise InputError(f"expected at least one repetition, got `{text}`")
    left = count - 1 if count > 0 else -1
    head, separator, tail = match["rest"].partition("/")
    span = parse_duration(tail if separator else head)
    if span.months <= 0 and span.milliseconds <= 0:
        raise InputError(f"expected an interval above zero, got `{text}`")
    if not separator:
        return Due(add(now, span), left, text)
    due = parse_instant(head)
    due, left = _skip_past(due, left, span, now)
    return Due(max(due, now), left, text)


def _skip_past(due: int, left: int, span: Span, now: int) -> tuple[int, int]:
    """Return the first firing that is not in the past, or the last one, and how many follow it."""
    if not span.months and due < now and left:
        missed = -(-(now - due) // span.milliseconds)
        missed = min(missed, left) if left > 0 else missed
        return due + missed * span.milliseconds, left - missed if left > 0 else left
    while due < now and left != 0:
        due = add(due, span)
        left = left - 1 if left > 0 else left
    return due, left


def _next_cron(text: str, after: int) -> int:
    try:
        moment = next(CronSim(text, datetime.fromtimestamp(after / 1000, UTC)))
    except (CronSimError, StopIteration) as error:
        raise InputError(
            "expected a repetition such as R3/PT1H or a cron text such as `0 9 * * MON-FRI`, "
            f"got `{text}`"
        ) from error
    return int(moment.timestamp() * 1000)


def _text_of(value: values.Value, expected: str) -> str:
    if isinstance(value, str) and value.strip():
        return value.strip()
    raise InputError(f"expected {expected}, got {'null' if value is None else repr(value)}")


def _instant_of(value: values.Value) -> int:
    if isinstance(value, values.DateAndTime):
        return value.instant // NANOS_PER_MS
    if isinstance(value, values.Date):
        return parse_instant(str(value))
    return parse_instant(_text_of(value, "a date and time"))


def _span_of(value: values.Value) -> Span:
    if isinstance(value, values.DaysTimeDuration):
        return Span(0, value.nanos // NANOS_PER_MS)
    if isinstance(value, values.YearsMonthsDuration):
        return Span(value.months, 0)
    return parse_duration(_text_of(value, "a duration such as PT15M"))
