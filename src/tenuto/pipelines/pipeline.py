"""Pipelines: assets that are made together, partition by partition, as durable workflows."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, TypeVar

from msgspec import structs

from tenuto import schedules, wf
from tenuto.errors import InputError, TenutoError
from tenuto.pipelines import lineage as told
from tenuto.pipelines.assets import Asset, CheckFailed, are_alike, in_order
from tenuto.pipelines.partitions import ALL, TimePartitions, Whole
from tenuto.pipelines.stores import Materialization, ValueStore
from tenuto.runtime.clock import SystemClock
from tenuto.workflows.context import step_context
from tenuto.workflows.define import Bundle, Retry, Step, StepOptions, Workflow, WorkflowOptions

T = TypeVar("T")

MATERIALIZED: Final = "materialized"
CACHED: Final = "cached"
FAILED: Final = "failed"
SKIPPED: Final = "skipped"
LIMIT: Final = 10
CLOCK: Final = SystemClock()
TIME_OF_DAY: Final = re.compile(r"(\d{1,2}):(\d{2})")
Late = Callable[[str, str, list[str]], Any]


class PipelineFailed(TenutoError):
    """Some assets were not made; `results` tells of each what became of it."""

    def __init__(self, message: str, results: dict[str, Any] | None = None) -> None:
        """Say which, and keep the results of all."""
        super().__init__(message, results)
        self.results = results or {}

    def __str__(self) -> str:
        """Return the message."""
        return str(self.args[0])


class Plan(NamedTuple):
    """A schedule that belongs to a pipeline: its name, what it starts, and when."""

    name: str
    workflow: str
    cron: str
    tz: str


class Pipeline(Bundle):
    """Assets, where their values are kept, and when they are made.

    It brings workflows: `pipeline-NAME` makes the assets of a partition, `pipeline-NAME-deadline`
    looks whether they were made in time.
    """

    def __init__(  # noqa: PLR0913  (one parameter for each thing that a pipeline may say)
        self,
        name: str,
        assets: Sequence[Asset[Any, Any]],
        *,
        store: ValueStore,
        limit: int = LIMIT,
        schedule: str | None = None,
        deadline: str | None = None,
        on_late: Late | None = None,
        lineage: told.Sink | None = None,
        namespace: str = "tenuto",
        clock: Callable[[], int] = CLOCK.now,
    ) -> None:
        """Name a pipeline.

        `schedule` is a cron text at which the last partition that is over is made; `deadline` a
        time of day (`08:00`) or cron text at which `on_late(pipeline, partition, assets)` is told
        what is missing, also when nothing ever ran. `clock` gives Unix milliseconds. Raises
        `InputError` for assets that do not fit.
        """
        self.name = name
        self.assets = in_order(assets)
        self.store = store
        self.limit = limit
        self.lineage = lineage
        self.namespace = namespace
        self.on_late = on_late
        self.clock = clock
        self.parts = self._partitions()
        self._steps = {one.name: self._step(one) for one in self.assets}
        self._ready = {
            one.name: _ready_step(one, clock) for one in self.assets if one.ready is not None
        }
        self.workflow: Workflow[Any, Any] = Workflow(
            self._run(), f"pipeline-{name}", WorkflowOptions(id=_id_of(name))
        )
        self._look: Step[Any, Any] = Step(self.missing, f"{name}-look", StepOptions())
        self._alert: Step[Any, Any] = Step(self._tell_late, f"{name}-alert", StepOptions())
        self._told: Step[Any, Any] = Step(self._tell_lineage, f"{name}-lineage", StepOptions())
        self.watch: Workflow[Any, Any] = Workflow(
            self._watching(), f"pipeline-{name}-deadline", WorkflowOptions()
        )
        self.plans = self._plans(schedule, deadline)
        self.workflows = (self.workflow, self.watch)

    def _partitions(self) -> Any:
        parted = [one.partitions for one in self.assets if not isinstance(one.partitions, Whole)]
        return parted[-1] if parted else Whole()

    def _plans(self, schedule: str | None, deadline: str | None) -> tuple[Plan, ...]:
        found = []
        for what, text, workflow in (
            ("schedule", schedule, self.workflow),
            ("deadline", deadline, self.watch),
        ):
            if text is None:
                continue
            if not isinstance(self.parts, TimePartitions):
                raise InputError(
                    f"pipeline `{self.name}`: expected assets with partitions of time for its "
                    f"{what}, got {self.parts}"
                )
            self._check_alike(what)
            zone = str(self.parts.zone)
            found.append(Plan(workflow.name, workflow.name, self._cron(what, text, zone), zone))
        if deadline is not None and self.on_late is None:
            raise InputError(f"pipeline `{self.name}`: expected `on_late` beside its deadline")
        return tuple(found)

    def _check_alike(self, what: str) -> None:
        """Refuse assets of which no single partition could be made at the time of a plan."""
        for one in self.assets:
            if not isinstance(one.partitions, Whole) and not are_alike(one.partitions, self.parts):
                raise InputError(
                    f"pipeline `{self.name}`: expected all assets to be parted alike for its "
                    f"{what}, but `{one.name}` has partitions such as {one.partitions} and "
                    f"`{self.assets[-1].name}` such as {self.parts}; make two pipelines, or plan "
                    "each with `only`"
                )

    def _cron(self, what: str, text: str, zone: str) -> str:
        """Return the cron text of a time of day, or of one."""
        clock = TIME_OF_DAY.fullmatch(text)
        cron = text if clock is None else f"{int(clock[2])} {int(clock[1])} * * *"
        try:
            schedules.read_schedule({"cron": [cron], "tz": zone})
        except InputError as error:
            raise InputError(
                f"pipeline `{self.name}`: expected a time of day such as 08:00 or a cron text as "
                f"its {what}, got {text!r}: {error}"
            ) from error
        return cron

    def partition_at(self, moment: datetime) -> str:
        """Return the last partition that is over at a moment. Raises `InputError` before that."""
        if not isinstance(self.parts, TimePartitions):
            return ALL
        found = self.parts.latest(moment)
        if found is None:
            raise InputError(
                f"pipeline `{self.name}`: expected a partition that is over at {moment}, but there "
                f"is none; the first is {self.parts}"
            )
        return found

    # --- making

    def _run(self) -> Callable[..., Any]:
        async def run(
            partition: str = "",
            only: list[str] = [],  # noqa: B006  (it is read, never changed)
            force: bool = False,  # noqa: FBT001, FBT002  (an argument of a workflow)
            scheduled_at: datetime | None = None,
        ) -> dict[str, Any]:
            """Make the assets of a partition, each after those that it uses."""
            moment = scheduled_at or wf.now()
            key = partition or self.partition_at(moment)
            return await self._make_all(key, only, force=force)

        return run

    async def _make_all(self, key: str, only: list[str], *, force: bool) -> dict[str, Any]:
        chosen = [one for one in self.assets if not only or one.name in only]
        unknown = set(only) - {one.name for one in self.assets}
        if unknown:
            raise InputError(f"pipeline `{self.name}` has no asset {', '.join(sorted(unknown))}")
        results: dict[str, Any] = {}
        room = asyncio.Semaphore(self.limit)
        tasks: dict[str, asyncio.Task[None]] = {}

        async def make(one: Asset[Any, Any]) -> None:
            before = [use.asset for use in one.uses.values() if use.asset in tasks]
            for name in before:
                await asyncio.wait([tasks[name]])
            bad = [name for name in before if results[name]["status"] in {FAILED, SKIPPED}]
            if bad:
                reason = f"not made, since {', '.join(bad)} was not"
                results[one.name] = {"status": SKIPPED, "reason": reason}
                return
            began = _now()
            try:
                await self._until_ready(one, key)
                async with room:
                    began = _now()
                    step = self._steps[one.name]
                    results[one.name] = await step.call(self._key_of(one, key), force)
            except Exception as error:  # noqa: BLE001  (what an asset raises is its result)
                reason = f"{type(error).__name__}: {error}"[:1_000]
                results[one.name] = {"status": FAILED, "reason": reason}
            await self._tell(one, key, began, results[one.name])

        for one in chosen:
            tasks[one.name] = asyncio.ensure_future(make(one))
        await asyncio.gather(*tasks.values())
        ordered = {one.name: results[one.name] for one in chosen}
        failed = [name for name, one in ordered.items() if one["status"] == FAILED]
        if failed:
            reasons = "; ".join(f"{name}: {ordered[name]['reason']}" for name in failed)
            raise PipelineFailed(f"partition {key}: {reasons}", ordered)
        return ordered

    async def _tell(
        self, one: Asset[Any, Any], key: str, began: int, result: dict[str, Any]
    ) -> None:
        """Tell of what was made or failed. A sink that is away fails no asset: its result says that
        nobody was told.
        """
        if self.lineage is None or result["status"] == CACHED:
            return
        said = self._told.call(
            one.name, self._key_of(one, key), [began, _now()], result.get("reason", "")
        )
        untold: Any = (await asyncio.gather(said, return_exceptions=True))[0]
        if untold is not None:
            result["untold"] = f"{type(untold).__name__}: {untold}"[:1_000]

    def _tell_lineage(self, name: str, partition: str, times: list[int], error: str) -> None:
        """Tell that a run began and how it ended."""
        assert self.lineage is not None, "there is somebody who is told"
        one = next(one for one in self.assets if one.name == name)
        end = "FAIL" if error else "COMPLETE"
        for kind, at, why in (("START", times[0], ""), (end, times[1], error)):
            event = told.run_event(
                kind,
                run=step_context().idempotency_key,
                namespace=self.namespace,
                job=f"{self.name}.{name}",
                inputs=[use.asset for use in one.uses.values()],
                outputs=[name],
                partition=partition,
                at=at,
                error=why,
            )
            self.lineage(event)

    async def _until_ready(self, one: Asset[Any, Any], key: str) -> None:
        ready = self._ready.get(one.name)
        while ready is not None:
            if await ready.call(self._key_of(one, key)):
                return
            await wf.sleep(one.poll)

    def _key_of(self, one: Asset[Any, Any], key: str) -> str:
        return ALL if isinstance(one.partitions, Whole) else key

    def _step(self, one: Asset[Any, Any]) -> Step[Any, Any]:
        options = StepOptions(retries=_never_for_checks(one.retries), timeout=one.timeout)
        if one.is_async:

            async def make(partition: str, force: bool) -> dict[str, Any]:  # noqa: FBT001
                """Make the value of a partition, unless it is known."""
                making = _Making(self, one, partition)
                known = making.known(force=force)
                if known is not None:
                    return known
                return making.keep(await one.function(**making.arguments))

            return Step(make, one.name, options)

        def make_here(partition: str, force: bool) -> dict[str, Any]:  # noqa: FBT001
            """Make the value of a partition, unless it is known."""
            making = _Making(self, one, partition)
            known = making.known(force=force)
            if known is not None:
                return known
            return making.keep(one.function(**making.arguments))

        return Step(make_here, one.name, options)

    # --- watching

    def _watching(self) -> Callable[..., Any]:
        async def watch(scheduled_at: datetime | None = None) -> list[str]:
            """Tell once what was not made in time."""
            key = self.partition_at(scheduled_at or wf.now())
            missing: list[str] = await self._look.call(key)
            if missing:
                await self._alert.call(key, missing)
            return missing

        return watch

    def missing(self, partition: str) -> list[str]:
        """Return the assets that have no value for a partition."""
        return [
            one.name
            for one in self.assets
            if self.store.head(one.name, self._key_of(one, partition)) is None
        ]

    def _tell_late(self, partition: str, assets: list[str]) -> None:
        """Tell whoever is to know what is late."""
        assert self.on_late is not None, "a deadline has somebody who is told"
        self.on_late(self.name, partition, assets)


class _Making:
    """One attempt to make a value: what it is made of, and what is told of it."""

    def __init__(self, pipeline: Pipeline, one: Asset[Any, Any], partition: str) -> None:
        self._pipeline = pipeline
        self._asset = one
        self._partition = partition
        one.partitions.check(partition, one.name)
        self._used = {
            name: self._heads(use.asset, use.which, use.count) for name, use in one.uses.items()
        }
        self._cache_key = self._digest()
        self.arguments: dict[str, Any] = {}

    def _heads(self, name: str, which: str, count: int) -> list[Materialization]:
        store, key = self._pipeline.store, self._partition
        if which == "every":
            return list(store.heads(name))
        if which == "last":
            parts = self._asset.partitions
            assert isinstance(parts, TimePartitions), "it was checked when it was declared"
            heads = (store.head(name, one) for one in parts.before(key, count))
            return [head for head in heads if head is not None]
        other = next(one for one in self._pipeline.assets if one.name == name)
        wanted = self._pipeline._key_of(other, key)
        head = store.head(name, wanted)
        if head is None:
            raise InputError(
                f"asset `{self._asset.name}`: expected partition {wanted} of `{name}` to be "
                "materialized, but it is not; materialize it first"
            )
        return [head]

    def _digest(self) -> str:
        parts = {
            name: [(head.partition, head.digest) for head in heads]
            for name, heads in self._used.items()
        }
        made_of = json.dumps([self._asset.version, self._partition, parts], sort_keys=True)
        return hashlib.sha256(made_of.encode()).hexdigest()

    def known(self, *, force: bool) -> dict[str, Any] | None:
        """Return what is said of a value that need not be made; else load what it is made of."""
        head = self._pipeline.store.head(self._asset.name, self._partition)
        if self._asset.cached and not force and head and head.cache_key == self._cache_key:
            return {"status": CACHED, "digest": head.digest, "size": head.size}
        store = self._pipeline.store
        for name, use in self._asset.uses.items():
            heads = self._used[name]
            if use.which == "same":
                self.arguments[name] = store.load(heads[0])
            else:
                self.arguments[name] = {head.partition: store.load(head) for head in heads}
        if self._asset.wants_partition:
            self.arguments["partition"] = self._partition
        return None

    def keep(self, value: Any) -> dict[str, Any]:
        """Check a value and keep it."""
        warnings = []
        for one in self._asset.checks:
            wrong = one(value)
            if wrong is None:
                continue
            if one.blocking:
                raise CheckFailed(f"asset `{self._asset.name}`: check {wrong}")
            warnings.append(wrong)
        store = self._pipeline.store
        digest, size = store.save(value)
        store.commit(
            Materialization(
                self._asset.name,
                self._partition,
                digest,
                size,
                self._cache_key,
                self._pipeline.clock(),
                tuple(warnings),
            )
        )
        made: dict[str, Any] = {"status": MATERIALIZED, "digest": digest, "size": size}
        return {**made, "warnings": warnings} if warnings else made


def _ready_step(one: Asset[Any, Any], clock: Callable[[], int]) -> Step[Any, Any]:
    assert one.ready is not None, "there is something to be asked"
    asked = one.ready

    def ready(partition: str) -> bool:
        """Tell whether the data of a partition is there."""
        return bool(asked(partition, clock()))

    return Step(ready, f"{one.name}-ready", StepOptions(retries=one.retries))


def _never_for_checks(retries: Retry) -> Retry:
    return structs.replace(retries, never=(*retries.never, CheckFailed))


def _id_of(name: str) -> Callable[..., str]:
    def id_of(partition: str = "", **_: Any) -> str:
        """Return what an instance is known by: a partition is made once under it."""
        return f"{name}/{partition}"

    return id_of


class Partial(NamedTuple):
    """Results in order (None where there is none), and the failures with their items."""

    results: list[Any]
    failures: list[tuple[Any, BaseException]]


async def map_partial(
    call: Callable[[Any], Awaitable[T]],
    items: Iterable[Any],
    *,
    limit: int = 100,
    allowed: float = 0.0,
) -> Partial:
    """Call for each item, at most `limit` at once; keep failures, as long as no more than `allowed`
    of all fail (a share below 1, or a number). In a workflow.

    Raises `PipelineFailed` with the first failures when more do.
    """
    wanted = list(items)
    results: list[Any] = [None] * len(wanted)
    failures: list[tuple[Any, BaseException]] = []

    async def one(place: int) -> None:
        try:
            results[place] = await call(wanted[place])
        except Exception as error:  # noqa: BLE001  (what an item raises is kept with it)
            failures.append((wanted[place], error))

    await wf.map_each(one, range(len(wanted)), limit=limit)
    most = allowed * len(wanted) if allowed < 1 else allowed
    if len(failures) > most:
        shown = "; ".join(f"{item!r}: {error}" for item, error in failures[:5])
        raise PipelineFailed(
            f"expected at most {most:g} of {len(wanted)} items to fail, but {len(failures)} did: "
            f"{shown}"
        )
    return Partial(results, failures)


def _now() -> int:
    """Return the time of the workflow in Unix milliseconds."""
    return int(wf.now().timestamp() * 1000)


def utc(milliseconds: int) -> datetime:
    """Return a moment of Unix milliseconds."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
