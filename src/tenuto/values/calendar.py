"""The proleptic ISO calendar over every year that FEEL knows, and the offsets of named zones.

DMN 1.5 §10.3.2.3.4 to .6 take dates from XML Schema with years from -999,999,999 to 999,999,999.
Python's own calendar ends at the years 1 and 9999, so days are counted here (Howard Hinnant's
`days_from_civil`). Day 0 is 1970-01-01. No clock is read: zones come from the tz database alone.
"""

from __future__ import annotations

import datetime
import re
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

YEAR_MAX = 999_999_999
DAY_SECONDS = 86_400
_MONTH_DAYS = (0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_ZONE_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_+\-]*(/[A-Za-z0-9_+\-]+)*")


def is_leap(year: int) -> bool:
    """Tell whether the year has a 29th of February."""
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def month_days(year: int, month: int) -> int:
    """Return the number of days in a month."""
    return 29 if month == 2 and is_leap(year) else _MONTH_DAYS[month]


def day_number(year: int, month: int, day: int) -> int:
    """Count the days from 1970-01-01 to a date."""
    shifted = year - (month <= 2)
    era, year_of_era = divmod(shifted, 400)
    day_of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    return era * 146_097 + day_of_era - 719_468


def civil_day(number: int) -> tuple[int, int, int]:
    """Return year, month and day of a day number; the inverse of `day_number`."""
    era, day_of_era = divmod(number + 719_468, 146_097)
    year_of_era = (
        day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096
    ) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted_month = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * shifted_month + 2) // 5 + 1
    month = shifted_month + (3 if shifted_month < 10 else -9)
    return year_of_era + era * 400 + (month <= 2), month, day


def weekday(number: int) -> int:
    """Return the ISO weekday of a day number: Monday is 1, Sunday is 7."""
    return (number + 3) % 7 + 1


def iso_week(number: int) -> int:
    """Return the ISO 8601 week of the year that a day lies in."""
    thursday = number - weekday(number) + 4
    year, _, _ = civil_day(thursday)
    return (thursday - day_number(year, 1, 1)) // 7 + 1


@lru_cache(maxsize=1024)
def find_zone(key: str) -> ZoneInfo | None:
    """Return the zone of the tz database, or nothing when there is none of that name."""
    if len(key) > 64 or not _ZONE_KEY.fullmatch(key):
        return None
    try:
        return ZoneInfo(key)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def zone_offset(key: str, number: int, seconds: int) -> int:
    """Return the offset in seconds from UTC that a zone has at a local day and second of the day.

    Outside the years 2 to 9998 the rule of the same day in a like year of the 400-year cycle is
    used, since the tz database has none.
    """
    zone = find_zone(key)
    assert zone is not None, f"expected a checked zone, but {key!r} is in no tz database"
    year, month, day = civil_day(number)
    if not 1 < year < 9999:
        year = 2 + (year - 2) % 400 if year < 2 else 2000 + year % 400
    hour, rest = divmod(seconds, 3600)
    local = datetime.datetime(year, month, day, hour, rest // 60, rest % 60, tzinfo=zone)
    offset = local.utcoffset()
    return 0 if offset is None else int(offset.total_seconds())


@lru_cache(maxsize=1024)
def standard_offset(key: str) -> int:
    """Return the offset that gives a zoned time without a date its place: winter time of 2000."""
    zone = find_zone(key)
    assert zone is not None, f"expected a checked zone, but {key!r} is in no tz database"
    local = datetime.datetime(2000, 1, 1, tzinfo=zone)
    offset = (local.utcoffset() or datetime.timedelta()) - (local.dst() or datetime.timedelta())
    return int(offset.total_seconds())
