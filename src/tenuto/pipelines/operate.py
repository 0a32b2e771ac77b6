"""What one does with pipelines: put their schedules, make partitions, fill the past, look."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from tenuto.client.schedules import PlanRequest, failed_ticks
from tenuto.errors import InputError
from tenuto.pipelines.partitions import TimePartitions
from tenuto.pipelines.pipeline import FAILED, SKIPPED, Pipeline, PipelineFailed, utc
from tenuto.store.port import InstanceQuery

if TYPE_CHECKING:
    from tenuto.client.client import Client
    from tenuto.client.handle import Handle

WHICH: Final = ("missing", "failed", "all")
FRESH, STALE, MISSING = "fresh", "stale", "missing"


class AssetStatus(Struct, frozen=True):
    """How an asset is: fresh, stale or missing; its last partition and when that was made."""

    pipeline: str
    asset: str
    status: str
    partition: str | None
    made_at: datetime | None
    warnings: tuple[str, ...] = ()


async def install(client: Client, *pipelines: Pipeline) -> None:
    """Put the schedules of pipelines; one that is there already is changed if it differs."""
    for pipeline in pipelines:
        for plan in pipeline.plans:
            form = {"cron": [plan.cron], "tz": plan.tz}
            request = PlanRequest(plan.workflow, form, overlap="allow", catch_up="all")
            await client.put_schedule(plan.name, request)


async def materialize(
    client: Client,
    pipeline: Pipeline,
    partition: str,
    *,
    only: Sequence[str] = (),
    force: bool = False,
) -> Handle[dict[str, Any]]:
    """Make a partition, once: a second start gives the same run. After a failure another run makes
    what is left. With `only` or `force` it is made in a run of its own.
    """
    if only or force:
        return await client.begin(pipeline.workflow.options(id=None), partition, list(only), force)
    left: list[str] = []
    for id in _ids(pipeline, partition):
        handle = await client.begin(pipeline.workflow.options(id=id), partition, left)
        if handle.is_new or await handle.status() != "failed":
            return handle
        left = await _left(handle)
    raise AssertionError("there is always another id")


def _ids(pipeline: Pipeline, partition: str) -> Iterator[str]:
    """Return the ids of a partition's first run and of those after failures, so that whoever asks
    for the same one gets the same run.
    """
    first = pipeline.workflow.id_of(partition=partition) or partition
    yield first
    for number in itertools.count(2):
        yield f"{first}#{number}"


async def _left(handle: Handle[dict[str, Any]]) -> list[str]:
    """Return the assets that a failed run did not make."""
    try:
        await handle.result()
    except PipelineFailed as failed:
        return [name for name, one in failed.results.items() if one["status"] in {FAILED, SKIPPED}]
    except Exception:  # noqa: BLE001  (it failed as a whole: everything is made again)
        return []
    return []


async def backfill(  # noqa: PLR0913  (one for each thing that a backfill may say)
    client: Client,
    pipeline: Pipeline,
    first: str,
    last: str,
    *,
    which: str = "missing",
    reverse: bool = False,
    dry_run: bool = False,
) -> list[str]:
    """Make the partitions from one to another, both included; return their keys.

    `which` are those that are `missing` some asset, those whose last run `failed`, by hand or by
    the schedule, or `all` (made again by force). Raises `InputError` for partitions that are
    not of time.
    """
    if which not in WHICH:
        raise InputError(f"expected one of {', '.join(WHICH)}, got {which!r}")
    parts = pipeline.parts
    if not isinstance(parts, TimePartitions):
        raise InputError(f"pipeline `{pipeline.name}`: expected partitions of time, got {parts}")
    keys = parts.range(first, last)
    if which != "all":
        keys = [key for key in keys if pipeline.missing(key)]
    if which == "failed":
        by_schedule = _failed_by_schedule(client, pipeline)
        keys = [key for key in keys if _has_failed(client, pipeline, key, by_schedule)]
    if reverse:
        keys.reverse()
    if not dry_run:
        for key in keys:
            await materialize(client, pipeline, key, force=which == "all")
    return keys


def _has_failed(client: Client, pipeline: Pipeline, key: str, by_schedule: set[str]) -> bool:
    """Tell how the last run of a partition went. Runs that are asked for follow a schedule's."""
    last: str | None = None
    for id in _ids(pipeline, key):
        query = InstanceQuery(process=pipeline.workflow.name, business_key=id, limit=1)
        found = client.read.instances(query)
        if not found:
            break
        last = found[0].status
    return key in by_schedule if last is None else last == "failed"


def _failed_by_schedule(client: Client, pipeline: Pipeline) -> set[str]:
    """Return the partitions whose run a schedule started and that failed."""
    return {
        pipeline.partition_at(datetime.fromtimestamp(tick / 1000, tz=UTC))
        for plan in pipeline.plans
        if plan.workflow == pipeline.workflow.name
        for tick in failed_ticks(client.read, plan.name)
    }


def status(pipeline: Pipeline, now: datetime) -> list[AssetStatus]:
    """Return how each asset of a pipeline is at a moment."""
    found = []
    for one in pipeline.assets:
        heads = list(pipeline.store.heads(one.name))
        if not heads:
            found.append(AssetStatus(pipeline.name, one.name, MISSING, None, None))
            continue
        head = heads[-1]
        made_at = utc(head.at)
        is_old = one.freshness is not None and now - made_at > timedelta(seconds=one.freshness)
        found.append(
            AssetStatus(
                pipeline.name,
                one.name,
                STALE if is_old else FRESH,
                head.partition,
                made_at,
                head.checks,
            )
        )
    return found


__all__ = ["AssetStatus", "backfill", "install", "materialize", "status"]
