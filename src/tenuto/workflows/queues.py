"""Queues as code declares them: who may run beside whom, how fast, in which order.

    mail = Queue("mail", concurrency=10, per_key=1, rate="20/s", weights={"gold": 3})

    @workflow(queue=mail, key="order.customer")
    async def fulfil(order: Order) -> Receipt: ...

    @step(queue=mail, key=lambda order: order.customer)
    async def send(order: Order) -> None: ...

What is declared is applied when the program starts, if the declaration has changed; what an
operator changed since stays (`tenuto queue set`).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec import Struct, structs

from tenuto.engine.queue_options import (
    Busy,
    Debounce,
    Duplicates,
    PlaceAsk,
    QueueOptions,
    Rate,
    find_fault,
)
from tenuto.errors import InputError
from tenuto.schedules import parse_fixed

NAME_LENGTH_MAX: Final = 200
CHANGES: Final = frozenset(
    {
        "concurrency",
        "per_key",
        "rate",
        "weights",
        "duplicates",
        "busy",
        "debounce",
        "max_wait",
    }
)
UNITS: Final = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


class Queue:
    """A queue by its name, with what it allows."""

    def __init__(  # noqa: PLR0913  (one parameter for each thing that a queue may say)
        self,
        name: str,
        *,
        concurrency: int | None = None,
        per_key: int | None = None,
        per_worker: int | None = None,
        rate: str | None = None,
        weights: Mapping[str, int] | None = None,
        duplicates: str = Duplicates.REJECT,
        busy: str = Busy.WAIT,
        debounce: str | None = None,
        max_wait: str | None = None,
    ) -> None:
        """Name a queue.

        - `concurrency`, `per_key`, `per_worker`: how many run at once, in all, of one key, and in
          one worker process. A queue with `per_worker` is for steps alone: a workflow that waits
          is in no worker.
        - `rate`: how many begin in a time at most, such as `10/s` or `100/5m`.
        - `weights`: how often the waiting ones of a fairness key get their turn (1 if not named).
        - `duplicates`: `reject`, `return-existing` or `replace` what comes with a dedup id that is
          waiting or running.
        - `busy`: a new one of a key at its limit has to `wait`, or it cancels the running one
          (`cancel-in-progress`), or is canceled (`cancel-newest`).
        - `debounce`: of the calls of one key within this time only the last runs, at the latest
          `max_wait` after the first.

        Raises `InputError` for what cannot be.
        """
        self.name = name
        self.per_worker = per_worker
        self.is_declared = True
        if not name or len(name) > NAME_LENGTH_MAX:
            raise InputError(f"expected a queue name of 1 to {NAME_LENGTH_MAX} characters")
        if per_worker is not None and per_worker < 1:
            raise InputError(f"queue `{name}`: expected per_worker of at least 1, got {per_worker}")
        self.options = queue_options(
            name,
            concurrency=concurrency,
            per_key=per_key,
            rate=rate,
            weights=weights,
            duplicates=duplicates,
            busy=busy,
            debounce=debounce,
            max_wait=max_wait,
        )


def check_whole(workflow: str, queue: Queue) -> None:
    """Raise `InputError` for a queue that a workflow cannot enter."""
    if queue.per_worker is not None:
        raise InputError(
            f"workflow `{workflow}`: expected a queue without per_worker, but `{queue.name}` has "
            f"per_worker={queue.per_worker}, and a workflow that waits is in no worker: limit "
            "workflows with concurrency or per_key, and put the steps that load a worker into "
            "the queue with per_worker"
        )


def known_as(name: str) -> Queue:
    """Return a queue that somebody else declares, by its name."""
    made = Queue(name)
    made.is_declared = False
    return made


def queue_options(  # noqa: PLR0913  (one parameter for each thing that a queue may say)
    name: str,
    *,
    concurrency: int | None = None,
    per_key: int | None = None,
    rate: str | None = None,
    weights: Mapping[str, int] | None = None,
    duplicates: str = Duplicates.REJECT,
    busy: str = Busy.WAIT,
    debounce: str | None = None,
    max_wait: str | None = None,
) -> QueueOptions:
    """Return what a queue allows. Raises `InputError` that names the queue and what is wrong."""
    wait = None
    if debounce is not None:
        longest = None if max_wait is None else milliseconds_of(max_wait)
        wait = Debounce(milliseconds_of(debounce), longest)
    elif max_wait is not None:
        raise InputError(f"queue `{name}`: expected `debounce` beside `max_wait`")
    made = QueueOptions(
        concurrency,
        per_key,
        None if rate is None else _rate(name, rate),
        dict(weights or {}),
        _one_of(Duplicates, name, "duplicates", duplicates),
        _one_of(Busy, name, "busy", busy),
        wait,
    )
    fault = find_fault(made)
    if fault is not None:
        raise InputError(f"queue `{name}`: {fault}")
    return made


def changed_options(name: str, known: QueueOptions, **changes: Any) -> QueueOptions:
    """Return options with some of them changed, given as `Queue` takes them."""
    unknown = set(changes) - CHANGES
    if unknown:
        raise InputError(
            f"queue `{name}`: expected changes among {', '.join(sorted(CHANGES))}, got "
            f"{', '.join(sorted(unknown))}"
        )
    full = queue_options(name, **changes)
    taken = {field for field in changes if field != "max_wait"}
    made = structs.replace(known, **{field: getattr(full, field) for field in taken})
    fault = find_fault(made)
    if fault is not None:
        raise InputError(f"queue `{name}`: {fault}")
    return made


def _rate(name: str, text: str) -> Rate:
    count, _, period = text.partition("/")
    if not count.strip().isdigit() or not period:
        raise InputError(f"queue `{name}`: expected a rate such as 10/s or 100/5m, got {text!r}")
    unit = period.strip()
    return Rate(int(count), UNITS.get(unit) or milliseconds_of(unit))


def _one_of(kind: Any, name: str, what: str, value: str) -> Any:
    try:
        return kind(value)
    except ValueError as error:
        known = ", ".join(kind)
        raise InputError(f"queue `{name}`: expected {what} among {known}, got {value!r}") from error


def milliseconds_of(text: str) -> int:
    """Return the milliseconds of `200ms`, `2s`, `5m`, `1h`, `3d` or `PT2S`.

    Raises `InputError` for what is none.
    """
    number = text.rstrip("msh d")
    unit = text[len(number) :].strip()
    if unit in UNITS and number.replace(".", "", 1).isdigit():
        return int(float(number) * UNITS[unit])
    return parse_fixed(text)


class Place(Struct, frozen=True):
    """How calls of a step or workflow enter a queue.

    `key`, `fairness` and `dedup` are functions of the arguments, or paths such as
    `order.customer`; `delay` is a duration.
    """

    queue: Queue
    key: Any = None
    priority: int = 0
    fairness: Any = None
    dedup: Any = None
    delay: str | None = None

    def ask(self, bound: inspect.BoundArguments) -> PlaceAsk:
        """Return what is said to the queue for a call with these arguments."""
        return PlaceAsk(
            self.queue.name,
            _of(self.key, bound) or "",
            self.priority,
            _of(self.fairness, bound) or "",
            _of(self.dedup, bound),
            0 if self.delay is None else milliseconds_of(self.delay),
        )

    def rule(self) -> dict[str, Any]:
        """Return what holds for starts that know nothing of the code: paths, no functions."""
        rules = {"key": self.key, "fairness": self.fairness, "dedup_id": self.dedup}
        paths = {name: rule for name, rule in rules.items() if isinstance(rule, str)}
        delay_ms = 0 if self.delay is None else milliseconds_of(self.delay)
        return {"queue": self.queue.name, "priority": self.priority, "delay_ms": delay_ms, **paths}


def _of(rule: Callable[..., Any] | str | None, bound: inspect.BoundArguments) -> str | None:
    if rule is None:
        return None
    if callable(rule):
        found = rule(*bound.args, **bound.kwargs)
    else:
        first, *rest = rule.split(".")
        found = bound.arguments.get(first)
        for name in rest:
            found = found.get(name) if isinstance(found, Mapping) else getattr(found, name, None)
    return None if found is None else str(found)


def constant(value: str | None) -> Callable[..., str] | None:
    """Return the rule that gives a value whatever the arguments are."""
    return None if value is None else lambda *_, **__: value


def place_of(options: Mapping[str, Any]) -> Place | None:
    """Return how calls enter a queue, from the options of a decorator."""
    queue = options.get("queue")
    others = [name for name in ("key", "fairness", "dedup", "delay") if options.get(name)]
    if queue is None:
        if others or options.get("priority"):
            raise InputError(f"expected `queue` beside {', '.join(others) or 'priority'}")
        return None
    made = known_as(queue) if isinstance(queue, str) else queue
    if not isinstance(made, Queue):
        raise InputError(f"expected `queue` to be a Queue or its name, got {queue!r}")
    return Place(
        made,
        options.get("key"),
        int(options.get("priority") or 0),
        options.get("fairness"),
        options.get("dedup"),
        options.get("delay"),
    )
