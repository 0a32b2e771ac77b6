"""The command itself: help, exit codes, errors."""

import json

import click
import pytest
from click.testing import CliRunner

from tenuto import assembly
from tenuto.cli import VERBS, main
from tenuto.cli.shell import Shell
from tenuto.errors import InputError, Rejected, StoreBusy
from tidy import reference

HEAVY = {"lxml", "rich", "msgspec", "sqlite3", "asyncio", "structlog", "cronsim"}


def test_help_names_every_verb(tenuto):
    """The help page names every verb with a sentence, and the exit codes."""
    said = tenuto("--help").output

    assert all(f"\n  {verb} " in said for verb in VERBS)
    assert "130  interrupted" in said


def test_help_imports_nothing_heavy(python):
    """The help page is shown without the engine, the XML reader or the table printer."""
    show = (
        "import sys, json; from tenuto.cli import main; main(['--help'], standalone_mode=False);"
        "print(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    )
    modules = json.loads(python("-c", show).communicate()[1].splitlines()[-1])

    assert HEAVY & set(modules) == set()
    rooms = {name for name in modules if name.startswith("tenuto.")}
    assert rooms <= {"tenuto.cli", "tenuto.cli.shell", "tenuto.cli.exits", "tenuto.errors"}


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_explains_itself(tenuto, verb):
    """Every verb has help that begins with what it does."""
    said = tenuto(verb, "--help").output

    assert said.startswith(f"Usage: tenuto {verb} ")


def test_the_module_is_the_command(python):
    """`python -m tenuto` is the command `tenuto`."""
    assert "Exit codes" in python("-m", "tenuto", "--help").communicate()[0]


def test_the_reference_is_current():
    """The page of the command line is what the command says of itself."""
    page = reference.FOLDER / "cli.md"

    assert page.read_text(encoding="utf-8") == reference.command_line(main)


def test_an_unknown_verb_is_a_usage_error(tenuto):
    """A verb that does not exist ends with 2."""
    assert "No such command" in tenuto("fly", expect=2).output


def shell_that_raises(error):
    """Return a shell whose one verb raises."""

    @click.command()
    def verb():
        raise error

    shell = Shell("tenuto", {}, about="")
    shell.add_command(verb, "verb")
    return shell


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Rejected("not-found", "there is no such instance"), 1),
        (InputError("expected a number"), 2),
        (StoreBusy("process 7 holds it"), 3),
        (KeyboardInterrupt(), 130),
        (ZeroDivisionError("oh"), 70),
    ],
)
def test_each_error_has_its_exit_code(error, code):
    """What goes wrong is told apart by the exit code."""
    result = CliRunner().invoke(shell_that_raises(error), ["verb"])

    assert result.exit_code == code


def test_an_expected_error_is_one_sentence():
    """An error of ours is shown as a sentence, without a traceback."""
    result = CliRunner().invoke(shell_that_raises(InputError("expected a number")), ["verb"])

    assert result.stderr == "error: expected a number\n"


def test_a_bug_shows_its_traceback():
    """A bug is shown whole and named so."""
    result = CliRunner().invoke(shell_that_raises(ZeroDivisionError("oh")), ["verb"])

    assert "Traceback" in result.stderr
    assert "this is a bug of Tenuto" in result.stderr


def test_a_busy_database_names_its_holder(tenuto):
    """A verb that writes ends with 3 while another process holds the database."""
    with assembly.running(tenuto.database):
        result = tenuto.on_database("start", "order", expect=3)

    assert "holds it" in result.stderr


@pytest.mark.parametrize("verb", ["ps", "tasks", "incidents", "verify"])
def test_reading_verbs_work_beside_the_holder(tenuto, verb):
    """What only reads works while another process holds the database."""
    with assembly.running(tenuto.database):
        tenuto.on_database(verb)


def test_a_database_that_is_not_there_is_not_made_by_reading(tenuto):
    """A verb that reads says which database it expected, and creates none."""
    result = tenuto.on_database("ps", expect=2)

    assert f"expected a database at `{tenuto.database}`" in result.stderr
    assert not tenuto.database.exists()
