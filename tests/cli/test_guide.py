"""The how-to about testing a process: its scenarios and its test run as they are printed."""

import re

from tests.testing.conftest import LEVEL, REFUND
from tidy.sources import ROOT

PAGE = (ROOT / "docs" / "how-to" / "test-a-process.md").read_text(encoding="utf-8")


def block(kind):
    """Return the first block of a kind on the page."""
    found = re.search(rf"^```{kind}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def squeeze(text):
    """Return lines without the spaces that tables are filled with."""
    return [re.sub(r" +", " ", line).strip() for line in text.splitlines()]


def test_the_page_shows_what_is_printed(tenuto):
    """The scenarios of the page pass; with another receipt the output is that of the page."""
    tenuto.write("refund.bpmn", REFUND)
    tenuto.write("level.dmn", LEVEL)
    tenuto.write("refund.scenario.yaml", block("yaml"))

    assert tenuto("test", ".").stdout.splitlines()[-1] == "2 passed, 0 failed"

    tenuto.write("refund.scenario.yaml", block("yaml").replace("receipt: R-O-1", "receipt: R-O-2"))
    assert squeeze(tenuto("test", ".", expect=1).stdout) == squeeze(block("text"))


def test_the_test_in_python_passes(tenuto, scenario):
    """The function on the page holds against the same process."""
    tenuto.write("refund.bpmn", REFUND)
    tenuto.write("level.dmn", LEVEL)
    names = {}

    exec(block("python"), names)

    names["test_a_lead_is_reminded"](scenario)
