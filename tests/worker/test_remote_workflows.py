"""Workflows in a worker of its own process: they run, wait, die with it, and go on elsewhere."""

from __future__ import annotations

import signal

import pytest

from tests.worker.asking import is_known, outcomes, result, run, start, until

# A worker and a server each take seconds to begin when the machine is busy.
pytestmark = pytest.mark.timeout(60)

APP = """
import asyncio, os, time
from tenuto import Queue, handler, step, wf, workflow

def note(text):
    with open("notes", "a") as file:
        file.write(text + "\\n")

@handler("short", lease="2s")
async def short() -> dict:
    return {}

@step
async def add_one(n: int) -> int:
    note(f"add_one {n}")
    return n + 1

@step
def on_thread(n: int) -> float:
    note(f"on_thread {n}")
    return n / 4

narrow = Queue("narrow", concurrency=1)
bid = wf.Update("bid", int, returns=int)
news = wf.Stream("news", int)

@step(queue=narrow)
async def in_turn(n: int) -> int:
    return n * 2

@workflow
async def queued(n: int) -> list:
    return list(await asyncio.gather(*(in_turn(one) for one in range(n))))

@workflow
async def auction(n: int) -> int:
    best = n

    def check(amount: int) -> None:
        if amount <= best:
            raise ValueError(f"expected more than {best}")

    async def take(amount: int) -> int:
        nonlocal best
        best = amount
        news.write(amount)
        return await add_one(amount)

    bid.handle(take, validate=check)
    await wf.receive("sold", "k")
    return best

@step
async def slow(n: int) -> int:
    note(f"slow {os.getpid()}")
    while not os.path.exists("go"):
        await asyncio.sleep(0.01)
    return n + 1

@workflow
async def five(n: int) -> int:
    for _ in range(5):
        n = await add_one(n)
    return n

@workflow
async def both(n: int) -> float:
    return await on_thread.call(await add_one(n))

@workflow
async def waits(n: int) -> list:
    n = await add_one(n)
    await asyncio.sleep(0.3)
    got = await wf.receive("go", "k")
    return [await add_one(n), got["n"]]

@workflow
async def parent(n: int) -> list:
    return list(await asyncio.gather(five(n), add_one(n), both(n)))

@workflow
async def late(n: int) -> str:
    try:
        async with asyncio.timeout(0.5):
            return str(await slow(n))
    except TimeoutError:
        return "late"

@workflow
async def patient(n: int) -> str:
    try:
        async with asyncio.timeout(3):
            return str(await slow(n))
    except TimeoutError:
        return "late"

@workflow
async def halting(n: int) -> int:
    return await add_one(await slow(await add_one(n)))
"""


def noted(folder, text):
    """Return how often something was noted."""
    path = folder / "notes"
    return path.read_text().splitlines().count(text) if path.exists() else 0


def at_slow(folder):
    """Return the processes that began the slow step."""
    path = folder / "notes"
    lines = path.read_text().splitlines() if path.exists() else []
    return [int(line.split()[1]) for line in lines if line.startswith("slow ")]


def test_a_workflow_runs_in_a_worker_of_its_own(work, ask, tmp_path):
    """Five steps, each once, in another process than the engine (behaviour 1)."""
    work()
    assert run(ask, "five", n=0) == 5
    assert [noted(tmp_path, f"add_one {n}") for n in range(5)] == [1] * 5


def test_a_queue_of_the_code_of_a_worker_is_declared_by_it(work, ask):
    """Its steps wait for their turn at the server (behaviour 58)."""
    work()
    assert run(ask, "queued", n=4) == [0, 2, 4, 6]
    shown = ask("GET", "queues/narrow")
    assert (shown["options"]["concurrency"], shown["running"], shown["waiting"]) == (1, 0, 0)


def test_an_update_is_answered_by_a_worker_elsewhere(work, ask):
    """Validated there, done once for an id, and its stream is read here (behaviours 26, 72)."""
    work()
    key = start(ask, "auction", n=5)

    def bid(amount, **more):
        return ask("POST", f"instances/{key}/updates", {"name": "bid", "value": amount, **more})

    assert (bid(9, id="a")["status"], bid(9, id="a")["value"]) == ("done", 10)
    low = bid(7)
    assert (low["status"], low["error"]["message"]) == ("refused", "expected more than 9")
    assert ask("GET", f"instances/{key}/streams/news")["items"] == [{"offset": 0, "value": 9}]


