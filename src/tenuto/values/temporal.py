"""The temporal values of FEEL, one canonical form each.

DMN 1.5 §10.3.2.3.4 to .8. Python's `datetime` ends at the year 9999 and at microseconds and has no
months duration, so these types are our own; `tenuto.values.to_python` and `from_python` convert.
`==` is the identity of FEEL's `is`: same type, same parts, same zone. FEEL's `=`, which compares
instants, belongs to the language and lives in `tenuto.feel`.

A zone is nothing (local), an offset in seconds, or the name of a zone of the tz database.
"""

from __future__ import annotations

from typing import NoReturn

from tenuto.values.calendar import (
    DAY_SECONDS,
    YEAR_MAX,
    civil_day,
    day_number,
    find_zone,
    month_days,
    standard_offset,
    zone_offset,
)

NANOS = 1_000_000_000
DAY_NANOS = DAY_SECONDS * NANOS
OFFSET_SECONDS_MAX = 18 * 3600
DURATION_LIMIT = 10**40

Zone = int | str | None
_put = object.__setattr__


class _Frozen:
    """Parts that never change after construction."""

    __slots__ = ()

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} cannot be changed")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} cannot be changed")

    def __copy__(self) -> _Frozen:
        return self

    def __deepcopy__(self, memo: object) -> _Frozen:
        return self


class Date(_Frozen):
    """A day of the proleptic ISO calendar, years -999,999,999 to 999,999,999.

    >>> str(Date(2024, 2, 29))
    '2024-02-29'
    """

    __slots__ = ("_number", "day", "month", "year")
    year: int
    month: int
    day: int
    _number: int | None

    def __init__(self, year: int, month: int, day: int) -> None:
        """Raise `ValueError` when the calendar has no such day."""
        if not (-YEAR_MAX <= year <= YEAR_MAX and 1 <= month <= 12 and day >= 1):
            raise ValueError(f"there is no date {year}-{month}-{day}")
        if day > 28 and day > month_days(year, month):
            raise ValueError(f"there is no day {day} in {year}-{month:02d}")
        _put(self, "year", year)
        _put(self, "month", month)
        _put(self, "day", day)
        _put(self, "_number", None)

    @classmethod
    def of_number(cls, number: int) -> Date:
        """Return the date that lies `number` days after 1970-01-01."""
        return cls(*civil_day(number))

    @property
    def number(self) -> int:
        """Days since 1970-01-01."""
        if self._number is None:
            _put(self, "_number", day_number(self.year, self.month, self.day))
        number = self._number
        assert number is not None
        return number

    def __eq__(self, other: object) -> bool:
        if type(other) is not Date:
            return NotImplemented
        return self.day == other.day and self.month == other.month and self.year == other.year

    def __hash__(self) -> int:
        return hash((Date, self.year, self.month, self.day))

    def __str__(self) -> str:
        sign = "-" if self.year < 0 else ""
        return f"{sign}{abs(self.year):04d}-{self.month:02d}-{self.day:02d}"

    def __repr__(self) -> str:
        return f"Date({self.year}, {self.month}, {self.day})"

    def __reduce__(self) -> tuple[type[Date], tuple[int, int, int]]:
        return Date, (self.year, self.month, self.day)


