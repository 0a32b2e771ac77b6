"""Before and after: the same claims by hand and with the process, on the engine, in virtual time.

    tenuto example claims --prove

Both processes run on the real engine with its own timers, messages and handlers. Synthetic are the
people: how many there are, how long a task takes them, and how they decide. What is assumed is
printed with the result. Each seed draws other service times, decisions and absences; within a seed
a claim's review takes as long in both processes.
"""

from __future__ import annotations

import os
import statistics
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import NamedTuple

from examples.claims import payments
from examples.claims.arrivals import read_claims
from examples.claims.people import BY_HAND, WITH_PROCESS, assumptions
from examples.claims.play import Play
from examples.claims.staffing import DAY, Interval, interval

SETTINGS = {setting.process: setting for setting in (BY_HAND, WITH_PROCESS)}


class Outcome(NamedTuple):
    """What one process made of the claims for one seed; times in days, work in minutes."""

    process: str
    seed: int
    mean: float
    median: float
    ninety: float
    attended: float
    untouched: float
    minutes: float
    paid_twice: int


def play(process: str, seed: int, limit: int | None = None) -> Outcome:
    """Play the committed claims through one process; `limit` takes the first of them only."""
    claims = read_claims()[:limit]
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CLAIMS_LEDGER"] = str(Path(folder) / "ledger.db")
        played = Play(SETTINGS[process], seed)
        played.run(claims)
        paid = [payment.claim for payment in payments.payments()] or played.paid
    spans = {claim: (ended - began) / DAY for claim, (began, ended) in played.times.items()}
    days = sorted(spans.values())
    seconds = played.second_reports
    return Outcome(
        process,
        seed,
        mean=statistics.fmean(days),
        median=statistics.median(days),
        ninety=days[len(days) * 9 // 10],
        attended=statistics.fmean(spans[claim] for claim in played.touched),
        untouched=1 - len(played.touched) / len(claims),
        minutes=sum(pool.worked_minutes for pool in played.pools.values()) / len(claims),
        paid_twice=sum(claim in seconds and seconds[claim] in paid for claim in paid),
    )


def outcomes(seeds: int, processes: int, limit: int | None = None) -> Iterator[Outcome]:
    """Give the outcome of each process for each seed, as they come."""
    if processes == 1:
        yield from (play(name, seed, limit) for seed in range(1, seeds + 1) for name in SETTINGS)
        return
    with ProcessPoolExecutor(processes) as workers:
        plays = [
            workers.submit(play, setting, seed, limit)
            for seed in range(1, seeds + 1)
            for setting in SETTINGS
        ]
        for done in as_completed(plays):
            yield done.result()


class Row(NamedTuple):
    """A line of the report: what, from which figure, and how it is written."""

    label: str
    figure: Callable[[Outcome], float]
    form: Callable[[Interval], str]


def days(found: Interval) -> str:
    """Write an interval of days."""
    return f"{found.mean:5.2f} d [{found.low:.2f}, {found.high:.2f}]"


def percent(found: Interval) -> str:
    """Write an interval of shares."""
    return f"{found.mean:5.1%} [{found.low:.1%}, {found.high:.1%}]"


def plain(found: Interval) -> str:
    """Write an interval of numbers."""
    return f"{found.mean:5.1f} [{found.low:.1f}, {found.high:.1f}]"


ROWS = (
    Row("cycle time, mean", lambda one: one.mean, days),
    Row("cycle time, median", lambda one: one.median, days),
    Row("cycle time, 90th percentile", lambda one: one.ninety, days),
    Row("mean of what a person touched", lambda one: one.attended, days),
    Row("claims that no person touched", lambda one: one.untouched, percent),
    Row("work of people per claim, minutes", lambda one: one.minutes, plain),
    Row("losses paid twice", lambda one: one.paid_twice, plain),
)


def report(found: list[Outcome], claims: int) -> str:
    """Return the comparison as text, with what was assumed."""
    before = sorted(one for one in found if one.process == BY_HAND.process)
    after = sorted(one for one in found if one.process == WITH_PROCESS.process)
    lines = [
        "SYNTHETIC: invented claims and modelled people, real engine, virtual clock.",
        f"{claims} claims over 30 days, {len(before)} seeds; mean and 95 % confidence interval.",
        "",
        f"{'':36}{'by hand':28}with the process",
    ]
    for row in ROWS:
        one, other = (row.form(interval(map(row.figure, side))) for side in (before, after))
        lines.append(f"{row.label:36}{one:28}{other}")
    faster = interval(b.mean / a.mean for b, a in zip(before, after, strict=True))
    lines += ["", f"{'times faster, seed by seed':36}{plain(faster)}", "", "Assumed:"]
    lines += [f"  - {text}" for text in assumptions()]
    return "\n".join(lines)


class Comparison(NamedTuple):
    """The report, and the figures that it is made of."""

    text: str
    figures: list[Outcome]


def compare(
    seeds: int,
    processes: int,
    limit: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Comparison:
    """Play the claims for a number of seeds (two or more) and compare."""
    found: list[Outcome] = []
    for one in outcomes(seeds, processes, limit):
        found.append(one)
        progress(len(found), seeds * len(SETTINGS))
    return Comparison(report(found, len(read_claims()[:limit])), sorted(found))
