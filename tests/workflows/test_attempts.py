"""Attempts of steps: retried, delayed, bounded in time; and steps that are done exactly once."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest

from tenuto import Retry, RetryAfter, StepTimeout, step, step_context, wf, workflow
from tests.workflows.running import at_work, run

noted: list[str] = []
QUICK = Retry(attempts=4, first=0.001, backoff=1.0, jitter=0.0)


@pytest.fixture(autouse=True)
def clean():
    """Begin each test without notes."""
    noted.clear()


def ended(tmp_path, main, *steps, **variables):
    """Run a workflow; return how it ended."""
    with at_work(tmp_path / "a.db", main, *steps) as at:
        return run(at, main.name, **variables)


def test_a_step_is_tried_again_until_it_succeeds(tmp_path):
    """The context counts attempts; the idempotency key stays the same (behaviour 50)."""
    keys = set()

    @step(retries=QUICK)
    async def flaky() -> int:
        context = step_context()
        keys.add(context.idempotency_key)
        if context.attempt < 4:
            raise ConnectionError("away")
        return context.attempt

    @workflow
    async def main() -> int:
        return await flaky()

    assert ended(tmp_path, main, flaky).variables["result"] == 4
    assert len(keys) == 1


def test_the_delays_of_a_policy_grow_to_their_limit():
    """1, 2, 4 and so on, capped (behaviour 50)."""
    policy = Retry(attempts=9, first=1, backoff=2, longest=5, jitter=0)

    assert [policy.delay_seconds(n, 0.5) for n in range(1, 6)] == [1, 2, 4, 5, 5]


def test_an_error_that_is_never_retried_ends_the_step_at_once(tmp_path):
    """The type decides (behaviour 51)."""

    @step(retries=Retry(attempts=5, first=0.001, never=(KeyError,)))
    async def wrong() -> None:
        noted.append("tried")
        raise KeyError("k")

    @workflow
    async def main() -> str:
        try:
            await wrong()
        except KeyError:
            return "caught"
        return "fine"

    assert ended(tmp_path, main, wrong).variables["result"] == "caught"
    assert noted == ["tried"]


def test_a_step_may_say_when_to_be_tried_again(tmp_path):
    """The hint overrides the delay of the policy (behaviour 51)."""

    @step(retries=Retry(attempts=2, first=3600))
    async def busy() -> int:
        if step_context().attempt == 1:
            raise RetryAfter(0.001)
        return 1

    @workflow
    async def main() -> int:
        return await busy()

    assert ended(tmp_path, main, busy).variables["result"] == 1


def test_attempts_go_on_counting_after_a_restart(tmp_path):
    """The counter is in the journal (behaviour 52)."""

    @step(retries=Retry(attempts=3, first=0.3, backoff=1.0, jitter=0.0))
    async def counts() -> int:
        attempt = step_context().attempt
        noted.append(f"attempt {attempt}")
        if attempt < 3:
            raise ConnectionError("away")
        return attempt

    @workflow
    async def main() -> int:
        return await counts()

    with at_work(tmp_path / "a.db", main, counts) as at:
        key = asyncio.run(at.client.start("main"))
        while not at.client.read.reader.rows("timer"):
            pass
    with at_work(tmp_path / "a.db", main, counts) as at:
        assert asyncio.run(at.client.wait(key)).variables["result"] == 3

    assert noted == ["attempt 1", "attempt 2", "attempt 3"]


def test_an_attempt_that_takes_too_long_is_ended(tmp_path):
    """The error says which limit was met (behaviour 53)."""

    @step(retries=1, timeout=0.01)
    async def slow() -> None:
        await asyncio.sleep(60)

    @workflow
    async def main() -> str:
        try:
            await slow()
        except StepTimeout as late:
            return late.kind
        return "in time"

    assert ended(tmp_path, main, slow).variables["result"] == "start_to_close"


def test_all_attempts_together_have_a_limit(tmp_path):
    """No attempt begins that could not end in time (behaviour 53)."""

    @step(retries=Retry(attempts=100, first=30), total="10s")
    async def fails() -> None:
        noted.append("tried")
        raise ConnectionError("away")

    @workflow
    async def main() -> str:
        try:
            await fails()
        except ConnectionError as error:
            return str(error)
        return "fine"

    assert ended(tmp_path, main, fails).variables["result"] == "away"
    assert noted == ["tried"]


def test_a_timeout_around_a_step_cancels_it(tmp_path):
    """`asyncio.timeout` is a durable timer; the step is ended (behaviour 34)."""

    @step(retries=1)
    async def slow() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            noted.append("ended")

    @workflow
    async def main() -> str:
        try:
            async with asyncio.timeout(0.02):
                await slow()
        except TimeoutError:
            await wf.sleep(0.01)
            return "late"
        return "in time"

    assert ended(tmp_path, main, slow).variables["result"] == "late"
    assert noted == ["ended"]


def test_a_result_that_cannot_be_kept_is_a_clear_error(tmp_path):
    """It is not retried, and the workflow is not wedged (behaviour 57)."""

    @step
    async def strange() -> object:
        noted.append("tried")
        return object()

    @workflow
    async def main() -> None:
        await strange()

    found = ended(tmp_path, main, strange)

    assert found.status == "failed"
    assert "the result of step `strange`" in found.variables["error"]["message"]
    assert noted == ["tried"]


def test_a_step_in_the_users_transaction_is_done_once(tmp_path):
    """A crash after its commit and before the engine knew repeats nothing (behaviour 5)."""
    shop = tmp_path / "shop.db"
    with sqlite3.connect(shop) as connection:
        connection.execute("CREATE TABLE reserved (sku TEXT)")
    connection.close()

    def open_shop():
        return sqlite3.connect(shop)

    @step(tx=open_shop, retries=QUICK)
    def reserve(db: sqlite3.Connection, sku: str) -> int:
        noted.append("ran")
        db.execute("INSERT INTO reserved VALUES (?)", (sku,))
        if len(noted) == 1:
            raise ConnectionError("before the commit")
        return db.execute("SELECT count(*) FROM reserved").fetchone()[0]

    @workflow
    async def main(sku: str) -> int:
        return await reserve.call(sku)

    assert ended(tmp_path, main, reserve, sku="a").variables["result"] == 1
    with sqlite3.connect(shop) as connection:
        assert connection.execute("SELECT count(*) FROM reserved").fetchone() == (1,)
        [(key,)] = connection.execute("SELECT step FROM tenuto_step").fetchall()
    connection.close()
    from tenuto.worker.transactions import once

    assert once(open_shop, key, lambda _: pytest.fail("it was done")) == b"\x01"


def test_a_driver_that_refuses_to_make_the_table_twice_at_once_is_asked_again(tmp_path):
    """PostgreSQL refuses one of two first steps, though the table may exist: no attempt is lost."""
    from tenuto.worker.transactions import once

    class Racing(sqlite3.Connection):
        """Refuses the first table, as if another connection had just made it."""

        def cursor(self, *_):
            return super().cursor(RacingCursor)

    class RacingCursor(sqlite3.Cursor):
        def execute(self, text, *values):
            if text.startswith("CREATE TABLE") and not noted:
                noted.append("refused")
                raise sqlite3.IntegrityError("pg_type_typname_nsp_index")
            return super().execute(text, *values)

    def connect():
        return sqlite3.connect(tmp_path / "shop.db", factory=Racing)

    assert once(connect, "k", lambda _: b"done") == b"done"
    assert noted == ["refused"]
    assert once(connect, "k", lambda _: pytest.fail("it was done")) == b"done"
