"""Plays people against the engine: what waits becomes work, and work done becomes a command.

The engine is the real one, in memory, on a virtual clock. Between two moments of this play its own
timers fire at their time.
"""

from __future__ import annotations

import heapq
import json
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any

from examples.claims import handlers
from examples.claims.arrivals import HERE
from examples.claims.people import (
    MISDIRECTED,
    Claim,
    Service,
    Setting,
    department,
    review_service,
    route,
)
from examples.claims.staffing import DAY, Pool, Work, minutes_of
from tenuto.client.requests import encode_variables
from tenuto.engine.commands import CompleteUserTask
from tenuto.engine.rows import InstanceRow, SubscriptionRow, UserTaskRow
from tenuto.runtime.requests import Request
from tenuto.store.memory import MemoryStore
from tenuto.store.port import Batch
from tenuto.testing import Scenario
from tenuto.worker.handlers import handlers_of

BEGIN = "2026-03-02T00:00:00Z"


class WatchedStore(MemoryStore):
    """A store that remembers which rows its commits wrote since somebody looked."""

    def __init__(self) -> None:
        """Begin with nothing written."""
        super().__init__()
        self._written: list[Any] = []

    def commit(self, batch: Batch) -> None:
        """Write a batch and remember its tasks, subscriptions and instances."""
        super().commit(batch)
        for table in ("user_task", "subscription", "instance"):
            self._written.extend(batch.puts.get(table, ()))

    def take_written(self) -> list[Any]:
        """Return what was written, once."""
        written, self._written = self._written, []
        return written


class Play:
    """One process, one seed, some claims."""

    def __init__(self, setting: Setting, seed: int) -> None:
        """Deploy the models of a setting and let its people come to work."""
        self.setting = setting
        self.seed = seed
        self.store = WatchedStore()
        self.scenario = Scenario(start=BEGIN, store=self.store, handlers=handlers_of(handlers))
        self.scenario.deploy(*(HERE / name for name in setting.models))
        self.pools: dict[str, Pool] = setting.pools(seed)
        self.times: dict[str, tuple[int, int]] = {}
        self.touched: set[str] = set()
        self.paid: list[str] = []
        self.second_reports: dict[str, str] = {}
        self._claims: dict[str, Claim] = {}
        self._names: dict[int, str] = {}
        self._visits: Counter[tuple[int, str]] = Counter()
        self._seen: set[tuple[type, int, int]] = set()
        self._moments: list[tuple[int, int, Callable[[], None]]] = []
        self._order = count()

    def run(self, claims: Sequence[Claim]) -> None:
        """Report the claims at their times and play until all of them have ended."""
        self._claims = {claim["claimId"]: claim for claim in claims}
        self.second_reports = second_reports(claims)
        for claim in claims:
            at = round(claim["reportedAt"].timestamp() * 1000)
            self._later(at, lambda claim=claim: self._report(claim))
        while len(self.times) < len(claims):
            due = self.scenario.next_due()
            if self._moments and (due is None or self._moments[0][0] <= due):
                at, _, act = heapq.heappop(self._moments)
                self.scenario.advance_to(max(at, self.now))
                act()
            else:
                assert due is not None, "a claim that has not ended waits for something"
                self.scenario.advance_to(max(due, self.now))
            self._take_written()

    @property
    def now(self) -> int:
        """Return the virtual time."""
        return self.scenario.clock.now()

    def _later(self, at: int, act: Callable[[], None]) -> None:
        heapq.heappush(self._moments, (at, next(self._order), act))

    def _report(self, claim: Claim) -> None:
        case = self.scenario.start_with(self.setting.process, claim)
        self._names[case.key] = claim["claimId"]

    def _take_written(self) -> None:
        """Turn new tasks into work, new subscriptions into replies, and note what has ended."""
        for row in self.store.take_written():
            if isinstance(row, InstanceRow):
                if row.ended_at is not None and row.business_key is not None:
                    self.times[row.business_key] = (row.started_at, row.ended_at)
            elif isinstance(row, UserTaskRow):
                self._new_task(row)
            elif isinstance(row, SubscriptionRow):
                self._new_subscription(row)

    # --- documents

    def _new_subscription(self, row: SubscriptionRow) -> None:
        claim = row.correlation_key
        if claim not in self._claims or not self._is_new(row.instance, row.subscription, row):
            return
        chance = self._chance(claim, "documents")
        days = minutes_of(chance, self.setting.document_days, 0.6)
        name = row.name
        self._later(self.now + round(days * DAY), lambda: self._send_documents(name, claim))

    def _send_documents(self, name: str, claim: str) -> None:
        self.scenario.publish(name, claim)

    # --- tasks

    def _new_task(self, row: UserTaskRow) -> None:
        if not self._is_new(row.instance, row.element, row):
            return
        visits = self._visits[(row.instance, row.element_id)] + 1
        self._visits[(row.instance, row.element_id)] = visits
        at = self.setting.seen_at(row.element_id, self.now)
        self._later(at, lambda: self._arrive(row, visits))

    def _arrive(self, row: UserTaskRow, visits: int) -> None:
        (group,) = json.loads(row.candidate_groups)
        pool = self.pools[department(group)]
        name = self._name_of(row)
        chance = self._chance(name, f"{row.element_id}:{visits}")
        service = self._service(row.element_id, self._claims[name], group)
        minutes = minutes_of(chance, service.mean, service.variation)
        state = {"visits": visits, "group": group, "same_loss": name in self.second_reports}
        variables = self.setting.answer(row.element_id, self._claims[name], state, chance)
        self.touched.add(name)
        self._begin(pool, pool.arrive((row, variables), minutes, self.now))

    def _service(self, element: str, claim: Claim, group: str) -> Service:
        """Return how long a task takes; who gets a claim by mistake sees it soon."""
        if element != "review":
            return self.setting.services[element]
        if department(group) != department(route(claim)["team"]):
            return MISDIRECTED
        return review_service(claim)

    def _begin(self, pool: Pool, begun: list[Work]) -> None:
        for work in begun:
            self._later(work.done_at, lambda work=work: self._done(pool, work))

    def _done(self, pool: Pool, work: Work) -> None:
        row, variables = work.task
        if row.element_id == "pay":
            self.paid.append(self._name_of(row))
        command = CompleteUserTask(row.element, encode_variables(variables))
        self.scenario.ask(Request(row.instance, command))
        self._begin(pool, pool.release(work.person, self.now))

    # ---

    def _is_new(self, instance: int, number: int, row: object) -> bool:
        """Tell whether a row is seen first; rows are written again when they change."""
        name = (type(row), instance, number)
        is_new = name not in self._seen
        self._seen.add(name)
        return is_new

    def _name_of(self, row: UserTaskRow) -> str:
        return self._names[row.instance]

    def _chance(self, claim: str, purpose: str) -> random.Random:
        return random.Random(f"{self.seed}:{claim}:{purpose}")


def second_reports(claims: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return which claims report a loss again, with the first report of it."""
    first: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    found = {}
    for claim in claims:
        loss = (claim["policy"], claim["lossDate"], claim["kind"])
        earlier = first.setdefault(loss, claim)
        larger = max(claim["amount"], earlier["amount"])
        if earlier is not claim and abs(claim["amount"] - earlier["amount"]) * 20 <= larger:
            found[claim["claimId"]] = earlier["claimId"]
    return found
