"""Workers in processes of their own: they perform, die, drain, and outlive the server."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from tenuto.store.sqlite_reader import SqliteReader
from tests.serving import Server, environment
from tests.spec.models import end, flows, model, start, task
from tests.worker.asking import Asked, until

# A worker and a server each take seconds to begin when the machine is busy.
pytestmark = pytest.mark.timeout(60)

APP = """
import asyncio, os, time
from tenuto import BpmnError, JobContext, NoRetry, RetryAfter, handler

def note(text):
    with open("notes", "a") as file:
        file.write(text + "\\n")

@handler("quick")
async def quick(n: int, ctx: JobContext) -> dict:
    note(f"quick {ctx.idempotency_key}")
    return {"n": n + 1}

@handler("brief", lease="2s")
def brief(n: int, ctx: JobContext) -> dict:
    return slow(n, ctx)

@handler("slow", lease="60s")
def slow(n: int, ctx: JobContext) -> dict:
    note(f"slow {ctx.attempt} {ctx.details}")
    ctx.heartbeat(2, details={"page": n})
    if ctx.attempt == 1:
        while not os.path.exists("go"):
            time.sleep(0.01)
    return {"n": n + 1}

@handler("broken")
async def broken() -> None:
    raise NoRetry("out of order")

@handler("slip")
async def slip(kind: str) -> dict:
    note(f"slip {kind}")
    if kind == "nameless error":
        raise BpmnError("")
    if kind == "long message":
        raise BpmnError("E", "x" * 100_000)
    if kind == "negative pause":
        raise RetryAfter(-5)
    if kind == "endless pause":
        raise RetryAfter(1e300)
    if kind == "cancelled wait":
        inner = asyncio.get_running_loop().create_task(asyncio.sleep(60))
        inner.cancel()
        await inner
    if kind == "exit":
        raise SystemExit(3)
    if kind == "no text":
        raise ValueError("\\udc80")
    return {}
