"""Steps on a Ray cluster of one node: an actor for each attempt, found again after a crash."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

import pytest

from tests.workflows.test_heavy import HERE, alive, environment, gone, seen

HEAD = [
    "--block",
    "--port=0",
    "--num-cpus=2",
    "--include-dashboard=false",
    "--disable-usage-stats",
    "--object-store-memory=100000000",
    "--temp-dir",
]
HAS_RAY = importlib.util.find_spec("ray") is not None

pytestmark = [
    pytest.mark.ray,
    pytest.mark.timeout(180),
    pytest.mark.skipif(
        not HAS_RAY, reason="2026-11-23: needs tenuto[ray], whose 240 MB are not in the lock"
    ),
]


@pytest.fixture(scope="module")
def cluster():
    """Run a Ray cluster of one node; give its address."""
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # sockets have short names
    head = subprocess.Popen(
        [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", *HEAD, folder],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    said = ""
    address = None
    while address is None:
        line = head.stdout.readline()
        said += line
        assert line, said
        address = re.search(r"--address='([\d.]+:\d+)'", line)
    yield address[1]
    os.killpg(head.pid, signal.SIGKILL)
    head.wait()
    head.stdout.close()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def begin(cluster, tmp_path):
    """Begin lives of a node with the cluster; none is left behind."""
    lives = []

    def one(*words):
        lives.append(a_life(cluster, tmp_path / "a.db", *words))
        return lives[-1]

    yield one
    for life in lives:
        life.kill()
        life.wait()
        life.stdout.close()


def a_life(cluster, database, *words):
    """Begin a life."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.workflows.ray_life", database, *words],
        cwd=HERE,
        env={**environment(), "RAY_ADDRESS": cluster},
        stdout=subprocess.PIPE,
        text=True,
    )


def result(life):
    """Return the result that a life says; Ray may say more."""
    told, _ = life.communicate(timeout=120)
    assert life.returncode == 0, told
    [line] = [line for line in told.splitlines() if line.startswith("{")]
    return json.loads(line)


def test_a_killed_node_finds_its_computation_again_and_starts_no_second_one(begin, tmp_path):
    """The actor goes on without the node; the next life takes its result (behaviour 1)."""
    first = begin("computing", tmp_path)
    pid = int(asyncio.run(seen(tmp_path / "begun", 60)))
    first.kill()
    first.wait()

    second = begin("computing", tmp_path)
    (tmp_path / "end").touch()
    found = result(second)

    assert (tmp_path / "begun").read_text() == f"{pid}\n"
    assert found["pid"] == pid
    assert found["attempt"] == 1
    asyncio.run(gone([pid]))


def test_a_stopped_node_leaves_its_computation_to_the_next_one(begin, tmp_path):
    """It is neither ended nor counted as a failure (behaviour 56)."""
    result(begin("computing", tmp_path, "leave"))

    second = begin("computing", tmp_path)
    (tmp_path / "end").touch()
    found = result(second)

    assert (tmp_path / "begun").read_text() == f"{found['pid']}\n"
    assert found["attempt"] == 1


def test_errors_deaths_timeouts_and_lost_races_end_as_in_a_process(begin, tmp_path):
    """Types and causes cross; a dead actor is a failed attempt; nobody computes in vain."""
    found = result(begin("several", tmp_path))

    assert found["died"] == 2
    assert found["refused"] == ["no", 1, "KeyError"]
    assert "step `dies`: its actor" in found["killed"]
    assert found["late"] == "start_to_close"
    assert found["won"] == "timer"
    pids = (tmp_path / "begun").read_text().split()
    assert len(pids) == 2
    asyncio.run(gone(pids))
    assert not any(alive(int(pid)) for pid in pids)
