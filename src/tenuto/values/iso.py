"""Temporal values out of their ISO 8601 text.

The lexical forms are those of XML Schema with the `@zone` of FEEL (DMN 1.5 §10.3.2.3). Each parser
returns nothing for a text that is not one, so that a caller decides what that means.
"""

from __future__ import annotations

import re

from tenuto.values.temporal import (
    NANOS,
    Date,
    DateAndTime,
    DaysTimeDuration,
    Temporal,
    Time,
    YearsMonthsDuration,
    Zone,
)

_DATE = r"(?P<year>-?(?:[1-9][0-9]{4,8}|[0-9]{4}))-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})"
_TIME = (
    r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]{1,64}))?"
    r"(?P<zone>Z|[+-][0-9]{2}:[0-9]{2}(?::[0-9]{2})?|@[A-Za-z0-9_+\-/]{1,64})?"
)
_DATE_TEXT = re.compile(_DATE)
_TIME_TEXT = re.compile(_TIME)
_DATE_AND_TIME_TEXT = re.compile(f"{_DATE}T{_TIME}")
_MONTHS_TEXT = re.compile(r"(-)?P(?:([0-9]{1,18})Y)?(?:([0-9]{1,18})M)?")
_DAYS_TEXT = re.compile(
    r"(-)?P(?:([0-9]{1,18})D)?"
    r"(?:T(?:([0-9]{1,18})H)?(?:([0-9]{1,18})M)?(?:([0-9]{1,18})(?:\.([0-9]{1,64}))?S)?)?"
)
_Match = re.Match[str]


def parse_date(text: str) -> Date | None:
    """Return the date that the text names.

    >>> parse_date("2024-02-29")
    Date(2024, 2, 29)
    """
    match = _DATE_TEXT.fullmatch(text)
    return _date_of(match) if match else None


def parse_time(text: str) -> Time | None:
    """Return the time of day that the text names; `24:00:00` is midnight."""
    match = _TIME_TEXT.fullmatch(text)
    if match is None:
        return None
    time, _ = _time_of(match)
    return time


def parse_date_and_time(text: str) -> DateAndTime | None:
    """Return the date and time that the text names; `24:00:00` is midnight of the next day."""
    match = _DATE_AND_TIME_TEXT.fullmatch(text)
    if match is None:
        return None
    date = _date_of(match)
    time, is_next_day = _time_of(match)
    if date is None or time is None:
        return None
    try:
        return DateAndTime(Date.of_number(date.number + 1) if is_next_day else date, time)
    except ValueError:
        return None


def parse_duration(text: str) -> DaysTimeDuration | YearsMonthsDuration | None:
    """Return the duration that the text names; one of either kind, never mixed."""
    if text.endswith(("P", "T")):
        return None
    match = _MONTHS_TEXT.fullmatch(text)
    if match:
        sign, years, months = match.groups()
        total = int(years or 0) * 12 + int(months or 0)
        return YearsMonthsDuration(-total if sign else total)
    match = _DAYS_TEXT.fullmatch(text)
    if match is None:
        return None
    sign, days, hours, minutes, seconds, fraction = match.groups()
    whole = ((int(days or 0) * 24 + int(hours or 0)) * 60 + int(minutes or 0)) * 60
    nanos = (whole + int(seconds or 0)) * NANOS + _nanos(fraction)
    return DaysTimeDuration(-nanos if sign else nanos)


def parse_temporal(text: str) -> Temporal | None:
    """Return whatever temporal value the text names, as in FEEL's `@"..."`."""
    if text.startswith(("P", "-P")):
        return parse_duration(text)
    if len(text) > 2 and text[2] == ":":
        return parse_time(text)
    return parse_date_and_time(text) if "T" in text else parse_date(text)


def _date_of(match: _Match) -> Date | None:
    year = match["year"]
    if year == "-0000":
        return None
    try:
        return Date(int(year), int(match["month"]), int(match["day"]))
    except ValueError:
        return None


def _time_of(match: _Match) -> tuple[Time | None, bool]:
    hour, minute, second = int(match["hour"]), int(match["minute"]), int(match["second"])
    nanos = _nanos(match["fraction"])
    is_next_day = hour == 24 and not (minute or second or nanos)
    try:
        zone = _zone_of(match["zone"])
        return Time(0 if is_next_day else hour, minute, second, nanos, zone), is_next_day
    except ValueError:
        return None, False


def _zone_of(text: str | None) -> Zone:
    if text is None:
        return None
    if text == "Z":
        return 0
    if text[0] == "@":
        return text[1:]
    parts = [int(part) for part in text[1:].split(":")]
    if any(part > 59 for part in parts[1:]):
        raise ValueError(f"there is no offset {text}")
    seconds = parts[0] * 3600 + parts[1] * 60 + (parts[2] if len(parts) > 2 else 0)
    return -seconds if text[0] == "-" else seconds


def _nanos(fraction: str | None) -> int:
    return int(fraction[:9].ljust(9, "0")) if fraction else 0
