"""A workflow is plain Python: it runs, waits, races, fails, and survives its process."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap

import pytest

from tenuto import StepFailed, step, wf, workflow
from tenuto.client.reading import Reading
from tenuto.store.sqlite import SqliteStore
from tests.workflows.running import at_work, run


@step
async def double(n: int) -> int:
    """Return twice a number."""
    return n * 2


@step
def halve(n: int) -> float:
    """Return half a number, on a thread."""
    return n / 2


class TooSmall(Exception):
    """Raised by a step."""


@step(retries=1)
async def check(n: int) -> int:
    """Refuse small numbers."""
    if n < 10:
        raise TooSmall(n, "is too small")
    return n


@workflow
async def chain(n: int) -> int:
    """Double five times."""
    for _ in range(5):
        n = await double(n)
    return n


@workflow
async def parallel(n: int) -> list[float]:
    """Do three things at once, one of them a child."""
    return [*await asyncio.gather(double(n), halve.call(n), chain(n))]


@workflow
async def racing() -> str:
    """Return who wins against a timer that never fires."""
    won = await wf.race(step=double(1), timer=asyncio.sleep(3600))
    return won.key


@workflow
async def careful(n: int) -> str:
    """Catch the error of a step by its type."""
    try:
        await check(n)
    except TooSmall as error:
        return f"{error.args}"
    return "fine"


@workflow
async def careless(n: int) -> int:
    """Let the error of a step pass."""
    return await check(n)


@workflow
async def parent(n: int) -> str:
    """Catch the error of a child."""
    try:
        await careless(n)
    except TooSmall as error:
        return f"caught {error.args[0]}"
    return "fine"


def test_undecorated_use_needs_no_engine():
    """Steps and workflows are plain functions outside of Tenuto (behaviour 77)."""
    assert asyncio.run(chain(1)) == 32
    assert halve(3) == 1.5


def test_steps_run_in_order_and_the_result_is_kept(tmp_path):
    """A workflow of five steps returns what plain Python returns."""
    with at_work(tmp_path / "a.db", double, chain) as at:
        assert run(at, "chain", n=1).variables["result"] == 32


def test_steps_run_side_by_side(tmp_path):
    """Results of a gather come in its order, floats stay floats."""
    with at_work(tmp_path / "a.db", double, halve, chain, parallel) as at:
        assert run(at, "parallel", n=3).variables["result"] == [6, 1.5, 96]


def test_the_first_of_a_race_wins_and_the_timer_is_withdrawn(tmp_path):
    """The loser is cancelled; no timer is left."""
    with at_work(tmp_path / "a.db", double, racing) as at:
        assert run(at, "racing").variables["result"] == "step"
        assert at.client.read.reader.rows("timer") == []


def test_an_error_keeps_its_type_and_arguments(tmp_path):
    """A workflow catches what its step raised, by type (behaviour 43)."""
    with at_work(tmp_path / "a.db", check, careful) as at:
        assert run(at, "careful", n=3).variables["result"] == "(3, 'is too small')"


def test_an_uncaught_error_fails_the_instance_and_says_why(tmp_path):
    """The instance is failed; its error is a variable."""
    with at_work(tmp_path / "a.db", check, careless) as at:
        ended = run(at, "careless", n=3)

    assert ended.status == "failed"
    assert ended.variables["error"]["type"] == "TooSmall"


def test_the_error_of_a_child_reaches_its_parent_by_type(tmp_path):
    """Type, message and cause come through the child (behaviour 43)."""
    with at_work(tmp_path / "a.db", check, careless, parent) as at:
        assert run(at, "parent", n=4).variables["result"] == "caught 4"


def test_an_unknown_error_is_a_step_failure():
    """No class is imported because stored data names it."""
    from tenuto.workflows.failures import revive

    error = revive({"type": "os.system", "message": "boom"}, {})

    assert type(error) is StepFailed
    assert error.type == "os.system"


PROGRAM = """
    import asyncio, os, sys
    from tenuto import step, workflow

    def note(text):
        with open("notes", "a") as file:
            file.write(text + chr(10))

    @step
    async def work(n: int) -> int:
        note(f"begin {n}")
        if n == 3 and not os.path.exists("go"):
            note("waits")
            await asyncio.sleep(600)
        note(f"end {n}")
        return n + 1

    @workflow
    async def five() -> int:
        n = 1
        while n <= 5:
            n = await work(n)
        return n
"""


def start(tmp_path):
    """Start the program in a process of its own."""
    (tmp_path / "app.py").write_text(textwrap.dedent(PROGRAM))
    code = (
        "import asyncio\n"
        "from tenuto.assembly import load_app, running\n"
        "with running('a.db', handlers=load_app('app')) as at:\n"
        "    asyncio.run(at.client.start('five', idempotency_key='one'))\n"
        "    print(asyncio.run(at.client.run('five', idempotency_key='one')), flush=True)\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code.replace("\n", chr(10))],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
    )


@pytest.mark.timeout(60)
def test_a_killed_process_repeats_no_finished_step(tmp_path):
    """SIGKILL inside step 3 of 5: 1 and 2 are not run again, 3 is (behaviour 1)."""
    first = start(tmp_path)
    while not (tmp_path / "notes").exists() or "waits" not in (tmp_path / "notes").read_text():
        assert first.poll() is None
    first.send_signal(signal.SIGKILL)
    first.communicate()
    (tmp_path / "go").touch()

    second = start(tmp_path)
    out, _ = second.communicate()

    assert b"'result': 6" in out
    notes = (tmp_path / "notes").read_text().split("\n")
    begun = [line for line in notes if line.startswith("begin")]
    assert begun == ["begin 1", "begin 2", "begin 3", "begin 3", "begin 4", "begin 5"]


def test_a_workflow_that_waits_is_made_again_from_the_journal(tmp_path):
    """A timer that is due while nobody runs fires once after the restart (behaviour 32)."""

    @workflow
    async def sleeper() -> str:
        a = await double(1)
        await asyncio.sleep(0.2)
        return f"{a} {await double(2)}"

    with at_work(tmp_path / "a.db", double, sleeper) as at:
        key = asyncio.run(at.client.start("sleeper"))
    with at_work(tmp_path / "a.db", double, sleeper) as at:
        status = None
        while status != "completed":
            status = at.client.read.find(key).status
        assert at.client.read.variables(key)["result"] == "2 4"


def test_reading_is_possible_without_a_worker(tmp_path):
    """The state that a workflow published is read when no worker runs (behaviour 28)."""
    seen = wf.State("seen")

    @workflow
    async def waiter() -> None:
        seen.set({"place": 3})
        await wf.receive("never", "k")

    with at_work(tmp_path / "a.db", waiter) as at:
        key = asyncio.run(at.client.start("waiter"))
        while "seen" not in at.client.read.variables(key):
            pass
    store = SqliteStore(tmp_path / "a.db")
    try:
        assert Reading(store).variables(key)["seen"] == {"place": 3}
    finally:
        store.close()
