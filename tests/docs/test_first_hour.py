"""The first hour, walked: every command of the page runs against a real server."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.serving import environment
from tidy.sources import ROOT

BLOCK = re.compile(
    r"<!-- walk(?:: (?P<what>[a-z]+))?(?: (?P<path>\S+))? -->\n```\w+\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


class Walk:
    """One walk through the page, in a folder of its own."""

    def __init__(self, folder):
        """Put `tenuto` on the path."""
        self.folder = folder
        programs = folder / "bin"
        programs.mkdir()
        (programs / "tenuto").write_text(f'#!/bin/sh\nexec {sys.executable} -m tenuto "$@"\n')
        (programs / "tenuto").chmod(0o755)
        (programs / "python3").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
        (programs / "python3").chmod(0o755)
        more = {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
        config = {"XDG_CONFIG_HOME": str(folder / "config")}
        self.environment = environment(folder / "shop", **more, **config)
        self.server = None

    def run(self, text):
        """Run a block; it must end well."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def serve(self, text):
        """Run a block that serves, until it says where to log in."""
        self.server = subprocess.Popen(
            ["bash", "-c", text.replace("tenuto serve", "exec tenuto serve")],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for line in self.server.stdout:
            if line.startswith("Log in"):
                return
        raise AssertionError("the server ended before it listened")

    def kill(self, text):
        """Kill the server as the page says."""
        assert "kill -9" in text
        beside = json.loads((self.folder / "shop" / "shop.db.serve.json").read_text())
        assert beside["pid"] == self.server.pid
        os.kill(beside["pid"], signal.SIGKILL)
        self.server.communicate()

    def end(self):
        """End the server that still runs."""
        if self.server is not None and self.server.poll() is None:
            self.server.terminate()
            self.server.communicate()


@pytest.mark.timeout(120)
def test_every_command_of_the_first_hour_runs(tmp_path):
    """Start, deploy, complete, explain, send, write, fix, add, test, kill and recover."""
    page = Path(ROOT / "docs" / "how-to" / "first-hour.md").read_text()
    walk = Walk(tmp_path)
    said = []
    try:
        for block in BLOCK.finditer(page):
            what, text = block["what"], block["text"]
            if what == "server":
                walk.serve(text)
            elif what == "kill":
                walk.kill(text)
            elif what == "file":
                (tmp_path / block["path"]).write_text(text)
            else:
                said.append(walk.run(text))
    finally:
        walk.end()

    whole = "\n".join(said)
    assert "completed" in whole
    assert "rule" in whole
    assert '"status":"accepted"' in whole
    assert "the chain is whole" in whole
