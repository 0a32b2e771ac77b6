"""Steps, workflows, handles and messages are typed from end to end (behaviour 78)."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

FILE = Path(__file__).with_name("typed.py")


def test_right_uses_are_accepted_and_wrong_ones_refused():
    """mypy finds an error in each line that is marked, and in no other."""
    marked = {
        number
        for number, line in enumerate(FILE.read_text().splitlines(), 1)
        if line.endswith("# REFUSED")
    }

    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", str(FILE)],
        capture_output=True,
        text=True,
        check=False,
    )

    lines = {int(number) for number in re.findall(r"typed\.py:(\d+): error", done.stdout)}
    assert not done.stderr
    assert lines == marked, done.stdout
