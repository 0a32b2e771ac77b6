"""A server in a process of its own, for the benchmarks that come over HTTP."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]


class Server(NamedTuple):
    """Where a server is, and what lets in."""

    url: str
    token: str
    database: Path
    pid: int


@contextlib.contextmanager
def serving(database: Path, app: str | None, models: Sequence[Path]) -> Iterator[Server]:
    """Serve a database on a free port; end the server in order."""
    arguments = [sys.executable, "-m", "tenuto", "serve", *([app] if app else []), "--port", "0"]
    for model in models:
        arguments += ["--model", str(model)]
    environment = {
        **os.environ,
        "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
        "TENUTO_BENCH_STAMPS": str(database.with_name("stamps")),
    }
    process = subprocess.Popen(
        [*arguments, "--db", str(database)], stdout=subprocess.PIPE, env=environment
    )
    try:
        assert process.stdout is not None, "the server's output is a pipe"
        for line in process.stdout:
            if line.startswith(b"Log in"):
                break
        said = json.loads(Path(f"{database}.serve.json").read_text())
        yield Server(said["url"], said["token"], database, process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
