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
from tests.serving import Server

HERE = Path(__file__).parent
MODELS = [HERE / "models" / name for name in ("order.bpmn", "approval.bpmn", "desk.dmn")]


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


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Give a server that works orders and holds approvals; one order waits, one is stuck."""
    folder = tmp_path_factory.mktemp("served")
    shutil.copy(HERE / "shop.py", folder / "shop.py")
    with Server(folder, app="shop", models=MODELS) as at:
        yield at


class AtServer(Command):
    """The command line, asking by URL or on the database that the server holds."""

    def __init__(self, server):
        super().__init__(server.folder)
        self.database = server.database
        self.server = server

    def at(self, *words, **options):
        """Call a verb at the server's URL."""
        return self(*words, "--url", self.server.url, "--token", self.server.token, **options)

    def told(self, *words, **options):
        """Call a verb at the server's URL and return its JSON."""
        return json.loads(self.at(*words, "-o", "json", **options).stdout)

    def settled(self, name):
        """Start an order that will wait for a person and return it when it does."""
        given = ("-v", f"id={name}", "-v", "amount=2000", "--business-key", name)
        self.at("start", "order", *given)
        return self.until(lambda: self.told("show", name), lambda found: found["waiting"][0]["key"])

    def until(self, look, holds):
        """Look again until something holds; return what was seen."""
        for _ in range(1_000):
            found = look()
            if holds(found):
                return found
        raise AssertionError(found)


@pytest.fixture
def beside(server, monkeypatch):
    """Give the command line beside a server."""
    monkeypatch.chdir(server.folder)
    monkeypatch.setenv("NO_COLOR", "1")
    return AtServer(server)
