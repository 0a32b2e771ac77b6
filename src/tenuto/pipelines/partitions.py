"""Partitions: the parts of an asset, by time, by name, or by both.

A partition is known by its key, a text that sorts in order. Partitions of time have a zone; a day
there has 23 or 25 hours twice a year.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tenuto.errors import InputError

KEYS_MAX: Final = 100_000
ALL: Final = "all"


class Partitions(ABC):
    """How an asset is parted."""

    @abstractmethod
    def keys(self, until: datetime) -> list[str]:
        """Return the keys of all partitions that are complete at a moment, in order."""

    @abstractmethod
    def contains(self, key: str) -> bool:
        """Tell whether a key is one of these partitions."""

    def check(self, key: str, asset: str) -> None:
        """Raise `InputError` for a key that is none of these partitions."""
        if not self.contains(key):
            raise InputError(f"asset `{asset}`: expected a partition such as {self}, got {key!r}")


class Whole(Partitions):
    """One part: the whole."""

    def keys(self, until: datetime) -> list[str]:
        """Return the one key."""
        return [ALL]

    def contains(self, key: str) -> bool:
        """Tell whether it is the one key."""
        return key == ALL

    def __str__(self) -> str:
        """Return the one key."""
        return ALL


class TimePartitions(Partitions):
    """Parts of time that follow each other from `start` on, each complete when it is over."""

    form: str

    def __init__(self, start: str, *, tz: str = "UTC", end: str | None = None) -> None:
        """Begin with the part that `start` (ISO 8601 date) lies in; `end` is the first day after
        the last. Raises `InputError` for what is no date or zone.
        """
        try:
            self.zone = ZoneInfo(tz)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise InputError(f"expected a time zone such as Europe/Berlin, got {tz!r}") from error
        self.start = self._floor(_date(start, self.zone))
        self.end = None if end is None else _date(end, self.zone)

    def keys(self, until: datetime) -> list[str]:
        """Return the keys of all partitions that are over at a moment."""
        return [self.key_of(begin) for begin in self._begins(until)]

    def range(self, first: str, last: str) -> list[str]:
        """Return the keys from one to another, both included."""
        for key in (first, last):
            self.check(key, "range")
        at, found = self.begin_of(first), []
        while self.key_of(at) <= last:
            found.append(self.key_of(at))
            at = self._next(at)
            if len(found) > KEYS_MAX:
                raise InputError(f"expected at most {KEYS_MAX} partitions, got more")
        return found

    def _begins(self, until: datetime) -> Iterator[datetime]:
        at = self.start
        while (end := self._next(at)) <= until and (self.end is None or at < self.end):
            yield at
            at = end

    def latest(self, at: datetime) -> str | None:
        """Return the key of the last partition that is over at a moment, if there is one."""
        begin = self._floor(at.astimezone(self.zone))
        begin = self._floor(begin - timedelta(microseconds=1))
        if begin < self.start or (self.end is not None and begin >= self.end):
            return None
        return self.key_of(begin)

    def key_of(self, begin: datetime) -> str:
        """Return the key of the partition that begins at a moment."""
        return begin.strftime(self.form)

    def begin_of(self, key: str) -> datetime:
        """Return when a partition begins. Raises `InputError` for what is no key."""
        try:
            begin = self._parse(key)
        except ValueError as error:
            raise InputError(f"expected a partition such as {self}, got {key!r}") from error
        return begin

    def end_of(self, key: str) -> datetime:
        """Return when a partition is over."""
        return self._next(self.begin_of(key))

    def before(self, key: str, count: int) -> list[str]:
        """Return the last `count` keys up to one and with it, as far as there are."""
        at, found = self.begin_of(key), [key]
        while len(found) < count and at > self.start:
            at = self._floor(at - timedelta(microseconds=1))
            found.append(self.key_of(at))
        return found[::-1]

    def contains(self, key: str) -> bool:
        """Tell whether a key is one of these partitions."""
        try:
            begin = self._parse(key)
        except ValueError:
            return False
        is_in = begin >= self.start and (self.end is None or begin < self.end)
        return is_in and self.key_of(begin) == key

    def __str__(self) -> str:
        """Return the first key."""
        return self.key_of(self.start)

    def _parse(self, key: str) -> datetime:
        return datetime.strptime(key, self.form).replace(tzinfo=self.zone)

    @abstractmethod
    def _floor(self, at: datetime) -> datetime:
        """Return when the part begins that a moment lies in."""

    @abstractmethod
    def _next(self, begin: datetime) -> datetime:
        """Return when the part after one begins."""


class Daily(TimePartitions):
    """Days of a zone: `2026-01-31`."""

    form = "%Y-%m-%d"

    def _floor(self, at: datetime) -> datetime:
        return at.replace(hour=0, minute=0, second=0, microsecond=0)

    def _next(self, begin: datetime) -> datetime:
        return _at(begin.date() + timedelta(days=1), self.zone)


class Hourly(TimePartitions):
    """Hours in UTC: `2026-01-31T05`; a zone would have an hour twice in autumn."""

    form = "%Y-%m-%dT%H"

    def _floor(self, at: datetime) -> datetime:
        return at.replace(minute=0, second=0, microsecond=0)

    def _next(self, begin: datetime) -> datetime:
        return begin + timedelta(hours=1)

    def __init__(self, start: str, *, end: str | None = None) -> None:
        """Begin with the hour that `start` lies in."""
        super().__init__(start, end=end)


class Weekly(TimePartitions):
    """Weeks of a zone from Monday on, by their Monday: `2026-01-26`."""

    form = "%Y-%m-%d"

    def _floor(self, at: datetime) -> datetime:
        return _at(at.date() - timedelta(days=at.weekday()), self.zone)

    def _next(self, begin: datetime) -> datetime:
        return _at(begin.date() + timedelta(days=7), self.zone)

    def contains(self, key: str) -> bool:
        """Tell whether a key is the Monday of one of these weeks."""
        return super().contains(key) and self.begin_of(key).weekday() == 0


class Monthly(TimePartitions):
    """Months of a zone: `2026-01`."""

    form = "%Y-%m"

    def _floor(self, at: datetime) -> datetime:
        return _at(at.date().replace(day=1), self.zone)

    def _next(self, begin: datetime) -> datetime:
        after = (begin.date().replace(day=1) + timedelta(days=32)).replace(day=1)
        return _at(after, self.zone)


class Static(Partitions):
    """Parts by name, such as countries."""

    def __init__(self, names: list[str]) -> None:
        """Name them. Raises `InputError` for none, or one named twice."""
        if not names or len(set(names)) != len(names):
            raise InputError(f"expected names that differ, at least one, got {names!r}")
        self.names = list(names)

    def keys(self, until: datetime) -> list[str]:
        """Return all names."""
        return list(self.names)

    def contains(self, key: str) -> bool:
        """Tell whether a name is one of them."""
        return key in self.names

    def __str__(self) -> str:
        """Return the first name."""
        return self.names[0]


class Dynamic(Partitions):
    """Parts that come while the pipeline lives, such as customers: any name is one."""

    def __init__(self, name: str) -> None:
        """Name what they are parts of; the store of the pipeline knows which came so far."""
        self.name = name

    def keys(self, until: datetime) -> list[str]:
        """Return none: the store of the pipeline knows them."""
        return []

    def contains(self, key: str) -> bool:
        """Tell whether it is a name."""
        return bool(key) and "|" not in key and "/" not in key

    def __str__(self) -> str:
        """Return what they are parts of."""
        return f"<{self.name}>"


class Multi(Partitions):
    """Each part of one beside each of the others: `country=de|day=2026-01-31`."""

    def __init__(self, **dimensions: Partitions) -> None:
        """Name the dimensions in the order of their keys."""
        if len(dimensions) < 2:
            raise InputError(f"expected at least two dimensions, got {len(dimensions)}")
        self.dimensions = dimensions

    def keys(self, until: datetime) -> list[str]:
        """Return every combination."""
        found = [""]
        for name, parts in self.dimensions.items():
            found = [
                f"{before}|{name}={key}" if before else f"{name}={key}"
                for before in found
                for key in parts.keys(until)
            ]
            if len(found) > KEYS_MAX:
                raise InputError(f"expected at most {KEYS_MAX} partitions, got more")
        return found

    def contains(self, key: str) -> bool:
        """Tell whether each dimension has its part."""
        found = split_key(key)
        return list(found) == list(self.dimensions) and all(
            self.dimensions[name].contains(one) for name, one in found.items()
        )

    def __str__(self) -> str:
        """Return a key as it looks."""
        return "|".join(f"{name}={parts}" for name, parts in self.dimensions.items())


def split_key(key: str) -> dict[str, str]:
    """Return the parts of the key of a `Multi`, by dimension."""
    pairs = (part.partition("=") for part in key.split("|"))
    return {name: value for name, sign, value in pairs if sign}


def _date(text: str, zone: ZoneInfo) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"expected a date such as 2026-01-31, got {text!r}") from error
    return found.replace(tzinfo=zone) if found.tzinfo is None else found.astimezone(zone)


def _at(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone)
