"""What a queue may be told: its limits, weights and policies. All of it may change while it works.

Times are milliseconds.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct, field

WAITING_MAX = 100_000
RATE_COUNT_MAX = 10_000
WEIGHT_MAX = 1_000


class Duplicates(StrEnum):
    """What becomes of an entry whose dedup id a live entry has."""

    REJECT = "reject"
    RETURN_EXISTING = "return-existing"
    REPLACE = "replace"


class Busy(StrEnum):
    """What an entry does whose key has as many live entries as may run."""

    WAIT = "wait"
    CANCEL_IN_PROGRESS = "cancel-in-progress"
    CANCEL_NEWEST = "cancel-newest"


class Rate(Struct, frozen=True, array_like=True, gc=False):
    """At most `count` entries begin in any `period_ms`."""

    count: int
    period_ms: int


class Debounce(Struct, frozen=True, array_like=True, gc=False):
    """Of the entries of one key only the last runs, `delay_ms` after it came and at the latest
    `max_wait_ms` after the first.
    """

    delay_ms: int
    max_wait_ms: int | None = None


class PlaceAsk(Struct, frozen=True, array_like=True, gc=False):
    """How something enters a queue: see `EnterQueue`. `delay_ms` is from now on."""

    queue: str
    key: str = ""
    priority: int = 0
    fairness: str = ""
    dedup_id: str | None = None
    delay_ms: int = 0


class QueueOptions(Struct, frozen=True, array_like=True):
    """Limits (None: no limit), weights of fairness keys (1 if not named), and policies."""

    concurrency: int | None = None
    per_key: int | None = None
    rate: Rate | None = None
    weights: dict[str, int] = field(default_factory=dict)
    duplicates: Duplicates = Duplicates.REJECT
    busy: Busy = Busy.WAIT
    debounce: Debounce | None = None

    @property
    def key_limit(self) -> int | None:
        """Return how many entries of one key may run; to cancel by key means one if not given."""
        if self.per_key is None and self.busy is not Busy.WAIT:
            return 1
        return self.per_key

    def weight(self, fairness: str) -> int:
        """Return the weight of a fairness key."""
        return self.weights.get(fairness, 1)


def find_fault(options: QueueOptions) -> str | None:
    """Return what is wrong with options, in words that say how to mend it."""
    numbers = {"concurrency": options.concurrency, "per_key": options.per_key}
    for name, limit in numbers.items():
        if limit is not None and limit < 1:
            return f"expected {name} of at least 1, got {limit}; pause the queue to let nothing run"
    rate = options.rate
    if rate is not None and not (1 <= rate.count <= RATE_COUNT_MAX and rate.period_ms >= 1):
        return (
            f"expected a rate of 1 to {RATE_COUNT_MAX} in a period of at least 1 ms, got "
            f"{rate.count} in {rate.period_ms} ms; say a shorter period for more"
        )
    for fairness, weight in options.weights.items():
        if not 1 <= weight <= WEIGHT_MAX:
            return f"expected a weight of 1 to {WEIGHT_MAX} for `{fairness}`, got {weight}"
    debounce = options.debounce
    if debounce is not None:
        longest = debounce.max_wait_ms
        if debounce.delay_ms < 1:
            return f"expected a debounce of at least 1 ms, got {debounce.delay_ms}"
        if longest is not None and longest < debounce.delay_ms:
            return (
                f"expected to wait at most the debounce of {debounce.delay_ms} ms or longer, got "
                f"{longest} ms"
            )
    return None
