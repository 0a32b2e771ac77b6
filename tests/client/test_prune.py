"""Retention: what ended goes with its history, what runs stays, and every proof still holds."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from tenuto import step, workflow
from tenuto.client.prune import Prune, prune_steadily, retention_of
from tenuto.errors import InputError, Rejected
from tenuto.runtime.verify import verify
from tenuto.store.audit import verify_chain
from tests.spec.models import end, flows, model, start, user
from tests.workflows.running import at_work

WAITS = model(start() + user("u") + end() + flows("start>u", "u>end"))
LETTER = "a letter that is kept apart. " * 100


@step
async def double(n: int) -> int:
    """Double a number."""
    return 2 * n


@workflow
async def sums(n: int, letter: str = "") -> int:
    """Add twice."""
    return await double(n) + await double(n)


@pytest.fixture
def at(tmp_path):
    """Give a node with a workflow and a process that waits for a person."""
    with at_work(tmp_path / "t.db", double, sums) as node:
        asyncio.run(node.client.deploy_sources((("p.bpmn", "bpmn", WAITS),)))
        yield node


def run(at, **more):
    """Run the workflow to its end; return its key."""
    return asyncio.run(at.client.run("sums", {"n": 1, "letter": LETTER}, **more)).key


def pruned(at, count, **order):
    """Prune until so many are gone: the clock has to move on after their end."""
    total = 0
    while total < count:
        total += asyncio.run(at.client.prune(Prune(older_than="0s", **order))).instances
    return total


def check(at):
    """Fold everything again and recompute the chain."""
    reader = at.client.read.reader
    assert verify(reader).differences == []
    report = verify_chain(reader)
    assert report.findings == []
    return report


def test_finished_instances_go_and_running_ones_stay(at):
    """Rows, values and turns are gone, hashes stay (behaviour 71)."""
    done = [run(at) for _ in range(3)]
    waits = asyncio.run(at.client.start("p"))
    stands = asyncio.run(at.client.start("p"))
    asyncio.run(at.client.pause(stands))
    reader = at.client.read.reader
    values = len(reader.rows("payload"))

    assert pruned(at, 3) == 3

    assert at.client.read.counts() == {("p", "active"): 1, ("p", "paused"): 1}
    assert len(reader.rows("payload")) < values
    assert all(turn.blob is None for key in done for turn in reader.journal_of(int(key)))
    assert all(turn.blob for turn in reader.journal_of(int(waits)))
    assert check(at).erased > 0


def test_the_handle_of_a_deleted_instance_finds_nothing(at):
    """Its result, its state and every command are refused with not-found (behaviour 71)."""

    async def begin():
        handle = await at.client.begin(sums, 2)
        assert await handle.result() == 8
        return handle

    handle = asyncio.run(begin())
    pruned(at, 1)
    asks = (
        handle.result,
        lambda: at.client.cancel(handle.key),
        lambda: at.client.find(handle.key),
        lambda: at.client.wait(handle.key),
    )
    for ask in asks:
        with pytest.raises(Rejected) as refused:
            asyncio.run(ask())
        assert refused.value.code == "not-found"


def test_the_keys_of_a_deleted_instance_are_free(at):
    """A start with them begins anew instead of naming what is gone."""
    first = run(at, idempotency_key="k", business_key="b", unique=True)
    pruned(at, 1)

    again = run(at, idempotency_key="k", business_key="b", unique=True)

    assert again != first
    assert at.client.read.find("b").key == int(again)


def test_a_dry_run_counts_and_deletes_nothing(at):
    """Also page by page: the next page is below the last key."""
    keys = sorted(int(run(at)) for _ in range(3))
    while at.node.now() <= max(at.client.read.find(str(key)).ended_at for key in keys):
        pass
    found = asyncio.run(at.client.prune(Prune(older_than="0s", limit=2, dry_run=True)))
    rest = Prune(older_than="0s", limit=2, after=found.next, dry_run=True)

    assert (found.instances, found.next) == (2, str(keys[1]))
    assert asyncio.run(at.client.prune(rest)).instances == 1
    assert sorted(row.key for row in at.client.read.reader.rows("instance")) == keys


def test_only_what_is_old_enough_and_of_the_process_goes(at):
    """A period that has not passed, or another process, keeps it."""
    run(at)

    old = Prune(older_than="90d")
    assert asyncio.run(at.client.prune(old)).instances == 0
    other = Prune(older_than="0s", process="p")
    assert asyncio.run(at.client.prune(other)).instances == 0
    assert pruned(at, 1, process="sums") == 1


def test_a_period_that_is_none_is_refused(at):
    """It says what was expected."""
    with pytest.raises(InputError):
        asyncio.run(at.client.prune(Prune(older_than="soon")))
    with pytest.raises(InputError, match="PROCESS=DURATION"):
        retention_of(["=90d"])


def test_retention_deletes_steadily(at):
    """What ends later goes too; each process is kept as long as is said for it."""
    run(at)
    task = asyncio.run(at.client.start("p"))
    asyncio.run(at.client.cancel(task))
    wanted = retention_of(["0s", "p=90d"])

    async def until_gone():
        gone = asyncio.Event()

        async def look(question):
            if at.client.read.counts() == {("p", "terminated"): 1}:
                gone.set()
            return question(at.client.read)

        steady = asyncio.create_task(prune_steadily(at.node, look, wanted, every_seconds=0.01))
        await gone.wait()
        steady.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await steady

    asyncio.run(until_gone())
    check(at)


def test_a_restart_after_pruning_goes_on(tmp_path):
    """The next life loads what is there and starts new instances."""
    with at_work(tmp_path / "t.db", double, sums) as at:
        run(at)
        pruned(at, 1)
    with at_work(tmp_path / "t.db", double, sums) as at:
        run(at)
        assert at.client.read.counts() == {("sums", "completed"): 1}
        check(at)
