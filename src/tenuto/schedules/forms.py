"""Schedules as plain dicts, lists, texts and numbers: what JSON and YAML hold.

    {
      "cron": ["30 2 * * *"],
      "intervals": [{"every": "PT15M", "offset": "PT5M"}],
      "rules": [{"text": "FREQ=MONTHLY;BYDAY=-1FR", "start": "2026-01-01T09:00:00"}],
      "instants": ["2026-12-24T12:00:00", "2026-12-24T12:00:00+01:00"],
      "tz": "Europe/Berlin",
      "start": "2026-01-01T00:00:00",
      "end": "2026-12-31T23:59:59",
      "jitter": 30,
      "skip": {"dates": ["2026-12-25"], "schedule": {"cron": "0 12 * * *"}},
      "business": {
        "days": ["MO", "TU", "WE", "TH", "FR"], "holidays": ["2026-05-01"],
        "begin": "09:00", "end": "17:00", "roll": "next"
      }
    }

A single entry may stand where a list may. A refusal names the place: `intervals[0].every`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeVar

from tenuto.errors import InputError
from tenuto.schedules.cron import cron_times
from tenuto.schedules.recurrence import Business, Interval, Roll, Rule, Schedule, instant_of
from tenuto.schedules.rrule_text import WEEKDAYS, parse_pattern
from tenuto.schedules.timers import parse_duration, write_duration
from tenuto.schedules.zones import require_zone

T = TypeVar("T")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIELDS = (
    "cron",
    "intervals",
    "rules",
    "instants",
    "tz",
    "start",
    "end",
    "jitter",
    "skip",
    "business",
)


def read_schedule(form: object) -> Schedule:
    """Return the schedule that a plain dict describes. Raises `InputError` that names the place."""
    return _schedule(form, "", "UTC")


def write_schedule(schedule: Schedule) -> dict[str, object]:
    """Return a schedule as a plain dict; `read_schedule` gives the same schedule again."""
    form: dict[str, object] = {}
    if schedule.cron:
        form["cron"] = list(schedule.cron)
    if schedule.intervals:
        form["intervals"] = [_written_interval(interval) for interval in schedule.intervals]
    if schedule.rules:
        form["rules"] = [_written_rule(rule) for rule in schedule.rules]
    if schedule.instants:
        form["instants"] = [moment.isoformat() for moment in schedule.instants]
    form["tz"] = schedule.tz
    if schedule.start is not None:
        form["start"] = _written_instant(schedule.start)
    if schedule.end is not None:
        form["end"] = _written_instant(schedule.end)
    if schedule.jitter:
        form["jitter"] = schedule.jitter
    skip = _written_skip(schedule)
    if skip:
        form["skip"] = skip
    if schedule.business is not None:
        form["business"] = _written_business(schedule.business)
    return form


def _schedule(form: object, place: str, zone: str) -> Schedule:
    fields = _fields(form, place, _FIELDS, "a schedule")
    with _placed(_at(place, "tz")):
        tz = _text(fields.get("tz", zone), "a time zone such as `Europe/Berlin`")
        require_zone(tz)
    dates, skipped = _skip(fields.get("skip"), _at(place, "skip"), tz)

    def each(name: str, reader: Callable[[object, str], T]) -> tuple[T, ...]:
        return _each(fields.get(name), _at(place, name), reader)

    def instant(name: str) -> int | None:
        if fields.get(name) is None:
            return None
        moment = _moment(fields[name], _at(place, name))
        with _placed(_at(place, name)):
            return instant_of(tz, moment)

    cron = each("cron", _cron)
    intervals = each("intervals", _interval)
    rules = each("rules", lambda rule, at: _rule(rule, at, tz))
    instants = each("instants", _moment)
    start, end = instant("start"), instant("end")
    business = _business(fields.get("business"), _at(place, "business"))
    with _placed(place):
        return Schedule(
            cron=cron,
            intervals=intervals,
            rules=rules,
            instants=instants,
            tz=tz,
            start=start,
            end=end,
            jitter=_whole(fields.get("jitter", 0), _at(place, "jitter")),
            skip_dates=dates,
            skip_schedule=skipped,
            business=business,
        )


def _cron(form: object, place: str) -> str:
    with _placed(place):
        text = _text(form, "a cron text such as `0 9 * * MON-FRI`")
        cron_times(text)
    return text


def _interval(form: object, place: str) -> Interval:
    if isinstance(form, str):
        form = {"every": form}
    fields = _fields(form, place, ("every", "offset"), "an interval")
    every = _milliseconds(fields.get("every"), _at(place, "every"))
    offset = _milliseconds(fields.get("offset", "PT0S"), _at(place, "offset"))
    return Interval(every, offset)


def _milliseconds(form: object, place: str) -> int:
    with _placed(place):
        span = parse_duration(_text(form, "a duration such as PT15M"))
        if span.months:
            raise InputError(
                f"expected a duration without months and years, got `{form}`; "
                "their length differs, a rule or cron text counts them"
            )
    return span.milliseconds


def _rule(form: object, place: str, zone: str) -> Rule:
    if isinstance(form, str):
        form = {"text": form}
    fields = _fields(form, place, ("text", "start"), "a rule")
    with _placed(_at(place, "text")):
        text = _text(fields.get("text"), "a rule such as `FREQ=MONTHLY;BYDAY=-1FR`")
        parse_pattern(text)
    if fields.get("start") is None:
        return Rule(text)
    start = _moment(fields["start"], _at(place, "start"))
    if start.tzinfo is not None:
        start = start.astimezone(require_zone(zone)).replace(tzinfo=None, fold=0)
    return Rule(text, start.replace(microsecond=0))


def _skip(form: object, place: str, zone: str) -> tuple[tuple[date, ...], Schedule | None]:
    if form is None:
        return (), None
    fields = _fields(form, place, ("dates", "schedule"), "what to skip")
    dates = _each(fields.get("dates"), _at(place, "dates"), _date)
    schedule = fields.get("schedule")
    if schedule is None:
        return dates, None
    return dates, _schedule(schedule, _at(place, "schedule"), zone)


def _business(form: object, place: str) -> Business | None:
    if form is None:
        return None
    names = ("days", "holidays", "begin", "end", "roll")
    fields = _fields(form, place, names, "a business calendar")
    days = _each(fields.get("days", list(WEEKDAYS[:5])), _at(place, "days"), _weekday)
    return Business(
        days=tuple(sorted(set(days))),
        holidays=_each(fields.get("holidays"), _at(place, "holidays"), _date),
        begin=_time(fields.get("begin", "00:00"), _at(place, "begin")),
        end=_time(fields.get("end", "24:00"), _at(place, "end")),
        roll=_roll(fields.get("roll", Roll.SKIP.value), _at(place, "roll")),
    )


def _weekday(form: object, place: str) -> int:
    if form not in WEEKDAYS:
        raise InputError(f"{place}: expected one of {', '.join(WEEKDAYS)}, got {_shown(form)}")
    return WEEKDAYS.index(str(form))


def _roll(form: object, place: str) -> Roll:
    known = [roll.value for roll in Roll]
    if form not in known:
        raise InputError(f"{place}: expected one of {', '.join(known)}, got {_shown(form)}")
    return Roll(str(form))


def _time(form: object, place: str) -> time:
    if form == "24:00":
        return time(0)
    try:
        moment = time.fromisoformat(form) if isinstance(form, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is not None or moment.microsecond:
        raise InputError(
            f'{place}: expected a time of day in quotes such as "09:00", got {_shown(form)}'
        )
    return moment


def _date(form: object, place: str) -> date:
    if isinstance(form, date) and not isinstance(form, datetime):
        return form
    try:
        if isinstance(form, str):
            return date.fromisoformat(form.strip())
    except ValueError:
        pass
    raise InputError(f"{place}: expected a date such as 2026-12-25, got {_shown(form)}")


def _moment(form: object, place: str) -> datetime:
    if isinstance(form, datetime):
        return form
    try:
        if isinstance(form, str):
            return datetime.fromisoformat(form.strip())
    except ValueError:
        pass
    raise InputError(
        f"{place}: expected a date and time such as 2026-12-24T09:00:00, local or with an offset, "
        f"got {_shown(form)}"
    )


def _whole(form: object, place: str) -> int:
    if isinstance(form, bool) or not isinstance(form, int):
        raise InputError(f"{place}: expected a whole number of seconds, got {_shown(form)}")
    return form


def _each(form: object, place: str, reader: Callable[[object, str], T]) -> tuple[T, ...]:
    """Read a list, or a single entry in place of one."""
    if form is None:
        return ()
    if not isinstance(form, list | tuple):
        return (reader(form, place),)
    return tuple(reader(one, f"{place}[{index}]") for index, one in enumerate(form))


def _fields(
    form: object, place: str, names: tuple[str, ...], expected: str
) -> Mapping[object, object]:
    if not isinstance(form, Mapping):
        found = f"expected {expected} as an object with {', '.join(names)}, got {_shown(form)}"
        raise InputError(f"{place}: {found}" if place else found)
    for name in form:
        if name not in names:
            found = f"expected one of {', '.join(names)}, got the field {_shown(name)}"
            raise InputError(f"{place}: {found}" if place else found)
    return form


def _text(form: object, expected: str) -> str:
    if isinstance(form, str) and form.strip():
        return form.strip()
    raise InputError(f"expected {expected}, got {_shown(form)}")


def _shown(form: object) -> str:
    if form is None:
        return "nothing"
    return f"`{form}`" if isinstance(form, str) else f"{str(form)[:80]} ({type(form).__name__})"


def _at(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


@contextmanager
def _placed(place: str) -> Iterator[None]:
    """Put the place in front of what is refused within."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{place}: {error}" if place else str(error)) from error


def _written_interval(interval: Interval) -> dict[str, object]:
    form: dict[str, object] = {"every": write_duration(interval.every)}
    if interval.offset:
        form["offset"] = write_duration(interval.offset)
    return form


def _written_rule(rule: Rule) -> dict[str, object]:
    if rule.start is None:
        return {"text": rule.text}
    return {"text": rule.text, "start": rule.start.isoformat()}


def _written_instant(instant: int) -> str:
    return (_EPOCH + timedelta(milliseconds=instant)).isoformat()


def _written_skip(schedule: Schedule) -> dict[str, object]:
    form: dict[str, object] = {}
    if schedule.skip_dates:
        form["dates"] = [day.isoformat() for day in schedule.skip_dates]
    if schedule.skip_schedule is not None:
        form["schedule"] = write_schedule(schedule.skip_schedule)
    return form


def _written_business(business: Business) -> dict[str, object]:
    form: dict[str, object] = {"days": [WEEKDAYS[day] for day in business.days]}
    if business.holidays:
        form["holidays"] = [day.isoformat() for day in business.holidays]
    if business.begin != time(0):
        form["begin"] = business.begin.isoformat()
    if business.end != time(0):
        form["end"] = business.end.isoformat()
    form["roll"] = business.roll.value
    return form
