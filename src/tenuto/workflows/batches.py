"""Batch steps: many workflows ask for one thing each, and one call does them together.

    @batch_step(size=100, within="200ms", key=lambda order: order.shop)
    async def announce(orders: list[Order]) -> list[str | Exception]:
        return await shop_api.announce_many(orders)

    receipt = await announce(order)          # in a workflow: one order, one receipt

Each call is recorded on its own; only the work is done together. An exception in the list is the
failure of that one, an exception that is raised the failure of all.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from msgspec import Struct

from tenuto.errors import InputError
from tenuto.workflows.define import Step, StepOptions, step_options
from tenuto.workflows.queues import milliseconds_of
from tenuto.workflows.routine import current
from tenuto.workflows.threaded import current_body, wait

A = TypeVar("A")
R = TypeVar("R")
SIZE_MAX = 10_000


class Gathering(Struct, frozen=True):
    """When the calls that wait are done: at `size` of them, or `within` seconds after the first.

    `key` makes of an item which others it may go with.
    """

    size: int
    within: float
    key: Any = None


class BatchStep(Step[[A], R], Generic[A, R]):
    """A step whose function does many items at once."""

    def __init__(
        self,
        function: Callable[..., Any],
        name: str,
        options: StepOptions,
        gathering: Gathering,
    ) -> None:
        """Describe a function of a list of items that returns a list of results."""
        super().__init__(function, name, options)
        self.gathering = gathering
        if options.tx is not None:
            raise InputError(f"batch step `{name}`: expected no `tx`: its items end one by one")
        if options.start_within is not None or options.heartbeat is not None:
            raise InputError(
                f"batch step `{name}`: expected no `start_within` and no `heartbeat`: its items "
                "begin together; use `within`, `timeout` and `total`"
            )

    @property
    def result_type(self) -> Any:
        """Return the annotation of one result."""
        found = self.hints.get("return", Any)
        inner = typing.get_args(found)
        return _without_errors(inner[0]) if inner else Any

    def key_of(self, item: Any) -> Any:
        """Return which other items one may go with."""
        return None if self.gathering.key is None else self.gathering.key(item)

    def __call__(self, item: A) -> R:
        """Do one item; within a workflow together with those of others."""
        routine = current()
        if routine is None:
            return typing.cast(R, self._alone(item))
        if current_body() is not None:
            return typing.cast(R, wait(self.call(item)))
        return typing.cast(R, self.call(item))

    def _alone(self, item: A) -> Any:
        function: Callable[[list[A]], Any] = self.function  # type: ignore[assignment]  # of a list
        found = function([item])
        return self._first(found) if self.is_async else found[0]

    async def _first(self, found: Any) -> Any:
        return (await found)[0]

    async def call(self, item: A) -> Any:
        """Return the result of one item."""
        routine = current()
        if routine is None:
            found = self._alone(item)
            return await found if self.is_async else found
        return await routine.begin_step(self, ((item,), {}), self.read)

    def options(self, **changes: Any) -> BatchStep[A, R]:
        """Return the same step with other options."""
        other = super().options(**changes)
        return BatchStep(self.function, self.name, other.settings, self.gathering)


def _without_errors(kind: Any) -> Any:
    """Return what a result may be beside an exception."""
    parts = [
        one
        for one in typing.get_args(kind)
        if not (isinstance(one, type) and issubclass(one, BaseException))
    ]
    is_union = typing.get_origin(kind) in {typing.Union, types.UnionType}
    return typing.Union[tuple(parts)] if is_union and parts else kind  # noqa: UP007  (made of parts)


def batch_step(
    *,
    size: int,
    within: str,
    key: Callable[[Any], Any] | None = None,
    name: str | None = None,
    **options: Any,
) -> Callable[[Callable[[list[A]], Any]], BatchStep[A, Any]]:
    """Declare a step that does up to `size` items together, at the latest `within` a duration
    after the first of them came; of each `key` by itself. Options are those of `step`.

    Raises `InputError` for what cannot be.
    """
    if not 1 <= size <= SIZE_MAX:
        raise InputError(f"expected a batch of 1 to {SIZE_MAX} items, got {size}")
    gathering = Gathering(size, milliseconds_of(within) / 1000, key)
    made = step_options(**options)

    def declare(one: Callable[[list[A]], Any]) -> BatchStep[A, Any]:
        return BatchStep(one, name or one.__name__, made, gathering)

    return declare