"""

SLIPS = (
    "nameless error",
    "long message",
    "negative pause",
    "endless pause",
    "cancelled wait",
    "exit",
    "no text",
)


KINDS = ("quick", "brief", "slow", "broken", "slip")


def process(kind, id):
    """Return a process with one job of a type."""
    return model(start() + task("w", kind) + end() + flows("start>w", "w>end"), process=id)


@pytest.fixture
def server(tmp_path):
    """Serve processes without a handler."""
    (tmp_path / "app.py").write_text(APP)
    for kind in KINDS:
        (tmp_path / f"{kind}.bpmn").write_bytes(process(kind, kind))
    models = [tmp_path / f"{kind}.bpmn" for kind in KINDS]
    with Server(tmp_path, models=models) as made:
        yield made


@pytest.fixture
def ask(server):
    """Ask the server."""
    made = Asked(server)
    yield made
    made.http.close()


@pytest.fixture
def work(server, ask, tmp_path):
    """Begin workers with a token of their own; end those that live at the end."""
    token = ask("POST", "tokens", {"name": "worker", "roles": ["worker"]})["token"]
    begun = []

    def begin(*more):
        arguments = [sys.executable, "-m", "tenuto", "worker", "app", "--url", server.url, *more]
        made = subprocess.Popen(
            arguments,
            cwd=tmp_path,
            stderr=subprocess.PIPE,
            env=environment(tmp_path, TENUTO_TOKEN=token),
        )
        begun.append(made)
        assert b"works" in made.stderr.readline()
        return made

    yield begin
    for made in begun:
        if made.poll() is None:
            made.kill()
        made.communicate()


def notes(tmp_path):
    """Return what the handlers noted."""
    path = tmp_path / "notes"
    return path.read_text().splitlines() if path.exists() else []


def test_a_worker_elsewhere_performs_jobs(ask, work):
    """Jobs that wait and jobs that come are performed; what fails becomes an incident."""
    waiting = ask.start("quick", n=1)
    work()
    coming = [ask.start("quick", n=2) for _ in range(20)]
    broken = ask.start("broken")

    until(lambda: all(ask.status(one) == "completed" for one in [waiting, *coming]))
    incidents = until(lambda: ask("GET", f"incidents?instance={broken}")["items"])

    assert ask("GET", f"instances/{waiting}")["variables"]["n"] == 2
    assert "out of order" in incidents[0]["message"]


def test_the_jobs_of_a_killed_worker_come_back(server, ask, work, tmp_path):
    """After its lease a job is performed by another worker, which knows how far the first was."""
    first = work("--types", "brief")
    instance = ask.start("brief", n=7)
    until(lambda: "slow 1 None" in notes(tmp_path))
    until(lambda: beaten(server))
    first.kill()
    first.wait()

    work("--types", "brief")
    until(lambda: ask.status(instance) == "completed")

    assert notes(tmp_path)[-1] == "slow 2 {'page': 7}"


def beaten(server):
    """Tell whether a heartbeat is kept."""
    reader = SqliteReader(server.database)
    try:
        return bool(reader.rows("heartbeat"))
    finally:
        reader.close()


def test_a_worker_outlives_the_server(server, ask, work, tmp_path):
    """A result that the dead server did not take is taken by the next one; nothing runs twice."""
    work("--types", "slow")  # its lease is long: the server may take its time
    instance = ask.start("slow", n=1)
    until(lambda: notes(tmp_path))

    server.process.send_signal(signal.SIGKILL)
    server.process.communicate()
    (tmp_path / "go").touch()
    server.begin()
    until(lambda: ask.status(instance) == "completed")

    assert notes(tmp_path) == ["slow 1 None"]


def test_a_slow_worker_delays_nobody_else(ask, work, tmp_path):
    """While one worker sits on its job, another performs all the others."""
    work("--types", "slow")
    slow = ask.start("slow", n=1)
    until(lambda: notes(tmp_path))
    work("--types", "quick")

    quick = [ask.start("quick", n=1) for _ in range(10)]
    until(lambda: all(ask.status(one) == "completed" for one in quick))

    assert ask.status(slow) == "active"
    (tmp_path / "go").touch()
    until(lambda: ask.status(slow) == "completed")


def test_a_worker_that_is_asked_to_end_finishes_its_job(ask, work, tmp_path):
    """SIGTERM takes no more jobs and lets the one at work end."""
    worker = work("--types", "slow")
    instance = ask.start("slow", n=1)
    until(lambda: notes(tmp_path))

    worker.send_signal(signal.SIGTERM)
    (tmp_path / "go").touch()
    worker.wait()

    assert worker.returncode == 0
    assert ask.status(instance) == "completed"


def test_what_a_worker_cannot_finish_goes_back_at_once(ask, work, tmp_path):
    """After the grace its job is performed by another, without waiting for the lease."""
    worker = work("--types", "slow", "--grace", "0.2")
    instance = ask.start("slow", n=1)
    until(lambda: notes(tmp_path))

    worker.send_signal(signal.SIGTERM)
    until(lambda: ask("GET", f"instances/{instance}")["waiting"][0]["detail"].startswith("ready"))
    (tmp_path / "go").touch()
    worker.wait()
    work("--types", "slow")

    until(lambda: ask.status(instance) == "completed")


@pytest.mark.parametrize("kind", SLIPS)
def test_a_slip_of_a_handler_is_the_failure_of_its_job(ask, work, tmp_path, kind):
    """Whatever a handler raises, the worker lives and its other jobs are done."""
    worker = work()
    slipped = ask.start("slip", kind=kind)
    others = [ask.start("quick", n=1) for _ in range(5)]

    until(lambda: f"slip {kind}" in notes(tmp_path))
    until(lambda: all(ask.status(instance) == "completed" for instance in others))
    until(lambda: not is_leased(ask, slipped))

    assert worker.poll() is None
    assert ask.status(slipped) == "active"


def is_leased(ask, instance):
    """Tell whether a worker holds the job for which an instance waits."""
    waiting = ask("GET", f"instances/{instance}")["waiting"]
    return any(one["detail"].startswith("leased") for one in waiting)


def test_a_token_that_lets_nobody_in_ends_the_worker(server, tmp_path):
    """A worker that is refused says why and ends."""
    done = subprocess.run(
        [sys.executable, "-m", "tenuto", "worker", "app", "--url", server.url, "--token", "no"],
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        check=False,
    )

    assert done.returncode == 1
    assert b"expected a token" in done.stderr
