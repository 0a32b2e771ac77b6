"""Steps in a pool of processes: computing beside the engine, and every way in which it can end."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tenuto import InputError, step
from tenuto.assembly import running
from tenuto.store.port import InstanceQuery
from tenuto.worker.program import program_of
from tests.workflows import heavy_steps
from tests.workflows.running import at_work

HERE = Path(__file__).resolve().parents[2]
PATIENCE = 15.0


@pytest.fixture
def at(tmp_path):
    """Run a node with the heavy steps."""
    with at_work(tmp_path / "a.db", program_of(heavy_steps)) as here:
        yield here


def result(at, name, **variables):
    """Run a workflow to its end; return its result."""
    ended = asyncio.run(at.client.run(name, variables))
    assert ended.status == "completed", ended.variables
    return ended.variables["result"]


async def seen(path, seconds=PATIENCE):
    """Wait for a file; return its text."""
    async with asyncio.timeout(seconds):
        while not path.exists():  # noqa: ASYNC110  (another process writes it)
            await asyncio.sleep(0.01)
    return path.read_text()


async def gone(pids):
    """Wait until processes have ended."""
    async with asyncio.timeout(PATIENCE):
        while any(alive(int(pid)) for pid in pids):  # noqa: ASYNC110  (others end them)
            await asyncio.sleep(0.01)


def alive(pid):
    """Tell whether a process runs; one that is only left to be counted does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


# --- where and what


def test_a_heavy_step_runs_in_another_process_that_is_used_again(at):
    """Its context is there: the key, the attempt and the deadline (behaviour 50)."""
    first, second, third = result(at, "know_twice")

    assert first["pid"] == second["pid"] == third != os.getpid()
    assert first["key"] != second["key"]
    assert first["attempt"] == 1
    assert first["deadline"] is None
    assert second["deadline"] > 0


def test_two_heavy_steps_compute_side_by_side(at, tmp_path):
    """Each ends only when it has met the other; results come in the order of the calls."""
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("2026-11-23: two steps side by side need two processors")

    (one, first), (two, second) = result(at, "meeting", folder=str(tmp_path))

    assert (one, two) == (1, 2)
    assert first != second


def test_the_node_answers_while_a_step_computes(at, tmp_path):
    """Neither the corridor nor the worker's loop waits for a process."""

    async def main():
        long = await at.client.start("computing", {"folder": str(tmp_path)})
        await seen(tmp_path / "pids")
        for n in range(20):
            ended = await at.client.run("quickly", {"n": n})
            assert ended.variables["result"] == n + 1
        assert at.client.read.find(long).status == "active"
        (tmp_path / "end").touch()
        return await at.client.wait(long)

    assert asyncio.run(main()).status == "completed"


def test_log_records_of_a_process_reach_the_handlers_of_the_node(at, caplog):
    """With the logger's name, its level and the finished text."""
    with caplog.at_level(logging.INFO):
        result(at, "logging_ones", text="hello")

    assert ("heavy", logging.WARNING, "it says hello") in caplog.record_tuples


def test_a_script_may_declare_heavy_steps_itself(tmp_path):
    """Its functions are found in the script, which runs no second time as a program."""
    script = tmp_path / "alone.py"
    script.write_text(
        "import asyncio, os, sys\n"
        "from tenuto import step, workflow\n"
        "from tenuto.assembly import running\n"
        "from tenuto.worker.program import program_of\n"
        "class Pair:\n"
        "    def __init__(self, a): self.a = a\n"
        "@step(on='process')\n"
        "def add(pair: Pair) -> list: return [pair.a + 1, os.getpid()]\n"
        "@workflow\n"
        "async def main() -> list: return await add.call(Pair(1))\n"
        "if __name__ == '__main__':\n"
        "    with running('a.db', handlers=program_of(sys.modules['__main__'])) as at:\n"
        "        found = asyncio.run(at.client.run('main', {})).variables['result']\n"
        "        print(found[0], found[1] != os.getpid())\n"
    )
    told = subprocess.run(
        [sys.executable, script],
        check=False,
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
    )

    assert told.stdout == "2 True\n", told.stderr


