"""Crash points: a process ends itself at the named phase, where a test asks for it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tenuto.errors import InputError
from tenuto.store.crash_points import crash_point
from tenuto.store.port import PHASES
from tenuto.store.sqlite_reader import open_reader

SOURCE = Path(__file__).parents[2] / "src"
PROGRAM = """
import os, sys
from pathlib import Path
from tenuto.store.crash_points import crash_point
from tenuto.store.sqlite import SqliteStore
from tenuto.testing.batches import Pen

store = SqliteStore(Path(sys.argv[1]), on_phase=crash_point(os.environ))
pen = Pen(store)
for version in range(1, 6):
    pen.commit(turns=[(1, version)])
store.close()
"""


def run(path, **environment):
    """Run a program that commits five times; return how it ended and the turns it left."""
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path)],
        env={**os.environ, "PYTHONPATH": str(SOURCE), **environment},
        check=False,
    )
    with open_reader(path) as reader:
        return ended.returncode, len(reader.journal_of(1))


@pytest.mark.parametrize("phase", PHASES)
def test_process_ends_at_the_point(tmp_path, phase):
    """At the third time of a phase two commits are there, and the third only when it was done."""
    ended, turns = run(tmp_path / "a.db", TENUTO_TESTING="1", TENUTO_CRASH_POINT=f"{phase}:3")

    assert ended == -signal.SIGKILL
    assert turns == (3 if phase == "after_commit" else 2)


def test_point_alone_ends_nothing(tmp_path):
    """Without the word that this is a test, the variable has no effect."""
    assert run(tmp_path / "a.db", TENUTO_TESTING="", TENUTO_CRASH_POINT="after_chain:1") == (0, 5)


@pytest.mark.parametrize("environment", [{}, {"TENUTO_TESTING": "1"}])
def test_nobody_watches_by_default(environment):
    """Without a point, commits tell their phases to nobody."""
    assert crash_point(environment) is None


@pytest.mark.parametrize("point", ["after_lunch:1", "after_chain", "after_chain:x", ":"])
def test_unknown_point_is_refused(point):
    """A point that does not exist is bad input that names those that do."""
    with pytest.raises(InputError, match="after_journal"):
        crash_point({"TENUTO_TESTING": "1", "TENUTO_CRASH_POINT": point})
