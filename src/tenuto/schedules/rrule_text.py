"""The text of a recurrence rule, read into its parts: RFC 5545 §3.3.10."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from tenuto.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
FREQUENCIES = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY")
COUNT_MAX = 10_000
_INTERVAL_MAX = 1_000_000
_DAY = re.compile(r"^(?P<nth>[+-]?\d{1,2})?(?P<weekday>MO|TU|WE|TH|FR|SA|SU)$")
_UNTIL = re.compile(r"^\d{8}(T\d{6}Z?)?$")
# Parts of the standard that nothing here reads; to pass over them would be to fire at wrong times.
_UNREAD = ("BYWEEKNO", "BYYEARDAY")


class Pattern(msgspec.Struct, frozen=True):
    """The parts of a rule. Lists are sorted; a weekday is counted from Monday, 0."""

    text: str
    freq: str
    interval: int = 1
    count: int = 0
    until: str = ""
    by_month: tuple[int, ...] = ()
    by_monthday: tuple[int, ...] = ()
    by_day: tuple[tuple[int, int], ...] = ()
    by_hour: tuple[int, ...] = ()
    by_minute: tuple[int, ...] = ()
    by_second: tuple[int, ...] = ()
    by_setpos: tuple[int, ...] = ()
    week_start: int = 0


def parse_pattern(text: str) -> Pattern:
    """Return the parts of a rule such as `FREQ=MONTHLY;BYDAY=-1FR`.

    Raises `InputError` that names the part.
    """
    parts = _parts(text)
    freq = parts.pop("FREQ", "")
    if freq not in FREQUENCIES:
        raise InputError(
            f"expected a rule with FREQ, one of {', '.join(FREQUENCIES)}, got `{text}`"
        )
    read: dict[str, Any] = {}
    for name, value in parts.items():
        field, reader = _READERS[name]
        read[field] = reader(name, value)
    pattern = Pattern(text, freq, **read)
    _check(pattern)
    return pattern


def _parts(text: str) -> dict[str, str]:
    parts: dict[str, str] = {}
    for part in text.strip().removeprefix("RRULE:").upper().split(";"):
        name, separator, value = part.partition("=")
        if not separator or not value:
            raise InputError(f"expected parts such as `FREQ=DAILY` with `;` between, got `{text}`")
        if name in _UNREAD:
            raise InputError(f"expected a rule without {name}, which is not supported: `{text}`")
        if name != "FREQ" and name not in _READERS:
            raise InputError(
                f"expected one of FREQ, {', '.join(_READERS)} in a rule, got `{name}` in `{text}`"
            )
        if name in parts:
            raise InputError(f"expected {name} once in a rule, got it twice in `{text}`")
        parts[name] = value
    return parts


def _whole(low: int, high: int) -> Callable[[str, str], int]:
    def read(name: str, value: str) -> int:
        if not re.fullmatch(r"\d{1,9}", value) or not low <= int(value) <= high:
            raise InputError(f"expected {name} to be a number from {low} to {high}, got `{value}`")
        return int(value)

    return read


def _list(low: int, high: int, *, signed: bool = False) -> Callable[[str, str], tuple[int, ...]]:
    def read(name: str, value: str) -> tuple[int, ...]:
        numbers = set()
        for one in value.split(","):
            is_number = re.fullmatch(r"[+-]?\d{1,3}" if signed else r"\d{1,3}", one)
            if not is_number or not low <= (abs(int(one)) if signed else int(one)) <= high:
                bounds = f"{low} to {high}" + (f" or -{high} to -{low}" if signed else "")
                raise InputError(f"expected {name} to hold numbers from {bounds}, got `{value}`")
            numbers.add(int(one))
        return tuple(sorted(numbers))

    return read


def _days(name: str, value: str) -> tuple[tuple[int, int], ...]:
    days = set()
    for one in value.split(","):
        match = _DAY.match(one)
        nth = int(match["nth"]) if match and match["nth"] else 0
        if not match or (match["nth"] and not 1 <= abs(nth) <= 53):
            raise InputError(f"expected {name} to hold days such as MO, 2TU or -1FR, got `{value}`")
        days.add((nth, WEEKDAYS.index(match["weekday"])))
    return tuple(sorted(days))


def _weekday(name: str, value: str) -> int:
    if value not in WEEKDAYS:
        raise InputError(f"expected {name} to be one of {', '.join(WEEKDAYS)}, got `{value}`")
    return WEEKDAYS.index(value)


def _until(name: str, value: str) -> str:
    try:
        is_date = bool(_UNTIL.match(value)) and 1 < datetime.fromisoformat(value).year < 9990
    except ValueError:
        is_date = False
    if not is_date:
        raise InputError(
            f"expected {name} to be a date or a time such as 20261231 or 20261231T230000Z, "
            f"got `{value}`"
        )
    return value


_READERS: dict[str, tuple[str, Callable[[str, str], object]]] = {
    "INTERVAL": ("interval", _whole(1, _INTERVAL_MAX)),
    "COUNT": ("count", _whole(1, COUNT_MAX)),
    "UNTIL": ("until", _until),
    "BYMONTH": ("by_month", _list(1, 12)),
    "BYMONTHDAY": ("by_monthday", _list(1, 31, signed=True)),
    "BYDAY": ("by_day", _days),
    "BYHOUR": ("by_hour", _list(0, 23)),
    "BYMINUTE": ("by_minute", _list(0, 59)),
    "BYSECOND": ("by_second", _list(0, 59)),
    "BYSETPOS": ("by_setpos", _list(1, 366, signed=True)),
    "WKST": ("week_start", _weekday),
}


def _check(pattern: Pattern) -> None:
    """Refuse what the standard forbids to stand together."""
    if pattern.count and pattern.until:
        raise InputError(f"expected COUNT or UNTIL, got both in `{pattern.text}`")
    has_nth = any(nth for nth, _ in pattern.by_day)
    if has_nth and pattern.freq not in ("MONTHLY", "YEARLY"):
        raise InputError(
            f"expected BYDAY without numbers in a rule of FREQ={pattern.freq}, got `{pattern.text}`"
        )
    if pattern.by_monthday and pattern.freq == "WEEKLY":
        raise InputError(f"expected no BYMONTHDAY in a rule of FREQ=WEEKLY, got `{pattern.text}`")
    has_other = any(getattr(pattern, name) for name in _CHOOSING)
    if pattern.by_setpos and not has_other:
        raise InputError(f"expected another BY part beside BYSETPOS, got `{pattern.text}`")


_CHOOSING = ("by_month", "by_monthday", "by_day", "by_hour", "by_minute", "by_second")
