"""A real server as a process of its own, which tests may kill and start again at the same place."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import tenuto

SOURCE = Path(tenuto.__file__).parents[1]
LIFE_SECONDS_MAX = 60


def environment(folder, **more):
    """Return the environment of a process that finds this package and the modules of a folder."""
    path = os.pathsep.join([str(SOURCE), str(SOURCE.parent), str(folder)])
    return os.environ | {"PYTHONPATH": path, "NO_COLOR": "1"} | more


class Server:
    """`tenuto serve` on a database in a folder."""

    def __init__(self, folder, *, database="served.db", app=None, models=()):
        self.folder = Path(folder)
        self.database = self.folder / database
        self.app = app
        self.models = models
        self.port = 0
        self.process = None
        self.url = self.token = self.login = ""

    def __enter__(self):
        self.begin()
        return self

    def __exit__(self, *_):
        self.end()

    def begin(self):
        """Serve until told to stop; at the port of the life before, if there was one."""
        words = ["serve", *([self.app] if self.app else []), "--port", self.port]
        for model in self.models:
            words += ["--model", model]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tenuto", *map(str, words), "--db", str(self.database)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(self.folder, XDG_CONFIG_HOME=str(self.folder / "config")),
            cwd=self.folder,
        )
        for line in self.process.stdout:
            if line.startswith("Log in"):
                self.login = line.split()[-1]
                break
        else:
            raise AssertionError(self.process.communicate()[1])
        said = json.loads(Path(f"{self.database}.serve.json").read_text())
        self.url, self.token = said["url"], said["token"]
        self.port = int(self.url.rpartition(":")[2])

    def kill(self):
        """End it as a power cut does."""
        self.process.kill()
        self.process.communicate()

    def end(self):
        """End it in order; a server that was killed already stays so."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.communicate(timeout=LIFE_SECONDS_MAX)