def test_threads_timers_messages_and_children_work_as_in_process(work, ask):
    """What a workflow may wait for comes to a worker elsewhere, too."""
    work()
    assert run(ask, "both", n=1) == 0.5
    assert run(ask, "parent", n=1) == [6, 2, 0.5]
    key = ask("POST", "instances", {"process": "waits", "variables": {"n": 1}})["instance"]
    message = {"name": "go", "correlation_key": "k", "variables": {"n": 7}, "time_to_live": "PT60S"}
    ask("POST", "messages", message)
    until(lambda: ask.status(key) == "completed")
    assert ask("GET", f"instances/{key}")["variables"]["result"] == [3, 7]


def test_what_happens_while_a_worker_holds_a_workflow_comes_at_once(work, ask):
    """A timeout ends a step that runs; nobody waits for the end of a lease or of the step."""
    work()
    assert run(ask, "late", n=1) == "late"


def test_a_killed_worker_s_workflows_go_on_in_another(work, ask, tmp_path):
    """After its lease; a step that was recorded is not run again (behaviours 6, 7)."""
    workers = [work(), work()]
    key = start(ask, "halting", n=1)
    [pid] = until(lambda: at_slow(tmp_path))
    [killed] = [one for one in workers if one.pid == pid]
    killed.kill()
    killed.wait()
    until(lambda: len(at_slow(tmp_path)) >= 2)
    (tmp_path / "go").touch()

    assert result(ask, key) == 4
    assert at_slow(tmp_path)[1] != pid
    assert [noted(tmp_path, f"add_one {n}") for n in (1, 3)] == [1, 1]


def test_a_worker_that_slept_past_its_lease_changes_nothing(work, ask, tmp_path):
    """It is stopped, another finishes, it goes on: one outcome, and it works on (behaviour 8)."""
    workers = [work(), work()]
    key = start(ask, "halting", n=1)
    [pid] = until(lambda: at_slow(tmp_path))
    [asleep] = [one for one in workers if one.pid == pid]
    [awake] = [one for one in workers if one.pid != pid]
    asleep.send_signal(signal.SIGSTOP)
    until(lambda: len(at_slow(tmp_path)) >= 2)
    (tmp_path / "go").touch()
    assert result(ask, key) == 4
    asleep.send_signal(signal.SIGCONT)
    awake.send_signal(signal.SIGTERM)
    awake.communicate()

    assert run(ask, "five", n=0) == 5
    assert result(ask, key) == 4
    assert outcomes(tmp_path, key) == ["add_one#1", "slow#2", "add_one#3"]


def test_a_worker_of_the_same_name_takes_over(work, ask, tmp_path):
    """A new process with the name of a killed one holds what it is given, nothing else."""
    first = work("--name", "same")
    key = start(ask, "halting", n=1)
    until(lambda: at_slow(tmp_path))
    first.kill()
    first.wait()
    work("--name", "same")
    until(lambda: len(at_slow(tmp_path)) >= 2)
    (tmp_path / "go").touch()
    assert result(ask, key) == 4


def test_a_worker_hears_what_happens_after_the_server_began_anew(server, work, ask, tmp_path):
    """The wakes of a server that was killed are gone; its workers replay, and keep their steps."""
    work("--types", "patient")  # its lease is long: the server may take its time
    key = start(ask, "patient", n=1)
    until(lambda: at_slow(tmp_path))
    server.kill()
    server.begin()
    assert result(ask, key) == "late"
    assert len(at_slow(tmp_path)) == 1


def test_a_worker_that_is_asked_to_end_gives_its_workflows_back(work, ask, tmp_path):
    """Another has them at once, without waiting for the end of a lease."""
    first = work("--grace", "0.2")
    key = start(ask, "halting", n=1)
    until(lambda: at_slow(tmp_path))
    first.send_signal(signal.SIGTERM)
    first.communicate()
    work()
    until(lambda: len(at_slow(tmp_path)) >= 2)
    (tmp_path / "go").touch()
    assert result(ask, key) == 4


def test_a_token_of_other_job_types_gets_no_workflow(work, ask, tmp_path):
    """One that names the type of a workflow gets that one; it need not be let deploy."""
    everything = work()
    until(lambda: is_known(ask, "five"))
    everything.send_signal(signal.SIGTERM)
    everything.communicate()
    work("--types", "five", roles=["worker"], job_types=["workflow:five:1"])
    assert run(ask, "five", n=0) == 5
    refused = work("--types", "both", roles=["worker"], job_types=["workflow:five:1"])
    assert refused.wait() != 0
