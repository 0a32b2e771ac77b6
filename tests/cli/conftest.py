"""A database in a folder of its own, and the command to work on it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import tenuto as package
from tenuto.cli import main

HERE = Path(__file__).parent


class Command:
    """The command line on one database, in this process."""

    def __init__(self, folder):
        self.folder = folder
        self.database = folder / "test.db"

    def __call__(self, *words, expect=0, piped=None):
        """Call a verb; the exit code has to be the expected one. Returns what it printed."""
        result = CliRunner().invoke(main, [*map(str, words)], input=piped)
        assert result.exit_code == expect, result.output
        return result

    def on_database(self, *words, **options):
        """Call a verb that takes a database."""
        return self(*words, "--db", self.database, **options)

    def data(self, *words, **options):
        """Call a verb that takes a database and return its JSON."""
        return json.loads(self.on_database(*words, "-o", "json", **options).stdout)

    def model(self, name):
        """Return the path of a model of these tests."""
        return HERE / "models" / name

    def write(self, name, text):
        """Write a file beside the database and return its path."""
        path = self.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def run(self, *words, **options):
        """Run orders with the shop's handlers; return the report."""
        given = ("--app", "shop", self.model("order.bpmn"), "--wait", "0")
        return self.data("run", *given, *words, **options)


@pytest.fixture
def python():
    """Give a way to start Python as a process of its own, with this package."""
    source = Path(package.__file__).parent.parent
    path = os.pathsep.join([str(source), os.environ.get("PYTHONPATH", "")])

    def begin(*words, **variables):
        return subprocess.Popen(
            [sys.executable, *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": path} | variables,
        )

    return begin


@pytest.fixture
def tenuto(tmp_path, monkeypatch):
    """Give the command line, called from the folder that holds the handlers."""
    shutil.copy(HERE / "shop.py", tmp_path / "shop.py")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    return Command(tmp_path)
