"""Pruning: deleting instances that ended long ago, a page at a time, and steadily."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple, TypeVar

import structlog
from msgspec import Meta, Struct

from tenuto.client.asking import on_corridor
from tenuto.client.views import moment
from tenuto.errors import InputError, TenutoError
from tenuto.runtime import retention
from tenuto.workflows.define import seconds_of

if TYPE_CHECKING:
    from tenuto.client.reading import Reading
    from tenuto.engine.rejections import Rejection
    from tenuto.runtime.loop import Corridor
    from tenuto.runtime.node import Node

R = TypeVar("R")
log = structlog.get_logger("tenuto.retention")

PRUNE_MAX: Final = 1_000
STEADY_SECONDS: Final = 60.0
ANY: Final = ""
Text = Annotated[str, Meta(min_length=1, max_length=255)]
Look = Callable[[Callable[["Reading"], R]], Awaitable[R]]


class Prune(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Delete what ended longer ago than `older_than` (`90d`, `12h`, `P90D`).

    Of one `process`, or of all; at most `limit` instances, those below the key `after`. With
    `dry_run` they are only counted.
    """

    older_than: Text
    process: Text | None = None
    limit: Annotated[int, Meta(ge=1, le=PRUNE_MAX)] = PRUNE_MAX
    after: Text | None = None
    dry_run: bool = False


class Pruned(Struct, frozen=True):
    """How many instances are gone, or would be, which ended before the instant `before`.

    `next` is the key below which there may be more.
    """

    instances: int
    before: str | None
    next: str | None = None
    dry_run: bool = False


class Retention(NamedTuple):
    """How long ended instances are kept, in milliseconds: by process, under `ANY` all others."""

    periods: Mapping[str, int]


def retention_of(texts: tuple[str, ...] | list[str]) -> Retention:
    """Return what `90d` and `order=30d` say. Raises `InputError`."""
    periods: dict[str, int] = {}
    for text in texts:
        process, equals, period = text.rpartition("=")
        if equals and not process:
            raise InputError(f"expected DURATION or PROCESS=DURATION, got `{text[:60]}`")
        periods[process or ANY] = milliseconds_of(period)
    return Retention(periods)


def milliseconds_of(text: str) -> int:
    """Return the milliseconds of a period such as `90d` or `P90D`. Raises `InputError`."""
    seconds = seconds_of(text)
    if seconds is None or not 0 <= seconds < 1 << 40:
        raise InputError(f"expected a period such as 90d, 12h or P90D, got `{text[:40]}`")
    return int(seconds * 1000)


async def prune(node: Node, look: Look[Any], order: Prune) -> Pruned:
    """Delete what is ordered; `look` asks the database, on whichever thread.

    Raises `InputError`, and `Rejected` when the store takes nothing.
    """
    before = node.now() - milliseconds_of(order.older_than)
    after = None if order.after is None else _key(order.after)
    keys = await look(
        lambda read: retention.ended_before(
            read.reader, before, process=order.process, after=after, limit=order.limit
        )
    )
    following = str(keys[-1]) if len(keys) == order.limit else None
    if order.dry_run:
        return Pruned(len(keys), moment(before), following, dry_run=True)
    return Pruned(await _delete(node, look, keys), moment(before), following)


async def _delete(node: Node, look: Look[Any], keys: list[int]) -> int:
    count = 0
    for start in range(0, len(keys), retention.PAGE):
        page = keys[start : start + retention.PAGE]
        doomed = await look(partial(_belongings, page))
        count += len(await on_corridor(node.corridor, partial(_go, doomed)))
    return count


def _belongings(keys: list[int], read: Reading) -> retention.Doomed:
    return retention.belongings(read.reader, keys)


def _go(doomed: retention.Doomed, corridor: Corridor) -> list[int] | Rejection:
    return retention.prune(corridor, doomed)


async def prune_steadily(
    node: Node, look: Look[Any], wanted: Retention, every_seconds: float = STEADY_SECONDS
) -> None:
    """Delete what is over, again and again, for ever; a failure is logged and tried again."""
    while True:
        try:
            for process, period in wanted.periods.items():
                if process != ANY:
                    await _prune_process(node, look, process, period)
            if ANY in wanted.periods:
                others = {process for process, _ in await look(lambda read: read.counts())}
                for process in sorted(others - set(wanted.periods)):
                    await _prune_process(node, look, process, wanted.periods[ANY])
        except TenutoError as error:
            log.warning("retention failed; it is tried again", reason=str(error))
        await asyncio.sleep(every_seconds)


async def _prune_process(node: Node, look: Look[Any], process: str, period: int) -> None:
    after: str | None = None
    while True:
        order = Prune(older_than=f"{period // 1000}s", process=process, after=after)
        done = await prune(node, look, order)
        if done.next is None:
            return
        after = done.next


def _key(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 19):
        raise InputError(f"expected `after` to be an instance key, got `{text[:40]}`")
    return int(text)