class Time(_Frozen):
    """A time of day to the nanosecond: local, with an offset, or in a named zone.

    >>> str(Time(9, 30, 0, 0, 3600))
    '09:30:00+01:00'
    """

    __slots__ = ("hour", "minute", "nanosecond", "second", "zone")
    hour: int
    minute: int
    second: int
    nanosecond: int
    zone: Zone

    def __init__(
        self, hour: int, minute: int, second: int = 0, nanosecond: int = 0, zone: Zone = None
    ) -> None:
        """Raise `ValueError` when a part is out of its range or the zone is unknown."""
        if not (0 <= hour <= 23 and 0 <= minute <= 59 and 0 <= second <= 59):
            raise ValueError(f"there is no time {hour}:{minute}:{second}")
        if not 0 <= nanosecond < NANOS:
            raise ValueError(f"expected a nanosecond below {NANOS}, but it is {nanosecond}")
        _check_zone(zone)
        _put(self, "hour", hour)
        _put(self, "minute", minute)
        _put(self, "second", second)
        _put(self, "nanosecond", nanosecond)
        _put(self, "zone", zone)

    @classmethod
    def of_nanos(cls, nanos: int, zone: Zone = None) -> Time:
        """Return the time that lies `nanos` nanoseconds after midnight."""
        seconds, nanosecond = divmod(nanos, NANOS)
        hour, rest = divmod(seconds, 3600)
        return cls(hour, rest // 60, rest % 60, nanosecond, zone)

    @property
    def seconds(self) -> int:
        """Whole seconds since midnight."""
        return self.hour * 3600 + self.minute * 60 + self.second

    @property
    def nanos(self) -> int:
        """Nanoseconds since midnight."""
        return self.seconds * NANOS + self.nanosecond

    @property
    def offset(self) -> int | None:
        """Seconds from UTC; nothing when the time is local."""
        return standard_offset(self.zone) if isinstance(self.zone, str) else self.zone

    def __eq__(self, other: object) -> bool:
        if type(other) is not Time:
            return NotImplemented
        return self.nanos == other.nanos and self.zone == other.zone

    def __hash__(self) -> int:
        return hash((Time, self.nanos, self.zone))

    def __str__(self) -> str:
        fraction = f".{self.nanosecond:09d}".rstrip("0") if self.nanosecond else ""
        zone = format_zone(self.zone)
        return f"{self.hour:02d}:{self.minute:02d}:{self.second:02d}{fraction}{zone}"

    def __repr__(self) -> str:
        return f"Time({self.hour}, {self.minute}, {self.second}, {self.nanosecond}, {self.zone!r})"

    def __reduce__(self) -> tuple[type[Time], tuple[int, int, int, int, Zone]]:
        return Time, (self.hour, self.minute, self.second, self.nanosecond, self.zone)


class DateAndTime(_Frozen):
    """A day and a time of that day, with the zone of the time.

    >>> str(DateAndTime(Date(2024, 2, 29), Time(9, 30, zone=0)))
    '2024-02-29T09:30:00Z'
    """

    __slots__ = ("_instant", "date", "time")
    date: Date
    time: Time
    _instant: int | None

    def __init__(self, date: Date, time: Time) -> None:
        """Join a date and a time."""
        _put(self, "date", date)
        _put(self, "time", time)
        _put(self, "_instant", None)

    @classmethod
    def of_local_nanos(cls, nanos: int, zone: Zone = None) -> DateAndTime:
        """Return the wall-clock reading `nanos` nanoseconds after 1970-01-01T00:00."""
        number, rest = divmod(nanos, DAY_NANOS)
        return cls(Date.of_number(number), Time.of_nanos(rest, zone))

    @classmethod
    def of_instant(cls, nanos: int, zone: int | str) -> DateAndTime:
        """Return how a clock in the zone reads `nanos` nanoseconds after the epoch in UTC."""
        if isinstance(zone, int):
            return cls.of_local_nanos(nanos + zone * NANOS, zone)
        number, rest = divmod(nanos // NANOS, DAY_SECONDS)
        guess = zone_offset(zone, number, rest)
        shifted = divmod(nanos // NANOS + guess, DAY_SECONDS)
        return cls.of_local_nanos(nanos + zone_offset(zone, *shifted) * NANOS, zone)

    @property
    def zone(self) -> Zone:
        """The zone of the time."""
        return self.time.zone

    @property
    def offset(self) -> int | None:
        """Seconds from UTC on that day; nothing when it is local."""
        zone = self.time.zone
        if isinstance(zone, str):
            return zone_offset(zone, self.date.number, self.time.seconds)
        return zone

    @property
    def local_nanos(self) -> int:
        """Nanoseconds of the wall clock since 1970-01-01T00:00, whatever the zone."""
        return self.date.number * DAY_NANOS + self.time.nanos

    @property
    def instant(self) -> int:
        """Nanoseconds since the epoch; a local value counts as UTC."""
        if self._instant is None:
            _put(self, "_instant", self.local_nanos - (self.offset or 0) * NANOS)
        instant = self._instant
        assert instant is not None
        return instant

    def __eq__(self, other: object) -> bool:
        if type(other) is not DateAndTime:
            return NotImplemented
        return self.date == other.date and self.time == other.time

    def __hash__(self) -> int:
        return hash((DateAndTime, self.date, self.time))

    def __str__(self) -> str:
        return f"{self.date}T{self.time}"

    def __repr__(self) -> str:
        return f"DateAndTime({self.date!r}, {self.time!r})"

    def __reduce__(self) -> tuple[type[DateAndTime], tuple[Date, Time]]:
        return DateAndTime, (self.date, self.time)


class DaysTimeDuration(_Frozen):
    """A days and time duration, in nanoseconds.

    >>> str(DaysTimeDuration(90_000 * 1_000_000_000))
    'P1DT1H'
    """

    __slots__ = ("nanos",)
    nanos: int

    def __init__(self, nanos: int) -> None:
        """Keep a whole number of nanoseconds, of either sign; raise `ValueError` beyond 10**40."""
        if not -DURATION_LIMIT < nanos < DURATION_LIMIT:
            raise ValueError("expected a duration below 10**40 nanoseconds")
        _put(self, "nanos", nanos)

    def __eq__(self, other: object) -> bool:
        if type(other) is not DaysTimeDuration:
            return NotImplemented
        return self.nanos == other.nanos

    def __hash__(self) -> int:
        return hash((DaysTimeDuration, self.nanos))

    def __str__(self) -> str:
        if not self.nanos:
            return "PT0S"
        days, rest = divmod(abs(self.nanos), DAY_NANOS)
        seconds, nanos = divmod(rest, NANOS)
        hours, seconds = divmod(seconds, 3600)
        minutes, seconds = divmod(seconds, 60)
        fraction = f".{nanos:09d}".rstrip("0") if nanos else ""
        clock = "".join(
            (
                f"{hours}H" if hours else "",
                f"{minutes}M" if minutes else "",
                f"{seconds}{fraction}S" if seconds or nanos else "",
            )
        )
        sign = "-" if self.nanos < 0 else ""
        return f"{sign}P{f'{days}D' if days else ''}{f'T{clock}' if clock else ''}"

    def __repr__(self) -> str:
        return f"DaysTimeDuration({self.nanos})"

    def __reduce__(self) -> tuple[type[DaysTimeDuration], tuple[int]]:
        return DaysTimeDuration, (self.nanos,)


class YearsMonthsDuration(_Frozen):
    """A years and months duration, in months.

    >>> str(YearsMonthsDuration(-14))
    '-P1Y2M'
    """

    __slots__ = ("months",)
    months: int

    def __init__(self, months: int) -> None:
        """Keep a whole number of months, of either sign; raise `ValueError` beyond 10**40."""
        if not -DURATION_LIMIT < months < DURATION_LIMIT:
            raise ValueError("expected a duration below 10**40 months")
        _put(self, "months", months)

    def __eq__(self, other: object) -> bool:
        if type(other) is not YearsMonthsDuration:
            return NotImplemented
        return self.months == other.months

    def __hash__(self) -> int:
        return hash((YearsMonthsDuration, self.months))

    def __str__(self) -> str:
        if not self.months:
            return "P0M"
        years, months = divmod(abs(self.months), 12)
        sign = "-" if self.months < 0 else ""
        return f"{sign}P{f'{years}Y' if years else ''}{f'{months}M' if months else ''}"

    def __repr__(self) -> str:
        return f"YearsMonthsDuration({self.months})"

    def __reduce__(self) -> tuple[type[YearsMonthsDuration], tuple[int]]:
        return YearsMonthsDuration, (self.months,)


Temporal = Date | Time | DateAndTime | DaysTimeDuration | YearsMonthsDuration
TEMPORAL_TYPES = (Date, Time, DateAndTime, DaysTimeDuration, YearsMonthsDuration)


def format_zone(zone: Zone) -> str:
    """Return the zone as it ends the text of a time: nothing, `Z`, `+01:00` or `@Europe/Paris`."""
    if zone is None:
        return ""
    if isinstance(zone, str):
        return f"@{zone}"
    if zone == 0:
        return "Z"
    minutes, seconds = divmod(abs(zone), 60)
    text = f"{'-' if zone < 0 else '+'}{minutes // 60:02d}:{minutes % 60:02d}"
    return f"{text}:{seconds:02d}" if seconds else text


def _check_zone(zone: Zone) -> None:
    if zone is None:
        return
    if isinstance(zone, str):
        if find_zone(zone) is None:
            raise ValueError(f"expected a zone of the tz database, but {zone!r} is none")
    elif not -OFFSET_SECONDS_MAX <= zone <= OFFSET_SECONDS_MAX:
        raise ValueError(f"expected an offset of at most 18 hours, but it is {zone} seconds")
