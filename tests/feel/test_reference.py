"""The reference page: its tables are complete and every example gives what the page says."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

from tenuto import feel, values
from tenuto.feel.builtins import CAMUNDA, STANDARD
from tenuto.feel.builtins.text import format_value, quote
from tenuto.feel.meter import Meter

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "feel.md"
ROW = re.compile(r"^\|(?P<call>[^|]*)\| `(?P<text>.+)` \| `(?P<shown>.+)` \|$", re.MULTILINE)
NOW = values.parse_date_and_time("2024-02-29T09:30:00Z")
ROWS = [match.groupdict() for match in ROW.finditer(PAGE.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["text"])
def test_example_of_a_function_gives_what_the_page_shows(row):
    """An example in the tables of functions evaluates to its last column."""
    evaluation = feel.compile(row["text"], camunda=True).evaluate({}, now=NOW)

    value = evaluation.value
    shown = quote(value) if isinstance(value, str) else format_value(value, Meter())
    assert (shown, evaluation.warnings) == (row["shown"], ())


def test_every_function_is_on_the_page():
    """No built-in function is missing from the reference."""
    text = PAGE.read_text(encoding="utf-8")

    assert [name for name in (*STANDARD, *CAMUNDA) if f"`{name}(" not in text] == []


@pytest.mark.parametrize(
    "name",
    sorted(
        info.name
        for room in (feel, values)
        for info in pkgutil.walk_packages(room.__path__, f"{room.__name__}.")
    ),
)
def test_examples_in_the_code_run(name):
    """Every docstring example of these rooms does what it says."""
    result = doctest.testmod(importlib.import_module(name))

    assert result.failed == 0
