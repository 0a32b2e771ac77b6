"""SQLite beside other processes: the lock, a full disk, and SIGKILL."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tenuto.errors import StoreBusy
from tenuto.store.audit import verify_chain
from tenuto.store.sqlite import SqliteStore
from tenuto.testing import batches as b

ROOT = Path(__file__).resolve().parents[2]
KILLS = 3
BETWEEN_KILLS = 40


def writer(task, path):
    """Start a process that does a task on a database."""
    way = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    return subprocess.Popen(
        [sys.executable, "-m", "tests.store.writer", task, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": way},
    )


def test_a_second_process_is_told_who_holds_the_database(tmp_path):
    """While a process holds the database, opening it names that process; after its end it opens."""
    path = tmp_path / "held.db"
    with writer("hold", path) as holder:
        assert holder.stdout.readline() == "held\n"

        with pytest.raises(StoreBusy, match=rf"process {holder.pid} holds it; stop that process"):
            SqliteStore(path)

        holder.communicate("")
    SqliteStore(path).close()


def test_the_lock_of_a_killed_process_is_free(tmp_path):
    """A process that was killed holds nothing: the next one opens at once."""
    path = tmp_path / "held.db"
    with writer("hold", path) as holder:
        assert holder.stdout.readline() == "held\n"
        holder.kill()

    SqliteStore(path).close()


def test_a_full_disk_loses_nothing_and_ends_nothing(tmp_path):
    """A commit that finds no space is absent whole, and the store goes on once there is some."""
    with writer("fill", tmp_path / "full.db") as filler:
        said = filler.communicate()[0].splitlines()

    assert said[0].startswith("full expected")
    assert said[1:] == ["whole True", "still full", "went on True", "sound True"]


@pytest.mark.crash
def test_what_a_killed_process_acknowledged_is_there(tmp_path):
    """Killed in the middle of writing, three times over, every acknowledged commit is there."""
    path = tmp_path / "killed.db"
    acknowledged = 0
    for _ in range(KILLS):
        with writer("write", path) as life:
            for _ in range(BETWEEN_KILLS):
                acknowledged = int(life.stdout.readline())
            life.kill()
            acknowledged = max([acknowledged, *map(int, life.stdout.read().splitlines())])

    store = SqliteStore(path)
    reader = store.reader()
    seen = b.contents(store)
    report = verify_chain(reader)
    reader.close()
    store.close()

    kept = [row.key for row in seen["instance"]]
    assert kept == list(range(1, len(kept) + 1))
    assert acknowledged <= len(kept) <= acknowledged + 1
    assert len(seen["job"]) == len(kept) == len(seen["journal"])
    assert report.findings == []
