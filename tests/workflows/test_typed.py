"""Steps, workflows, handles and messages are typed from end to end (behaviour 78)."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

FILE = Path(__file__).with_name("typed.py")


PYRIGHT = Path(__file__).parents[1] / "typing" / "node_modules" / ".bin" / "pyright"


def marked_lines():
    """Return the lines that a checker must refuse."""
    return {
        number
        for number, line in enumerate(FILE.read_text().splitlines(), 1)
        if line.endswith("# REFUSED")
    }


def refused_lines(*command):
    """Return the lines that a checker refuses, and all that it says."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not done.stderr
    found = re.findall(r"typed\.py:(\d+)(?::\d+ -|:) error", done.stdout)
    return {int(number) for number in found}, done.stdout


def test_mypy_refuses_wrong_uses_and_no_others():
    """An error in each line that is marked, and in no other."""
    lines, said = refused_lines(
        sys.executable, "-m", "mypy", "--strict", "--no-error-summary", str(FILE)
    )

    assert lines == marked_lines(), said


def test_pyright_refuses_wrong_uses_and_no_others():
    """The other checker that users have sees the same; `scripts/pyright` installs it."""
    assert PYRIGHT.exists(), "run `bash scripts/pyright`, as `make test` does"
    lines, said = refused_lines(str(PYRIGHT), "--pythonpath", sys.executable, str(FILE))

    assert lines == marked_lines(), said
