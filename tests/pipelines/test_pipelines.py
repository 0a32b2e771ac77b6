"""Pipelines: assets made together, once, in order, by durable workflows."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from tenuto import step, workflow
from tenuto.errors import InputError
from tenuto.pipelines import (
    Asset,
    Daily,
    Files,
    Materialization,
    Memory,
    Monthly,
    Partial,
    Pipeline,
    PipelineFailed,
    Static,
    asset,
    backfill,
    check,
    every,
    install,
    last,
    map_partial,
    materialize,
    status,
    to_file,
)
from tenuto.testing.durable import Durable

DAYS = Daily("2024-01-01")
made: list[tuple[str, str]] = []
broken: set[str] = set()
late: list[tuple[str, str, list[str]]] = []


@pytest.fixture(autouse=True)
def _forget() -> None:
    made.clear()
    broken.clear()
    late.clear()


@check
def not_empty(rows: list[int]) -> bool | str:
    """Let no empty list pass."""
    return bool(rows) or "no rows"


@check(blocking=False)
def not_small(total: int) -> bool:
    """Warn of a small total."""
    return total > 1


@asset(partitions=DAYS, checks=[not_empty], retries=1)
def orders(partition: str) -> list[int]:
    """Give the orders of a day: as many as its day of the month."""
    made.append(("orders", partition))
    if "orders" in broken:
        raise ConnectionError("away")
    return [] if "empty" in broken else [1] * int(partition[-2:])


@asset(partitions=DAYS, checks=[not_small], retries=1)
async def total(partition: str, orders: list[int]) -> int:
    """Sum a day up."""
    made.append(("total", partition))
    return sum(orders)


@asset(partitions=DAYS, uses={"totals": last("total", 3)}, retries=1)
def trend(totals: dict[str, int]) -> list[int]:
    """Give the last three days."""
    made.append(("trend", ""))
    return [totals[day] for day in sorted(totals)]


@asset(uses={"totals": every("total")}, retries=1)
def overall(totals: dict[str, int]) -> int:
    """Sum everything up."""
    return sum(totals.values())


ASSETS = [overall, trend, total, orders]


def shop(store: Any = None, **more: Any) -> Pipeline:
    """Return the pipeline of a shop."""
    return Pipeline("shop", ASSETS, store=store or Memory(), **more)


def run(durable: Durable, pipeline: Pipeline, partition: str, **more: Any) -> Any:
    """Make a partition; return its results."""
    durable.know(*pipeline.workflows)

    async def ask(client: Any) -> Any:
        handle = await materialize(client, pipeline, partition, **more)
        return await handle.result()

    return durable.ask(ask)


def test_assets_are_functions() -> None:
    """77: called as what they are."""
    assert orders("2024-01-03") == [1, 1, 1]
    assert trend({"b": 2, "a": 1}) == [1, 2]


def test_assets_are_made_in_order_and_kept(durable: Durable) -> None:
    """Each after those that it uses; values lie in the store, the journal has their digests."""
    pipeline = shop()
    results = run(durable, pipeline, "2024-01-03")

    assert {name: one["status"] for name, one in results.items()} == {
        "orders": "materialized",
        "total": "materialized",
        "overall": "materialized",
        "trend": "materialized",
    }
    head = pipeline.store.head("total", "2024-01-03")
    assert head is not None
    assert pipeline.store.load(head) == 3
    assert results["total"]["digest"] == head.digest


def test_several_partitions_flow_into_one(durable: Durable) -> None:
    """The last three days, and all of them."""
    pipeline = shop()
    for day in ("2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04"):
        run(durable, pipeline, day)

    store = pipeline.store
    assert store.load(store.head("trend", "2024-01-04")) == [2, 3, 4]
    assert store.load(store.head("overall", "all")) == 10


def test_a_partition_is_made_once(durable: Durable) -> None:
    """37: a second start gives the same run."""
    pipeline = shop()
    run(durable, pipeline, "2024-01-03")
    run(durable, pipeline, "2024-01-03")

    assert made.count(("orders", "2024-01-03")) == 1


def test_what_was_made_of_the_same_is_not_made_again(durable: Durable) -> None:
    """By the version of the code and the digests of what it is made of; `force` makes it anew."""
    pipeline = shop()
    run(durable, pipeline, "2024-01-03")
    results = run(durable, pipeline, "2024-01-03", only=["total"])
    assert results["total"]["status"] == "cached"

    results = run(durable, pipeline, "2024-01-03", only=["total"], force=True)
    assert results["total"]["status"] == "materialized"


def test_after_a_failure_only_what_is_left_is_made(durable: Durable) -> None:
    """What needs a failed asset is skipped and says why; the next run makes both."""
    pipeline = shop()
    broken.add("orders")
    with pytest.raises(PipelineFailed, match="orders: ConnectionError: away") as failed:
        run(durable, pipeline, "2024-01-03")
    assert failed.value.results["total"] == {
        "status": "skipped",
        "reason": "not made, since orders was not",
    }
    broken.clear()
    results = run(durable, pipeline, "2024-01-03")
    assert results["total"]["status"] == "materialized"


def test_a_check_that_gates_keeps_a_value_out(durable: Durable) -> None:
    """It is not kept, not retried, and what uses it is not made; a warning only warns."""
    pipeline = shop()
    broken.add("empty")
    with pytest.raises(PipelineFailed, match="check not_empty: no rows"):
        run(durable, pipeline, "2024-01-03")
    assert pipeline.store.head("orders", "2024-01-03") is None
    assert made == [("orders", "2024-01-03")]

    broken.clear()
    results = run(durable, pipeline, "2024-01-01")
    assert results["total"]["warnings"] == ["not_small"]


def test_a_pipeline_outlives_a_crash_after_every_commit(durable: Durable) -> None:
    """1: nothing is lost, whatever was made is kept."""
    anew = [Asset(orders.function, partitions=DAYS, cached=False)]
    anew.append(Asset(total.function, partitions=DAYS, cached=False))
    pipeline = Pipeline("anew", anew, store=Memory())
    durable.know(*pipeline.workflows)
    durable.explore(pipeline.workflow, "2024-01-02")


def test_the_past_is_filled(durable: Durable) -> None:
    """38: start and end included; what is there is left alone; failed ones by themselves."""
    pipeline = shop()
    run(durable, pipeline, "2024-01-02")
    span = ("2024-01-01", "2024-01-04")

    def fill(**more: Any) -> list[str]:
        return durable.ask(lambda client: backfill(client, pipeline, *span, **more))

    assert fill(dry_run=True) == ["2024-01-01", "2024-01-03", "2024-01-04"]
    broken.add("orders")
    assert fill(reverse=True)[0] == "2024-01-04"
    durable.settle()
    broken.clear()
    assert fill(which="failed") == ["2024-01-01", "2024-01-03", "2024-01-04"]
    durable.settle()
    assert fill() == []
    assert len(list(pipeline.store.heads("total"))) == 4
    with pytest.raises(InputError, match="expected one of missing, failed, all"):
        fill(which="some")


def test_of_failed_partitions_each_gets_one_more_run_whoever_asks(durable: Durable) -> None:
    """Behaviour 38: those of the schedule too; who asks again while one runs gets that run."""
    pipeline = shop(schedule="0 3 * * *")
    durable.know(*pipeline.workflows)
    durable.ask(lambda client: install(client, pipeline))
    broken.add("orders")
    durable.advance("2d")
    broken.clear()
    durable.advance("1d")
    failed = sorted({partition for name, partition in made if name == "orders"})[:2]
    span = (
        failed[0],
        pipeline.partition_at(datetime.fromtimestamp(durable.clock.now() / 1000, UTC)),
    )
    made.clear()

    async def ask(client: Any) -> list[list[str]]:
        asked = (backfill(client, pipeline, *span, which="failed") for _ in range(2))
        return list(await asyncio.gather(*asked))

    told = durable.ask(ask)
    durable.settle()

    assert failed in told
    assert [one for one in made if one[0] == "orders"] == [("orders", day) for day in failed]
    again = durable.ask(lambda client: backfill(client, pipeline, *span, which="failed"))
    assert again == []


def test_one_partition_asked_for_many_times_after_a_failure_is_one_run(durable: Durable) -> None:
    """Behaviour 38: also after a second failure."""
    pipeline = shop()
    durable.know(*pipeline.workflows)

    async def ask(client: Any) -> list[str]:
        asked = (materialize(client, pipeline, "2024-01-02") for _ in range(4))
        return [handle.key for handle in await asyncio.gather(*asked)]

    broken.add("orders")
    first = durable.ask(ask)
    durable.settle()
    second = durable.ask(ask)
    durable.settle()
    broken.clear()
    third = durable.ask(ask)
    durable.settle()

    assert [len(set(keys)) for keys in (first, second, third)] == [1, 1, 1]
    assert len({*first, *second, *third}) == 3
    assert [name for name, _ in made].count("orders") == 3


def test_a_schedule_makes_each_day_once(durable: Durable) -> None:
    """37: at its time, the day that is over; also across a restart."""
    pipeline = shop(schedule="0 3 * * *")
    durable.know(*pipeline.workflows)
    durable.ask(lambda client: install(client, pipeline))
    durable.advance("1d")
    durable.restart()
    durable.advance("2d")

    days = [partition for name, partition in made if name == "orders"]
    assert len(days) == 3
    assert len(set(days)) == 3


def test_a_deadline_alerts_once_even_if_nothing_ever_ran(durable: Durable) -> None:
    """At its time, with the partition and what is missing; not when all is there."""
    pipeline = shop(deadline="08:00", on_late=lambda *said: late.append(said))
    durable.know(*pipeline.workflows)
    durable.ask(lambda client: install(client, pipeline))
    durable.advance("1d")
    assert len(late) == 1
    name, partition, missing = late[0]
    assert (name, missing) == ("shop", ["orders", "total", "overall", "trend"])

    now = datetime.fromtimestamp(durable.clock.now() / 1000, UTC)
    today = now.strftime("%Y-%m-%d")
    durable.ask(lambda client: materialize(client, pipeline, today))
    durable.settle()
    durable.advance("1d")
    assert len(late) == 1
    assert partition < today


def test_an_asset_waits_until_its_data_is_there(durable: Durable) -> None:
    """A question that is asked again and again, durably."""
    asked: list[int] = []

    @asset(partitions=DAYS, ready=lambda _, now: asked.append(now) or len(asked) > 3, poll="10m")
    def arrives(partition: str) -> str:
        return partition

    pipeline = Pipeline("waits", [arrives], store=Memory(), clock=durable.clock.now)
    durable.know(*pipeline.workflows)
    durable.ask(lambda client: materialize(client, pipeline, "2024-01-03"))
    durable.settle()
    assert len(asked) == 1
    durable.advance("30m")
    assert pipeline.store.head("arrives", "2024-01-03") is not None
    assert [later - asked[0] for later in asked] == [0, 600_000, 1_200_000, 1_800_000]


def test_how_fresh_an_asset_is(durable: Durable) -> None:
    """Fresh, stale, missing."""

    @asset(partitions=DAYS, freshness="26h")
    def daily(partition: str) -> str:
        return partition

    pipeline = Pipeline("fresh", [daily], store=Memory(), clock=durable.clock.now)

    def state() -> str:
        now = datetime.fromtimestamp(durable.clock.now() / 1000, UTC)
        return status(pipeline, now)[0].status

    assert state() == "missing"
    run(durable, pipeline, "2024-01-03")
    assert state() == "fresh"
    durable.advance("27h")
    assert state() == "stale"


def test_lineage_is_told_as_openlineage_says(durable: Durable, tmp_path: Any) -> None:
    """START and COMPLETE with inputs and outputs, FAIL with the error; a run has one id."""
    pipeline = shop(lineage=to_file(tmp_path / "lineage.ndjson"))
    broken.add("empty")
    with pytest.raises(PipelineFailed):
        run(durable, pipeline, "2024-01-03")
    broken.clear()
    run(durable, pipeline, "2024-01-02")

    events = [json.loads(line) for line in (tmp_path / "lineage.ndjson").read_text().splitlines()]
    failed = events[:2]
    assert [one["eventType"] for one in failed] == ["START", "FAIL"]
    assert "no rows" in failed[1]["run"]["facets"]["errorMessage"]["message"]
    [begun, done] = [one for one in events if one["job"]["name"] == "shop.total"]
    assert (begun["eventType"], done["eventType"]) == ("START", "COMPLETE")
    assert begun["run"]["runId"] == done["run"]["runId"]
    assert [one["name"] for one in done["inputs"]] == ["orders"]
    assert [one["name"] for one in done["outputs"]] == ["total"]
    assert done["run"]["facets"]["tenuto_partition"]["partition"] == "2024-01-02"


def test_values_in_files_outlive_the_process_and_are_checked(
    durable: Durable, tmp_path: Any
) -> None:
    """A value that was changed is refused, with what to do."""
    pipeline = shop(Files(tmp_path))
    run(durable, pipeline, "2024-01-03")
    store = Files(tmp_path)
    head = store.head("orders", "2024-01-03")
    assert head is not None
    assert store.load(head) == [1, 1, 1]
    assert [one.partition for one in store.heads("orders")] == ["2024-01-03"]
    (tmp_path / "values" / f"{head.digest}.bytes").write_bytes(b"j[]")
    with pytest.raises(InputError, match="its file was changed"):
        store.load(head)


@step(retries=1)
async def maybe(number: int) -> int:
    """Refuse every tenth."""
    if number % 10 == 0:
        raise ValueError(f"not {number}")
    return number * 2


@workflow
async def mapped(count: int, allowed: float) -> list[Any]:
    """Map over many, and let some fail."""
    found: Partial = await map_partial(maybe, range(count), limit=7, allowed=allowed)
    return [sum(one or 0 for one in found.results), sorted(item for item, _ in found.failures)]


def test_a_map_over_many_keeps_failures_with_their_items(durable: Durable) -> None:
    """Up to a share; above it the whole fails and shows the first."""
    assert durable.run(mapped, 30, 0.1) == [2 * (sum(range(30)) - 30), [0, 10, 20]]
    with pytest.raises(PipelineFailed, match="at most 1 of 30 items to fail, but 3 did: 0: not 0"):
        durable.run(mapped, 30, 1.0)


def bad(make: Any, message: str) -> None:
    """Expect a refusal that names both ends."""
    with pytest.raises(InputError, match=message):
        make()


def test_assets_that_do_not_fit_are_refused() -> None:
    """Both ends are named."""

    @asset(partitions=Static(["a"]))
    def other(orders: list[int]) -> int:
        return 0

    @asset
    def left(right: int) -> int:
        return right

    @asset
    def right(left: int) -> int:
        return left

    store = Memory()
    bad(lambda: Pipeline("p", [total], store=store), "asset `total`: expected an asset `orders`")
    bad(lambda: Pipeline("p", [orders, other], store=store), "`orders` .*to be its own")
    bad(lambda: Pipeline("p", [left, right], store=store), "left > right > left")
    bad(lambda: Pipeline("p", [orders, orders.__class__(orders.function)], store=store), "got two")
    bad(lambda: Pipeline("p", [orders], store=store, deadline="08:00"), "expected `on_late`")
    bad(lambda: asset(uses={"x": "orders"})(lambda: 0), "none named x")
    bad(lambda: last(total, 0), "at least 1")


def test_a_partition_that_is_none_is_refused(durable: Durable) -> None:
    """With one as it looks."""
    with pytest.raises(PipelineFailed, match="a partition such as 2024-01-01, got 'soon'"):
        run(durable, shop(), "soon")


def test_a_sink_that_is_away_fails_no_asset(durable: Durable) -> None:
    """Data is made; the result of each asset says that nobody was told of it."""

    def away(event: dict[str, Any]) -> None:
        raise ConnectionError("the sink is away")

    pipeline = shop(lineage=away)
    durable.know(*pipeline.workflows)
    handle = durable.ask(lambda client: materialize(client, pipeline, "2024-01-03"))
    durable.settle()
    durable.advance("10m")  # the sink is tried again
    results = durable.ask(lambda _: handle.result())

    assert {one["status"] for one in results.values()} == {"materialized"}
    assert "the sink is away" in results["orders"]["untold"]


@pytest.mark.parametrize("value", [float("nan"), [float("inf")], "\ud800", {"a": (1, 2)}, 2**70])
def test_values_that_json_does_not_have_are_kept_as_they_are(value: Any) -> None:
    """Not a number stays not a number, and does not become nothing."""
    store = Memory()
    digest, size = store.save(value)
    head = Materialization("a", "p", digest, size, "", 0)

    assert repr(store.load(head)) == repr(value)


def test_threads_that_keep_the_same_value_do_not_disturb_each_other(tmp_path: Any) -> None:
    """Two assets may have the same value at the same time."""
    store = Files(tmp_path)
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(store.save, [value for value in range(50) for _ in range(8)]))

    assert len(set(found)) == 50
    assert not list((tmp_path / "values").glob("*.new"))


@pytest.mark.parametrize("text", ["25:99", "ab:cd", "08:00:00", "every day"])
def test_a_deadline_that_is_no_time_is_refused(text: str) -> None:
    """When the pipeline is declared, with what is expected."""
    with pytest.raises(InputError, match="a time of day such as 08:00"):
        shop(deadline=text, on_late=print)


def test_the_last_partitions_of_an_asset_without_any_are_refused() -> None:
    """Both ends are named, with what to use instead."""
    whole = Asset(lambda: 1, name="whole")
    daily = Asset(lambda x: x, name="daily", partitions=DAYS, uses={"x": last("whole", 3)})

    with pytest.raises(InputError, match="`daily`: expected `whole` to have partitions of time"):
        Pipeline("p", [whole, daily], store=Memory())


def test_a_schedule_over_days_and_months_at_once_is_refused() -> None:
    """No one partition would fit both; without a schedule each is made by `only`."""
    days = Asset(lambda: 1, name="days", partitions=DAYS)
    months = Asset(
        lambda x: x, name="months", partitions=Monthly("2024-01-01"), uses={"x": every("days")}
    )

    with pytest.raises(InputError, match="`days` has partitions such as 2024-01-01 and `months`"):
        Pipeline("p", [days, months], store=Memory(), schedule="0 3 * * *")
    assert Pipeline("p", [days, months], store=Memory()).plans == ()
