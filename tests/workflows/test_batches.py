"""Batch steps: many ask for one thing each, and one call does them together."""

from __future__ import annotations

import pytest

from tenuto import batch_step, wf, workflow
from tenuto.client.client import Client
from tenuto.errors import InputError
from tenuto.testing.durable import Durable

done: list[list[object]] = []


@pytest.fixture(autouse=True)
def _forget() -> None:
    done.clear()


@batch_step(size=3, within="1h", retries=1)
async def by_size(numbers: list[int]) -> list[int]:
    """Double what came, three at a time."""
    done.append(list(numbers))
    return [number * 2 for number in numbers]


@batch_step(size=100, within="20ms", retries=1)
def by_time(numbers: list[int]) -> list[int]:
    """Double what came within a moment, on a thread."""
    done.append(list(numbers))
    return [number * 2 for number in numbers]


@batch_step(size=2, within="1h", key=lambda number: number % 2, retries=1)
async def by_key(numbers: list[int]) -> list[int]:
    """Even ones go with even ones."""
    done.append(list(numbers))
    return list(numbers)


@batch_step(size=3, within="1h", retries=1)
async def some_fail(numbers: list[int]) -> list[int | Exception]:
    """Refuse the second of what came."""
    return [ValueError(f"not {n}") if n == 1 else n for n in numbers]


@batch_step(size=2, within="1h", retries=1)
async def all_fail(numbers: list[int]) -> list[int]:
    """Refuse everything."""
    raise LookupError("away")


@batch_step(size=2, within="1h", retries=1)
async def too_few(numbers: list[int]) -> list[int]:
    """Return less than was asked for."""
    return numbers[:1]


STEPS = {one.name: one for one in (by_size, by_time, by_key, some_fail, all_fail, too_few)}


@workflow
async def many(name: str, count: int) -> list[object]:
    """Ask for several at once, and keep errors as texts."""

    async def one(number: int) -> object:
        try:
            return await STEPS[name](number)
        except Exception as error:  # noqa: BLE001  (the test looks at it)
            return f"{type(error).__name__}: {error}"

    return await wf.gather(*(one(number) for number in range(count)))


@workflow
async def single(number: int) -> int:
    """Ask for one."""
    return await by_size(number)


def test_a_batch_is_done_when_it_is_full(durable: Durable) -> None:
    """65: six calls make two batches of three, and each call gets its own result."""
    assert durable.run(many, "by_size", 6) == [0, 2, 4, 6, 8, 10]
    assert [len(batch) for batch in done] == [3, 3]


def test_calls_of_different_workflows_go_together(durable: Durable) -> None:
    """65: three instances, one call."""
    durable.run(many, "by_time", 1)
    done.clear()

    async def three(client: Client) -> list[int]:
        handles = [await client.begin(single, number) for number in range(3)]
        return [await handle.result() for handle in handles]

    assert durable.ask(three) == [0, 2, 4]
    assert sorted(done[0]) == [0, 1, 2]


def test_a_batch_is_done_when_its_time_has_come(durable: Durable) -> None:
    """65: four are less than a hundred, and do not wait for more."""
    assert durable.run(many, "by_time", 4) == [0, 2, 4, 6]
    assert done == [[0, 1, 2, 3]]


def test_items_go_with_those_of_their_key(durable: Durable) -> None:
    """65: even and odd ones make batches of their own."""
    assert durable.run(many, "by_key", 4) == [0, 1, 2, 3]
    assert sorted(done) == [[0, 2], [1, 3]]


def test_one_item_that_fails_does_not_fail_the_others(durable: Durable) -> None:
    """65: an exception in the list is the failure of its item."""
    assert durable.run(many, "some_fail", 3) == [0, "ValueError: not 1", 2]


def test_what_is_raised_fails_all(durable: Durable) -> None:
    """65: and each is retried by its own policy."""
    assert durable.run(many, "all_fail", 2) == ["LookupError: away"] * 2


def test_a_list_of_another_length_fails_all(durable: Durable) -> None:
    """A result that cannot be told apart is none."""
    found = durable.run(many, "too_few", 2)
    assert all("to return 2 results" in str(one) for one in found)


def test_a_batch_survives_a_crash_after_every_commit(durable: Durable) -> None:
    """65: each call is recorded on its own."""
    durable.explore(many, "by_time", 3)


def test_outside_of_a_workflow_one_item_is_done_alone() -> None:
    """77: it is a plain function."""
    assert by_time(4) == 8


@pytest.mark.parametrize("size", [0, 10_001])
def test_a_batch_that_cannot_be_is_refused(size: int) -> None:
    """The number is named."""
    with pytest.raises(InputError, match=f"got {size}"):
        batch_step(size=size, within="1s")


def test_a_batch_has_no_transaction() -> None:
    """Its items end one by one."""
    with pytest.raises(InputError, match="expected no `tx`"):
        batch_step(size=2, within="1s", tx=lambda: None)(lambda items: items)
