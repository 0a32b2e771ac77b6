"""A quarter of 150 daily pipelines on the virtual clock, with data that comes late and systems that
fail.

    python examples/pipelines/simulate.py [--days 90] [--pipelines 150] [--seed 1] [--unprepared]

The real engine, store, schedules and workflows run; the clock is ours, and so are the failures:
each source delivers between midnight and morning, now and then hours late; each system is away at
times for a while, and once in the quarter for half a day. `--unprepared` takes away what the
pipelines do about that (no retries, no waiting for data), to compare.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from collections import Counter
from typing import Any, NamedTuple

from tenuto import Retry
from tenuto.pipelines import Asset, Daily, Memory, Pipeline, backfill, check, install, last
from tenuto.pipelines.pipeline import utc
from tenuto.testing.durable import Durable

MINUTE = 60_000
HOUR = 60 * MINUTE
DEADLINE = "08:00"


class World:
    """What goes wrong, drawn from a seed: the same for the same question."""

    def __init__(self, seed: int, days: int) -> None:
        """Draw which system has its half day off, and when."""
        self.seed = seed
        chance = random.Random(f"{seed} outage")
        self.outages = {name: chance.randrange(days) for name in ("warehouse", "crm", "billing")}

    def arrives_at(self, source: str, day_over: int) -> int:
        """Return when a source delivers a day (Unix milliseconds)."""
        chance = random.Random(f"{self.seed} {source} {day_over}")
        hours = chance.uniform(0.2, 3.5)
        if chance.random() < 0.04:
            hours += chance.uniform(2, 8)
        return day_over + int(hours * HOUR)

    def is_away(self, system: str, now: int, begin: int) -> bool:
        """Tell whether a system is away at a moment."""
        day = (now - begin) // (24 * HOUR)
        if self.outages.get(system) == day and (now - begin) % (24 * HOUR) < 9 * HOUR:
            return True
        window = now // (20 * MINUTE)
        return random.Random(f"{self.seed} {system} {window}").random() < 0.05


class Late(NamedTuple):
    """An alert of a deadline."""

    pipeline: str
    partition: str
    at: int


class Quarter:
    """The pipelines, what was made when, and who was told."""

    def __init__(
        self, count: int, days: int, seed: int, durable: Durable, *, prepared: bool
    ) -> None:
        """Make `count` pipelines whose first day begins now."""
        self.durable = durable
        self.prepared = prepared
        self.begin = durable.clock.now()
        self.days = Daily(utc(self.begin).strftime("%Y-%m-%d"))
        self.world = World(seed, days)
        self.alerts: list[Late] = []
        self.attempts: Counter[str] = Counter()
        self.filled = 0
        chance = random.Random(f"{seed} pipelines")
        self.pipelines = [self._pipeline(f"p{number:03}", chance) for number in range(count)]

    def _pipeline(self, name: str, chance: random.Random) -> Pipeline:  # noqa: C901  (four assets)
        """Return a pipeline of four assets: raw data, rows, a total and its trend."""
        system = chance.choice(["warehouse", "crm", "billing"])
        hour, minute = chance.randrange(1, 4), chance.randrange(60)
        retries = Retry(8, first=60.0, backoff=2.0, longest=1800.0, jitter=0.0)
        if not self.prepared:
            retries = Retry(1)

        def touch(partition: str) -> None:
            """Ask the system, which may be away."""
            self.attempts[name] += 1
            if self.world.is_away(system, self.durable.clock.now(), self.begin):
                raise ConnectionError(f"{system} is away")
            del partition

        def is_there(partition: str, now: int) -> bool:
            """Tell whether the source has delivered."""
            day_over = int(self.days.end_of(partition).timestamp() * 1000)
            return now >= self.world.arrives_at(name, day_over)

        def raw(partition: str) -> list[int]:
            """Fetch the numbers of a day."""
            touch(partition)
            if not is_there(partition, self.durable.clock.now()):
                raise LookupError("the data is not there yet")
            return random.Random(f"{name} {partition}").choices(range(100), k=20)

        def rows(raw: list[int]) -> list[int]:
            """Clean them."""
            return sorted(number for number in raw if number >= 10)

        def total(partition: str, rows: list[int]) -> int:
            """Sum them up, in the system again."""
            touch(partition)
            return sum(rows)

        def trend(totals: dict[str, int]) -> float:
            """Compare with the week."""
            return statistics.fmean(totals.values())

        @check
        def has_rows(value: list[int]) -> bool:
            return len(value) > 5

        part: dict[str, Any] = {"partitions": self.days, "retries": retries}
        ready = is_there if self.prepared else None
        assets = [
            Asset(raw, ready=ready, poll="10m", **part),
            Asset(rows, checks=[has_rows], **part),
            Asset(total, **part),
            Asset(trend, uses={"totals": last("total", 7)}, **part),
        ]
        return Pipeline(
            name,
            assets,
            store=Memory(),
            schedule=f"{minute} {hour} * * *",
            deadline=DEADLINE,
            on_late=self._late,
            clock=self.durable.clock.now,
        )

    def _late(self, pipeline: str, partition: str, assets: list[str]) -> None:
        self.alerts.append(Late(pipeline, partition, self.durable.clock.now()))
        del assets

    def live(self, days: int) -> None:
        """Install everything and let the days pass; at midnight, whoever is prepared fills what is
        missing of the partition before.
        """
        self.durable.know(*(one for pipeline in self.pipelines for one in pipeline.workflows))
        self.durable.ask(lambda client: install(client, *self.pipelines))
        for day in range(days + 1):
            self.durable.advance("1d")
            if self.prepared and day > 0:
                self._fill(utc(self.begin + (day - 1) * 24 * HOUR).strftime("%Y-%m-%d"))
            if sys.stderr.isatty():
                sys.stderr.write(f"\rday {day} of {days}")

    def _fill(self, partition: str) -> None:
        for pipeline in self.pipelines:
            if pipeline.missing(partition):
                self.filled += 1
                self.durable.ask(
                    lambda client, one=pipeline: backfill(client, one, partition, partition)
                )
        self.durable.settle()

    def report(self, days: int) -> dict[str, Any]:
        """Return how reliable the quarter was: counts, shares, and lateness in minutes."""
        late_minutes: list[float] = []
        made = missed = in_time = 0
        for pipeline in self.pipelines:
            heads = {head.partition: head for head in pipeline.store.heads("trend")}
            for number in range(days):
                key = utc(self.begin + number * 24 * HOUR).strftime("%Y-%m-%d")
                over = int(self.days.end_of(key).timestamp() * 1000)
                head = heads.get(key)
                if head is None:
                    missed += 1
                    continue
                made += 1
                in_time += head.at <= over + 8 * HOUR
                late_minutes.append(max(0.0, (head.at - over - 8 * HOUR) / MINUTE))
        wanted = days * len(self.pipelines)
        some = sorted(minutes for minutes in late_minutes if minutes > 0) or [0.0]
        return {
            "partitions": wanted,
            "made": made,
            "missed": missed,
            "in time": in_time,
            "filled later": self.filled,
            "reliability": made / wanted,
            "punctuality": in_time / wanted,
            "attempts": sum(self.attempts.values()),
            "alerts": len(self.alerts),
            "alerts doubled": len(self.alerts) - len(set(self.alerts)),
            "late p50 minutes": statistics.median(some),
            "late p95 minutes": some[int(len(some) * 0.95) if len(some) > 1 else 0],
        }


def simulate(count: int, days: int, seed: int, *, prepared: bool = True) -> dict[str, Any]:
    """Return the report of a quarter."""
    durable = Durable()
    try:
        now = durable.clock.now()
        durable.advance((-now % (24 * HOUR)) / 1000)  # days begin at midnight
        quarter = Quarter(count, days, seed, durable, prepared=prepared)
        began = time.perf_counter()
        quarter.live(days)
        return {**quarter.report(days), "seconds": time.perf_counter() - began}
    finally:
        durable.close()


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--pipelines", type=int, default=150)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--unprepared", action="store_true")
    given = parser.parse_args()
    found = simulate(given.pipelines, given.days, given.seed, prepared=not given.unprepared)
    write = sys.stdout.write
    write(f"{given.pipelines} pipelines, {given.days} days, seed {given.seed} (synthetic)\n")
    for name, value in found.items():
        shown = f"{value:.2%}" if name in {"reliability", "punctuality"} else f"{value:,.0f}"
        write(f"{name:>20}  {shown}\n")


if __name__ == "__main__":
    main()
