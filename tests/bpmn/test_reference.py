"""The reference page of BPMN names everything that the reader may say."""

import re
from pathlib import Path

import pytest

from tenuto.bpmn import vocabulary

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "reference" / "bpmn.md").read_text(encoding="utf-8")
SOURCES = [
    *sorted((ROOT / "src" / "tenuto" / "bpmn").glob("*.py")),
    ROOT / "src" / "tenuto" / "graph" / "check.py",
    ROOT / "src" / "tenuto" / "graph" / "contracts.py",
]
# The first text in a call that notes a finding is its code.
_NOTED = re.compile(
    r"(?:\.refuse|\.warn|\.ignore|_error|_warning|Finding|\bnote)\(\s*\"([a-z-]+)\""
    r"|code=\"([a-z-]+)\"|_refuse\(\s*\"([a-z-]+)\"|^[A-Z]+ = \"([a-z-]+)\"",
    re.MULTILINE,
)


def codes():
    """Return every code in the sources."""
    texts = [path.read_text(encoding="utf-8") for path in SOURCES]
    return sorted({next(filter(None, found)) for text in texts for found in _NOTED.findall(text)})


@pytest.mark.parametrize("code", codes())
def test_every_code_is_documented(code):
    """A code that a finding may carry is in the reference."""
    assert f"`{code}`" in PAGE


def test_the_codes_are_found():
    """The sources are searched in a way that finds codes of every kind."""
    assert {"xml-doctype", "xml-too-deep", "feel-syntax", "no-start", "unreachable"} <= {*codes()}


@pytest.mark.parametrize(
    "name",
    [
        *vocabulary.EXECUTED,
        *vocabulary.IGNORED,
        *vocabulary.REFUSED,
        *vocabulary.LISTENERS,
    ],
)
def test_every_name_is_documented(name):
    """What the vocabulary knows is in the reference."""
    local = name.partition(":")[2]

    assert f"`{local}`" in PAGE or f"{name}" in PAGE or local.startswith("modelerTemplate")
