"""Tenants as their operator meets them: commands, a real server that is killed, a worker."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.conftest import MODELS

HERE = Path(__file__).parents[2]
NAMES = ("acme", "bolt")


class Operator:
    """Runs commands for a folder of tenants."""

    def __init__(self, folder):
        self.folder = folder
        self.environment = {
            **os.environ,
            "PYTHONPATH": f"{HERE / 'src'}{os.pathsep}{HERE}",
            "TENUTO_TENANTS": str(folder / "tenants"),
            "XDG_CONFIG_HOME": str(folder),
            "COLUMNS": "200",
        }

    def tenuto(self, *words, expect=0):
        """Run a command to its end; return what it printed."""
        done = subprocess.run(
            self._words(*words),
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == expect, done.stdout + done.stderr
        return done.stdout + (done.stderr if expect else "")

    def database(self, name):
        """Return the database of a tenant."""
        return str(self.folder / "tenants" / name / "tenuto.db")

    @contextmanager
    def serving(self):
        """Serve the tenants; give the server's process and what it said."""
        models = [word for path in MODELS for word in ("--model", str(path))]
        process = subprocess.Popen(
            self._words("serve", "--port", "0", *models),
            env=self.environment,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            said = [process.stdout.readline() for _ in range(1 + len(NAMES))]
            yield process, said
        finally:
            process.kill()
            process.communicate()

    def _words(self, *words):
        return [sys.executable, "-m", "tenuto", *words]


@pytest.fixture
def operator(tmp_path):
    found = Operator(tmp_path)
    for name in NAMES:
        found.tenuto("tenants", "create", name)
    return found


@pytest.mark.crash
def test_two_tenants_outlive_a_kill_of_their_server(operator):
    """Each has what was acknowledged to it, under the same business key, and nothing of the
    other (behaviour 74).
    """
    start = ("start", "approval", "-v", "amount=5", "--business-key", "k-1")
    with operator.serving() as (process, said):
        assert "for 2 tenants" in said[0]
        assert re.search(r"Log in to acme.*: http://acme\.localhost:\d+/login\?code=", said[1])
        for name in NAMES:
            operator.tenuto(*start, "-v", f"case={name}", "--db", operator.database(name))
        process.send_signal(signal.SIGKILL)
        process.wait()

    with operator.serving() as (_, said):
        for name in NAMES:
            shown = operator.tenuto("show", "k-1", "-o", "json", "--db", operator.database(name))
            assert json.loads(shown)["variables"]["case"] == name
        port = re.search(r":(\d+) for", said[0]).group(1)
        minted = operator.tenuto(
            "token",
            "create",
            "w",
            "--role",
            "admin",
            "-o",
            "json",
            "--db",
            operator.database("acme"),
        )
        reached = ("--token", json.loads(minted)["token"], "--url")
        below = f"http://127.0.0.1:{port}/t"
        assert "k-1" in operator.tenuto("ps", *reached, f"{below}/acme")
        refused = operator.tenuto("ps", *reached, f"{below}/bolt", expect=1)
        assert "expected a token that is valid" in refused


def test_tenants_are_listed_suspended_and_resumed(operator):
    """What is served, and what is not; a name that is none is refused with how to mend it."""
    operator.tenuto("tenants", "suspend", "bolt")
    found = json.loads(operator.tenuto("tenants", "list", "-o", "json"))
    assert [(one["tenant"], one["status"]) for one in found] == [
        ("acme", "served"),
        ("bolt", "suspended"),
    ]
    assert "suspended" in operator.tenuto("tenants", "list")
    operator.tenuto("tenants", "resume", "bolt")
    lines = operator.tenuto("tenants", "list", "-o", "ndjson").splitlines()
    assert [json.loads(line)["status"] for line in lines] == ["served", "served"]
    assert "small letters" in operator.tenuto("tenants", "create", "No", expect=2)
    assert "there is acme, bolt" in operator.tenuto("tenants", "resume", "cord", expect=2)