def test_a_mock_of_a_heavy_step_stays_in_the_test(durable):
    """No process is asked, so that the test sees what it counts."""
    durable.mock(heavy_steps.dies, [ConnectionError("away"), 5])

    run = durable.start(heavy_steps.survives, 0)
    durable.advance("1s")

    assert run.result == ["ended", 5]
    assert durable.calls(heavy_steps.dies) == 2


# --- errors


def test_an_error_crosses_the_border_with_its_type_and_chain(at):
    """Also one whose arguments make no pickle; `never` knows the type (behaviour 51)."""
    assert result(at, "caught", kind="refusal") == ["Refusal", ["no", 1], "KeyError"]
    assert result(at, "caught", kind="wrong") == ["Wrong", ["bad (7)"], "KeyError"]
    assert result(at, "caught", kind="exit") == ["StepFailed", ["enough"], "KeyError"]


def test_what_cannot_cross_the_border_is_a_clear_error(at):
    """It is not tried again, and the process goes on (behaviour 57)."""
    told, after = result(at, "strange", kind="lambda")
    assert "arguments of step `takes` that can be pickled" in told
    assert after == "still here"

    told, after = result(at, "strange", kind="result")
    assert "the result of step `takes`" in told
    assert after == "still here"


@pytest.mark.parametrize(
    ("on", "said"),
    [("gpu", "expected `on` among thread, process, ray"), ("process", "a lambda")],
)
def test_a_step_that_cannot_run_there_is_refused_where_it_is_declared(on, said):
    """The error names what is allowed, or what another process would not find."""
    with pytest.raises(InputError, match=said):
        step(name="one", on=on)(lambda: 1)


def test_a_function_within_another_is_refused_for_a_process():
    """Also when a step gets the option later."""

    @step
    def inner() -> int:
        return 1

    with pytest.raises(InputError, match="defined within another function"):
        inner.options(on="process")


def test_a_step_of_a_transaction_is_refused_for_a_process():
    """Its connection is opened in the process of the node."""
    with pytest.raises(InputError, match="`tx`"):
        heavy_steps.know.options(tx=lambda: None)


def test_a_function_typed_at_a_prompt_is_refused_for_a_process():
    """Another process could not find it."""
    told = subprocess.run(
        [sys.executable, "-c", "import tenuto\n@tenuto.step(on='process')\ndef f(): pass"],
        check=False,
        env=environment(),
        capture_output=True,
        text=True,
    )

    assert "InputError" in told.stderr
    assert "defined at a prompt" in told.stderr


def test_a_step_on_ray_without_ray_says_what_to_install(at):
    """It is not tried again (behaviour 57)."""
    if importlib.util.find_spec("ray") is not None:
        pytest.skip("2026-11-23: Ray is installed here")

    assert "pip install 'tenuto[ray]'" in result(at, "on_ray")


# --- ends


def test_a_killed_process_is_a_failed_attempt(at):
    """The next attempt has a new process (behaviour 50)."""
    assert result(at, "survives", times=2) == ["ended", 3]


def test_a_step_whose_process_is_killed_each_time_fails_with_the_reason(at):
    """The workflow may catch it by its type."""
    kind, told = result(at, "survives", times=9)

    assert kind == "killed"
    assert "step `dies`: the process" in told
    assert "was ended by SIGKILL" in told


def test_a_process_that_ends_itself_is_told_with_its_exit_code(at):
    """It is no result."""
    assert "ended itself with exit code 3" in result(at, "left")


