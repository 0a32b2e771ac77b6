"""Numbers that a page gives are those that were measured."""

import json
import re

import pytest

from tidy.sources import ROOT

PAGE = ROOT / "docs" / "explanation" / "when-not-to-use.md"
MEASURED = json.loads((ROOT / "bench" / "results" / "latest.json").read_text(encoding="utf-8"))
ROWS = re.findall(r"^\|[^|]*\| ([\d,.]+) [^|]*\| `([\w.]+)` \|$", PAGE.read_text("utf-8"), re.M)


@pytest.mark.parametrize(("said", "key"), ROWS)
def test_a_number_of_the_page_was_measured(said, key):
    """A reader who looks the key up finds about the same: a new measurement may differ a little."""
    assert float(said.replace(",", "")) == pytest.approx(MEASURED[key], rel=0.3)


def test_the_page_has_numbers():
    """The table is found."""
    assert len(ROWS) >= 10
