"""Steps, workflows, handles and messages are typed from end to end (behaviour 78)."""

from __future__ import annotations

import re
from pathlib import Path

from mypy import api

FILE = Path(__file__).with_name("typed.py")


def test_right_uses_are_accepted_and_wrong_ones_refused():
    """mypy finds an error in each line that is marked, and in no other."""
    marked = {
        number
        for number, line in enumerate(FILE.read_text().splitlines(), 1)
        if line.endswith("# REFUSED")
    }

    found, errors, _ = api.run(["--strict", "--no-error-summary", str(FILE)])

    lines = {int(number) for number in re.findall(r"typed\.py:(\d+): error", found)}
    assert not errors
    assert lines == marked, found
