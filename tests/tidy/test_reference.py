"""The pages that are written from the code."""

import click

from tidy import reference
from tidy.sources import ROOT


@click.group()
def program():
    """Do things."""


@program.command()
@click.argument("key")
@click.option("--after", metavar="KEY", help="Begin after this one.")
def show(**given):
    """Show one instance."""


def test_a_verb_shows_its_usage_and_options():
    """The page of the command line names each verb with what it takes."""
    page = reference.command_line(program)

    assert "## `tenuto show`" in page
    assert "tenuto show [OPTIONS] KEY" in page
    assert "| `--after KEY` | Begin after this one. |" in page


def test_help_that_keeps_its_lines_becomes_a_block():
    """A paragraph that click must not wrap is shown as it stands, without its indentation."""
    program = click.Command("program", help="Do it.\n\n    \b\n    Codes:\n      0  done\n    ")

    page = reference.command_line(program)

    assert "Do it.\n\n```text\nCodes:\n  0  done\n```" in page


def test_rejections_are_sorted_by_code():
    """The page of rejections is a table that a reader can search."""
    page = reference.rejections({"stale": "Too late.", "gone": "It ended."})

    assert page.index("| `gone` | It ended. |") < page.index("| `stale` | Too late. |")


def test_what_models_read_is_current():
    """`llms.txt` names every page of the documentation."""
    committed = (ROOT / "llms.txt").read_text(encoding="utf-8")

    assert committed == reference.for_models()
    assert "docs/how-to/first-hour.md" in committed
