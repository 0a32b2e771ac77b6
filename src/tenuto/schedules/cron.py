"""The local times of a cron text.

Five fields (minute, hour, day of month, month, day of week), six with seconds in front, or a name
such as `@daily`. The fields are read by the library cronsim, which speaks the dialect of Debian's
cron with `L`, `LW` and `#`. Its own search is not used: it leaves out times where a zone shifts by
half an hour.
"""

from __future__ import annotations

from datetime import date, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from cronsim import CronSim, CronSimError

from tenuto.errors import InputError
from tenuto.schedules.zones import DAY

if TYPE_CHECKING:
    from collections.abc import Iterator

EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
NAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_EXPECTED = (
    "expected a cron text of minute, hour, day of month, month and day of week "
    "such as `0 9 * * MON-FRI`"
)


class DayTimes(NamedTuple):
    """The times of a day: every combination of these hours, minutes and seconds."""

    hours: tuple[int, ...]
    minutes: tuple[int, ...]
    seconds: tuple[int, ...]

    def between(self, begin: int, end: int) -> Iterator[int]:
        """Yield seconds of the day from `begin`, before `end`, in order."""
        for hour in self.hours:
            if hour * 3600 + 3600 <= begin:
                continue
            for minute in self.minutes:
                at = hour * 3600 + minute * 60
                if at + 60 <= begin:
                    continue
                if at >= end:
                    return
                yield from (at + second for second in self.seconds if begin <= at + second < end)


class CronTimes:
    """The local times of one cron text. Fixed, unless its hour or minute begins with a star."""

    def __init__(self, text: str) -> None:
        """Raises `InputError` for a text that is no cron."""
        try:
            # The date only has to be some date: no field depends on it.
            self._fields = CronSim(NAMES.get(text.strip().lower(), text), datetime(2000, 1, 1))  # noqa: DTZ001
        except CronSimError as error:
            raise InputError(f"{_EXPECTED}, got `{text}`: {str(error).lower()}") from error
        _, minute, hour, *_ = self._fields.parts
        self.fixed = not minute.startswith("*") and not hour.startswith("*")
        self._times = DayTimes(
            tuple(sorted(self._fields.hours)),
            tuple(sorted(self._fields.minutes)),
            tuple(sorted(self._fields.seconds)),
        )

    def between(self, begin: int, end: int) -> Iterator[int]:
        """Yield the local times from `begin`, before `end`, in order."""
        day = begin // DAY
        while day * DAY < end:
            shown = date.fromordinal(EPOCH_ORDINAL + day)
            if shown.month not in self._fields.months:
                day = _next_month(shown)
                continue
            if self._fields.match_day(shown):
                for second in self._times.between(begin - day * DAY, end - day * DAY):
                    yield day * DAY + second
            day += 1


@lru_cache(maxsize=1024)
def cron_times(text: str) -> CronTimes:
    """Return the local times of a cron text. Raises `InputError` for a text that is no cron."""
    return CronTimes(text)


def _next_month(day: date) -> int:
    following = date(day.year + day.month // 12, day.month % 12 + 1, 1)
    return following.toordinal() - EPOCH_ORDINAL