def test_a_process_that_died_while_it_had_nothing_to_do_costs_no_attempt(at):
    """The step begins in a new one."""
    first = result(at, "know_twice")[0]
    os.kill(first["pid"], signal.SIGKILL)

    again = result(at, "know_twice")[0]

    assert again["attempt"] == 1
    assert again["pid"] != first["pid"]


def test_a_step_that_takes_too_long_is_killed_with_what_it_started(at, tmp_path):
    """The timeout ends the process, not only the waiting (behaviour 53)."""
    assert result(at, "computing_in_time", folder=str(tmp_path)) == "start_to_close"

    asyncio.run(gone((tmp_path / "pids").read_text().split()))


def test_canceling_a_workflow_kills_its_computation(at, tmp_path):
    """At once, and the pool serves the next step (behaviour 34)."""

    async def main():
        key = await at.client.start("computing", {"folder": str(tmp_path)})
        pids = (await seen(tmp_path / "pids")).split()
        await at.client.cancel(key)
        await gone(pids)
        return (await at.client.wait(key)).status

    assert asyncio.run(main()) == "terminated"
    assert result(at, "survives", times=0) == ["ended", 1]


def test_losing_a_race_kills_a_computation(at, tmp_path):
    """Nobody is left to take its result (behaviour 34)."""
    assert result(at, "raced", folder=str(tmp_path)) == "timer"

    asyncio.run(gone((tmp_path / "pids").read_text().split()))


def test_stopping_the_node_ends_its_processes_and_fails_no_attempt(tmp_path):
    """The step is done by the next node, in the same attempt (behaviour 56)."""

    async def begin(at):
        key = await at.client.start("computing", {"folder": str(tmp_path)})
        return key, (await seen(tmp_path / "pids")).split()

    code = program_of(heavy_steps)
    with running(tmp_path / "a.db", handlers=code, grace_seconds=0.0) as at:
        key, pids = asyncio.run(begin(at))
    asyncio.run(gone(pids))
    (tmp_path / "end").touch()

    with at_work(tmp_path / "a.db", program_of(heavy_steps)) as at:
        ended = asyncio.run(at.client.wait(key))

    assert ended.variables["result"]["attempt"] == 1


def test_what_a_heavy_step_says_of_its_progress_reaches_its_next_attempt(at):
    """In whichever process that runs (behaviour 54)."""
    assert result(at, "in_parts") == [20, 3]


def test_a_heavy_step_is_told_of_the_end_of_the_node(tmp_path):
    """It comes to a good place within the grace (behaviour 56)."""

    async def begin(at):
        key = await at.client.start("told", {"folder": str(tmp_path)})
        await seen(tmp_path / "began")
        return key

    code = program_of(heavy_steps)
    with running(tmp_path / "a.db", handlers=code, grace_seconds=PATIENCE) as at:
        key = asyncio.run(begin(at))
    with at_work(tmp_path / "a.db", program_of(heavy_steps)) as at:
        assert asyncio.run(at.client.wait(key)).variables["result"] == "came to a good place"


@pytest.mark.crash
def test_a_killed_node_leaves_no_computation_behind_and_the_next_one_does_it(tmp_path):
    """The same attempt under the same key (behaviour 1)."""
    database = tmp_path / "a.db"
    life = subprocess.Popen(
        [sys.executable, "-m", "tests.workflows.heavy_steps", database, tmp_path],
        cwd=HERE,
        env=environment(),
    )
    pids = asyncio.run(seen(tmp_path / "pids")).split()
    life.kill()
    life.wait()
    asyncio.run(gone(pids))
    (tmp_path / "end").touch()

    with at_work(database, program_of(heavy_steps)) as at:
        [key] = [str(one.key) for one in at.client.read.instances(InstanceQuery())]
        ended = asyncio.run(at.client.wait(key))

    assert ended.variables["result"]["attempt"] == 1
    assert ended.variables["result"]["key"].startswith(key)


def environment():
    """Return the environment of a program that finds what the tests find."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(one for one in sys.path if one)}
